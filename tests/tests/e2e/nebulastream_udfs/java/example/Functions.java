package example;

import java.io.FileOutputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

interface MapFunction<I, O> extends Serializable {
    O map(I value);
}

interface FlatMapFunction<I, O> extends Serializable {
    Collection<O> flatMap(I value);
}

/** Takes a part of the fields, in another order. */
class Reading {
    String name;
    double v;
    private long ts;
    static int count;

    long ts() {
        return ts;
    }
}

class Scaled {
    long ts;
    int n;
    double v;
    String text;
    boolean large;
}

/** Has state, and an instance that was made elsewhere. */
class Scale implements MapFunction<Reading, Scaled> {
    private final double factor;
    private int seen;

    Scale() {
        this(10);
    }

    Scale(double factor) {
        this.factor = factor;
    }

    @Override
    public Scaled map(Reading reading) {
        seen += 1;
        Scaled scaled = new Scaled();
        scaled.ts = reading.ts();
        scaled.n = seen;
        scaled.v = reading.v * factor;
        scaled.text = reading.name + "\u00e9\ud83d\ude00";
        scaled.large = scaled.v > 20;
        return scaled;
    }
}

class Letter {
    String letter;
    Integer at;
}

/** Gives a row for each letter, and none for no letters. */
class Letters implements FlatMapFunction<Reading, Letter> {
    @Override
    public Collection<Letter> flatMap(Reading reading) {
        List<Letter> letters = new ArrayList<>();
        for (int at = 0; at < reading.name.length(); at++) {
            Letter letter = new Letter();
            letter.letter = reading.name.substring(at, at + 1);
            letter.at = at;
            letters.add(letter);
        }
        return letters;
    }
}

/** Every type, primitive or boxed. */
class Types {
    byte b;
    Short s;
    int i;
    Long l;
    float f;
    Double d;
    Boolean z;
    String t;
}

class Same implements MapFunction<Types, Types> {
    @Override
    public Types map(Types value) {
        return value;
    }
}

class Half implements MapFunction<Long, Double> {
    @Override
    public Double map(Long value) {
        return value / 2.0;
    }
}

/** What functions may do that they should not: named by the method. */
class Trouble {
    static class Boom extends RuntimeException {
        Boom(String text, Throwable cause) {
            super(text, cause);
        }
    }

    long throwing(long value) {
        if (value >= 2000) {
            throw new Boom("no " + value, new IllegalStateException("because"));
        }
        return value;
    }

    long exiting(long value) {
        System.err.println("going away");
        System.exit(7);
        return value;
    }

    long halting(long value) {
        Runtime.getRuntime().halt(8);
        return value;
    }

    long looping(long value) {
        while (true) {
            value += 1;
        }
    }

    long eating(long value) {
        List<long[]> all = new ArrayList<>();
        while (true) {
            all.add(new long[1 << 20]);
        }
    }

    private static sun.misc.Unsafe unsafe() throws ReflectiveOperationException {
        java.lang.reflect.Field field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return (sun.misc.Unsafe) field.get(null);
    }

    long eatingOutside(long value) throws ReflectiveOperationException {
        while (true) {
            long at = unsafe().allocateMemory(16 << 20);
            unsafe().setMemory(at, 16 << 20, (byte) 1);
        }
    }

    long crashing(long value) throws ReflectiveOperationException {
        unsafe().putAddress(0, value);
        return value;
    }

    long recursing(long value) {
        return 1 + recursing(value + 1);
    }

    Long nothing(long value) {
        return null;
    }

    String half(long value) {
        return "\ud83d";
    }

    Collection<Long> endless(long value) {
        return new java.util.AbstractList<Long>() {
            @Override
            public Long get(int at) {
                return 1L;
            }

            @Override
            public int size() {
                return Integer.MAX_VALUE;
            }
        };
    }

    Collection<String> wide(long value) {
        return java.util.Collections.singletonList(new String(new char[20 << 20]));
    }

    long talking(long value) {
        for (int line = 0; line < 5000; line++) {
            System.out.println("line " + line + " of " + value);
        }
        return value + 1;
    }

    long negative(long value) {
        return -value;
    }
}

/** Never gets ready. */
class Asleep {
    static {
        while (System.nanoTime() != 0) {
            Thread.yield();
        }
    }

    long map(long value) {
        return value;
    }
}

class Unmade {
    private final long sum;

    Unmade(long sum) {
        this.sum = sum;
    }

    long map(long value) {
        return value + sum;
    }
}

/** Writes a serialized instance. */
class Dump {
    public static void main(String[] args) throws Exception {
        try (ObjectOutputStream out = new ObjectOutputStream(new FileOutputStream(args[0]))) {
            out.writeObject(new Scale(3));
        }
    }
}
