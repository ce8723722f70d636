//! A topology of real processes: workers under a coordinator, over a NATS server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tests::program::{Answer, Folder, Program, binary, http, io_args, try_http, until};

/// Whether there is a server here that coordinators can start.
#[allow(clippy::print_stderr)] // whoever reads the result must see it
pub(crate) fn there_is_a_server() -> bool {
    let found = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status();
    if found.is_err() {
        eprintln!("skipped: nats-server is not on this machine");
    }
    found.is_ok()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// A coordinator of the logical sources `a` and `b`.
pub(crate) struct Coordinator {
    pub(crate) folder: Folder,
    program: Program,
    rpc: u16,
    pub(crate) address: String,
}

impl Coordinator {
    pub(crate) fn start(name: &str) -> Coordinator {
        let folder = Folder::new(name);
        let fields = "    fields:\n      - {name: ts, type: UINT64}\n\
                      \x20     - {name: k, type: UINT64}\n      - {name: v, type: UINT64}\n";
        let config = format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: a\n{fields}\
             \x20 - logicalSourceName: b\n{fields}"
        );
        folder.write("coordinator.yaml", config);
        let rpc = free_port();
        let (program, address) = run(&folder, rpc);
        Coordinator { folder, program, rpc, address }
    }

    /// Ends it by a signal and starts it again.
    pub(crate) fn again(&mut self, signal: &str) {
        self.program.signal(signal);
        let _ = self.program.wait();
        (self.program, self.address) = run(&self.folder, self.rpc);
    }

    /// Starts a worker; `source` are the lines of its physical source.
    pub(crate) fn worker(&self, id: u64, source: &str) -> Program {
        let config = format!(
            "workerId: {id}\ncoordinatorHost: 127.0.0.1\ncoordinatorPort: {}\n{source}",
            self.rpc
        );
        let config = self.folder.write(&format!("worker{id}.yaml"), config);
        let config = format!("--configPath={config}");
        let worker = Program::start(&["nes", "worker", &config, "--shards", "1"]);
        let joined = until(|| self.nodes().contains(&id).then_some(()));
        assert!(joined.is_some(), "{id} joins:\n{}\n{}", worker.log(), self.program.log());
        worker
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        http(&self.address, "GET", &format!("/v1/nes/{path}"), "").json()
    }

    fn nodes(&self) -> Vec<u64> {
        let topology = self.get("topology");
        let nodes = topology["nodes"].as_array().expect("nodes").iter();
        nodes.filter_map(|node| node["id"].as_u64()).collect()
    }

    fn edges(&self) -> Vec<(u64, u64)> {
        let topology = self.get("topology");
        let edges = topology["edges"].as_array().expect("edges").iter();
        let end = |edge: &Value, end: &str| edge[end].as_u64().expect("an id");
        edges.map(|edge| (end(edge, "source"), end(edge, "target"))).collect()
    }

    pub(crate) fn link(&self, call: &str, child: u64, parent: u64) {
        let body = json!({"parentId": parent, "childId": child}).to_string();
        let answer = http(&self.address, "POST", &format!("/v1/nes/topology/{call}"), &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Puts 2 and 3 below 4.
    fn below_four(&self) {
        for child in [2, 3] {
            self.link("addParent", child, 4);
            self.link("removeParent", child, 1);
        }
        assert_eq!(self.edges(), [(4, 1), (2, 4), (3, 4)]);
    }

    pub(crate) fn submit(&self, query: &str, out: &str, more: Value) -> u64 {
        let answer = self.ask(query, out, "", more);
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["queryId"].as_u64().expect("an id")
    }

    /// Submits a query; `place` is what the call of its sink has behind the sink.
    pub(crate) fn ask(&self, query: &str, out: &str, place: &str, more: Value) -> Answer {
        let out = self.folder.path(out).display().to_string();
        let sink = format!("FileSinkDescriptor::create(\"{out}\", \"CSV_FORMAT\", \"OVERWRITE\")");
        let text = format!("{query}.sink({sink}{place});");
        let mut body = json!({"userQuery": text, "placement": "BottomUp"});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        http(&self.address, "POST", "/v1/nes/query/execute-query", &body.to_string())
    }

    fn status(&self, id: u64) -> String {
        let path = format!("/v1/nes/queryCatalog/status?queryId={id}");
        let answer = try_http(&self.address, "GET", &path, "");
        answer
            .map(|answer| answer.json()["status"].as_str().unwrap_or_default().to_owned())
            .unwrap_or_default()
    }

    pub(crate) fn comes_to(&self, id: u64, status: &str) {
        let there = until(|| (self.status(id) == status).then_some(()));
        let all = self.get("queryCatalog/allRegisteredQueries");
        assert!(there.is_some(), "{id} is {status}: {all}\n{}", self.program.log());
    }

    /// What runs on which node, by the execution plan.
    pub(crate) fn plan(&self, id: u64) -> Vec<(u64, String)> {
        let plan = self.get(&format!("query/execution-plan?queryId={id}"));
        let of = |node: &Value| {
            let operator = &node["ScheduledQueries"][0]["querySubPlans"][0]["operator"];
            (
                node["topologyNodeId"].as_u64().unwrap_or(0),
                operator.as_str().unwrap_or_default().to_owned(),
            )
        };
        plan["executionNodes"].as_array().expect("nodes").iter().map(of).collect()
    }

    /// Takes a node out of service.
    pub(crate) fn maintain(&self, node: u64, kind: &str) -> Answer {
        let body = json!({"id": node, "migrationType": kind}).to_string();
        http(&self.address, "POST", "/v1/nes/maintenance/mark", &body)
    }

    /// The rows of a result, without its header, in order.
    pub(crate) fn rows(&self, out: &str) -> Vec<String> {
        let text = self.folder.read(out);
        let mut rows: Vec<String> =
            text.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        rows.sort();
        rows
    }

    pub(crate) fn rows_become(&self, out: &str, expected: &[&str]) {
        let there = until(|| (self.rows(out) == expected).then_some(()));
        assert!(there.is_some(), "{:?}\n{}", self.rows(out), self.program.log());
    }

    /// The process of its NATS server.
    fn server(&self) -> Option<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.program.id())).ok()?;
        let children = tasks
            .flatten()
            .map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
        let all: String = children.collect();
        all.split_whitespace().next().map(str::to_owned)
    }
}

fn run(folder: &Folder, rpc: u16) -> (Program, String) {
    let config = format!("--configPath={}", folder.path("coordinator.yaml").display());
    let rpc = format!("--rpcPort={rpc}");
    let state = folder.path("state").display().to_string();
    let args = ["nes", "coordinator", &config, &rpc, "--state-dir", &state, "--shards", "1"];
    let program = Program::start(&args);
    let address = program.address("requests: nes");
    (program, address)
}

/// A file of rows as the source of a worker.
pub(crate) fn file(logical: &str, path: &str) -> String {
    format!(
        "physicalSources:\n  - logicalSourceName: {logical}\n    physicalSourceName: {logical}1\n\
         \x20   type: CSV_SOURCE\n    configuration:\n      filePath: {path}\n"
    )
}

/// A connection as the source of a worker.
pub(crate) fn connection(logical: &str, port: u16) -> String {
    format!(
        "physicalSources:\n  - logicalSourceName: {logical}\n    physicalSourceName: {logical}1\n\
         \x20   type: TCP_SOURCE\n    configuration:\n      socketHost: 127.0.0.1\n\
         \x20     socketPort: {port}\n      inputFormat: CSV\n      bufferSizeInBytes: 24\n"
    )
}

/// Waits for the connection of a source.
pub(crate) fn accepted(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a setting");
    let stream = until(|| listener.accept().ok()).expect("the source connects").0;
    stream.set_nonblocking(false).expect("a setting");
    stream
}

const WINDOW: &str = ".window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(10)))\
                      .apply(Sum(Attribute(\"v\")))";

#[test]
fn sources_of_several_workers_end_in_one_file() {
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("nes-workers");
    let mut workers = Vec::new();
    let mut expected = Vec::new();
    for id in 2..5_u64 {
        let rows: Vec<String> = (0..500).map(|n| format!("{},{id},{n}", n * 10)).collect();
        expected.extend(rows.iter().skip(101).cloned());
        let path = coordinator.folder.write(&format!("{id}.csv"), rows.join("\n") + "\n");
        workers.push(coordinator.worker(id, &file("a", &path)));
    }
    expected.sort();
    let physical = coordinator.get("sourceCatalog/allPhysicalSource?logicalSourceName=a");
    assert_eq!(physical["Physical Sources"].as_array().map(Vec::len), Some(3), "{physical}");
    let metrics = coordinator.get("monitoring/metrics");
    for id in ["1", "2", "3", "4"] {
        assert!(metrics[id]["memory"]["TOTAL_RAM"].is_u64(), "{id}: {metrics}");
    }
    coordinator.below_four();
    for placement in ["BottomUp", "TopDown"] {
        let query = "Query::from(\"a\").filter(Attribute(\"v\") > 100)";
        let out = format!("{placement}.csv");
        let id = coordinator.submit(query, &out, json!({"placement": placement}));
        coordinator.comes_to(id, "STOPPED");
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        coordinator.rows_become(&out, &expected);
    }
    let topology = coordinator.get("topology");
    for node in topology["nodes"].as_array().expect("nodes") {
        assert_eq!(node["available_resources"], 65_535, "slots come back: {topology}");
    }
}

#[test]
fn bottom_up_and_top_down_run_different_plans_with_the_same_results() {
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("nes-placements");
    let a =
        coordinator.folder.write("a.csv", "1000,1,5\n12000,1,7\n13000,1,1\n24000,1,9\n45000,1,1\n");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let _workers = [
        coordinator.worker(2, &file("a", &a)),
        coordinator.worker(3, &connection("b", port)),
        coordinator.worker(4, ""),
    ];
    coordinator.below_four();
    let query = format!(
        "Query::from(\"a\").filter(Attribute(\"v\") > 1).unionWith(Query::from(\"b\")){WINDOW}"
    );
    for (placement, of_two, of_four, of_root) in [
        ("BottomUp", "  FILTER(2)\n    SOURCE(1,a)\n", "  WINDOW AGGREGATION(", "SINK("),
        ("TopDown", "  SOURCE(1,a)\n", "  UNION(", "WINDOW AGGREGATION("),
    ] {
        let out = format!("{placement}.csv");
        let id = coordinator.submit(&query, &out, json!({"placement": placement}));
        let mut lasts = accepted(&listener);
        lasts.write_all(b"2000,1,100\n11000,1,200\n41000,1,1\n52000,1,1\n").expect("it takes rows");
        coordinator.comes_to(id, "RUNNING");
        coordinator.rows_become(
            &out,
            &["0,10000,105", "10000,20000,207", "20000,30000,9", "40000,50000,1"],
        );
        let plan = coordinator.plan(id);
        let nodes: Vec<u64> = plan.iter().map(|(node, _)| *node).collect();
        assert_eq!(nodes, [1, 2, 3, 4], "{plan:?}");
        assert!(plan[1].1.starts_with("SINK_SYS(") && plan[1].1.ends_with(of_two), "{plan:?}");
        assert!(plan[3].1.contains(of_four), "{plan:?}");
        assert!(plan[0].1.contains(of_root) && plan[0].1.contains("SOURCE_SYS("), "{plan:?}");
        let stop = format!("/v1/nes/query/stop-query?queryId={id}");
        assert_eq!(http(&coordinator.address, "DELETE", &stop, "").status, 202);
        coordinator.comes_to(id, "STOPPED");
        assert!(coordinator.plan(id).is_empty(), "nothing runs any more");
        // Until its worker has heard of that, the source would take the next one's connection.
        lasts.set_read_timeout(Some(Duration::from_secs(20))).expect("a setting");
        assert_eq!(lasts.read(&mut [0]).ok(), Some(0), "the source goes");
    }
}

#[test]
fn a_worker_that_is_killed_is_missed_and_its_query_fails_or_waits_for_it() {
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("nes-killed");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = connection("b", listener.local_addr().expect("its address").port());
    let mut worker = coordinator.worker(2, &source);
    let query = "Query::from(\"b\").filter(Attribute(\"v\") > 1)";
    let fails = coordinator.submit(query, "fails.csv", json!({"faultTolerance": "NONE"}));
    let first = accepted(&listener);
    let waits = coordinator.submit(query, "waits.csv", json!({"faultTolerance": "AT_LEAST_ONCE"}));
    let mut second = accepted(&listener);
    second.write_all(b"1,1,2\n").expect("it takes rows");
    coordinator.comes_to(fails, "RUNNING");
    coordinator.comes_to(waits, "RUNNING");
    coordinator.rows_become("waits.csv", &["1,1,2"]);

    worker.signal("KILL");
    let _ = worker.wait();
    drop((first, second));
    let missed = until(|| (coordinator.nodes() == [1]).then_some(()));
    assert!(missed.is_some(), "its lease ends");
    coordinator.comes_to(fails, "FAILED");
    coordinator.comes_to(waits, "RESTARTING");
    let all = coordinator.get("queryCatalog/allRegisteredQueries");
    let info = all[0]["queryInfo"].as_str().unwrap_or_default().to_owned();
    assert!(info.contains("node 2 is gone"), "{all}");

    let _worker = coordinator.worker(2, &source);
    let mut third = accepted(&listener);
    third.write_all(b"2,1,1\n3,1,3\n").expect("it takes rows");
    coordinator.comes_to(waits, "RUNNING");
    coordinator.rows_become("waits.csv", &["1,1,2", "3,1,3"]);
}

#[test]
fn what_a_node_did_that_is_killed_is_done_by_others() {
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("nes-replaced");
    let listeners = ["a", "b"].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let port = |at: usize| listeners[at].local_addr().expect("its address").port();
    let _sources = [
        coordinator.worker(2, &connection("a", port(0))),
        coordinator.worker(3, &connection("b", port(1))),
    ];
    let mut worker = coordinator.worker(4, "");
    coordinator.below_four();
    let query = "Query::from(\"a\").unionWith(Query::from(\"b\"))";
    let id = coordinator.submit(query, "out.csv", json!({"faultTolerance": "EXACTLY_ONCE"}));
    let send = |rows: [&str; 2]| {
        let mut streams = [accepted(&listeners[0]), accepted(&listeners[1])];
        for (stream, rows) in streams.iter_mut().zip(rows) {
            stream.write_all(rows.as_bytes()).expect("it takes rows");
        }
        streams
    };
    let streams = send(["1,1,1\n", "2,2,2\n"]);
    coordinator.comes_to(id, "RUNNING");
    coordinator.rows_become("out.csv", &["1,1,1", "2,2,2"]);
    assert!(coordinator.plan(id)[3].1.contains("UNION("), "{:?}", coordinator.plan(id));

    worker.signal("KILL");
    let _ = worker.wait();
    // Sources that can be read again send all they have.
    let again = send(["1,1,1\n3,3,3\n", "2,2,2\n4,4,4\n"]);
    drop(streams);
    coordinator.comes_to(id, "RUNNING");
    coordinator.rows_become("out.csv", &["1,1,1", "2,2,2", "3,3,3", "4,4,4"]);
    assert!(coordinator.plan(id)[0].1.contains("UNION("), "{:?}", coordinator.plan(id));
    assert_eq!(coordinator.edges(), [(2, 1), (3, 1)]);
    drop(again);
}

#[test]
fn a_node_that_is_maintained_gives_its_work_to_others() {
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("nes-maintained");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let _source = coordinator.worker(2, &connection("a", port));
    let (third, _fourth) = (coordinator.worker(3, ""), coordinator.worker(4, ""));
    // There are two ways from 2 to the root.
    coordinator.link("addParent", 2, 3);
    coordinator.link("removeParent", 2, 1);
    coordinator.link("addParent", 2, 4);
    let id = coordinator.submit("Query::from(\"a\")", "out.csv", json!({}));
    let nodes = || coordinator.plan(id).into_iter().map(|(node, _)| node).collect::<Vec<u64>>();
    let row = |n: u64| format!("{n:04},1,1");
    let mut rows = accepted(&listener);
    let mut send = |all: std::ops::Range<u64>| {
        let text: String = all.map(|n| row(n) + "\n").collect();
        rows.write_all(text.as_bytes()).expect("it takes rows");
    };
    send(0..50);
    coordinator.comes_to(id, "RUNNING");
    assert_eq!(nodes(), [1, 2, 3]);
    let answer = coordinator.maintain(3, "MIGRATION_WITH_BUFFERING");
    assert_eq!((answer.status, &answer.json()["Queries"]), (200, &json!([id])));
    assert_eq!(coordinator.status(id), "MIGRATING");
    send(50..200);
    coordinator.comes_to(id, "RUNNING");
    send(200..300);
    let shown = |all: std::ops::Range<u64>| all.map(|n| format!("{n},1,1")).collect::<Vec<_>>();
    let mut expected = shown(0..300);
    expected.sort();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    coordinator.rows_become("out.csv", &expected);
    assert_eq!(nodes(), [1, 2, 4]);
    // What is nowhere else stays, and so does what has no other way.
    for (node, why) in [(1, "their sinks are nowhere else"), (2, "node 2, where"), (4, "cannot be")]
    {
        let answer = coordinator.maintain(node, "RESTART");
        assert!(answer.status == 400 && answer.text().contains(why), "{node}: {}", answer.text());
    }
    // One that comes back takes operators again.
    third.signal("KILL");
    let gone = until(|| (!coordinator.nodes().contains(&3)).then_some(()));
    assert!(gone.is_some(), "{:?}", coordinator.nodes());
    let _third = coordinator.worker(3, "");
    coordinator.link("addParent", 2, 3);
    let answer = coordinator.maintain(4, "RESTART");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(coordinator.status(id), "RESTARTING");
    // It begins as a whole, and so does its file.
    let mut rows = accepted(&listener);
    rows.write_all(b"7,7,7\n").expect("it takes rows");
    coordinator.rows_become("out.csv", &["7,7,7"]);
    coordinator.comes_to(id, "RUNNING");
    assert_eq!(nodes(), [1, 2, 3]);
}

#[test]
fn a_query_goes_on_when_coordinator_or_server_are_killed() {
    if !there_is_a_server() {
        return;
    }
    let mut coordinator = Coordinator::start("nes-again");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = connection("b", listener.local_addr().expect("its address").port());
    let _worker = coordinator.worker(2, &source);
    let id = coordinator.submit("Query::from(\"b\")", "out.csv", json!({}));
    let mut rows = accepted(&listener);
    rows.write_all(b"1,1,1\n").expect("it takes rows");
    coordinator.rows_become("out.csv", &["1,1,1"]);

    let server = until(|| coordinator.server()).expect("a server");
    let _ = Command::new("kill").args(["-KILL", &server]).status();
    rows.write_all(b"2,1,2\n").expect("it takes rows");
    coordinator.rows_become("out.csv", &["1,1,1", "2,1,2"]);
    coordinator.comes_to(id, "RUNNING");

    for (signal, row) in [("KILL", "3,1,3"), ("TERM", "4,1,4")] {
        coordinator.again(signal);
        rows.write_all(format!("{row}\n").as_bytes()).expect("it takes rows");
        let there = until(|| coordinator.rows("out.csv").contains(&row.to_owned()).then_some(()));
        let mut rows_there = coordinator.rows("out.csv");
        rows_there.dedup();
        assert_eq!(rows_there.get(..2), Some(&["1,1,1".to_owned(), "2,1,2".to_owned()][..]));
        let log = coordinator.program.log();
        assert!(there.is_some(), "{signal}: {:?}\n{log}", coordinator.rows("out.csv"));
        coordinator.comes_to(id, "RUNNING");
        let back = until(|| (coordinator.nodes() == [1, 2]).then_some(()));
        assert!(back.is_some(), "{signal}: {:?}", coordinator.nodes());
    }
}

#[test]
fn without_a_server_it_says_so_and_serves_alone() {
    let mut command = Command::new(binary());
    command.args(["nes", "coordinator", "--restPort=0"]).args(io_args()).env("PATH", "");
    let program = Program::with(&mut command);
    let address = program.address("requests: nes");
    assert!(program.log().contains("workers cannot join"), "{}", program.log());
    let topology = http(&address, "GET", "/v1/nes/topology", "").json();
    assert_eq!(topology["nodes"][0]["id"], 1);
}

#[test]
fn a_worker_waits_for_its_coordinator() {
    let port = format!("--coordinatorPort={}", free_port());
    let mut worker = Program::start(&["nes", "worker", &port, "--shards=1"]);
    let away = until(|| worker.log().contains("server is away").then_some(()));
    assert!(away.is_some(), "{}", worker.log());
    worker.signal("TERM");
    assert!(worker.wait().is_some_and(|status| status.success()), "{}", worker.log());
}
