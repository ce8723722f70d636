import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs a script of SQL on a cluster within this process and waits for its end: Peer
 * default|tuned PARALLELISM SCRIPT. Statements end with a semicolon at the end of a line. All
 * INSERT statements of a script are one job.
 */
public final class Peer {
    public static void main(String[] args) throws Exception {
        TableEnvironment tables = TableEnvironment.create(
            EnvironmentSettings.newInstance()
                .inStreamingMode()
                .withConfiguration(configuration(args[0].equals("tuned"), args[1]))
                .build());
        StatementSet job = tables.createStatementSet();
        for (String statement : statements(Files.readString(Path.of(args[2])))) {
            if (statement.startsWith("INSERT")) {
                job.addInsertSql(statement);
            } else {
                tables.executeSql(statement);
            }
        }
        job.execute().await();
    }

    /** What both runs have, and what only the tuned one has. */
    private static Configuration configuration(boolean tuned, String parallelism) {
        Configuration all = new Configuration();
        all.setString("parallelism.default", parallelism);
        all.setString("table.local-time-zone", "UTC");
        // A process of its own for one job has little memory for the network to begin with.
        all.setString("taskmanager.memory.network.min", "64mb");
        all.setString("taskmanager.memory.network.max", "64mb");
        // No operator of these jobs keeps a row that another one may change.
        all.setString("pipeline.object-reuse", "true");
        if (tuned) {
            all.setString("table.exec.mini-batch.enabled", "true");
            all.setString("table.exec.mini-batch.allow-latency", "1 s");
            all.setString("table.exec.mini-batch.size", "5000");
        }
        return all;
    }

    private static List<String> statements(String script) {
        List<String> found = new ArrayList<>();
        for (String part : script.split(";\\s*\\R")) {
            String statement = part.strip();
            if (!statement.isEmpty()) {
                found.add(statement);
            }
        }
        return found;
    }
}
