package mainstem;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a function is, as src/java_udf/setup.rs writes it. */
final class Setup {
    /** Names of fields and their types. */
    static final class Fields {
        final String[] names;
        final byte[] types;

        private Fields(DataInputStream from) throws IOException {
            int count = from.readInt();
            names = new String[count];
            types = new byte[count];
            for (int at = 0; at < count; at++) {
                names[at] = text(from);
                types[at] = from.readByte();
            }
        }
    }

    final String className;
    final String method;
    final boolean flat;
    final byte[] instance;
    final Map<String, byte[]> classes = new LinkedHashMap<>();
    final String inputClass;
    final Fields taken;
    final Fields made;

    Setup(byte[] written) throws IOException {
        DataInputStream from = new DataInputStream(new ByteArrayInputStream(written));
        className = text(from);
        method = text(from);
        flat = from.readByte() != 0;
        instance = bytes(from);
        int count = from.readInt();
        for (int at = 0; at < count; at++) {
            String name = text(from);
            classes.put(name, bytes(from));
        }
        inputClass = text(from);
        taken = new Fields(from);
        made = new Fields(from);
    }

    private static byte[] bytes(DataInputStream from) throws IOException {
        byte[] bytes = new byte[from.readInt()];
        from.readFully(bytes);
        return bytes;
    }

    private static String text(DataInputStream from) throws IOException {
        return new String(bytes(from), StandardCharsets.UTF_8);
    }
}
