package mainstem;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.Buffer;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.Collection;
import java.util.Iterator;

/**
 * Calls a function for rows that lie in memory which another process shares, and writes there what
 * comes of them. The layout is described in src/java_udf/mod.rs.
 *
 * <p>All methods are called by one thread. What goes wrong is told by {@link #failure}.
 */
final class Host {
    /** What {@link #work} and {@link #more} give when something went wrong. */
    private static final int FAILED = Integer.MIN_VALUE;

    private static ByteBuffer shared;
    private static ByteBuffer in;
    private static ByteBuffer out;
    private static Setup setup;
    private static Object instance;
    private static Method method;
    private static Row input;
    private static Row output;
    private static String failure;
    private static long steps;

    private static int rows;
    private static int row;
    /** What the current row has given and is not written yet. */
    private static Iterator<?> results;
    /** What did not find room any more. */
    private static Object pending;

    private Host() {}

    /** Makes everything ready; false when that is not possible. */
    static boolean open(String path, int inAt, int outAt, int bytes, byte[] written) {
        try {
            System.setIn(new ByteArrayInputStream(new byte[0]));
            RandomAccessFile file = new RandomAccessFile(path, "rw");
            shared = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, outAt + bytes);
            file.close();
            shared.order(ByteOrder.LITTLE_ENDIAN);
            in = part(inAt, bytes);
            out = part(outAt, bytes);
            setup = new Setup(written);
            Loader loader = new Loader(setup.classes);
            loader.loadAll();
            step();
            Class<?> known = Class.forName(setup.className, true, loader);
            instance = setup.instance.length == 0 ? create(known) : loader.revive(setup.instance);
            input = new Row(setup.taken, loader.named(setup.inputClass));
            output = new Row(setup.made, null);
            method = find(instance.getClass());
            method.setAccessible(true);
            return true;
        } catch (Throwable thrown) {
            failure = Failure.text(thrown);
            return false;
        }
    }

    /** What went wrong. */
    static String failure() {
        return failure;
    }

    /**
     * Works on so many rows. Gives the bytes of the results; where there are more, this number plus
     * one as a negative one.
     */
    static int work(int count) {
        ((Buffer) in).clear();
        rows = count;
        row = 0;
        return more();
    }

    /** Goes on where the results had no room. */
    static int more() {
        ((Buffer) out).clear();
        try {
            while (true) {
                while (pending != null || results != null && results.hasNext()) {
                    Object value = pending != null ? pending : results.next();
                    pending = null;
                    if (!put(value)) {
                        return -out.position() - 1;
                    }
                    step();
                }
                results = null;
                if (row == rows) {
                    return out.position();
                }
                step();
                Object given = call(input.read(in));
                row += 1;
                if (setup.flat) {
                    results = many(given);
                } else if (!put(given)) {
                    return -out.position() - 1;
                }
            }
        } catch (Throwable thrown) {
            results = null;
            pending = null;
            failure = Failure.text(thrown);
            return FAILED;
        }
    }

    /** Says that the function still gets on. */
    private static void step() {
        steps += 1;
        shared.putLong(0, steps);
    }

    private static ByteBuffer part(int at, int bytes) {
        ByteBuffer whole = shared.duplicate();
        ((Buffer) whole).position(at);
        ((Buffer) whole).limit(at + bytes);
        return whole.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    static Object create(Class<?> known) throws Throwable {
        try {
            Constructor<?> constructor = known.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        } catch (NoSuchMethodException missing) {
            throw new IllegalArgumentException(
                    "the class " + known.getName() + " has no constructor without arguments");
        }
    }

    private static Method find(Class<?> known) {
        Method found = null;
        for (Class<?> at = known; at != null && found == null; at = at.getSuperclass()) {
            for (Method one : at.getDeclaredMethods()) {
                if (!one.getName().equals(setup.method) || one.getParameterCount() != 1) {
                    continue;
                }
                boolean exact = input.is(one.getParameterTypes()[0]);
                boolean takes = input.fits(one.getParameterTypes()[0]) && !one.isBridge();
                if (exact || takes && found == null) {
                    found = one;
                }
            }
        }
        if (found == null) {
            throw new IllegalArgumentException("the class " + known.getName() + " has no method "
                    + setup.method + " for a " + setup.inputClass);
        }
        return found;
    }

    private static Object call(Object argument) throws Throwable {
        try {
            return method.invoke(instance, argument);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private static Iterator<?> many(Object given) {
        if (given instanceof Collection) {
            return ((Collection<?>) given).iterator();
        }
        throw new IllegalArgumentException("the method " + setup.method + " gave "
                + (given == null ? "null" : "a " + given.getClass().getName())
                + ", and flatMapUDF needs a collection");
    }

    /** Writes a result, unless it finds no room behind others. */
    private static boolean put(Object value) throws IllegalAccessException, IOException {
        if (value == null) {
            throw new NullPointerException("the method " + setup.method + " gave null");
        }
        int start = out.position();
        try {
            out.putInt(row - 1);
            output.write(value, out);
            return true;
        } catch (BufferOverflowException full) {
            ((Buffer) out).position(start);
            if (start == 0) {
                throw new IllegalArgumentException(
                        "a row of the result has more than " + out.capacity() + " bytes");
            }
            pending = value;
            return false;
        }
    }
}
