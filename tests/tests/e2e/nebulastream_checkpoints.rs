//! What windows and joins of a query remember survives its process: killed at any moment, and
//! stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::ops::Range;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::program::{Folder, Program, binary, http, io_args, seed, until};

use crate::nebulastream::{broker, publish};
use crate::nebulastream_workers::{
    Coordinator, accepted, connection, free_port, there_is_a_server,
};

/// Bytes in front of the content of a checkpoint, and behind the numbers of rows in it.
const HEAD: usize = 4096;
const TAIL: usize = 8 + 32 + 1;

/// A coordinator alone, with a directory for state.
struct Service {
    folder: Folder,
    program: Program,
    address: String,
    /// Pipes that are open, by source.
    pipes: BTreeMap<&'static str, File>,
}

fn start(folder: &Folder) -> (Program, String) {
    let config = format!("--configPath={}", folder.path("coordinator.yaml").display());
    let state = folder.path("state").display().to_string();
    let mut command = Command::new(binary());
    command.args(["nes", "coordinator", &config, "--state-dir", &state, "--shards", "2"]);
    // Without workers it is all in one process.
    let program = Program::with(command.args(io_args()).env("PATH", ""));
    let address = program.address("requests: nes");
    (program, address)
}

impl Service {
    /// A service whose sources `a` and `b` are pipes, which begin anew each time they are opened.
    fn of_pipes(name: &str) -> Service {
        let folder = Folder::new(name);
        let mut config = "restPort: 0\nlogicalSources:\n".to_owned();
        let mut physical = "worker:\n  physicalSources:\n".to_owned();
        for source in ["a", "b"] {
            let path = folder.path(source);
            let made = Command::new("mkfifo").arg(&path).status();
            assert!(made.is_ok_and(|status| status.success()));
            config += &format!(
                "  - logicalSourceName: {source}\n    fields:\n      - {{name: ts, type: UINT64}}\n\
                 \x20     - {{name: k, type: UINT64}}\n      - {{name: v, type: UINT64}}\n"
            );
            physical += &format!(
                "    - logicalSourceName: {source}\n      physicalSourceName: {source}1\n\
                 \x20     type: CSV_SOURCE\n      configuration:\n        filePath: {}\n\
                 \x20       bufferSizeInBytes: 72\n",
                path.display()
            );
        }
        folder.write("coordinator.yaml", config + &physical);
        let (program, address) = start(&folder);
        Service { folder, program, address, pipes: BTreeMap::new() }
    }

    /// Ends it by a signal and starts it again.
    fn again(&mut self, signal: &str) {
        self.end(signal);
        (self.program, self.address) = start(&self.folder);
    }

    /// Ends it; what is in pipes is gone then.
    fn end(&mut self, signal: &str) {
        self.program.signal(signal);
        assert!(self.program.wait().is_some(), "{}", self.program.log());
        self.pipes.clear();
    }

    fn submit(&self, query: &str, tolerance: &str) -> u64 {
        let text = format!(
            "{query}.sink(FileSinkDescriptor::create(\"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
            self.folder.path("out.csv").display()
        );
        let body = json!({"userQuery": text, "placement": "BottomUp", "faultTolerance": tolerance});
        let answer = http(&self.address, "POST", "/v1/nes/query/execute-query", &body.to_string());
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["queryId"].as_u64().expect("an id")
    }

    fn comes_to(&self, id: u64, status: &str) {
        let path = format!("/v1/nes/queryCatalog/status?queryId={id}");
        let status_is = |answer: &Value| answer["status"] == status;
        let there =
            until(|| status_is(&http(&self.address, "GET", &path, "").json()).then_some(()));
        assert!(there.is_some(), "{id} is {status}: {}", self.program.log());
    }

    fn checkpoints(&self) -> Vec<std::path::PathBuf> {
        let files = fs::read_dir(self.folder.path("state/checkpoints"));
        files.into_iter().flatten().flatten().map(|file| file.path()).collect()
    }

    /// How many rows of sources that begin anew are in the only checkpoint.
    fn kept(&self) -> Option<u64> {
        let whole = |path: &std::path::PathBuf| path.extension().is_none_or(|e| e != "new");
        let file = self.checkpoints().into_iter().find(whole)?;
        let bytes = fs::read(file).ok()?;
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        let end = HEAD + usize::try_from(number(8)?).ok()? - TAIL;
        let count = usize::try_from(number(end)?).ok()?;
        (0..count).map(|entry| number(end - 24 * entry - 8)).sum()
    }

    /// Waits until so many rows are in a checkpoint.
    fn keeps(&self, rows: u64) {
        let kept = until(|| (self.kept() == Some(rows)).then_some(()));
        assert!(kept.is_some(), "{rows}, {:?}: {}", self.kept(), self.program.log());
    }

    /// Writes to a pipe; the first to do so waits until the source has opened it.
    fn write(&mut self, source: &'static str, text: &str) {
        let path = self.folder.path(source);
        let open = || OpenOptions::new().write(true).open(path).expect("a pipe");
        let pipe = self.pipes.entry(source).or_insert_with(open);
        pipe.write_all(text.as_bytes()).expect("it takes rows");
    }

    /// The rows of the result, without its head, which must be there once.
    fn rows(&self) -> Vec<String> {
        let text = self.folder.read("out.csv");
        let (heads, rows): (Vec<&str>, Vec<&str>) =
            text.lines().filter(|line| !line.is_empty()).partition(|line| line.contains(':'));
        assert_eq!(heads.len(), 1, "{text}");
        rows.into_iter().map(str::to_owned).collect()
    }
}

/// Row `n`: ten rows a second of event time, three keys.
fn row(n: u64, v: u64) -> String {
    format!("{},{},{v}\n", n * 100, n % 3)
}

/// Rows as they are.
fn right(range: Range<u64>) -> String {
    range.map(|n| row(n, n)).collect()
}

/// Rows that would ruin every result they are in.
fn wrong(range: Range<u64>) -> String {
    range.map(|n| row(n, 1_000_000)).collect()
}

const SUMS: &str = "Query::from(\"a\")\
                    .window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(1)))\
                    .byKey(Attribute(\"k\")).apply(Sum(Attribute(\"v\")))";

/// The rows of the result of `SUMS` over rows up to `end`.
fn sums(end: u64) -> BTreeSet<String> {
    let mut sums: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    (0..end).for_each(|n| *sums.entry((n / 10 * 1000, n % 3)).or_default() += n);
    sums.into_iter()
        .map(|((start, k), sum)| format!("{start},{},{k},{sum}", start + 1000))
        .collect()
}

#[test]
fn a_window_over_a_file_is_exact_however_often_its_process_is_killed() {
    let mut service = Service::of_pipes("nes-kept");
    let id = service.submit(SUMS, "AT_LEAST_ONCE");
    service.write("a", &right(0..45));
    service.keeps(45);
    // What is in the state is passed over from here on, whatever it is now.
    for (signal, kept, end) in [("KILL", 45, 101), ("TERM", 101, 172), ("KILL", 172, 200)] {
        service.again(signal);
        service.write("a", &(wrong(0..kept) + &right(kept..end)));
        service.keeps(end);
    }
    // And at moments that nobody has chosen.
    let seed = seed();
    for turn in 1..6 {
        thread::sleep(Duration::from_millis((seed >> turn) % 120));
        service.again("KILL");
        service.write("a", &(wrong(0..200) + &right(200..200 + turn * 60)));
    }
    service.again("KILL");
    service.write("a", &(wrong(0..200) + &right(200..1000)));
    service.pipes.clear();
    service.comes_to(id, "STOPPED");
    let rows = service.rows();
    assert!(rows.len() >= 300, "{}", rows.len());
    assert_eq!(BTreeSet::from_iter(rows), sums(1000), "seed {seed}");
    let gone = until(|| service.checkpoints().is_empty().then_some(()));
    assert!(gone.is_some(), "{:?}", service.checkpoints());
}

#[test]
fn a_window_that_is_read_again_as_a_whole_gives_everything_once() {
    let mut service = Service::of_pipes("nes-anew");
    let id = service.submit(SUMS, "EXACTLY_ONCE");
    for end in [50, 130, 90] {
        service.write("a", &right(0..end));
        let fired = until(|| service.folder.read("out.csv").contains("2000,3000,2").then_some(()));
        assert!(fired.is_some(), "{}", service.folder.read("out.csv"));
        service.again("KILL");
    }
    service.write("a", &right(0..200));
    service.pipes.clear();
    service.comes_to(id, "STOPPED");
    let mut rows = service.rows();
    rows.sort_unstable();
    assert!(rows.iter().eq(&sums(200)), "{rows:?}");
    assert!(service.checkpoints().is_empty());
}

#[test]
fn a_join_of_two_files_is_exact_however_often_its_process_is_killed() {
    let mut service = Service::of_pipes("nes-joined");
    let query = "Query::from(\"a\").joinWith(Query::from(\"b\"))\
                 .where(Attribute(\"a$k\") == Attribute(\"b$k\"))\
                 .window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(1)))\
                 .project(Attribute(\"a$v\"), Attribute(\"b$v\"))";
    let id = service.submit(query, "AT_LEAST_ONCE");
    let mut kept = 0;
    for end in [35_u64, 78, 130, 200] {
        // One of them is ahead of the other.
        service.write("a", &(wrong(0..kept) + &right(kept..end + 7)));
        let kept_of_b = kept.max(7) - 7;
        service.write("b", &(wrong(0..kept_of_b) + &right(kept_of_b..end)));
        if end < 200 {
            service.keeps(2 * end + 7);
            service.again("KILL");
        }
        kept = end + 7;
    }
    service.pipes.clear();
    service.comes_to(id, "STOPPED");
    let mut pairs = BTreeSet::new();
    for a in 0..207_u64 {
        let same = |b: &u64| a / 10 == b / 10 && a % 3 == b % 3;
        pairs.extend((0..200).filter(same).map(|b| format!("{a},{b}")));
    }
    assert_eq!(BTreeSet::from_iter(service.rows()), pairs);
}

#[test]
fn a_state_lives_as_long_as_its_query_and_one_that_is_damaged_is_told() {
    let mut service = Service::of_pipes("nes-stopped");
    let none = service.submit(SUMS, "NONE");
    service.write("a", &right(0..100));
    let fired = until(|| service.folder.read("out.csv").contains("5000,6000").then_some(()));
    assert!(fired.is_some() && !service.folder.path("state/checkpoints").exists());
    let stop = |service: &Service, id: u64| {
        let path = format!("/v1/nes/query/stop-query?queryId={id}");
        assert_eq!(http(&service.address, "DELETE", &path, "").status, 202);
    };
    stop(&service, none);
    service.pipes.clear();

    let id = service.submit(SUMS, "AT_LEAST_ONCE");
    service.write("a", &right(0..50));
    service.keeps(50);
    service.end("KILL");
    let file = service.checkpoints().pop().expect("a checkpoint");
    let mut bytes = fs::read(&file).expect("it is there");
    bytes[HEAD + 5] ^= 1;
    fs::write(&file, bytes).expect("it is written");
    (service.program, service.address) = start(&service.folder);
    // It begins anew, its file as well.
    service.write("a", &right(0..100));
    service.keeps(100);
    let log = service.program.log();
    assert!(log.contains("is damaged, and the pipeline begins anew"), "{log}");
    let rows = service.rows();
    assert_eq!(BTreeSet::from_iter(rows.iter().cloned()).len(), rows.len(), "{rows:?}");

    stop(&service, id);
    assert!(service.checkpoints().is_empty(), "{:?}", service.checkpoints());
    service.again("KILL");
    assert!(service.checkpoints().is_empty());
    service.comes_to(id, "STOPPED");
}

/// Counts of rows by second.
const COUNTS: &str = "Query::from(\"meters\")\
                      .window(TumblingWindow::of(EventTime(Attribute(\"w\")), Seconds(1)))\
                      .apply(Count())";

/// The greatest count of each window.
fn counts(rows: &[String]) -> BTreeMap<u64, u64> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for row in rows {
        let numbers: Vec<u64> = row.split(',').filter_map(|n| n.parse().ok()).collect();
        let &[start, _, count] = numbers.as_slice() else { panic!("{row}") };
        let most = counts.entry(start).or_default();
        *most = count.max(*most);
    }
    counts
}

#[test]
fn no_row_of_a_broker_is_lost_when_the_process_of_a_window_is_killed() {
    let folder = Folder::new("nes-kept-mqtt");
    let port = free_port();
    let Some(_broker) = broker(&folder, port) else { return };
    let config = format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: meters\n    fields:\n\
         \x20     - {{name: w, type: UINT64}}\nworker:\n  physicalSources:\n\
         \x20   - logicalSourceName: meters\n      physicalSourceName: meters1\n\
         \x20     type: MQTT_SOURCE\n      configuration:\n        url: tcp://127.0.0.1:{port}\n\
         \x20       topic: meters\n        clientId: reader\n        cleanSession: false\n\
         \x20       numberOfTuplesToProducePerBuffer: 1\n"
    );
    folder.write("coordinator.yaml", config);
    let (program, address) = start(&folder);
    let mut service = Service { folder, program, address, pipes: BTreeMap::new() };
    let id = service.submit(COUNTS, "AT_LEAST_ONCE");
    // Rows that come before it listens are nobody's.
    let listens = until(|| {
        publish(port, "{\"w\":1000}\n");
        service.checkpoints().first().map(drop)
    });
    assert!(listens.is_some(), "{}", service.program.log());
    let (seed, mut next) = (seed(), 2000_u64);
    for turn in 0..8 {
        // A hundred rows a second of event time, for some seconds.
        let rows: String = (0..300).map(|n| format!("{{\"w\":{}}}\n", next + n * 10)).collect();
        next += 3000;
        let publisher = thread::spawn(move || publish(port, &rows));
        thread::sleep(Duration::from_millis((seed >> turn) % 200));
        service.again(if turn % 4 == 3 { "TERM" } else { "KILL" });
        publisher.join().expect("everything is published");
    }
    publish(port, &format!("{{\"w\":{}}}\n", next + 5000));
    let last = until(|| service.rows_there(next - 1000).then_some(()));
    let counts = counts(&service.rows());
    assert!(last.is_some(), "seed {seed}: {counts:?}\n{}", service.program.log());
    for start in (2000..next).step_by(1000) {
        let count = counts.get(&start).copied().unwrap_or_default();
        assert!(count >= 100, "seed {seed}: {count} at {start}: {counts:?}");
    }
    service.comes_to(id, "RUNNING");
}

impl Service {
    /// Whether the window that begins so has a result.
    fn rows_there(&self, start: u64) -> bool {
        self.folder.read("out.csv").lines().any(|line| line.starts_with(&format!("{start},")))
    }
}

#[test]
fn a_window_at_the_coordinator_keeps_what_came_over_an_edge() {
    if !there_is_a_server() {
        return;
    }
    let mut coordinator = Coordinator::start("nes-kept-edge");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = connection("b", listener.local_addr().expect("its address").port());
    let _worker = coordinator.worker(2, &source);
    let query = "Query::from(\"b\")\
                 .window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(10)))\
                 .apply(Sum(Attribute(\"v\")))";
    let more = json!({"placement": "TopDown", "faultTolerance": "AT_LEAST_ONCE"});
    let id = coordinator.submit(query, "out.csv", more);
    let mut rows = accepted(&listener);
    coordinator.comes_to(id, "RUNNING");
    let plan = coordinator.plan(id);
    assert!(plan[0].1.contains("WINDOW AGGREGATION("), "{plan:?}");
    let seed = seed();
    for turn in 0..5_u64 {
        for n in 0..20 {
            let text = format!("{},1,1\n", 100 * (20 * turn + n));
            rows.write_all(text.as_bytes()).expect("it takes rows");
        }
        thread::sleep(Duration::from_millis((seed >> turn) % 150));
        coordinator.again(if turn == 3 { "TERM" } else { "KILL" });
    }
    rows.write_all(b"20000,1,1\n31000,1,1\n").expect("it takes rows");
    let fired = |window: &str| {
        let rows = coordinator.rows("out.csv");
        let sums = rows.iter().filter_map(|row| row.strip_prefix(window)?.parse::<u64>().ok());
        sums.max()
    };
    let last = until(|| fired("20000,30000,"));
    let sum = fired("0,10000,");
    assert!(last.is_some() && sum >= Some(100), "seed {seed}: {:?}", coordinator.rows("out.csv"));
}
