//! What a coordinator makes of queries that share something, and of what becomes of that.

use std::collections::HashMap;
use std::sync::Arc;

use engine::State as Running;
use engine::{ConnectionView, Key, PipelineSpec, PipelineView, Rates};
use nes::catalog::{Hello, NO_LOCATION, Physical, parse_coordinator};
use nes::merging::{FAN_OUT, chain_name};
use plan::{Json, Plan};
use serde_json::json;

use super::OWNER;
use super::deployment::{Deployment, Sign, Tolerance};
use super::state::{DEPLOYMENT, State, now_ms};
use super::worker::value;

const CONFIG: &str = "queryMergerRule: SyntaxBasedPartialQueryMergerRule\nlogicalSources:\n\
                      \x20 - logicalSourceName: a\n    fields: [{name: v, type: UINT64}]\n\
                      physicalSources:\n  - {logicalSourceName: a, physicalSourceName: a1, type: \
                      TCP_SOURCE}\n";
const FILTER: &str = "Query::from(\"a\").filter(Attribute(\"v\") > 1)\
                      .sink(PrintSinkDescriptor::create());";
const MAP: &str = "Query::from(\"a\").filter(Attribute(\"v\") > 1).map(Attribute(\"v\") = 1)\
                   .sink(PrintSinkDescriptor::create());";

fn state() -> State {
    State::new(&parse_coordinator(CONFIG, &[]).expect("a configuration"))
}

fn submit(state: &mut State, text: &str) -> (u64, Deployment) {
    let (id, _) = state.queries.add(text, "BottomUp", now_ms());
    let deployment = state.spread(id, text, "BottomUp", Tolerance::None).expect("places");
    state.deployments.insert(id, deployment.clone());
    (id, deployment)
}

fn view(id: &str, is: Running, document: Json) -> PipelineView {
    let plan = Arc::new(Plan::default());
    let spec = PipelineSpec { key: Key::new(OWNER, id), name: id.to_owned(), plan, document };
    PipelineView {
        spec: Arc::new(spec),
        state: is,
        instance: 1,
        created_unix_ns: 0,
        started_unix_ns: 0,
        seen_unix_ns: 0,
        uptime_ns: 0,
        connections: Vec::new(),
        events: 0,
        bytes: 0,
        errors: 0,
        rates: Rates::default(),
        workers: Vec::new(),
    }
}

/// What a query does, by its pipeline and those of chains.
fn is(state: &State, id: u64, own: &PipelineView, chains: &[PipelineView]) -> Running {
    let all: HashMap<&str, &PipelineView> =
        chains.iter().chain([own]).map(|view| (&*view.spec.key.id, view)).collect();
    state.with_others(id, own, &all)
}

#[test]
fn a_query_is_what_it_shares_and_itself() {
    let mut state = state();
    let (first, _) = submit(&mut state, FILTER);
    let (second, deployment) = submit(&mut state, MAP);
    assert_eq!((first, second, deployment.begins), (1, 3, Some(4)));
    assert_eq!((state.shared_id(1), state.shared_id(3)), (Some(2), Some(4)));
    assert_eq!(state.readers(3), ["shared-2"], "of which it takes what it reads");
    let chains = |a: Running, b: Running| {
        [(2, a), (4, b)].map(|(id, is)| view(&chain_name(id), is, Json::Null))
    };
    let why = || Running::Failed("why".to_owned());
    let own = view("3", Running::Running, Json::Null);
    let both = chains(Running::Running, Running::Running);
    assert_eq!(is(&state, 3, &own, &both), Running::Running);
    assert_eq!(is(&state, 3, &own, &chains(why(), Running::Running)), why());
    let broken = chains(Running::Running, why());
    assert_eq!(is(&state, 3, &own, &broken), why());
    assert_eq!(is(&state, 1, &view("1", Running::Running, Json::Null), &broken), Running::Running);
    let ended = view("3", Running::Finished, Json::Null);
    assert_eq!(is(&state, 3, &ended, &both), Running::Running, "it is not known why");
    let finished = chains(Running::Finished, Running::Finished);
    assert_eq!(is(&state, 3, &ended, &finished), Running::Finished);
}

#[test]
fn a_query_that_is_passed_over_has_failed() {
    let mut state = state();
    submit(&mut state, FILTER);
    let connection = |path: &str| ConnectionView {
        label: String::new(),
        path: path.to_owned(),
        source: true,
        connected: false,
        error: "nothing was delivered".to_owned(),
    };
    let chains = [view("shared-2", Running::Running, Json::Null)];
    let mut own = view("1", Running::Running, Json::Null);
    own.connections = vec![connection("")];
    assert_eq!(is(&state, 1, &own, &chains), Running::Running, "another source connects again");
    own.connections = vec![connection(FAN_OUT)];
    let failed = Running::Failed("nothing was delivered".to_owned());
    assert_eq!(is(&state, 1, &own, &chains), failed);
    submit(&mut state, MAP);
    let mut chains = chains.to_vec();
    chains.push(view("shared-4", Running::Running, Json::Null));
    chains[1].connections = vec![connection(FAN_OUT)];
    let own = view("3", Running::Running, Json::Null);
    assert_eq!(is(&state, 3, &own, &chains), failed, "so have all behind it");
}

#[test]
fn what_runs_at_a_worker_is_not_merged() {
    let mut state = state();
    state.remote.arrived(0);
    let config = json!({"socketPort": 3000});
    let (logical, kind) = ("a".to_owned(), "TCP_SOURCE".to_owned());
    let source = Physical { logical, name: "a2".to_owned(), kind, node: 0, config };
    let hello = Hello {
        id: Some(2),
        address: "host".to_owned(),
        slots: 9,
        parent: 1,
        kind: NO_LOCATION.to_owned(),
        sources: vec![source],
        ..Hello::default()
    };
    state.value("node.s", value(&Sign { hello, metrics: Json::Null }));
    let (id, deployment) = submit(&mut state, FILTER);
    assert_eq!(deployment.remote().count(), 1);
    assert!(deployment.uses.is_empty() && state.merger.is_empty());
    assert_eq!((state.shared_id(id), state.readers(id)), (None, vec!["1".to_owned()]));
}

#[test]
fn chains_and_who_shares_them_come_back_with_their_pipelines() {
    let mut before = state();
    let all = [submit(&mut before, FILTER), submit(&mut before, MAP)];
    let mut after = state();
    after.queries = before.queries.clone();
    let chains = [2, 4].map(|id| {
        let chain = json!({"chain": before.merger.chain(id).expect("a chain")});
        view(&chain_name(id), Running::Running, chain)
    });
    let own = all.map(|(id, deployment)| {
        view(&id.to_string(), Running::Running, json!({DEPLOYMENT: deployment}))
    });
    for view in own.iter().chain(&chains) {
        after.restore_deployment(&view.spec);
    }
    for view in own.iter().chain(&chains) {
        after.restore_chain(&view.spec);
    }
    assert_eq!(after.merger.sweep(), []);
    assert_eq!((after.merger.ways("3"), after.shared_id(1)), (vec![4, 2], Some(2)));
    let (id, deployment) = submit(&mut after, MAP);
    assert_eq!((id, deployment.begins, after.shared_id(5)), (5, None, Some(4)));
}
