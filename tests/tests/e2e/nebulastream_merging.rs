//! Query merging: queries that do the same share a reader and what is behind it, and know nothing
//! of each other otherwise.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use tests::program::{Folder, Program, http, until};

use crate::nebulastream::{broker, publish};

const COMPLETE: &str = "SyntaxBasedCompleteQueryMergerRule";
const PARTIAL: &str = "HashSignatureBasedPartialQueryMergerRule";
const OFF: &str = "DefaultQueryMergerRule";

/// What a coordinator's source `live` connects to; it may connect several times.
struct Feed {
    listener: TcpListener,
    connections: Vec<TcpStream>,
}

impl Feed {
    fn new() -> Feed {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it can be asked");
        Feed { listener, connections: Vec::new() }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("its address").port()
    }

    /// Takes the connections that there are by now; how many have ever been made.
    fn count(&mut self) -> usize {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(false).expect("it waits");
            self.connections.push(stream);
        }
        self.connections.len()
    }

    /// Waits until there are so many connections.
    fn has(&mut self, count: usize) {
        let there = until(|| (self.count() >= count).then_some(()));
        assert!(there.is_some(), "{count} connections, and there are {}", self.connections.len());
        assert_eq!(self.count(), count);
    }

    /// Sends rows to all who are connected.
    fn send(&mut self, rows: &str) {
        self.count();
        for stream in &mut self.connections {
            stream.write_all(rows.as_bytes()).expect("it takes rows");
        }
    }

    /// Whether the other side of the last connection has closed it.
    fn is_closed(&mut self) -> bool {
        let stream = self.connections.last_mut().expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(20))).expect("it can be set");
        matches!(stream.read(&mut [0; 16]), Ok(0))
    }
}

/// A coordinator with the sources `live`, a connection, and `file`.
struct Merging {
    folder: Folder,
    program: Program,
    address: String,
    args: Vec<String>,
}

impl Merging {
    fn start(rule: &str, feed: &Feed, file: &str) -> Merging {
        let folder = Folder::new("nes-merging");
        let input = folder.write("input.csv", file);
        let fields = "    fields: [{name: k, type: UINT64}, {name: v, type: INT64}]\n";
        let source = |name: &str, kind: &str, configuration: &str| {
            format!(
                "    - {{logicalSourceName: {name}, physicalSourceName: {name}1, type: {kind},\n\
                 \x20      configuration: {{{configuration}}}}}\n"
            )
        };
        let port = feed.port();
        // Each row is a logical buffer.
        let live = format!(
            "socketHost: 127.0.0.1, socketPort: {port}, inputFormat: CSV, bufferSizeInBytes: 16"
        );
        let config = format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: live\n{fields}\
             \x20 - logicalSourceName: file\n{fields}worker:\n  physicalSources:\n{}{}",
            source("live", "TCP_SOURCE", &live),
            source("file", "CSV_SOURCE", &format!("filePath: \"{input}\""))
        );
        let config = folder.write("coordinator.yaml", config);
        let args = vec![
            "nes".to_owned(),
            "coordinator".to_owned(),
            format!("--configPath={config}"),
            format!("--optimizer.queryMergerRule={rule}"),
            format!("--rpcPort={}", free_port()),
            "--state-dir".to_owned(),
            folder.path("state").display().to_string(),
        ];
        let (program, address) = run(&args);
        Merging { folder, program, address, args }
    }

    /// Ends it by a signal.
    fn end(&mut self, signal: &str) {
        self.program.signal(signal);
        assert!(self.program.wait().is_some(), "it ends\n{}", self.program.log());
    }

    /// Kills it and starts it again.
    fn again(&mut self) {
        self.end("KILL");
        (self.program, self.address) = run(&self.args);
    }

    fn submit_to(&self, query: &str, sink: &str) -> u64 {
        let text = format!("{query}.sink({sink});");
        let body = json!({"userQuery": text, "placement": "BottomUp"}).to_string();
        let answer = http(&self.address, "POST", "/v1/nes/query/execute-query", &body);
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["queryId"].as_u64().expect("an id")
    }

    /// Submits a query whose results go to a file.
    fn submit(&self, query: &str, out: &str) -> u64 {
        let path = self.folder.path(out).display().to_string();
        let sink = format!("FileSinkDescriptor::create(\"{path}\", \"CSV_FORMAT\", \"OVERWRITE\")");
        self.submit_to(query, &sink)
    }

    fn get(&self, path: &str) -> Value {
        http(&self.address, "GET", &format!("/v1/nes/{path}"), "").json()
    }

    fn comes_to(&self, id: u64, status: &str) -> Value {
        let path = format!("queryCatalog/status?queryId={id}");
        let there = until(|| Some(self.get(&path)).filter(|entry| entry["status"] == status));
        there.unwrap_or_else(|| panic!("{id} is {}\n{}", self.get(&path), self.program.log()))
    }

    /// Why a query has failed.
    fn failure(&self, id: u64) -> String {
        self.comes_to(id, "FAILED");
        let all = self.get("queryCatalog/allRegisteredQueries");
        let mut all = all.as_array().expect("queries").iter();
        let entry = all.find(|entry| entry["queryId"] == id).expect("the query");
        entry["queryInfo"].as_str().expect("a text").to_owned()
    }

    fn stop(&self, id: u64) {
        let path = format!("/v1/nes/query/stop-query?queryId={id}");
        let answer = http(&self.address, "DELETE", &path, "");
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    fn shared_id(&self, id: u64) -> Option<u64> {
        let plan = self.get(&format!("query/execution-plan?queryId={id}"));
        plan["executionNodes"][0]["ScheduledQueries"][0]["SharedQueryId"].as_u64()
    }

    /// Waits until a result has these rows behind its header.
    fn shows(&self, out: &str, rows: &str) {
        let read = || self.folder.read(out);
        let there = until(|| {
            let text = read();
            (text.split_once('\n').map(|(_, rest)| rest) == Some(rows)).then_some(())
        });
        assert!(there.is_some(), "{out} is\n{}and not\n{rows}{}", read(), self.program.log());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

fn run(args: &[String]) -> (Program, String) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let program = Program::start(&args);
    let address = program.address("requests: nes");
    (program, address)
}

const LARGE: &str = "Query::from(\"live\").filter(Attribute(\"v\") > 1)";
/// The same, written otherwise.
const LARGE_TOO: &str = "Query::from(\"live\").filter( Attribute(\"live$v\")>1 )";
const LARGER: &str = "Query::from(\"live\").filter(Attribute(\"v\") > 2)";
const MAPPED: &str = "Query::from(\"live\").filter(Attribute(\"v\") > 1)\
                      .map(Attribute(\"k\") = 100 / (3 - Attribute(\"v\")))";
const WINDOWED: &str = "Query::from(\"live\")\
                        .window(TumblingWindow::of(EventTime(Attribute(\"k\")), Milliseconds(2)))\
                        .apply(Sum(Attribute(\"v\")))";

#[test]
fn the_same_queries_share_one_reader_until_the_last_of_them_stops() {
    let mut feed = Feed::new();
    let merging = Merging::start(COMPLETE, &feed, "");
    let (a, b) = (merging.submit(LARGE, "a.csv"), merging.submit(LARGE_TOO, "b.csv"));
    merging.comes_to(a, "RUNNING");
    merging.comes_to(b, "RUNNING");
    feed.has(1);
    feed.send("1,1\n2,2\n3,3\n");
    merging.shows("a.csv", "2,2\n3,3\n");
    merging.shows("b.csv", "2,2\n3,3\n");
    let shared = merging.shared_id(a).expect("it is shown");
    assert_eq!(merging.shared_id(b), Some(shared));
    assert!(shared != a && shared != b, "{shared} is no query");
    let path = format!("/v1/nes/query/query-plan?queryId={shared}");
    assert_eq!(http(&merging.address, "GET", &path, "").status, 404, "it is not in the catalog");

    merging.stop(a);
    merging.comes_to(a, "STOPPED");
    feed.send("4,4\n");
    merging.shows("b.csv", "2,2\n3,3\n4,4\n");
    merging.shows("a.csv", "2,2\n3,3\n");
    merging.comes_to(b, "RUNNING");
    let c = merging.submit(LARGE, "c.csv");
    merging.comes_to(c, "RUNNING");
    feed.send("5,5\n6,0\n");
    merging.shows("c.csv", "5,5\n");
    merging.shows("b.csv", "2,2\n3,3\n4,4\n5,5\n");
    feed.has(1);

    merging.stop(b);
    assert!(!feed.is_closed(), "somebody needs it");
    merging.stop(c);
    let closed = until(|| feed.is_closed().then_some(()));
    assert!(closed.is_some(), "nobody needs it\n{}", merging.program.log());
    merging.submit(LARGE, "d.csv");
    feed.has(2);
}

#[test]
fn without_a_rule_each_query_has_its_own_reader() {
    let mut feed = Feed::new();
    let merging = Merging::start(OFF, &feed, "");
    let (a, b) = (merging.submit(LARGE, "a.csv"), merging.submit(LARGE, "b.csv"));
    feed.has(2);
    assert_eq!((a, b, merging.shared_id(a)), (1, 2, None));
    feed.send("2,2\n");
    merging.shows("a.csv", "2,2\n");
    merging.shows("b.csv", "2,2\n");
}

#[test]
fn a_rule_says_what_is_merged_and_results_are_always_the_same() {
    let results = [
        (LARGE, "2,2\n4,4\n"),
        (LARGER, "4,4\n"),
        (MAPPED, "100,2\n-100,4\n"),
        (WINDOWED, "0,2,1\n2,4,2\n"),
    ];
    for (rule, connections) in [(OFF, 6), (COMPLETE, 4), (PARTIAL, 1)] {
        let mut feed = Feed::new();
        let merging = Merging::start(rule, &feed, "");
        for (at, (query, _)) in results.iter().chain(&results[2..]).enumerate() {
            let id = merging.submit(query, &format!("{at}.csv"));
            merging.comes_to(id, "RUNNING");
        }
        feed.has(connections);
        feed.send("1,1\n2,2\n4,4\n");
        for (at, (_, rows)) in results.iter().chain(&results[2..]).enumerate() {
            merging.shows(&format!("{at}.csv"), rows);
        }
        feed.has(connections);
    }
}

#[test]
fn a_query_that_fails_takes_down_those_that_do_the_same_and_no_other() {
    let mut feed = Feed::new();
    let merging = Merging::start(PARTIAL, &feed, "");
    let large = merging.submit(LARGE, "large.csv");
    let mapped = [merging.submit(MAPPED, "m1.csv"), merging.submit(MAPPED, "m2.csv")];
    feed.has(1);
    feed.send("2,2\n");
    merging.shows("m2.csv", "100,2\n");
    feed.send("3,3\n");
    for id in mapped {
        assert!(merging.failure(id).contains("division by zero"));
    }
    feed.send("4,4\n");
    merging.shows("large.csv", "2,2\n3,3\n4,4\n");
    merging.comes_to(large, "RUNNING");
    // What has failed is shared by nobody, and begins anew.
    let again = merging.submit(MAPPED, "m3.csv");
    merging.comes_to(again, "RUNNING");
    feed.send("4,4\n");
    merging.shows("m3.csv", "-100,4\n");
    feed.has(1);
}

#[test]
fn what_fails_the_reader_fails_all_who_share_it() {
    let mut feed = Feed::new();
    let merging = Merging::start(PARTIAL, &feed, "");
    let all = [merging.submit(LARGE, "a.csv"), merging.submit(MAPPED, "b.csv")];
    feed.has(1);
    feed.send("no,row\n");
    for id in all {
        let why = merging.failure(id);
        assert!(why.contains("cannot read \"no\"") && why.contains("line: no,row"), "{why}");
    }
    let closed = until(|| feed.is_closed().then_some(()));
    assert!(closed.is_some(), "nobody needs it");
}

#[test]
fn a_query_whose_sink_takes_nothing_holds_nobody_up_when_it_is_stopped() {
    let mut feed = Feed::new();
    let merging = Merging::start(COMPLETE, &feed, "");
    let nobody = format!("MQTTSinkDescriptor::create(\"mqtt://127.0.0.1:{}\", \"t\")", free_port());
    let stuck = merging.submit_to(LARGE, &nobody);
    let fine = merging.submit(LARGE, "fine.csv");
    merging.comes_to(stuck, "RUNNING");
    feed.has(1);
    // More than everything on the way holds.
    let row = format!("{},{}\n", u64::MAX, i64::MAX);
    let rows = row.repeat((24 << 20) / row.len());
    let mut stream = feed.connections[0].try_clone().expect("a copy");
    let writing = std::thread::spawn({
        let rows = rows.clone();
        move || stream.write_all(rows.as_bytes())
    });
    let begun = until(|| (merging.folder.read("fine.csv").len() > 1 << 20).then_some(()));
    assert!(begun.is_some(), "it gets rows until too many are on the way");
    merging.stop(stuck);
    merging.comes_to(stuck, "STOPPED");
    assert!(writing.join().is_ok_and(|written| written.is_ok()));
    merging.shows("fine.csv", &rows);
    merging.comes_to(fine, "RUNNING");
}

#[test]
fn what_has_an_end_is_read_by_each_for_itself() {
    let feed = Feed::new();
    let rows: String = (0..5000).map(|k| format!("{k},{}\n", k % 7)).collect();
    let wanted: String =
        (0..5000).filter(|k| k % 7 > 1).map(|k| format!("{k},{}\n", k % 7)).collect();
    for rule in [OFF, COMPLETE, PARTIAL] {
        let merging = Merging::start(rule, &feed, &rows);
        let query = LARGE.replace("live", "file");
        for (id, out) in ["a.csv", "b.csv"].map(|out| (merging.submit(&query, out), out)) {
            merging.comes_to(id, "STOPPED");
            merging.shows(out, &wanted);
        }
    }
}

#[test]
fn merged_queries_go_on_when_the_coordinator_is_killed() {
    let mut feed = Feed::new();
    let mut merging = Merging::start(PARTIAL, &feed, "");
    let all = [
        merging.submit(LARGE, "a.csv"),
        merging.submit(LARGE, "b.csv"),
        merging.submit(MAPPED, "c.csv"),
    ];
    let gone = merging.submit(LARGER, "gone.csv");
    feed.has(1);
    feed.send("2,2\n");
    merging.shows("c.csv", "100,2\n");
    merging.stop(gone);
    let shared: Vec<Option<u64>> = all.iter().map(|id| merging.shared_id(*id)).collect();
    merging.again();
    feed.connections.clear();
    feed.has(1);
    feed.send("4,4\n");
    merging.shows("a.csv", "4,4\n");
    merging.shows("b.csv", "4,4\n");
    merging.shows("c.csv", "-100,4\n");
    for (id, shared) in all.iter().zip(shared) {
        merging.comes_to(*id, "RUNNING");
        assert_eq!(merging.shared_id(*id), shared);
    }
    merging.comes_to(gone, "STOPPED");
    let more = merging.submit(LARGER, "more.csv");
    assert!(!all.contains(&more) && more > gone, "{more} is new");
    feed.send("5,5\n");
    merging.shows("more.csv", "5,5\n");
    feed.has(1);
    for id in all.into_iter().chain([more]) {
        merging.stop(id);
        merging.comes_to(id, "STOPPED");
    }
    assert!(until(|| feed.is_closed().then_some(())).is_some(), "nobody needs it");
}

#[test]
fn a_query_that_does_not_start_leaves_nothing_behind() {
    let mut feed = Feed::new();
    let merging = Merging::start(COMPLETE, &feed, "");
    let text = format!("{LARGE}.sink(MQTTSinkDescriptor::create(\"ssl://127.0.0.1:1\", \"t\"));");
    let body = json!({"userQuery": text, "placement": "BottomUp"}).to_string();
    let answer = http(&merging.address, "POST", "/v1/nes/query/execute-query", &body);
    assert_eq!(answer.status, 400, "{}", answer.text());
    let gone = until(|| (feed.count() == 0 || feed.is_closed()).then_some(()));
    assert!(gone.is_some(), "nobody reads");
    feed.connections.clear();
    merging.submit(LARGE, "a.csv");
    feed.has(1);
    feed.send("2,2\n");
    merging.shows("a.csv", "2,2\n");
}

/// A coordinator with a source behind a broker that keeps its session.
fn metering(folder: Folder, port: u16) -> Merging {
    let config = format!(
        "restPort: 0\nrpcPort: {}\nqueryMergerRule: {COMPLETE}\nlogicalSources:\n\
         \x20 - {{logicalSourceName: meters, fields: [{{name: id, type: UINT64}}]}}\n\
         worker:\n  physicalSources:\n    - logicalSourceName: meters\n\
         \x20     physicalSourceName: meters1\n      type: MQTT_SOURCE\n      configuration:\n\
         \x20       {{url: \"tcp://127.0.0.1:{port}\", topic: meters, clientId: all, \
         cleanSession: false}}\n",
        free_port()
    );
    let config = folder.write("coordinator.yaml", config);
    let state = folder.path("state").display().to_string();
    let (config, dir) = (format!("--configPath={config}"), "--state-dir".to_owned());
    let args = vec!["nes".to_owned(), "coordinator".to_owned(), config, dir, state];
    let (program, address) = run(&args);
    Merging { folder, program, address, args }
}

#[test]
fn what_a_broker_keeps_comes_to_all_who_share_it_when_the_coordinator_ends() {
    let folder = Folder::new("nes-merging-mqtt");
    let port = free_port();
    let Some(_broker) = broker(&folder, port) else { return };
    let mut merging = metering(folder, port);
    let outputs = ["a.csv", "b.csv"];
    for out in outputs {
        let path = merging.folder.path(out).display().to_string();
        let sink = format!("FileSinkDescriptor::create(\"{path}\", \"CSV_FORMAT\", \"APPEND\")");
        let id = merging.submit_to("Query::from(\"meters\")", &sink);
        merging.comes_to(id, "RUNNING");
    }
    let has = |merging: &Merging, out: &str, ids: Range<u32>| {
        let text = merging.folder.read(out);
        let lines: HashSet<&str> = text.lines().collect();
        ids.filter(|id| !lines.contains(id.to_string().as_str())).count() == 0
    };
    let send = |ids: Range<u32>| {
        let rows: String = ids.map(|id| format!("{{\"id\":{id}}}\n")).collect();
        publish(port, &rows);
    };
    send(0..1);
    let begun = until(|| outputs.iter().all(|out| has(&merging, out, 0..1)).then_some(()));
    assert!(begun.is_some(), "{}", merging.program.log());
    let mut from = 1;
    for signal in ["TERM", "KILL", "TERM"] {
        std::thread::scope(|scope| {
            scope.spawn(|| send(from..from + 2000));
            until(|| has(&merging, "a.csv", from..from + 1).then_some(()));
            merging.end(signal);
        });
        send(from + 2000..from + 2100);
        from += 2100;
        (merging.program, merging.address) = run(&merging.args);
    }
    for out in outputs {
        let all = until(|| has(&merging, out, 0..from).then_some(()));
        assert!(all.is_some(), "{out} lacks rows\n{}", merging.program.log());
    }
}

#[test]
fn an_unknown_rule_is_told_with_those_that_are_known() {
    let word = "--optimizer.queryMergerRule=BestQueryMergerRule";
    let mut program = Program::start(&["nes", "coordinator", word]);
    let status = program.wait().expect("it ends");
    assert!(!status.success());
    let log = program.log();
    assert!(log.contains("optimizer.queryMergerRule: there is no rule 'BestQuery"), "{log}");
    assert!(log.contains("SyntaxBasedCompleteQueryMergerRule"), "{log}");
}
