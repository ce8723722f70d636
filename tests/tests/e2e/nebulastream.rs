//! The REST document of NebulaStream: a query over a logical source submitted, planned, run to its
//! file, and seen in each catalog call.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow_ipc::writer::FileWriter;
use serde_json::json;
use tests::program::{Folder, Program, http, until};

#[test]
fn a_query_lives_as_the_document_says() {
    let folder = Folder::new("nes");
    let input = folder.write("ticks.csv", "1000,1,2\n2000,2,3\n11000,1,4\n");
    let config = folder.write(
        "coordinator.yaml",
        format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: ticks\n    fields:\n\
             \x20     - name: ts\n        type: UINT64\n      - name: k\n        type: UINT64\n\
             \x20     - name: v\n        type: UINT64\n\
             worker:\n  physicalSources:\n    - logicalSourceName: ticks\n\
             \x20     physicalSourceName: ticks1\n      type: CSV_SOURCE\n      configuration:\n\
             \x20       filePath: {input}\n        skipHeader: false\n"
        ),
    );
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    let base = "/v1/nes";
    let topology = http(&address, "GET", &format!("{base}/topology"), "").json();
    assert!(topology["nodes"].as_array().is_some_and(|n| !n.is_empty()));
    let sources = http(&address, "GET", &format!("{base}/sourceCatalog/allLogicalSource"), "");
    assert!(sources.text().contains("ticks"));

    let out = folder.path("out.csv");
    let query = format!(
        "Query::from(\"ticks\").filter(Attribute(\"v\") > 2).sink(FileSinkDescriptor::create(\
         \"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
        out.display()
    );
    let body = json!({"userQuery": query, "placement": "BottomUp"}).to_string();
    let target = format!("{base}/query/execute-query");
    let submitted = http(&address, "POST", &target, &body);
    assert_eq!(submitted.status, 202, "{}", submitted.text());
    let id = submitted.json()["queryId"].to_string().replace('"', "");

    let status = format!("{base}/queryCatalog/status?queryId={id}");
    let stopped = until(|| {
        let status = http(&address, "GET", &status, "").json();
        (status["status"] == "STOPPED").then_some(())
    });
    assert!(stopped.is_some(), "it ends with its source");
    let rows = folder.read("out.csv");
    assert!(rows.lines().next().is_some_and(|head| head.contains("ticks$ts")), "{rows}");
    assert!(rows.contains("2000,2,3\n") && rows.contains("11000,1,4\n"), "{rows}");
    assert!(!rows.contains("1000,1,2\n2000"), "{rows}");

    let plan = http(&address, "GET", &format!("{base}/query/query-plan?queryId={id}"), "");
    assert!(plan.json()["nodes"].as_array().is_some_and(|n| n.len() >= 3), "{}", plan.text());
    let all = http(&address, "GET", &format!("{base}/queryCatalog/allRegisteredQueries"), "");
    assert!(all.text().contains("STOPPED"), "{}", all.text());
}

/// A coordinator without any source, or with those of the process before.
fn empty_coordinator(folder: &Folder) -> (Program, String) {
    let config = folder.write("coordinator.yaml", "restPort: 0\n");
    let config = format!("--configPath={config}");
    let state = folder.path("state").display().to_string();
    let program = Program::start(&["nes", "coordinator", &config, "--state-dir", &state]);
    let address = program.address("requests: nes");
    (program, address)
}

fn execute(address: &str, text: &str) -> (u16, serde_json::Value) {
    let body = json!({"userQuery": text, "placement": "BottomUp"}).to_string();
    let answer = http(address, "POST", "/v1/nes/query/execute-query", &body);
    (answer.status, answer.json())
}

#[test]
fn sql_creates_sources_and_sinks_and_queries_them() {
    let folder = Folder::new("nes-sql");
    let input = folder.write("ticks.csv", "a,1,1000\nb,,1500\na,3,2500\n,,2600\nb,5,2700\n");
    let (program, address) = empty_coordinator(&folder);
    let out = folder.path("out.csv").display().to_string();
    for statement in [
        "CREATE LOGICAL SOURCE ticks(k VARSIZED, v INT32, ts UINT64 NOT NULL);".to_owned(),
        format!("CREATE PHYSICAL SOURCE FOR ticks TYPE File SET('{input}' AS `SOURCE`.FILE_PATH)"),
        format!(
            "CREATE SINK out(ticks.k VARSIZED, total INT32, n UINT64 NOT NULL, `all` UINT64 NOT \
             NULL) TYPE File SET('{out}' AS `SINK`.FILE_PATH)"
        ),
    ] {
        let (status, answer) = execute(&address, &statement);
        assert_eq!((status, &answer["success"]), (200, &json!(true)), "{statement}: {answer}");
    }
    let (status, answer) = execute(
        &address,
        "SELECT k, SUM(v) AS total, COUNT(v) AS n, COUNT(*) AS `all` FROM ticks GROUP BY k \
         WINDOW TUMBLING(ts, SIZE 1 SEC) HAVING `all` > UINT64(0) INTO out;",
    );
    assert_eq!(status, 202, "{answer}");
    let id = &answer["queryId"];
    let stopped = until(|| {
        let (_, shown) = execute(&address, &format!("SHOW QUERIES WHERE id = {id}"));
        (shown["rows"][0]["status"] == "STOPPED").then_some(())
    });
    assert!(stopped.is_some(), "it ends with its source");
    let text = folder.read("out.csv");
    let mut rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows.remove(0),
        "TICKS$K:VARSIZED,TICKS$TOTAL:INT32,TICKS$N:UINT64,TICKS$all:UINT64"
    );
    rows.sort_unstable();
    assert_eq!(rows, ["NULL,NULL,0,1", "a,1,1,1", "a,3,1,1", "b,5,1,1", "b,NULL,0,1"]);
    let (status, answer) = execute(&address, "SELECT nope FROM ticks INTO out");
    let message = answer["message"].as_str().unwrap_or_default();
    assert_eq!(status, 400);
    assert!(message.starts_with("ERROR 2004: field not found: "), "{message}");
    assert!(message.ends_with("(line 1, column 8)"), "{message}");
    drop(program);

    let (_program, address) = empty_coordinator(&folder);
    for (statement, name) in [
        ("SHOW LOGICAL SOURCES WHERE name = ticks", "TICKS"),
        ("SHOW PHYSICAL SOURCES FOR ticks", "TICKS_0"),
        ("SHOW SINKS", "OUT"),
    ] {
        let (_, answer) = execute(&address, statement);
        assert_eq!(answer["rows"][0]["name"], name, "{answer}");
    }
    let (status, answer) = execute(&address, "DROP SINK WHERE name = 'OUT'");
    assert_eq!((status, &answer["name"]), (200, &json!("OUT")), "{answer}");
    let (_, answer) = execute(&address, "SHOW SINKS");
    assert_eq!(answer["rows"], json!([]));
}

#[test]
fn three_valued_logic_runs_as_it_is_documented() {
    let folder = Folder::new("nes-sql-null");
    let input = folder.write("rows.csv", "5,,1\n8,0,\n9,,0\n3,1,1\n");
    let (_program, address) = empty_coordinator(&folder);
    let out = folder.path("out.csv").display().to_string();
    let query = format!(
        "SELECT id, a AND b AS x, a OR b AS y, NOT a AS z, a == b AS e, INT8(7) / INT8(a) AS d \
         FROM File('{input}' AS `SOURCE`.FILE_PATH, SCHEMA(id INT8 NOT NULL, a BOOLEAN, b BOOLEAN) \
         AS `SOURCE`.`SCHEMA`) WHERE ISNULL(a) OR a OR id == INT8(8) AND ISNULL(b) \
         INTO File('{out}' AS `SINK`.FILE_PATH)"
    );
    let zero = execute(&address, &query);
    assert_eq!(zero.0, 202, "{}", zero.1);
    let failed = until(|| {
        let (_, shown) =
            execute(&address, &format!("SHOW QUERIES WHERE id = {}", zero.1["queryId"]));
        (shown["rows"][0]["status"] == "FAILED").then_some(())
    });
    assert!(failed.is_some(), "a zero that is there divides");
    let all = http(&address, "GET", "/v1/nes/queryCatalog/allRegisteredQueries", "").text();
    assert!(all.contains("ERROR 3013: arithmetical error"), "{all}");

    let (status, answer) = execute(&address, &query.replace(" OR id == INT8(8) AND ISNULL(b)", ""));
    assert_eq!(status, 202, "{answer}");
    let id = &answer["queryId"];
    let stopped = until(|| {
        let (_, shown) = execute(&address, &format!("SHOW QUERIES WHERE id = {id}"));
        (shown["rows"][0]["status"] == "STOPPED").then_some(())
    });
    assert!(stopped.is_some(), "nothing is divided by no value");
    let text = folder.read("out.csv");
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.sort_unstable();
    assert_eq!(rows, ["3,1,1,0,1,7", "5,NULL,1,NULL,NULL,NULL", "9,0,NULL,NULL,NULL,NULL"]);
}

/// Physical sources of two logical ones: a file with an end, and a connection without.
fn file_and_connection(input: &str, port: u16) -> String {
    let fields = "    fields:\n      - name: ts\n        type: UINT64\n\
                  \x20     - name: v\n        type: UINT64\n";
    format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: ends\n{fields}\
         \x20 - logicalSourceName: lasts\n{fields}worker:\n  physicalSources:\n\
         \x20   - logicalSourceName: ends\n      physicalSourceName: ends1\n\
         \x20     type: CSV_SOURCE\n      configuration:\n        filePath: {input}\n\
         \x20       bufferSizeInBytes: 16\n\
         \x20   - logicalSourceName: lasts\n      physicalSourceName: lasts1\n\
         \x20     type: TCP_SOURCE\n      configuration:\n        socketHost: 127.0.0.1\n\
         \x20       socketPort: {port}\n        inputFormat: CSV\n\
         \x20       bufferSizeInBytes: 16\n"
    )
}

#[test]
fn windows_over_a_union_go_on_when_one_source_ends() {
    let folder = Folder::new("nes-union");
    let input = folder.write("ends.csv", "1000,1\n11000,10\n");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let config = folder.write("coordinator.yaml", file_and_connection(&input, port));
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    let out = folder.path("out.csv");
    let query = format!(
        "Query::from(\"ends\").unionWith(Query::from(\"lasts\"))\
         .window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(10)))\
         .apply(Sum(Attribute(\"v\"))).sink(FileSinkDescriptor::create(\
         \"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
        out.display()
    );
    let body = json!({"userQuery": query, "placement": "BottomUp"}).to_string();
    let submitted = http(&address, "POST", "/v1/nes/query/execute-query", &body);
    assert_eq!(submitted.status, 202, "{}", submitted.text());

    let (mut lasts, _) = listener.accept().expect("it connects");
    lasts.write_all(b"2000,2\n12000,20\n35000,7\n").expect("it takes rows");
    let fired = until(|| folder.read("out.csv").contains("10000,20000,30").then_some(()));
    assert!(fired.is_some(), "the ended source holds nobody back: {}", folder.read("out.csv"));
    assert!(folder.read("out.csv").contains("0,10000,3\n"), "{}", folder.read("out.csv"));
    assert!(!folder.read("out.csv").contains("30000"), "the last window is still open");
    drop(lasts);
}

#[test]
fn packed_rows_are_queried_and_a_torn_one_is_told() {
    let folder = Folder::new("nes-binary");
    let row = |id: u32, code: &[u8; 4], v: f64, flag: u8| {
        [&id.to_le_bytes()[..], code, &v.to_le_bytes(), &[flag]].concat()
    };
    let mut rows = [
        row(1, b"a\0\0\0", 0.5, 1),
        row(2, b"ab\0\0", 2.5, 0),
        row(70_000, b"abcd", 1e300, 1),
        row(4, b"\0\0\0\0", -0.0, 0),
        row(5, b"x\0\0\0", 3.0, 1),
    ]
    .concat();
    rows.extend(b"end");
    let input = folder.write("rows.bin", &rows);
    let config = format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: packed\n    fields:\n\
         \x20     - {{name: id, type: UINT32}}\n      - {{name: code, type: CHAR, length: 4}}\n\
         \x20     - {{name: v, type: FLOAT64}}\n      - {{name: flag, type: BOOLEAN}}\n\
         worker:\n  physicalSources:\n    - logicalSourceName: packed\n\
         \x20     physicalSourceName: packed1\n      type: BINARY_SOURCE\n      configuration:\n\
         \x20       filePath: {input}\n        numberOfTuplesToProducePerBuffer: 2\n"
    );
    let config = folder.write("coordinator.yaml", config);
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    let query = format!(
        "Query::from(\"packed\").filter(Attribute(\"v\") > 1)\
         .project(Attribute(\"id\"), Attribute(\"code\"), Attribute(\"flag\"))\
         .sink(FileSinkDescriptor::create(\"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
        folder.path("out.csv").display()
    );
    let (status, answer) = execute(&address, &query);
    assert_eq!(status, 202, "{answer}");
    let status = format!("/v1/nes/queryCatalog/status?queryId={}", answer["queryId"]);
    let stopped =
        until(|| (http(&address, "GET", &status, "").json()["status"] == "STOPPED").then_some(()));
    assert!(stopped.is_some(), "it ends with its source");
    let text = folder.read("out.csv");
    let rows: Vec<&str> = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert_eq!(rows, ["2,ab,0", "70000,abcd,1", "5,x,1"]);
    let torn = "rows left out so far: 1; the last: a row has 17 bytes, and only 3 came";
    assert!(until(|| program.log().contains(torn).then_some(())).is_some(), "{}", program.log());
}

#[test]
fn a_file_of_arrow_batches_is_queried() {
    let folder = Folder::new("nes-arrow");
    let ids = Arc::new(UInt32Array::from_iter_values(0..5000));
    let words = ["a", "b", "c", "d"].iter().cycle().take(5000).map(|word| Some(*word));
    let words = Arc::new(words.collect::<StringArray>());
    let all: [(&str, ArrayRef); 2] = [("word", words), ("id", ids)];
    let batch = RecordBatch::try_from_iter(all).expect("a batch");
    let file = File::create(folder.path("rows.arrow")).expect("a file");
    let mut writer = FileWriter::try_new(file, &batch.schema()).expect("a writer");
    for part in [batch.slice(0, 10), batch.slice(10, 4990)] {
        writer.write(&part).expect("is written");
    }
    writer.finish().expect("is written");
    let config = format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: arrow\n    fields:\n\
         \x20     - {{name: id, type: UINT64}}\n      - {{name: word, type: TEXT}}\n\
         worker:\n  physicalSources:\n    - logicalSourceName: arrow\n\
         \x20     physicalSourceName: arrow1\n      type: ARROW_SOURCE\n      configuration:\n\
         \x20       filePath: {}\n",
        folder.path("rows.arrow").display()
    );
    let config = folder.write("coordinator.yaml", config);
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    let query = format!(
        "Query::from(\"arrow\").filter(Attribute(\"id\") > 4997)\
         .sink(FileSinkDescriptor::create(\"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
        folder.path("out.csv").display()
    );
    let (status, answer) = execute(&address, &query);
    assert_eq!(status, 202, "{answer}");
    let rows = until(|| {
        let text = folder.read("out.csv");
        let rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        (rows.len() == 2).then_some(rows)
    });
    assert_eq!(rows.as_deref(), Some(&["4998,c".to_owned(), "4999,d".to_owned()][..]));
}

/// A process that is killed when this is dropped.
pub(crate) struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker that keeps its sessions in a folder; nothing where there is none, which is said.
#[allow(clippy::print_stderr)] // whoever reads the log should know
pub(crate) fn broker(folder: &Folder, port: u16) -> Option<Killed> {
    let state = folder.path("");
    let config = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n\
         persistence_location {}/\nautosave_interval 0\nmax_queued_messages 0\n",
        state.display()
    );
    let config = folder.write("mosquitto.conf", config);
    let mut command = Command::new("mosquitto");
    command.args(["-c", &config]).stdout(Stdio::null()).stderr(Stdio::null());
    let child = match command.spawn() {
        Ok(child) => Killed(child),
        Err(error) => {
            eprintln!("skipped: mosquitto: {error}");
            return None;
        }
    };
    let up = until(|| TcpStream::connect(("127.0.0.1", port)).ok());
    assert!(up.is_some(), "the broker answers");
    Some(child)
}

/// Has the broker write its sessions to disk.
fn save(broker: &Killed, folder: &Folder) {
    let written = || folder.path("mosquitto.db").metadata().and_then(|meta| meta.modified()).ok();
    let before = written();
    let pid = broker.0.id().to_string();
    let told = Command::new("kill").args(["-USR1", &pid]).status();
    assert!(told.is_ok_and(|status| status.success()));
    let saved = until(|| written().filter(|now| Some(*now) != before));
    assert!(saved.is_some(), "the broker saves");
}

/// Publishes rows and waits until the broker has them.
pub(crate) fn publish(port: u16, rows: &str) {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-p", &port.to_string(), "-t", "meters", "-q", "2", "-l"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("mosquitto_pub runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(rows.as_bytes()).expect("it takes rows");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

/// Collects what arrives at a topic, also across restarts of the broker.
fn collect(folder: &Folder, port: u16) -> Option<Killed> {
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub", "-p", &port.to_string(), "-t", "high", "-q", "1"]);
    command.args(["-c", "-i", "collector"]);
    let out = File::create(folder.path("high")).expect("a file");
    command.stdout(out).stderr(Stdio::null()).spawn().ok().map(Killed)
}

/// A coordinator with a source of meters behind a broker.
fn metering(folder: &Folder, port: u16) -> (Program, String) {
    let config = folder.write(
        "coordinator.yaml",
        format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: meters\n    fields:\n\
             \x20     - name: w\n        type: INT64\n      - name: id\n        type: UINT64\n\
             worker:\n  physicalSources:\n    - logicalSourceName: meters\n\
             \x20     physicalSourceName: meters1\n      type: MQTT_SOURCE\n\
             \x20     configuration:\n        url: tcp://127.0.0.1:{port}\n\
             \x20       topic: meters\n        clientId: reader\n\
             \x20       cleanSession: false\n"
        ),
    );
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    (program, address)
}

#[test]
fn nothing_is_lost_between_topics_when_the_broker_is_killed() {
    let folder = Folder::new("nes-mqtt");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let (program, address) = metering(&folder, port);
    let query = format!(
        "Query::from(\"meters\").filter(Attribute(\"w\") > 9).sink(MQTTSinkDescriptor::create(\
         \"mqtt://127.0.0.1:{port}\", \"high\", \"user\", 50, \
         MQTTSinkDescriptor::TimeUnits::milliseconds, 0, \
         MQTTSinkDescriptor::ServiceQualities::exactlyOnce));"
    );
    // The broker is not there yet, which is told for both sides.
    let (status, answer) = execute(&address, &query);
    assert_eq!(status, 202, "{answer}");
    let refused = format!("Failed to connect to mqtt: mqtt 127.0.0.1:{port}: connection refused");
    let told = || (program.log().matches(&refused).count() > 3).then_some(());
    assert!(until(told).is_some(), "{}", program.log());
    let Some(first) = broker(&folder, port) else { return };
    let Some(_collector) = collect(&folder, port) else { return };
    let begun = until(|| {
        publish(port, "{\"id\":0,\"w\":10}\n");
        folder.read("high").contains("{\"meters$id\":0,\"meters$w\":10}\n").then_some(())
    });
    assert!(begun.is_some(), "rows go through: {}", folder.read("high"));

    // Every other row is let through.
    let row = |id: u32| format!("{{\"id\":{id},\"w\":{}}}\n", 9 + id % 2);
    let rows = |ids: std::ops::Range<u32>| ids.map(row).collect::<String>();
    publish(port, &rows(1..1000));
    save(&first, &folder);
    drop(first);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let _second = broker(&folder, port).expect("it was there before");
    publish(port, &rows(1000..2000));

    let shown = |id: u32| format!("{{\"meters$id\":{id},\"meters$w\":10}}");
    let wanted: BTreeSet<String> = (0..2000).filter(|id| id % 2 == 1).map(shown).collect();
    let mut missing = wanted.clone();
    let all = until(|| {
        let text = folder.read("high");
        missing = wanted.clone();
        text.lines().for_each(|line| {
            missing.remove(line);
        });
        missing.is_empty().then_some(text)
    });
    let text = all.unwrap_or_else(|| panic!("{} rows are missing: {missing:?}", missing.len()));
    let extra = text.lines().find(|line| *line != shown(0) && !wanted.contains(*line));
    assert_eq!(extra, None);
    let query = execute(&address, &format!("SHOW QUERIES WHERE id = {}", answer["queryId"])).1;
    assert_eq!(query["rows"][0]["status"], "RUNNING", "{query}");
}
