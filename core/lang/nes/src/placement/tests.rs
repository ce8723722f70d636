//! The example of spec/nes-system.md §5, and what is true of every placement.

use std::collections::{BTreeMap, BTreeSet};

use plan::serde_json::json;
use plan::{NodeId, Plan, Role};
use proptest::prelude::*;

use super::*;
use crate::catalog::{Node, Physical, ROOT, SinkCatalog, SourceCatalog};
use crate::lower::{Lowered, lower};
use crate::parse::parse_schema;

const SCHEMA: &str = r#"Schema::create()->addField("ts", BasicType::UINT64)->addField("k",
    BasicType::UINT64)->addField("v", BasicType::UINT64);"#;
const WINDOW: &str = r#".window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))
    .byKey(Attribute("k")).apply(Sum(Attribute("v")))"#;

/// Sources `a`, `b` and so on with physical ones on these nodes.
fn catalog(sources: &[(&str, &[u64])]) -> SourceCatalog {
    let mut catalog = SourceCatalog::default();
    for (logical, nodes) in sources {
        catalog.add(logical, parse_schema(SCHEMA).unwrap()).unwrap();
        for node in *nodes {
            let (name, config) = (format!("{logical}{node}"), json!({"filePath": "/data/in.csv"}));
            let (logical, kind) = ((*logical).to_owned(), "CSV_SOURCE".to_owned());
            catalog.add_physical(Physical { logical, name, kind, node: *node, config }).unwrap();
        }
    }
    catalog
}

fn lowered(query: &str, sources: &SourceCatalog) -> Lowered {
    let query = format!("{query}.sink(PrintSinkDescriptor::create());");
    lower(&query, sources, &SinkCatalog::default()).unwrap()
}

/// Nodes 2, 3 and so on below the parents that are given, each with some slots.
fn topology(parents: &[&[u64]], slots: u64) -> Topology {
    let mut topology = Topology::new("root", slots);
    for (id, parents) in (2..).zip(parents) {
        topology.add(Node::new(id, "worker", slots), parents[0]).unwrap();
        for parent in &parents[1..] {
            topology.add_parent(id, *parent).unwrap();
        }
    }
    topology
}

/// The labels of the steps on each node.
fn by_node(steps: &[Step], places: &[u64]) -> BTreeMap<u64, Vec<String>> {
    let mut all: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (step, place) in steps.iter().zip(places) {
        all.entry(*place).or_default().push(step.label.clone());
    }
    all
}

#[test]
fn a_filter_and_a_window_go_down_or_up() {
    let topology = topology(&[&[1]], 100);
    let query = format!("Query::from(\"a\").filter(Attribute(\"v\") > 1){WINDOW}");
    let lowered = lowered(&query, &catalog(&[("a", &[2])]));
    let steps = &lowered.steps;
    let all =
        ["SOURCE(1,a)", "FILTER(2)", "WATERMARK(3)", "WINDOW AGGREGATION(4)", "SINK(5,print)"];
    let labels: Vec<&str> = steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, all);
    assert_eq!(place(&topology, steps, Placement::BottomUp), Ok(vec![2, 2, 2, 2, 1]));
    assert_eq!(place(&topology, steps, Placement::TopDown), Ok(vec![2, 1, 1, 1, 1]));

    let parts = cut(&topology, &lowered.plan, steps, &[2, 2, 2, 2, 1], "q").unwrap();
    let nodes: Vec<u64> = parts.iter().map(|part| part.node).collect();
    assert_eq!(nodes, [1, 2]);
    assert_eq!((&parts[0].inputs, &parts[1].outputs), (&parts[1].outputs, &parts[0].inputs));
    assert_eq!(parts[0].tree, "SINK(5,print)\n  SOURCE_SYS(q_3_0)\n");
    assert!(parts[1].tree.starts_with("SINK_SYS(q_3_0)\n  WINDOW AGGREGATION(4)\n"));
    assert!(parts[1].keeps_state && !parts[0].keeps_state);
    for part in parts {
        assert_eq!(part.plan.check(), Ok(()));
    }
}

#[test]
fn what_has_several_inputs_runs_where_their_ways_meet() {
    // 4 and 5 below 2, 6 below 3, and all below 1.
    let topology = topology(&[&[1], &[1], &[2], &[2], &[3]], 100);
    let sources = catalog(&[("a", &[4, 5]), ("b", &[6])]);
    let union = "Query::from(\"a\").unionWith(Query::from(\"b\")).filter(Attribute(\"v\") > 1)";
    let both = lowered(union, &sources);
    let places = place(&topology, &both.steps, Placement::BottomUp).unwrap();
    let by = by_node(&both.steps, &places);
    assert_eq!(by[&1], ["UNION(3)", "FILTER(4)", "SINK(5,print)"]);
    assert_eq!((by[&4].len(), by[&5].len(), by[&6].len()), (1, 1, 1), "{by:?}");

    let window = format!("Query::from(\"a\").filter(Attribute(\"v\") > 1){WINDOW}");
    let window = lowered(&window, &sources);
    let places = place(&topology, &window.steps, Placement::BottomUp).unwrap();
    let by = by_node(&window.steps, &places);
    assert_eq!(by[&4], ["SOURCE(1,a)", "FILTER(2)", "WATERMARK(3)"], "each source has its own");
    assert_eq!(by[&2], ["WINDOW AGGREGATION(4)"], "the lowest node above both");
    let places = place(&topology, &window.steps, Placement::TopDown).unwrap();
    let by = by_node(&window.steps, &places);
    let up = ["FILTER(2)", "FILTER(2)", "WATERMARK(3)", "WATERMARK(3)", "WINDOW AGGREGATION(4)"];
    assert_eq!(by[&2], up, "{by:?}");
    assert_eq!(by[&4], ["SOURCE(1,a)"]);
}

#[test]
fn nodes_on_the_way_hand_on() {
    let topology = topology(&[&[1], &[2]], 100);
    let lowered =
        lowered("Query::from(\"a\").filter(Attribute(\"v\") > 1)", &catalog(&[("a", &[3])]));
    let places = place(&topology, &lowered.steps, Placement::TopDown).unwrap();
    assert_eq!(places, [3, 1, 1]);
    let parts = cut(&topology, &lowered.plan, &lowered.steps, &places, "q7").unwrap();
    assert_eq!(parts[1].tree, "SINK_SYS(q7_1_1)\n  SOURCE_SYS(q7_1_0)\n");
    let roles: Vec<Role> = parts[1].plan.nodes.iter().map(|node| node.role).collect();
    assert_eq!(roles, [Role::Source, Role::Sink]);
}

#[test]
fn full_nodes_leave_operators_to_others() {
    let query = "Query::from(\"a\").filter(Attribute(\"v\") > 1).filter(Attribute(\"v\") > 2)";
    let lowered = lowered(query, &catalog(&[("a", &[3])]));
    let steps = &lowered.steps;
    let full = Err(PlacementError::Full);
    let at = |slots| topology(&[&[1], &[2]], slots);
    assert_eq!(place(&at(2), steps, Placement::BottomUp), Ok(vec![3, 3, 2, 1]));
    assert_eq!(place(&at(2), steps, Placement::TopDown), Ok(vec![3, 2, 1, 1]));
    assert_eq!(place(&at(1), steps, Placement::BottomUp), full);
    assert_eq!(place(&at(1), steps, Placement::TopDown), full);
    let text = "No node available for further placement of operators";
    assert_eq!(PlacementError::Full.to_string(), text);
}

#[test]
fn what_cannot_be_reached_is_told() {
    let mut topology = topology(&[&[1], &[1]], 9);
    let lowered = lowered("Query::from(\"a\")", &catalog(&[("a", &[3])]));
    topology.remove_parent(3, 1).unwrap();
    for strategy in [Placement::BottomUp, Placement::TopDown] {
        let error = place(&topology, &lowered.steps, strategy);
        assert_eq!(error, Err(PlacementError::Unreachable { from: 3, to: ROOT }));
        let mut gone = topology.clone();
        gone.remove(3);
        assert_eq!(place(&gone, &lowered.steps, strategy), Err(PlacementError::Gone(3)));
    }
}

/// Parents of nodes 2, 3 and so on: each has some of the nodes before it.
fn parents() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let sizes = prop::collection::vec(prop::collection::btree_set(any::<u64>(), 1..4), 1..8);
    sizes.prop_map(|all| {
        let known = |at: usize| at as u64 + 1;
        let of = |(at, picks): (usize, BTreeSet<u64>)| {
            let parents: BTreeSet<u64> = picks.iter().map(|pick| pick % known(at) + 1).collect();
            parents.into_iter().collect()
        };
        all.into_iter().enumerate().map(of).collect()
    })
}

/// A query over `a` and `b`.
fn query() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        Just(".filter(Attribute(\"v\") > 1)".to_owned()),
        Just(".map(Attribute(\"v\") = Attribute(\"v\") + 1)".to_owned()),
        Just(".project(Attribute(\"ts\"), Attribute(\"k\"), Attribute(\"v\"))".to_owned()),
    ];
    let end = prop_oneof![Just(String::new()), Just(WINDOW.to_owned())];
    let some = prop::collection::vec(step, 0..4);
    (some.clone(), some, any::<bool>(), end).prop_map(|(left, right, union, end)| {
        let (left, right) = (left.concat(), right.concat());
        match union {
            true => format!("Query::from(\"a\"){left}.unionWith(Query::from(\"b\")){right}{end}"),
            false => format!("Query::from(\"a\"){left}{right}{end}"),
        }
    })
}

/// The node of the plan that an edge carries, found by going down edge by edge.
fn carried<'p>(parts: &'p [SubPlan], edge: &str) -> Option<(&'p SubPlan, NodeId)> {
    let is = |node: &plan::Node| {
        node.component.name == EXCHANGE && node.component.config["edge"] == edge
    };
    let found = parts.iter().find_map(|part| {
        let sink = part.plan.nodes.iter().find(|n| n.role == Role::Sink && is(n))?;
        Some((part, sink.inputs[0]))
    });
    let (part, input) = found?;
    match &part.plan.nodes[input] {
        node if node.component.name == EXCHANGE => {
            carried(parts, node.component.config["edge"].as_str()?)
        }
        _ => Some((part, input)),
    }
}

/// The components an operator takes its input from, wherever they are.
fn inputs(parts: &[SubPlan], part: &SubPlan, node: &plan::Node) -> Vec<plan::Component> {
    let of = |input: &NodeId| {
        let from = &part.plan.nodes[*input].component;
        match from.name == EXCHANGE {
            true => {
                let edge = from.config["edge"].as_str().unwrap();
                let (part, id) = carried(parts, edge).expect("the other end of the edge");
                part.plan.nodes[id].component.clone()
            }
            false => from.clone(),
        }
    };
    node.inputs.iter().map(of).collect()
}

fn own(part: &SubPlan) -> impl Iterator<Item = &plan::Node> {
    part.plan.nodes.iter().filter(|node| node.component.name != EXCHANGE)
}

/// What the whole plan and its parts have in common: components with what feeds them.
fn shown(component: &plan::Component, inputs: &[plan::Component]) -> String {
    format!("{component:?} <- {inputs:?}")
}

fn whole(plan: &Plan) -> Vec<String> {
    let of = |node: &plan::Node| {
        let inputs: Vec<_> = node.inputs.iter().map(|i| plan.nodes[*i].component.clone()).collect();
        shown(&node.component, &inputs)
    };
    let mut all: Vec<String> = plan.nodes.iter().map(of).collect();
    all.sort();
    all
}

proptest! {
    #[test]
    fn every_operator_is_placed_once_and_every_cut_has_a_pair(
        parents in parents(),
        query in query(),
        on in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        slots in 1..12_u64,
        down: bool,
    ) {
        let parents: Vec<&[u64]> = parents.iter().map(Vec::as_slice).collect();
        let topology = topology(&parents, slots);
        let on: BTreeSet<u64> = on.iter().map(|at| at.index(parents.len()) as u64 + 2).collect();
        let on: Vec<u64> = on.into_iter().collect();
        let lowered = lowered(&query, &catalog(&[("a", &on), ("b", &on[..1])]));
        let strategy = if down { Placement::TopDown } else { Placement::BottomUp };
        let placed = match place(&topology, &lowered.steps, strategy) {
            Ok(places) => places,
            Err(error) => {
                prop_assert_eq!(error, PlacementError::Full);
                prop_assert!(slots < lowered.steps.len() as u64, "there is room");
                return Ok(());
            }
        };
        for (node, taken) in slots_of(&placed) {
            prop_assert!(taken <= slots, "node {} takes {} of {}", node, taken, slots);
        }
        let in_steps: Vec<NodeId> = lowered.steps.iter().flat_map(|s| s.nodes.clone()).collect();
        let all: BTreeSet<NodeId> = in_steps.iter().copied().collect();
        prop_assert_eq!((in_steps.len(), all.len()), (lowered.plan.nodes.len(), in_steps.len()));

        let parts = cut(&topology, &lowered.plan, &lowered.steps, &placed, "q").unwrap();
        let names = |edges: fn(&SubPlan) -> &Vec<String>| {
            let mut names: Vec<String> = parts.iter().flat_map(edges).cloned().collect();
            names.sort();
            names
        };
        let arriving = names(|part| &part.inputs);
        prop_assert_eq!(&arriving, &names(|part| &part.outputs));
        prop_assert!(arriving.windows(2).all(|two| two[0] != two[1]), "{:?}", arriving);
        let mut found: Vec<String> = Vec::new();
        for part in &parts {
            prop_assert_eq!(part.plan.check(), Ok(()));
            for node in own(part) {
                found.push(shown(&node.component, &inputs(&parts, part, node)));
            }
        }
        found.sort();
        prop_assert_eq!(found, whole(&lowered.plan));
    }
}
