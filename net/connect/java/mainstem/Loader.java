package mainstem;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectStreamClass;
import java.util.Map;

/** The classes of one function. Besides them it sees what comes with Java, and nothing of ours. */
final class Loader extends ClassLoader {
    private final Map<String, byte[]> codes;

    Loader(Map<String, byte[]> codes) {
        super(ClassLoader.getSystemClassLoader().getParent());
        this.codes = codes;
    }

    /** Has a look at all of them, so that a corrupt one is found before there are rows. */
    void loadAll() throws ClassNotFoundException {
        for (String name : codes.keySet()) {
            Class.forName(name, false, this);
        }
    }

    /** A class by its name, or nothing for a primitive type. */
    Class<?> named(String name) throws ClassNotFoundException {
        return name.indexOf('.') < 0 && !codes.containsKey(name) ? null
                : Class.forName(name, true, this);
    }

    /** The object that was serialized. */
    Object revive(byte[] bytes) throws IOException, ClassNotFoundException {
        ByteArrayInputStream from = new ByteArrayInputStream(bytes);
        try (ObjectInputStream in = new ObjectInputStream(from) {
            @Override
            protected Class<?> resolveClass(ObjectStreamClass described)
                    throws IOException, ClassNotFoundException {
                try {
                    return Class.forName(described.getName(), false, Loader.this);
                } catch (ClassNotFoundException primitive) {
                    return super.resolveClass(described);
                }
            }
        }) {
            return in.readObject();
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        byte[] code = codes.get(name);
        if (code == null) {
            throw new ClassNotFoundException(name + " is not among the classes of the UDF");
        }
        return defineClass(name, code, 0, code.length);
    }
}
