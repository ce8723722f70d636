//! Sinks that a query puts on a node of its own choice.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use serde_json::json;
use tests::program::{Program, until};

use crate::nebulastream_workers::{Coordinator, accepted, connection, file, there_is_a_server};

const FILTER: &str = "Query::from(\"a\").filter(Attribute(\"v\") > 100)";

#[test]
fn a_sink_may_be_on_a_worker() {
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("nes-sinks");
    let rows: Vec<String> = (0..20_000).map(|n| format!("{},1,{n}", n * 10)).collect();
    let path = coordinator.folder.write("a.csv", rows.join("\n") + "\n");
    let _workers = [
        coordinator.worker(2, &file("a", &path)),
        coordinator.worker(3, ""),
        coordinator.worker(4, ""),
    ];
    coordinator.link("addParent", 2, 3);
    coordinator.link("removeParent", 2, 1);
    let mut expected: Vec<&str> = rows.iter().skip(101).map(String::as_str).collect();
    expected.sort_unstable();
    for placement in ["BottomUp", "TopDown"] {
        let out = format!("{placement}.csv");
        let answer = coordinator.ask(FILTER, &out, ", 3", json!({"placement": placement}));
        assert_eq!(answer.status, 202, "{}", answer.text());
        let id = answer.json()["queryId"].as_u64().expect("an id");
        // What runs where can be seen as long as the query runs.
        let plan = coordinator.plan(id);
        if let Some((_, of_three)) = plan.iter().find(|(node, _)| *node == 3) {
            assert!(of_three.starts_with("SINK("), "{plan:?}");
            assert_eq!(plan[0], (1, String::new()), "{plan:?}");
        }
        coordinator.comes_to(id, "STOPPED");
        // Everything is there when it has ended.
        assert!(coordinator.rows(&out) == expected, "{placement}");
    }
    let topology = coordinator.get("topology");
    for node in topology["nodes"].as_array().expect("nodes") {
        assert_eq!(node["available_resources"], 65_535, "slots come back: {topology}");
    }
    for (place, why) in [
        (", 9", "node 9 is not in the topology"),
        (", 4", "the sink on node 4 cannot be reached from the source on node 2"),
    ] {
        let answer = coordinator.ask(FILTER, "none.csv", place, json!({}));
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(why), "{}", answer.text());
    }
}

/// A query with its source, a connection, on worker 2 below worker 3.
struct Apart {
    coordinator: Coordinator,
    listener: TcpListener,
    streams: Vec<TcpStream>,
    workers: [Program; 2],
    id: u64,
}

impl Apart {
    /// The query, when its first row is in the file; `place` is where its sink is.
    fn start(name: &str, place: &str) -> Apart {
        let coordinator = Coordinator::start(name);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let workers = [coordinator.worker(2, &connection("a", port)), coordinator.worker(3, "")];
        coordinator.link("addParent", 2, 3);
        coordinator.link("removeParent", 2, 1);
        let more = json!({"faultTolerance": "AT_LEAST_ONCE"});
        let answer = coordinator.ask("Query::from(\"a\")", "out.csv", place, more);
        assert_eq!(answer.status, 202, "{}", answer.text());
        let id = answer.json()["queryId"].as_u64().expect("an id");
        let mut stream = accepted(&listener);
        stream.write_all(b"1,1,1\n").expect("it takes rows");
        coordinator.comes_to(id, "RUNNING");
        coordinator.rows_become("out.csv", &["1,1,1"]);
        Apart { coordinator, listener, streams: vec![stream], workers, id }
    }

    /// Kills the worker above the source.
    fn kill(&mut self) {
        self.workers[1].signal("KILL");
        let _ = self.workers[1].wait();
    }

    /// Kills the worker that writes and starts another one in its place, above the other one.
    fn replace(&mut self) {
        self.kill();
        self.coordinator.comes_to(self.id, "RESTARTING");
        self.workers[1] = self.coordinator.worker(3, "");
        self.coordinator.link("addParent", 2, 3);
    }

    /// Sends one more row, which must come behind the first.
    fn go_on(mut self) {
        self.coordinator.comes_to(self.id, "RUNNING");
        let row = b"2,2,2\n";
        // Where the source has made another connection, nobody listens to the old one.
        let _ = self.streams[0].write_all(row);
        // A row in the file may be one whose ack did not leave in time: it comes once more.
        let there = until(|| {
            if let Ok((mut stream, _)) = self.listener.accept() {
                stream.write_all(row).expect("it takes rows");
                self.streams.push(stream);
            }
            let mut rows = self.coordinator.rows("out.csv");
            rows.dedup();
            (rows == ["1,1,1", "2,2,2"]).then_some(())
        });
        assert!(there.is_some(), "{:?}", self.coordinator.rows("out.csv"));
    }
}

#[test]
fn a_sink_on_a_worker_that_is_killed_goes_on_with_its_file() {
    if !there_is_a_server() {
        return;
    }
    let mut apart = Apart::start("nes-sink-killed", ", 3");
    apart.replace();
    apart.coordinator.link("removeParent", 2, 1);
    apart.go_on();
}

#[test]
fn a_query_that_begins_again_keeps_what_its_source_does_not_send_again() {
    if !there_is_a_server() {
        return;
    }
    let mut apart = Apart::start("nes-sink-again", ", 3");
    apart.replace();
    // With two ways to the root it is spread otherwise than before.
    apart.go_on();
}

#[test]
fn so_does_one_whose_file_is_at_the_root() {
    if !there_is_a_server() {
        return;
    }
    let mut apart = Apart::start("nes-sink-root", "");
    // The source is below the root now, by another edge.
    apart.kill();
    let moved = until(|| (apart.coordinator.plan(apart.id).len() == 2).then_some(()));
    assert!(moved.is_some(), "{:?}", apart.coordinator.plan(apart.id));
    apart.go_on();
}

#[test]
fn a_maintenance_that_restarts_a_query_empties_its_file() {
    if !there_is_a_server() {
        return;
    }
    let apart = Apart::start("nes-sink-restart", "");
    let coordinator = &apart.coordinator;
    let _fourth = coordinator.worker(4, "");
    coordinator.link("addParent", 2, 4);
    let answer = coordinator.maintain(3, "RESTART");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut rows = accepted(&apart.listener);
    rows.write_all(b"7,7,7\n").expect("it takes rows");
    coordinator.rows_become("out.csv", &["7,7,7"]);
    coordinator.comes_to(apart.id, "RUNNING");
}
