//! What a coordinator makes of what workers say, with a board that is only told about.

use bytes::Bytes;
use engine::State as Running;
use nes::catalog::Hello;
use nes::catalog::{Coordinator, NO_LOCATION, Physical, Status, parse_coordinator};
use plan::Json;
use plan::board::Change;
use serde_json::json;

use super::deployment::{Deployment, Order, Report, Sign, Tolerance, Welcome, continued, lasting};
use super::state::{State, now_ms};
use super::worker::value;

const COORDINATOR: &str = "logicalSources:\n  - logicalSourceName: a\n    fields:\n\
                           \x20     - {name: ts, type: UINT64}\n      - {name: v, type: UINT64}\n";
const FILTER: &str = "Query::from(\"a\").filter(Attribute(\"v\") > 1)\
                      .sink(PrintSinkDescriptor::create());";
const WINDOW: &str = "Query::from(\"a\").window(TumblingWindow::of(EventTime(Attribute(\"ts\")), \
                      Seconds(1))).apply(Sum(Attribute(\"v\"))).sink(PrintSinkDescriptor::create());";

fn coordinator() -> Coordinator {
    parse_coordinator(COORDINATOR, &[]).expect("a configuration")
}

/// A state whose board is there.
fn state() -> State {
    let mut state = State::new(&coordinator());
    state.remote.arrived(0);
    state
}

fn set(state: &mut State, name: &str, bytes: Option<Bytes>) {
    state.value(name, bytes);
}

/// A worker with a source of `a` shows life.
fn sign(state: &mut State, session: &str, id: u64) {
    let config = json!({"filePath": "/data/a.csv"});
    let (logical, kind) = ("a".to_owned(), "CSV_SOURCE".to_owned());
    let source = Physical { logical, name: "a1".to_owned(), kind, node: 0, config };
    let hello = Hello {
        id: Some(id),
        address: "host".to_owned(),
        slots: 9,
        parent: 1,
        kind: NO_LOCATION.to_owned(),
        sources: vec![source],
        ..Hello::default()
    };
    let sign = Sign { hello, metrics: Json::Null };
    set(state, &format!("node.{session}"), value(&sign));
}

fn submit(state: &mut State, text: &str, tolerance: Tolerance) -> u64 {
    let (id, _) = state.queries.add(text, "BottomUp", now_ms());
    let deployment = state.spread(id, text, "BottomUp", tolerance).expect("places");
    state.deployments.insert(id, deployment);
    id
}

/// What is written for a worker, by the changes of the board.
fn order(changes: &[Change], name: &str) -> Option<Order> {
    changes.iter().find_map(|change| match change {
        Change::Set(key, Some(bytes)) if key == name => serde_json::from_slice(bytes).ok(),
        _ => None,
    })
}

fn report(state: &mut State, session: &str, query: u64, stamp: u64, is: Running) {
    let report = Report { stamp, state: is };
    set(state, &format!("state.{session}.{query}"), value(&report));
}

fn slots(state: &State, id: u64) -> u64 {
    state.topology.node(id).map_or(0, |node| node.slots)
}

#[test]
fn a_worker_joins_gets_its_part_and_says_what_became_of_it() {
    let mut state = state();
    sign(&mut state, "s", 2);
    let welcome = value(&Welcome::Id(2));
    assert!(state.changes().contains(&Change::Set("id.s".to_owned(), welcome)));
    let id = submit(&mut state, FILTER, Tolerance::None);
    assert_eq!(slots(&state, 2), 7, "the source and the filter");
    let order = order(&state.changes(), "plan.s.1").expect("an order");
    assert!(state.changes().is_empty(), "it is written once");
    let standing = |state: &State, is: &Running| state.standing(id, Status::Scheduling, is).0;
    assert_eq!(standing(&state, &Running::Running), Status::Scheduling);
    report(&mut state, "s", id, order.stamp, Running::Running);
    assert_eq!(standing(&state, &Running::Running), Status::Running);
    report(&mut state, "s", id, order.stamp + 1, Running::Failed("other".into()));
    assert_eq!(standing(&state, &Running::Running), Status::Scheduling, "of another order");
    report(&mut state, "s", id, order.stamp, Running::Failed("no file".into()));
    let failed = state.standing(id, Status::Running, &Running::Running);
    assert_eq!(failed, (Status::Failed, "node 2: no file".to_owned()));

    state.queries.set(id, Status::Failed, "", now_ms());
    state.retire();
    assert_eq!(slots(&state, 2), 9);
    let gone = Change::Set("plan.s.1".to_owned(), None);
    assert!(state.changes().contains(&gone), "the worker has nothing to run any more");
}

#[test]
fn what_a_lost_worker_means_is_said_by_the_query() {
    for (text, tolerance, generation, root_stays) in [
        (FILTER, Tolerance::None, 0, true),
        (FILTER, Tolerance::AtMostOnce, 0, true),
        (FILTER, Tolerance::AtLeastOnce, 1, true),
        (WINDOW, Tolerance::AtLeastOnce, 2, false),
        (FILTER, Tolerance::ExactlyOnce, 2, false),
    ] {
        let mut state = state();
        sign(&mut state, "s", 2);
        let id = submit(&mut state, text, tolerance);
        let stamp = |d: &Deployment| d.root().map(|part| part.stamp);
        let before = state.deployments.get(&id).cloned().expect("it is spread");
        assert!(state.lost_parts().is_empty());
        set(&mut state, "node.s", None);
        assert_eq!(state.lost_parts(), [(id, 2)]);
        state.lose(id, 2);
        assert!(state.lost_parts().is_empty(), "it is lost once");
        let standing = state.standing(id, Status::Running, &Running::Running);
        if generation == 0 {
            assert_eq!(standing.0, Status::Failed);
            assert!(standing.1.contains("node 2 is gone"), "{}", standing.1);
            continue;
        }
        assert_eq!(standing.0, Status::Restarting);
        assert!(state.spread_again(id).is_none(), "its source is not there");
        sign(&mut state, "t", 5);
        let after = state.spread_again(id).expect("a place for all");
        assert_eq!((after.generation, after.lost), (generation, false), "{tolerance:?}");
        assert_eq!(stamp(&after) == stamp(&before), root_stays, "{tolerance:?}");
        assert_eq!(after.edges() == before.edges(), root_stays, "{tolerance:?}");
        state.deployments.insert(id, after);
        assert!(order(&state.changes(), "plan.t.1").is_some());
    }
}

#[test]
fn what_has_finished_is_not_lost() {
    let mut state = state();
    sign(&mut state, "s", 2);
    let id = submit(&mut state, FILTER, Tolerance::None);
    let stamp = order(&state.changes(), "plan.s.1").expect("an order").stamp;
    report(&mut state, "s", id, stamp, Running::Finished);
    set(&mut state, "node.s", None);
    assert!(state.lost_parts().is_empty());
    let forgotten = Change::Set("state.s.1".to_owned(), None);
    assert!(!state.changes().contains(&forgotten));
    assert_eq!(state.standing(id, Status::Running, &Running::Running).0, Status::Running);
}

#[test]
fn an_id_that_is_taken_is_refused_until_it_is_free() {
    let mut state = state();
    sign(&mut state, "s", 2);
    sign(&mut state, "t", 2);
    let refused = state.changes().into_iter().find_map(|change| match change {
        Change::Set(key, Some(bytes)) if key == "id.t" => serde_json::from_slice(&bytes).ok(),
        _ => None,
    });
    assert!(matches!(refused, Some(Welcome::Refused(_))), "{refused:?}");
    set(&mut state, "node.s", None);
    sign(&mut state, "t", 2);
    assert_eq!(state.remote.fleet.id("t"), Some(2));
}

#[test]
fn what_a_node_is_to_run_is_limited() {
    let mut state = state();
    sign(&mut state, "s", 2);
    let test = vec!["(Attribute(\"v\") > 1)"; 40].join(" && ");
    let filters = format!(".filter({test})").repeat(400);
    let text = format!("Query::from(\"a\"){filters}.sink(PrintSinkDescriptor::create());");
    let (id, _) = state.queries.add(&text, "BottomUp", now_ms());
    let slots_before = slots(&state, 1);
    state.topology.use_slots(&[(2, 1000)].into(), false);
    let refused = state.spread(id, &text, "BottomUp", Tolerance::None).unwrap_err();
    assert!(refused[0].message.contains("takes more than"), "{}", refused[0].message);
    assert_eq!((slots(&state, 1), slots(&state, 2)), (slots_before, 1009));
}

#[test]
fn what_is_on_the_board_and_means_nothing_any_more_is_removed() {
    let mut state = state();
    for name in ["node.old", "id.old", "plan.old.7", "state.old.7"] {
        set(&mut state, name, Some(Bytes::from_static(b"{}")));
    }
    let mut gone: Vec<String> = state
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::Set(name, None) => Some(name),
            _ => None,
        })
        .collect();
    gone.sort();
    assert_eq!(gone, ["id.old", "node.old", "plan.old.7", "state.old.7"]);
    assert!(state.changes().is_empty());
}

#[test]
fn a_query_begins_anew_where_another_node_takes_the_place() {
    let mut state = state();
    for (session, id) in [("s", 2), ("t", 3)] {
        sign(&mut state, session, id);
    }
    // 2 is below 3, which only hands on.
    state.topology.add_parent(2, 3).expect("a link");
    state.topology.remove_parent(2, 1).expect("no link");
    state.sources.remove_of(3);
    let id = submit(&mut state, FILTER, Tolerance::AtLeastOnce);
    let before = state.deployments.get(&id).cloned().expect("it is spread");
    assert_eq!(before.edges().len(), 2);
    set(&mut state, "node.t", None);
    assert_eq!(state.lost_parts(), [(id, 3)]);
    state.lose(id, 3);
    let after = state.spread_again(id).expect("it goes straight to the root");
    assert_eq!((after.edges().len(), after.generation), (1, 2));
    assert_eq!((slots(&state, 2), slots(&state, 1)), (7, 65_534), "slots are taken once");
}

#[test]
fn a_sink_that_is_started_again_adds_to_its_file() {
    let sink = "FileSinkDescriptor::create(\"/out/x.csv\", \"CSV_FORMAT\", \"OVERWRITE\"));";
    let text = FILTER.replace("PrintSinkDescriptor::create());", sink);
    let mut state = state();
    sign(&mut state, "s", 2);
    let id = submit(&mut state, &text, Tolerance::None);
    let deployment = state.deployments.get(&id).expect("it is spread");
    let mut plan = deployment.root().expect("the sink").plan.clone();
    let mut again = continued(&mut plan).expect("it overwrites");
    for (plan, mode) in [(&plan, "overwrite"), (&again, "append")] {
        let find = |name: &str| plan.nodes.iter().find(|node| node.component.name == name);
        let file = &find("file").expect("a file").component.config;
        assert_eq!(file["mode"], mode);
        assert!(file["head"].as_str().is_some_and(|head| head.starts_with("a$ts:")), "{file}");
        assert_eq!(find("frame").expect("a frame").component.config["before"], "");
    }
    assert!(continued(&mut again).is_none());
}

#[test]
fn what_survives_depends_on_the_tolerance_and_on_what_begins_anew() {
    let file = "FileSinkDescriptor::create(\"/out/x.csv\", \"CSV_FORMAT\", \"OVERWRITE\"));";
    let to_file = |text: &str| text.replace("PrintSinkDescriptor::create());", file);
    let (window, filter) = (to_file(WINDOW), to_file(FILTER));
    let (csv, mqtt) = ("CSV_SOURCE", "MQTT_SOURCE");
    let [none, most, least, exactly] =
        [Tolerance::None, Tolerance::AtMostOnce, Tolerance::AtLeastOnce, Tolerance::ExactlyOnce];
    // Whether it is durable, whether the sink goes on where a state was kept, whether it does in
    // any case.
    for (kind, text, tolerance, expected) in [
        (csv, &window, none, (false, false, false)),
        (csv, &window, most, (false, false, false)),
        (csv, &window, least, (true, true, false)),
        (csv, &window, exactly, (false, false, false)),
        (csv, &filter, least, (false, false, false)),
        (csv, &WINDOW.to_owned(), exactly, (true, false, false)),
        (mqtt, &window, none, (false, false, false)),
        (mqtt, &window, least, (true, true, true)),
        (mqtt, &window, exactly, (true, true, true)),
        (mqtt, &filter, least, (false, false, true)),
    ] {
        let mut state = state();
        let config = json!({"filePath": "/data/a.csv", "url": "tcp://b:1", "topic": "t"});
        let (logical, name) = ("a".to_owned(), "a1".to_owned());
        let source = Physical { logical, name, kind: kind.to_owned(), node: 1, config };
        state.sources.add_physical(source).expect("a source");
        let id = submit(&mut state, text, tolerance);
        let root = state.deployments[&id].root().expect("it runs here");
        let (plan, again) = lasting(root, tolerance, true);
        let goes_on = plan.nodes.iter().find_map(|node| node.again.as_ref());
        assert!(goes_on.is_none_or(|sink| sink.config["mode"] == "append"));
        let found = (plan.durable, goes_on.is_some(), again.is_some());
        assert_eq!(found, expected, "{kind} {tolerance:?} {text}");
    }
}

#[test]
fn a_node_is_maintained_until_its_worker_ends_whoever_coordinates_it() {
    let mut state = state();
    sign(&mut state, "s", 2);
    sign(&mut state, "t", 3);
    assert_eq!(state.maintain(3, true), Ok(vec![]));
    let kept = json!(state.maintained);
    let restarted = || {
        let mut state = State::new(&coordinator());
        state.restore(vec![(engine::Key::new("nes", "maintained"), kept.clone())]);
        state.remote.arrived(0);
        state
    };
    let mut same = restarted();
    sign(&mut same, "s", 2);
    sign(&mut same, "t", 3);
    assert!(same.topology.takes_operators(2) && !same.topology.takes_operators(3));
    // The worker was restarted meanwhile.
    let mut other = restarted();
    sign(&mut other, "u", 3);
    assert!(other.topology.takes_operators(3));
    set(&mut same, "node.t", None);
    assert!(same.maintained.is_empty());
}

#[test]
fn a_part_whose_worker_has_not_said_that_it_runs_is_not_taken_away() {
    let mut state = state();
    sign(&mut state, "s", 2);
    let id = submit(&mut state, FILTER, Tolerance::None);
    let refused = state.maintain(2, true);
    assert_eq!(refused, Err(format!("node 2 keeps query {id}: it is being started there")));
    let stamp = state.deployments[&id].remote().next().map_or(0, |(part, _)| part.stamp);
    report(&mut state, "s", id, stamp, Running::Running);
    let refused = state.maintain(2, true).expect_err("its source is nowhere else");
    assert!(!refused.contains("being started"), "{refused}");
}
