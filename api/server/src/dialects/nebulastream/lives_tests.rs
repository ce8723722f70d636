use std::sync::Arc;

use engine::{ConnectionView, Key, PipelineSpec, Rates};
use nes::catalog::{Hello, NO_LOCATION, Physical, parse_coordinator};
use plan::Json;
use serde_json::json;

use super::super::deployment::{Sign, Tolerance};
use super::super::worker::value;
use super::*;

const CONFIG: &str = "logicalSources:\n  - logicalSourceName: a\n    fields: [{name: v, type: \
                      UINT64}]\n";
const QUERY: &str = "Query::from(\"a\").sink(PrintSinkDescriptor::create());";
/// Some time in 2026.
const BEGAN_MS: u64 = 1_780_000_000_000;

fn source(node: u64) -> Physical {
    let (logical, name, kind) = ("a".to_owned(), format!("a{node}"), "CSV_SOURCE".to_owned());
    Physical { logical, name, kind, node, config: json!({"filePath": "/data/a.csv"}) }
}

/// A state with a query that was submitted before its pipeline began.
fn state(config: &str, physical: u64) -> (State, u64) {
    let mut state = State::new(&parse_coordinator(config, &[]).expect("a configuration"));
    state.remote.arrived(0);
    if physical == 1 {
        state.sources.add_physical(source(1)).expect("a source");
    } else {
        let hello = Hello {
            id: Some(physical),
            slots: 9,
            parent: 1,
            kind: NO_LOCATION.to_owned(),
            sources: vec![source(0)],
            ..Hello::default()
        };
        state.value("node.s", value(&Sign { hello, metrics: Json::Null }));
    }
    let (id, _) = state.queries.add(QUERY, "BottomUp", BEGAN_MS - 5);
    let deployment = state.spread(id, QUERY, "BottomUp", Tolerance::None).expect("places");
    state.deployments.insert(id, deployment);
    state.queries.set(id, Status::Scheduling, "", BEGAN_MS - 5);
    (state, id)
}

/// A pipeline that began then and has run for 20 ms.
fn pipeline(id: u64, is: Running) -> PipelineView {
    let (key, plan) = (Key::new(OWNER, id.to_string()), Arc::new(Plan::default()));
    let spec = PipelineSpec { key, name: String::new(), plan, document: Json::Null };
    let began = i128::from(BEGAN_MS) * 1_000_000;
    PipelineView {
        spec: Arc::new(spec),
        state: is,
        instance: 1,
        created_unix_ns: began,
        started_unix_ns: began,
        seen_unix_ns: began,
        uptime_ns: 20_000_000,
        connections: Vec::new(),
        events: 0,
        bytes: 0,
        errors: 0,
        rates: Rates::default(),
        workers: Vec::new(),
    }
}

fn waits(source: bool, error: &str) -> ConnectionView {
    let (label, path) = (String::new(), String::new());
    ConnectionView { label, path, source, connected: false, error: error.to_owned() }
}

#[test]
fn a_query_that_ended_before_anybody_looked_ran_and_ended_when_it_did() {
    for (is, ended) in [
        (Running::Finished, (Status::Stopped, "")),
        (Running::Failed("no".to_owned()), (Status::Failed, "no")),
    ] {
        let (mut state, id) = state(CONFIG, 1);
        let own = pipeline(id, is);
        assert!(state.live(id, ended, &own, &HashMap::new()));
        let query = state.queries.get(id).expect("a query");
        assert_eq!(query.info, ended.1);
        let since = |(status, at): &(Status, u64)| (*status, *at as i64 - BEGAN_MS as i64);
        let history: Vec<_> = query.history.iter().map(since).collect();
        let (registered, scheduled) = ((Status::Registered, -5), (Status::Scheduling, -5));
        assert_eq!(history, [registered, scheduled, (Status::Running, 0), (ended.0, 20)]);
    }
}

#[test]
fn a_query_that_is_seen_running_ran_since_it_began() {
    let (mut state, id) = state(CONFIG, 1);
    let own = pipeline(id, Running::Running);
    assert!(state.live(id, (Status::Running, "no file"), &own, &HashMap::new()));
    assert!(!state.live(id, (Status::Running, ""), &own, &HashMap::new()), "it is the same");
    let query = state.queries.get(id).expect("a query");
    assert_eq!(query.history.last(), Some(&(Status::Running, BEGAN_MS)));
    assert_eq!(query.info, "", "what it said is not so any more");
}

#[test]
fn what_ends_elsewhere_ends_when_it_is_told() {
    let (mut state, id) = state(CONFIG, 2);
    let before = now_ms();
    let own = pipeline(id, Running::Finished);
    assert!(state.live(id, (Status::Stopped, ""), &own, &HashMap::new()));
    let query = state.queries.get(id).expect("a query");
    let states: Vec<Status> = query.history.iter().map(|(status, _)| *status).collect();
    assert_eq!(states[2..], [Status::Running, Status::Stopped]);
    assert!(query.history.iter().skip(2).all(|(_, at)| *at >= before), "{:?}", query.history);
}

#[test]
fn what_a_query_waits_for_is_said_of_all_its_nodes() {
    let (mut state, id) = state(CONFIG, 2);
    let mut own = pipeline(id, Running::Running);
    let none = HashMap::new();
    let fine = ConnectionView { connected: true, ..waits(true, "was away") };
    own.connections = vec![fine, waits(true, "no file"), waits(true, "no file"), waits(false, "")];
    assert_eq!(state.trouble(id, &own, &none), "it is tried again: no file");
    let stamp = state.deployments[&id].remote().next().map_or(0, |(part, _)| part.stamp);
    let say = |state: &mut State, stamp: u64, trouble: &str| {
        let report = Report { stamp, state: Running::Running };
        let told = Told { report, trouble: trouble.to_owned() };
        state.value("state.s.1", value(&told));
    };
    say(&mut state, stamp + 1, "of another order");
    assert!(!state.trouble(id, &own, &none).contains("another"));
    say(&mut state, stamp, "no disk");
    let both = "it is tried again: no file\nnode 2: it is tried again: no disk";
    assert_eq!(state.trouble(id, &own, &none), both);
    let many = (0..9).map(|n| waits(false, &n.to_string()));
    own.connections = many.collect();
    assert_eq!(state.trouble(id, &own, &none).lines().count(), TROUBLES_MAX);
    own.connections.clear();
    say(&mut state, stamp, "");
    assert_eq!(state.trouble(id, &own, &none), "");
    // What workers of earlier versions say has nothing of it.
    let report = Report { stamp, state: Running::Running };
    state.value("state.s.1", value(&report));
    assert_eq!(state.remote.report(id, "s", stamp), Some(&Running::Running));
    say(&mut state, stamp, "no disk");
    state.value("state.s.1", None);
    assert!(state.remote.troubles.is_empty());
}

#[test]
fn files_of_queries_are_strict_also_where_a_sink_goes_on() {
    let file = |mode: &str| Component::new("file", json!({"mode": mode}));
    let mut plan = Plan::default();
    let read = plan.add(Role::Source, file(""), Vec::new());
    let sink = plan.add(Role::Sink, file("overwrite"), vec![read]);
    plan.nodes[sink].again = Some(file("append"));
    strict(&mut plan);
    for component in [
        &plan.nodes[read].component,
        &plan.nodes[sink].component,
        plan.nodes[sink].again.as_ref().expect("it goes on"),
    ] {
        assert_eq!(component.config["strict"], true, "{component:?}");
    }
}

#[test]
fn a_query_that_can_give_nothing_is_refused_where_that_is_asked_for() {
    let nothing =
        QUERY.replace(".sink", ".filter(Attribute(\"v\") > 2 && Attribute(\"v\") < 2).sink");
    let asked = format!("{CONFIG}optimizer: {{advanceSemanticValidation: true}}\n");
    for (config, refuses) in [(CONFIG, false), (asked.as_str(), true)] {
        let (mut state, _) = state(config, 1);
        let (id, _) = state.queries.add(&nothing, "BottomUp", now_ms());
        let spread = state.spread(id, &nothing, "BottomUp", Tolerance::None);
        assert_eq!(spread.is_err(), refuses);
        let Err(why) = spread else { continue };
        let why = &why[0].message;
        let start = "Unsatisfiable Query due to filter condition:\na$v > 2";
        assert!(why.starts_with(start), "{why}");
    }
}
