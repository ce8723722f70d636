use plan::serde_json::json;
use plan::{Json, Role};

use super::*;
use crate::catalog::{Physical, SinkCatalog, SourceCatalog};
use crate::lower::{Lowered, lower};
use crate::parse::parse_schema;

const COMPLETE: Rule = Rule { partial: false, by_signature: false };
const PARTIAL: Rule = Rule { partial: true, by_signature: false };

/// `live` and `other` are TCP sources, `file` is one with an end.
fn sources() -> SourceCatalog {
    let mut sources = SourceCatalog::default();
    let schema = r#"Schema::create()->addField("ts", BasicType::UINT64)->addField("k", BasicType::UINT64)->addField("v", BasicType::INT64);"#;
    let tcp = |port: u16| ("TCP_SOURCE", json!({"socketPort": port, "inputFormat": "CSV"}));
    for (name, (kind, config)) in [
        ("live", tcp(3001)),
        ("other", tcp(3002)),
        ("file", ("CSV_SOURCE", json!({"filePath": "/data/a.csv"}))),
        ("some", ("DEFAULT_SOURCE", json!({"numberOfBuffersToProduce": 3}))),
    ] {
        sources.add(name, parse_schema(schema).unwrap()).unwrap();
        let (logical, kind) = (name.to_owned(), kind.to_owned());
        let physical = Physical { logical, name: format!("{name}1"), kind, node: 1, config };
        sources.add_physical(physical).unwrap();
    }
    sources
}

fn ready(text: &str, sink: &str) -> Lowered {
    let text = format!("Query::from({text}.sink({sink});");
    lower(&text, &sources(), &SinkCatalog::default()).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

const PRINT: &str = "PrintSinkDescriptor::create()";
const NULL: &str = "NullOutputSinkDescriptor::create()";

/// Chains and the number that the next query gets.
struct Group(Merger, u64);

impl Group {
    fn new() -> Group {
        Group(Merger::default(), 1)
    }

    fn add_to(&mut self, rule: Rule, text: &str, sink: &str) -> Option<Split> {
        let Group(merger, next) = self;
        let who = next.to_string();
        let split = merger.split(rule, *next + 1, &who, &ready(text, sink))?;
        for plan in split.chain.iter().map(|chain| &chain.plan).chain([&split.rest]) {
            plan.check().unwrap_or_else(|e| panic!("{text}: {e}"));
        }
        if let Some(chain) = &split.chain {
            merger.add(chain.clone());
        }
        merger.join(&who, split.uses.clone());
        *next += 2;
        Some(split)
    }

    fn add(&mut self, rule: Rule, text: &str) -> Split {
        self.add_to(rule, text, PRINT).unwrap_or_else(|| panic!("{text} is merged"))
    }
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.nodes.iter().map(|node| node.component.name.as_str()).collect()
}

fn chain(split: &Split) -> &Chain {
    split.chain.as_ref().expect("a chain")
}

#[test]
fn the_first_query_begins_a_chain_and_the_same_one_shares_it() {
    let mut group = Group::new();
    let text = r#""live").filter(Attribute("v") > 1)"#;
    let first = group.add(COMPLETE, text);
    assert_eq!(names(&chain(&first).plan), ["socket", "decode_csv", "filter_rows", "fan_out"]);
    assert_eq!(names(&first.rest), ["fan_out", "encode_csv", "frame", "stdout"]);
    assert_eq!(first.rest.nodes[0].role, Role::Source);
    let short = group.add(COMPLETE, &text.replace(r#""v""#, r#""live$v""#));
    assert_eq!((short.chain, short.uses), (None, first.uses.clone()), "it means the same");
    let other_sink = group.add_to(COMPLETE, text, NULL).expect("it is merged");
    assert_eq!((other_sink.chain, other_sink.uses), (None, first.uses), "sinks do not count");
}

#[test]
fn a_complete_rule_merges_nothing_that_differs() {
    let mut group = Group::new();
    group.add(COMPLETE, r#""live").filter(Attribute("v") > 1)"#);
    for text in [
        r#""live").filter(Attribute("v") > 2)"#,
        r#""live").filter(Attribute("v") > 1).map(Attribute("v") = 1)"#,
        r#""live")"#,
        r#""other").filter(Attribute("v") > 1)"#,
    ] {
        assert!(group.add(COMPLETE, text).chain.is_some(), "{text}");
    }
    assert_eq!(group.0.chains().count(), 5);
}

#[test]
fn a_partial_rule_shares_the_longest_beginning_and_grows_a_tree() {
    let mut group = Group::new();
    let first = group.add(PARTIAL, r#""live").filter(Attribute("v") > 1)"#);
    let taps = ["socket", "decode_csv", "fan_out", "filter_rows", "fan_out"];
    assert_eq!(names(&chain(&first).plan), taps);
    let longer =
        group.add(PARTIAL, r#""live").filter(Attribute("v") > 1).map(Attribute("x") = 1)"#);
    assert_eq!(names(&chain(&longer).plan), ["fan_out", "map_column", "fan_out"]);
    assert_eq!(chain(&longer).uses, first.uses, "behind the filter");
    let source = &chain(&longer).plan.nodes[0];
    assert_eq!((source.role, &source.component.config["relays"]), (Role::Source, &json!(true)));
    let hold = |split: &Split| chain(split).plan.nodes[2].component.config["relay_hold_ms"].clone();
    assert_eq!((hold(&first), hold(&longer)), (json!(120_000), json!(90_000)), "who is near waits");
    let fork = group.add(PARTIAL, r#""live").filter(Attribute("v") > 2)"#);
    assert_eq!(names(&chain(&fork).plan), ["fan_out", "filter_rows", "fan_out"]);
    assert_ne!(chain(&fork).uses, first.uses, "behind the source");
    let again = group.add(PARTIAL, r#""live").filter(Attribute("v") > 2)"#);
    assert_eq!((again.chain, again.uses), (None, fork.uses));
    let shorter = group.add(PARTIAL, r#""live").project(Attribute("k"))"#);
    assert_eq!(names(&chain(&shorter).plan), ["fan_out", "project", "fan_out"], "all is read");
}

#[test]
fn both_sides_of_a_join_are_shared_where_they_are_the_same() {
    let mut group = Group::new();
    let first = group.add(PARTIAL, r#""live").filter(Attribute("v") > 1)"#);
    let join = r#""live").filter(Attribute("v") > 1).joinWith(Query::from("other")).where(Attribute("live$k") == Attribute("other$k")).window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))"#;
    let joined = group.add(PARTIAL, join);
    let made = names(&chain(&joined).plan);
    assert_eq!(made.iter().filter(|name| **name == "socket").count(), 1, "of the other: {made:?}");
    assert!(made.contains(&"join"), "{made:?}");
    assert_eq!(chain(&joined).uses, first.uses);
    let same = group.add(PARTIAL, join);
    assert_eq!((same.chain, same.uses), (None, joined.uses));
    assert_eq!(group.0.ways("5").len(), 2, "its chain, and the one behind that");
}

#[test]
fn what_depends_on_when_it_begins_is_not_shared() {
    let mut group = Group::new();
    for text in [r#""file")"#, r#""some")"#, r#""live").limit(3)"#] {
        assert_eq!(group.add_to(COMPLETE, text, PRINT), None, "{text}");
    }
    assert_eq!(group.add_to(PARTIAL, r#""file")"#, PRINT), None);
    let limit = group.add(PARTIAL, r#""live").limit(3)"#);
    assert!(names(&limit.rest).contains(&"limit_rows"), "each counts for itself");
    let union = group.add(PARTIAL, r#""file").unionWith(Query::from("live"))"#);
    let made = names(&chain(&union).plan);
    assert_eq!(made[..3], ["socket", "decode_csv", "fan_out"], "{made:?}");
    assert!(names(&union.rest).contains(&"file"), "what has an end is read alone: {union:?}");
}

#[test]
fn signatures_do_not_see_the_order_of_conditions() {
    let of = |by_signature| Rule { partial: false, by_signature };
    let conditions = [
        r#"Attribute("v") > 1 && (Attribute("k") == 2 && Attribute("ts") < 3)"#,
        r#"(Attribute("ts") < 3 && Attribute("v") > 1) && Attribute("k") == 2"#,
    ];
    let other = r#"Attribute("v") > 1 || Attribute("k") == 2 || Attribute("ts") < 3"#;
    let divides = [
        r#"Attribute("v") > 1 && 4 / Attribute("v") > 1"#,
        r#"4 / Attribute("v") > 1 && Attribute("v") > 1"#,
    ];
    let begun = |rule: Rule, all: &[&str]| {
        let mut group = Group::new();
        let split = |c: &&str| group.add(rule, &format!(r#""live").filter({c})"#)).chain.is_some();
        all.iter().map(split).collect::<Vec<bool>>()
    };
    let [a, b] = conditions;
    assert_eq!(begun(of(true), &[a, b, other]), [true, false, true]);
    assert_eq!(begun(of(false), &[a, b, a]), [true, true, false]);
    assert_eq!(begun(of(true), &divides), [true, true], "what is left out may fail");
}

#[test]
fn a_chain_ends_with_the_last_who_needs_it_and_so_do_those_behind_it() {
    let mut group = Group::new();
    group.add(PARTIAL, r#""live").filter(Attribute("v") > 1)"#);
    group.add(PARTIAL, r#""live").filter(Attribute("v") > 1).map(Attribute("x") = 1)"#);
    let merger = &mut group.0;
    let expected = |merger: &Merger, id: u64| -> Vec<Json> {
        let plan = merger.plan(id).expect("a chain");
        let taps = plan.nodes.iter().filter(|node| node.component.name == FAN_OUT);
        taps.map(|node| node.component.config["expects"].clone()).collect()
    };
    assert_eq!(expected(merger, 2), [json!([]), json!(["1", "shared-4"])]);
    assert_eq!(merger.leave("1"), [Change::Members(2)]);
    assert_eq!(expected(merger, 2), [json!([]), json!(["shared-4"])]);
    assert_eq!(merger.leave("1"), [], "it has left");
    assert_eq!(merger.leave("3"), [Change::Ends(4), Change::Ends(2)]);
    assert!(merger.is_empty());
    group.add(PARTIAL, r#""live").filter(Attribute("v") > 1)"#);
    assert_eq!(group.0.chains().count(), 1, "it begins again");
}

#[test]
fn nobody_joins_a_chain_that_is_closed_and_unused_ones_are_swept() {
    let mut group = Group::new();
    let text = r#""live")"#;
    let first = chain(&group.add(COMPLETE, text)).clone();
    group.0.close(first.id);
    assert!(group.add(COMPLETE, text).chain.is_some());
    let mut restored = Merger::default();
    restored.add(first.clone());
    restored.join("1", first.taps.iter().map(|node| Tap { chain: 2, node: *node }).collect());
    assert_eq!(restored.sweep(), []);
    assert_eq!(restored.split(COMPLETE, 9, "8", &ready(text, PRINT)).unwrap().chain, None);
    let mut unused = Merger::default();
    unused.add(first);
    assert_eq!(unused.sweep(), [Change::Ends(2)]);
}

#[test]
fn every_rule_has_a_name_and_an_unknown_one_lists_them() {
    for name in ["SyntaxBasedCompleteQueryMergerRule", "HybridCompleteQueryMergerRule"] {
        assert!(!Rule::named(name).unwrap().unwrap().partial, "{name}");
    }
    for name in [
        "Z3SignatureBasedPartialQueryMergerBottomUpRule",
        "Z3SignatureBasedTopDownQueryContainmentMergerRule",
    ] {
        assert!(Rule::named(name).unwrap().unwrap().partial, "{name}");
    }
    assert_eq!(Rule::named("DefaultQueryMergerRule"), Ok(None));
    let error = Rule::named("syntaxbasedcompletequerymergerrule").unwrap_err();
    assert!(error.contains("SyntaxBasedCompleteQueryMergerRule, Syntax"), "exactly: {error}");
}

/// Queries that begin in the same way, by what they do one after the other.
fn queries() -> impl proptest::strategy::Strategy<Value = Vec<Vec<usize>>> {
    proptest::collection::vec(proptest::collection::vec(0usize..4, 0..5), 1..8)
}

fn text_of(steps: &[usize]) -> String {
    let all = [
        r#".filter(Attribute("v") > 1)"#,
        r#".map(Attribute("v") = Attribute("v") + 1)"#,
        r#".filter(Attribute("k") < 7)"#,
        r#".map(Attribute("x") = Attribute("k"))"#,
    ];
    format!(r#""live"){}"#, steps.iter().map(|step| all[*step]).collect::<String>())
}

proptest::proptest! {
    /// What a query runs, with the chains it takes its rows from, is what it would run alone.
    #[test]
    fn a_split_query_is_the_same_when_it_is_put_together(
        all in queries(),
        partial in proptest::bool::ANY,
    ) {
        let rule = Rule { partial, by_signature: false };
        let mut group = Group::new();
        for steps in &all {
            let text = text_of(steps);
            let split = group.add(rule, &text);
            let mut names: Vec<String> = Vec::new();
            let mut plan = split.rest.clone();
            while plan.nodes[0].component.name == FAN_OUT {
                let from = plan.nodes[0].component.config["name"].as_str().unwrap().to_owned();
                let rest = plan.nodes.iter().skip(1).map(|n| n.component.config.to_string());
                names.splice(0..0, rest);
                let mut chains = group.0.chains();
                let owner = chains.find(|c| from.starts_with(&format!("{}-", chain_name(c.id))));
                let mut made = owner.expect("a chain").plan.clone();
                let end = made.nodes.iter().position(|node| {
                    node.role == Role::Operator && node.component.config["name"] == json!(from)
                });
                made.nodes.truncate(end.expect("a tap"));
                made.nodes.retain(|n| n.component.name != FAN_OUT || n.role == Role::Source);
                plan = made;
            }
            names.splice(0..0, plan.nodes.iter().map(|node| node.component.config.to_string()));
            let lowered = ready(&text, PRINT);
            let alone = if partial { &lowered.wide } else { &lowered.complete };
            let alone: Vec<String> =
                alone.nodes.iter().map(|node| node.component.config.to_string()).collect();
            proptest::prop_assert_eq!(names, alone);
        }
    }
}
