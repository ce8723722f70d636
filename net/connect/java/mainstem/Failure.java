package mainstem;

import java.io.PrintWriter;
import java.io.StringWriter;

/** What is told of something that was thrown. */
final class Failure {
    /** Most characters of it. */
    private static final int CHARS_MAX = 8192;
    /** How the functions come to be called, which nobody wants to know. */
    private static final String[] OURS = {
        "mainstem.", "java.lang.reflect.", "java.base/java.lang.reflect.",
        "java.base/java.lang.invoke.", "java.base/jdk.internal.reflect.", "sun.reflect.",
    };

    private Failure() {}

    static String text(Throwable thrown) {
        try {
            StringWriter text = new StringWriter();
            thrown.printStackTrace(new PrintWriter(text, true));
            StringBuilder kept = new StringBuilder();
            for (String line : text.toString().split("\n")) {
                if (isOurs(line)) {
                    continue;
                }
                if (kept.length() + line.length() > CHARS_MAX) {
                    kept.append("\n\t...");
                    break;
                }
                kept.append(kept.length() == 0 ? "" : "\n").append(line);
            }
            return kept.toString();
        } catch (Throwable another) {
            // There may be no memory left to say more.
            return thrown.getClass().getName();
        }
    }

    private static boolean isOurs(String line) {
        for (String begin : OURS) {
            if (line.startsWith("\tat " + begin)) {
                return true;
            }
        }
        return false;
    }
}
