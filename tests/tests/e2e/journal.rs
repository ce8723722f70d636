//! With a state directory, what was answered with success is there after `kill -9` at any moment,
//! and what was deleted stays deleted.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rt::rng::Rng;
use serde_json::{Value, json};
use tests::program::{Folder, Program, http, seed, try_http, until};

/// How often the program is killed.
const KILLS: usize = 50;
/// How often the coordinator is killed, whose queries are kept beside its pipelines.
const COORDINATOR_KILLS: usize = 15;
/// Longest time in microseconds between the first request of a round and the kill.
const LIFE_MAX: u64 = 60_000;
/// Longest time in microseconds to the kill in rounds that are killed while they start.
const START_MAX: u64 = 30_000;
/// Streams that are replaced at about the time at which they end.
const REPLACED: u64 = 80;
/// Names of one kind that changes are made to.
const NAMES: u64 = 4;

/// What must be there: names with their kinds, and what marks the last change of each.
type Table = BTreeMap<String, String>;

/// A change: of this name, to this mark or away; how it is asked for, and what success is.
#[derive(Debug)]
struct Change {
    name: String,
    mark: Option<String>,
    /// What it may also be when the program was killed half way through.
    half: Option<&'static str>,
    verb: &'static str,
    target: String,
    body: String,
    success: u16,
}

impl Change {
    fn new(
        name: String,
        mark: Option<&str>,
        (verb, target): (&'static str, String),
        body: String,
        success: u16,
    ) -> Self {
        Change { name, mark: mark.map(str::to_owned), half: None, verb, target, body, success }
    }

    fn set(&self, mark: Option<&str>, table: &mut Table) {
        match mark {
            Some(mark) => table.insert(self.name.clone(), mark.to_owned()),
            None => table.remove(&self.name),
        };
    }

    fn apply(&self, table: &mut Table) {
        self.set(self.mark.as_deref(), table);
    }
}

/// A stream that runs for ever, or one that ends by itself at once.
fn stream(mark: &str, ends: bool) -> String {
    let ending = if ends { "count: 1\n    interval: \"\"" } else { "interval: 1h" };
    format!(
        "input:\n  generate:\n    {ending}\n    mapping: root = \"{mark}\"\noutput:\n  drop: {{}}\n"
    )
}

fn stream_change(random: &mut Rng, number: u64, id: String, table: &Table) -> Change {
    let (name, target) = (format!("stream/{id}"), format!("/streams/{id}"));
    let there = table.contains_key(&name);
    if there && random.below(2) == 0 {
        return Change::new(name, None, ("DELETE", target), String::new(), 200);
    }
    let (ends, verb) = (random.below(3) == 0, if there { "PUT" } else { "POST" });
    let mark = format!("{number} {}", if ends { "ended" } else { "active" });
    Change::new(name, Some(&mark), (verb, target), stream(&mark, ends), 200)
}

fn pipeline_change(id: String, table: &Table) -> Change {
    let name = format!("pipeline/{id}");
    if table.contains_key(&name) {
        let call = ("POST", format!("/pipeline/teardown/{id}"));
        return Change::new(name, None, call, String::new(), 200);
    }
    let spec = format!(".qsp.run .qsp.read.fromCallback[`{id}] .qsp.write.toConsole[]");
    let body = json!({"name": id, "type": "spec", "config": {"content": spec}}).to_string();
    Change::new(name, Some("RUNNING"), ("POST", "/pipeline/create".to_owned()), body, 200)
}

fn source_change(id: String, table: &Table) -> Change {
    let (name, calls) = (format!("source/{id}"), "/v1/nes/sourceCatalog");
    if table.contains_key(&name) {
        let target = format!("{calls}/deleteLogicalSource?logicalSourceName={id}");
        return Change::new(name, None, ("DELETE", target), String::new(), 200);
    }
    let schema = "Schema::create()->addField(\"v\", BasicType::UINT64);";
    let body = json!({"logicalSourceName": id, "schema": schema}).to_string();
    Change::new(name, Some("known"), ("POST", format!("{calls}/addLogicalSource")), body, 200)
}

/// What the program says is there.
fn streams_pipelines_sources(address: &str) -> Table {
    let mut table = Table::new();
    let streams = http(address, "GET", "/streams", "").json();
    for (id, shown) in streams.as_object().expect("an object") {
        let read = http(address, "GET", &format!("/streams/{id}"), "").json();
        let mapping = read["config"]["input"]["generate"]["mapping"].as_str().expect("a mapping");
        let number = mapping.split(['"', ' ']).nth(3).expect("a mark");
        let state = if shown["active"] == true { "active" } else { "ended" };
        table.insert(format!("stream/{id}"), format!("{number} {state}"));
    }
    let pipelines = http(address, "GET", "/pipelines", "").json();
    for shown in pipelines.as_array().expect("a list") {
        let text = |key: &str| shown[key].as_str().expect("a text").to_owned();
        if text("name").starts_with('p') {
            table.insert(format!("pipeline/{}", text("name")), text("state"));
        }
    }
    let sources = http(address, "GET", "/v1/nes/sourceCatalog/allLogicalSource", "").json();
    let names = sources.as_array().expect("a list").iter().flat_map(Value::as_object);
    for name in names.flat_map(|one| one.keys()).filter(|name| name.starts_with('l')) {
        table.insert(format!("source/{name}"), "known".to_owned());
    }
    table
}

/// Makes changes one after another until the program does not answer; returns the change it did
/// not answer.
fn change(address: &str, table: &mut Table, mut next: impl FnMut(&Table) -> Change) -> Change {
    loop {
        let change = next(table);
        match try_http(address, change.verb, &change.target, &change.body) {
            Err(_) => return change,
            Ok(answer) => {
                assert_eq!(answer.status, change.success, "{change:?}: {}", answer.text());
                change.apply(table);
            }
        }
    }
}

/// Waits until what is there is what must be, with or without the change that nobody knows of.
fn compare(address: &str, table: &mut Table, unknown: Option<&Change>, subject: &dyn Subject) {
    let mut allowed = vec![table.clone()];
    if let Some(change) = unknown {
        for mark in [change.mark.as_deref()].into_iter().chain(change.half.map(Some)) {
            let mut with = table.clone();
            change.set(mark, &mut with);
            allowed.push(with);
        }
    }
    let mut last = Table::new();
    let found = until(|| {
        last = subject.look(address);
        allowed.contains(&last).then_some(())
    });
    assert!(found.is_some(), "there is {last:#?}\nbut must be one of {allowed:#?}");
    *table = last;
}

/// A program that is killed, and what can be changed on it.
trait Subject {
    fn start(&self) -> Program;
    fn look(&self, address: &str) -> Table;
    fn any_change(&self, random: &mut Rng, number: u64, table: &Table) -> Change;
}

/// Starts, compares, changes and kills again and again; then twice more without a kill.
#[allow(clippy::print_stderr)] // shown only when the test fails
fn survives(subject: &dyn Subject, kills: usize) {
    let seed = seed();
    eprintln!("MAINSTEM_TEST_SEED={seed}");
    let mut random = Rng::new(seed);
    let (mut table, mut unknown, mut number) = (Table::new(), None, 0);
    for round in 0..kills {
        let program = subject.start();
        if round % 5 == 4 {
            thread::sleep(Duration::from_micros(random.below(START_MAX)));
            program.signal("KILL");
            continue;
        }
        let address = program.address("HTTP requests");
        compare(&address, &mut table, unknown.as_ref(), subject);
        let life = Duration::from_micros(random.below(LIFE_MAX));
        unknown = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(life);
                program.signal("KILL");
            });
            let next = |table: &Table| {
                number += 1;
                subject.any_change(&mut random, number, table)
            };
            Some(change(&address, &mut table, next))
        });
    }
    assert!(number > 2 * kills as u64, "there was time for changes: {number}");
    for _ in 0..2 {
        let mut program = subject.start();
        let address = program.address("HTTP requests");
        compare(&address, &mut table, unknown.take().as_ref(), subject);
        program.signal("TERM");
        assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
    }
}

/// All three control planes.
struct Serve(Folder);

impl Subject for Serve {
    fn start(&self) -> Program {
        let state = self.0.path("state").display().to_string();
        Program::start(&["serve", "--listen", "benthos=127.0.0.1:0", "--state-dir", &state])
    }

    fn look(&self, address: &str) -> Table {
        streams_pipelines_sources(address)
    }

    fn any_change(&self, random: &mut Rng, number: u64, table: &Table) -> Change {
        let id = random.below(NAMES);
        match random.below(3) {
            0 => stream_change(random, number, format!("s{id}"), table),
            1 => pipeline_change(format!("p{id}"), table),
            _ => source_change(format!("l{id}"), table),
        }
    }
}

/// A coordinator with queries over a source that never has any data.
struct Queries(Folder);

impl Subject for Queries {
    fn start(&self) -> Program {
        let state = self.0.path("state").display().to_string();
        let config = format!("--configPath={}", self.0.path("coordinator.yaml").display());
        Program::start(&["nes", "coordinator", &config, "--state-dir", &state])
    }

    fn look(&self, address: &str) -> Table {
        let shown = http(address, "GET", "/v1/nes/queryCatalog/allRegisteredQueries", "");
        let queries = if shown.status == 204 { json!([]) } else { shown.json() };
        let one = |query: &Value| {
            let status = match query["queryStatus"].as_str().expect("a status") {
                // It runs as soon as somebody looks.
                "SCHEDULING" => "RUNNING",
                other => other,
            };
            (format!("query/{}", query["queryId"]), status.to_owned())
        };
        queries.as_array().expect("a list").iter().map(one).collect()
    }

    fn any_change(&self, random: &mut Rng, _: u64, table: &Table) -> Change {
        let running: Vec<&String> =
            table.iter().filter(|(_, status)| *status == "RUNNING").map(|(name, _)| name).collect();
        if running.len() as u64 > random.below(NAMES) {
            let name = running[random.below(running.len() as u64) as usize].clone();
            let target = format!("/v1/nes/query/stop-query?queryId={}", &name["query/".len()..]);
            return Change::new(name, Some("STOPPED"), ("DELETE", target), String::new(), 202);
        }
        let name = format!("query/{}", table.len() + 1);
        let query = "Query::from(\"ticks\").sink(NullOutputSinkDescriptor::create());";
        let body = json!({"userQuery": query, "placement": "BottomUp"}).to_string();
        let target = "/v1/nes/query/execute-query".to_owned();
        let change = Change::new(name, Some("RUNNING"), ("POST", target), body, 202);
        // It may be known and not have been started.
        Change { half: Some("FAILED"), ..change }
    }
}

#[test]
fn what_was_answered_survives_kills_at_random_moments() {
    survives(&Serve(Folder::new("journal")), KILLS);
}

#[test]
fn queries_of_a_coordinator_survive_kills_at_random_moments() {
    let folder = Folder::new("journal-nes");
    let input = folder.path("ticks.csv");
    let made = Command::new("mkfifo").arg(&input).status();
    assert!(made.is_ok_and(|status| status.success()), "a FIFO can be made");
    let config = format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: ticks\n    fields:\n\
         \x20     - name: v\n        type: UINT64\nworker:\n  physicalSources:\n\
         \x20   - logicalSourceName: ticks\n      physicalSourceName: ticks1\n\
         \x20     type: CSV_SOURCE\n      configuration:\n        filePath: {}\n",
        input.display()
    );
    folder.write("coordinator.yaml", config);
    survives(&Queries(folder), COORDINATOR_KILLS);
}

#[test]
fn a_stream_that_replaces_one_that_is_just_ending_is_back() {
    let folder = Folder::new("journal-replaced");
    let subject = Serve(folder);
    let program = subject.start();
    let address = program.address("HTTP requests");
    let mut table = Table::new();
    for number in 0..REPLACED {
        let target = format!("/streams/s{number}");
        // Some of these end while the change that replaces them is being made durable.
        let lives = format!("count: 2\n    interval: {}us", 50 * number);
        let short = stream("short", true).replace("count: 1\n    interval: \"\"", &lives);
        assert_eq!(http(&address, "POST", &target, &short).status, 200);
        let mark = format!("{number} active");
        assert_eq!(http(&address, "PUT", &target, &stream(&mark, false)).status, 200);
        table.insert(format!("stream/s{number}"), mark);
    }
    program.signal("KILL");
    drop(program);
    let program = subject.start();
    compare(&program.address("HTTP requests"), &mut table, None, &subject);
}
