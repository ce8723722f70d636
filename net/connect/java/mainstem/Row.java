package mainstem;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.StandardCharsets;

/** How rows are read as objects, and written. */
final class Row {
    private static final Class<?>[] BOXES = {
        Boolean.class, Byte.class, Short.class, Integer.class, Long.class, Float.class,
        Double.class, String.class,
    };
    private static final Class<?>[] PRIMITIVES = {
        boolean.class, byte.class, short.class, int.class, long.class, float.class, double.class,
        String.class,
    };

    private final String[] names;
    private final byte[] types;
    /** The class whose fields are known; none yet, or none when it is a single value. */
    private Class<?> known;
    private Field[] fields;
    private final CharsetEncoder encoder = StandardCharsets.UTF_8.newEncoder();

    Row(Setup.Fields described, Class<?> known) {
        names = described.names;
        types = described.types;
        if (known != null && !(names.length == 1 && names[0].isEmpty())) {
            learn(known);
        }
    }

    private void learn(Class<?> type) {
        fields = new Field[names.length];
        for (int at = 0; at < names.length; at++) {
            fields[at] = find(type, names[at]);
            fields[at].setAccessible(true);
        }
        known = type;
    }

    private static Field find(Class<?> type, String name) {
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                if (field.getName().equals(name) && !Modifier.isStatic(field.getModifiers())) {
                    return field;
                }
            }
        }
        throw new IllegalArgumentException(
                "the class " + type.getName() + " has no field " + name);
    }

    /** Whether this is the very class of rows. */
    boolean is(Class<?> type) {
        return known == null ? type == BOXES[types[0]] || type == PRIMITIVES[types[0]]
                : type == known;
    }

    /** Whether rows can be given where this class is wanted. */
    boolean fits(Class<?> type) {
        return type.isAssignableFrom(known == null ? BOXES[types[0]] : known);
    }

    Object read(ByteBuffer from) throws Throwable {
        if (known == null) {
            return value(types[0], from);
        }
        Object object = Host.create(known);
        for (int at = 0; at < fields.length; at++) {
            fields[at].set(object, value(types[at], from));
        }
        return object;
    }

    private static Object value(byte type, ByteBuffer from) {
        switch (type) {
            case 0:
                return from.get() != 0;
            case 1:
                return from.get();
            case 2:
                return from.getShort();
            case 3:
                return from.getInt();
            case 4:
                return from.getLong();
            case 5:
                return from.getFloat();
            case 6:
                return from.getDouble();
            default:
                byte[] bytes = new byte[from.getInt()];
                from.get(bytes);
                return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    void write(Object object, ByteBuffer to) throws IllegalAccessException, IOException {
        Class<?> type = object.getClass();
        for (Class<?> box : BOXES) {
            if (type == box) {
                single(object, to);
                return;
            }
        }
        if (type != known) {
            learn(type);
        }
        for (int at = 0; at < fields.length; at++) {
            write(at, fields[at].get(object), to);
        }
    }

    private void single(Object value, ByteBuffer to) throws IOException {
        if (names.length != 1) {
            throw new IllegalArgumentException("the method gave one value, a "
                    + value.getClass().getName() + ", and its output has " + names.length
                    + " fields");
        }
        write(0, value, to);
    }

    private void write(int at, Object value, ByteBuffer to) throws IOException {
        if (value == null) {
            throw new NullPointerException(
                    "the field " + names[at] + " is null, and a field of a row has a value");
        }
        if (value.getClass() != BOXES[types[at]]) {
            throw new IllegalArgumentException("the field " + names[at] + " is a "
                    + value.getClass().getName() + " and not a " + BOXES[types[at]].getName());
        }
        switch (types[at]) {
            case 0:
                to.put((byte) ((Boolean) value ? 1 : 0));
                break;
            case 1:
                to.put((Byte) value);
                break;
            case 2:
                to.putShort((Short) value);
                break;
            case 3:
                to.putInt((Integer) value);
                break;
            case 4:
                to.putLong((Long) value);
                break;
            case 5:
                to.putFloat((Float) value);
                break;
            case 6:
                to.putDouble((Double) value);
                break;
            default:
                text(at, (String) value, to);
        }
    }

    private void text(int at, String value, ByteBuffer to) throws IOException {
        try {
            ByteBuffer bytes = encoder.encode(CharBuffer.wrap(value));
            to.putInt(bytes.remaining());
            to.put(bytes);
        } catch (CharacterCodingException half) {
            throw new IllegalArgumentException(
                    "the field " + names[at] + " has half of a character");
        }
    }
}
