//! A spec to a plan: its operators become expressions over the spec as prelude.

use super::{NAME, PORT_BITS, diagnostic, readers, writers};
use crate::display;
use crate::error::{QError, Result};
use crate::qsp::{self, Node, Pipeline};
use crate::session;
use formats::k::{K, Type};
use plan::serde_json::json;
use plan::{Code, Component, Diagnostic, Json, NodeId, Plan, Role};
use std::collections::HashMap;

/// Code of the diagnostic about a spec that does not parse.
const PARSE: &str = "parse";
/// The port of what stands behind a reader to see it begin and end.
pub(super) const ENTRY: u32 = 1;
/// Characters of a function that a plan shows.
const TEXT_MAX: usize = 200;

/// Lowers a spec (spec/kdb-qsp.md §1) to a plan.
///
/// # Errors
/// What is wrong with the spec, with its place.
pub fn lower(spec: &str) -> std::result::Result<Plan, Vec<Diagnostic>> {
    // What does not parse is told apart from what fails while it loads.
    let unparsable = |e| vec![Diagnostic { code: PARSE.to_owned(), ..diagnostic(&e) }];
    session::check_syntax(spec).map_err(unparsable)?;
    let pipeline = qsp::load(spec).map_err(|e| vec![diagnostic(&e)])?;
    let mut plan = lowered(&pipeline).map_err(|e| vec![diagnostic(&e)])?;
    plan.prelude = Some(Code { lang: NAME.to_owned(), text: spec.to_owned(), slot: None });
    Ok(plan)
}

fn lowered(pipeline: &Pipeline) -> Result<Plan> {
    // One worker is one environment on one shard.
    let mut plan = Plan { shards_max: Some(1), ..Plan::default() };
    // The node that other nodes read an operator's output from.
    let mut outputs: HashMap<usize, NodeId> = HashMap::new();
    for node in &pipeline.nodes {
        let inputs: Vec<NodeId> =
            node.inputs.iter().filter_map(|i| outputs.get(i).copied()).collect();
        let id = match node.op {
            op if op.starts_with("read.") => readers::lower(&mut plan, pipeline, node)?,
            op if op.starts_with("write.") => writers::lower(&mut plan, node, inputs)?,
            "merge" => merge(&mut plan, node, inputs),
            _ => plan.add(Role::Operator, expression(node, 0), inputs),
        };
        outputs.insert(node.id, id);
    }
    Ok(plan)
}

/// What makes values of what a source of bytes gives.
pub(super) fn values(plan: &mut Plan, node: &Node, source: NodeId) -> NodeId {
    plan.add(Role::Operator, expression(node, 0), vec![source])
}

/// The two sides of a merge, and one node behind them.
fn merge(plan: &mut Plan, node: &Node, inputs: Vec<NodeId>) -> NodeId {
    let mut sides = Vec::new();
    // The first input is the stream that was given as argument: the right side.
    for (port, input) in [1, 0].into_iter().zip(inputs) {
        sides.push(plan.add(Role::Operator, expression(node, port), vec![input]));
    }
    let pass = labelled("noop", node, json!({}));
    plan.add(Role::Operator, pass, sides)
}

pub(super) fn labelled(name: &str, node: &Node, config: Json) -> Component {
    Component { label: node.name.clone(), ..Component::new(name, config) }
}

pub(super) fn code(node: &Node, port: u32) -> Json {
    let f = node.func.as_ref().or_else(|| node.option("expr"));
    let text = match f {
        Some(f) => match f.as_text() {
            Some(text) => String::from_utf8_lossy(text).into_owned(),
            None => display::text(f),
        },
        None => format!(".qsp.{}", node.op),
    };
    let text: String = text.chars().take(TEXT_MAX).collect();
    json!({ "lang": NAME, "text": text, "slot": node.id as u32 | port << PORT_BITS })
}

pub(super) fn expression(node: &Node, port: u32) -> Component {
    labelled("mapping", node, code(node, port))
}

pub(super) fn symbol(node: &Node, name: &str) -> Result<String> {
    let value = node.option(name).and_then(K::as_sym);
    value.map(|s| s.as_str().to_owned()).ok_or_else(|| QError::new(format!("type: {name}")))
}

/// Names and numbers as JSON.
pub(super) fn plain(k: &K) -> Result<Json> {
    Ok(match k {
        K::Atom(Type::Symbol, _) => Json::String(display::plain(k, 17)),
        K::Atom(..) => match k.as_long() {
            Some(n) => json!(n),
            None => Json::String(display::plain(k, 17)),
        },
        K::Vec(_) => match k.as_text() {
            Some(text) => Json::String(String::from_utf8_lossy(text).into_owned()),
            None => Json::Array(k.items().map(|i| plain(&i)).collect::<Result<_>>()?),
        },
        _ => return Err(QError::new("type")),
    })
}

/// A symbol or a text.
pub(super) fn text(k: &K) -> Option<String> {
    match (k.as_sym(), k.as_text()) {
        (Some(symbol), _) => Some(symbol.as_str().to_owned()),
        (_, Some(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_operators() {
        let plan = lower(
            ".qsp.run .qsp.read.fromCallback[`publish] .qsp.map[{x+1}] .qsp.write.toConsle[]",
        )
        .unwrap();
        assert!(plan.check().is_ok());
        let names: Vec<&str> = plan.nodes.iter().map(|n| n.component.name.as_str()).collect();
        assert_eq!(names, ["callback", "mapping", "mapping", "console"]);
        assert_eq!(plan.nodes[1].component.config["text"], "{x+1}");
        assert_eq!(plan.shards_max, Some(1));
    }

    #[test]
    fn branches_share_what_is_before_them() {
        let plan = lower(
            "s:.qsp.read.fromCallback[`p] .qsp.split[]\n\
             a:s .qsp.map[{x}] .qsp.write.toVariable[`a]\n\
             b:s .qsp.write.toVariable[`b; .qsp.use ``mode!(::;`upsert)]\n.qsp.run (a;b)",
        )
        .unwrap();
        assert!(plan.check().is_ok());
        let split = plan.nodes.iter().position(|n| n.inputs == [0]).unwrap();
        assert_eq!(plan.targets(split).count(), 2);
    }

    #[test]
    fn both_sides_of_a_merge() {
        let plan = lower(
            "q:.qsp.read.fromCallback[`q]\n\
             .qsp.run .qsp.read.fromCallback[`t] .qsp.merge[q;{x,y}] .qsp.write.toConsole[]",
        )
        .unwrap();
        assert!(plan.check().is_ok());
        assert_eq!(plan.nodes.iter().filter(|n| n.role == Role::Source).count(), 2);
    }

    fn names(spec: &str) -> Vec<String> {
        let plan = lower(spec).unwrap();
        assert!(plan.check().is_ok());
        plan.nodes.iter().map(|n| n.component.name.clone()).collect()
    }

    #[test]
    fn blocks_of_files_become_values_before_a_writer_of_values() {
        let read = ".qsp.run .qsp.read.fromFile";
        let direct = names(&format!("{read}[\"f\"] .qsp.write.toVariable[`v]"));
        assert_eq!(direct, ["file", "mapping", "drop"]);
        // A function makes values itself, and so does what makes the lines of a console.
        let map = names(&format!("{read}[\"f\"] .qsp.map[{{x}}] .qsp.write.toVariable[`v]"));
        assert_eq!(map, ["file", "mapping", "mapping", "drop"]);
        let console = names(&format!("{read}[\"f\"] .qsp.write.toConsole[]"));
        assert_eq!(console, ["file", "mapping", "console"]);
        let mode = ".qsp.use ``mode!``binary";
        let bytes = names(&format!("{read}[\"f\"; {mode}] .qsp.map[{{x}}] .qsp.write.toConsole[]"));
        assert_eq!(bytes, ["file", "mapping", "mapping", "mapping", "console"]);
        let error = lower(&format!("{read}[\"f\"; .qsp.use ``mode!``x] .qsp.write.toConsole[]"));
        assert_eq!(error.unwrap_err()[0].message, "'mode: x");
    }

    #[test]
    fn errors_have_places() {
        let error = lower("a:1\n.qsp.run .qsp.read.fromCallback[`p] .qsp.map[{x+}").unwrap_err();
        assert_eq!((error[0].span.line, error[0].message.as_str()), (2, "']"));
        assert_eq!(error[0].code, PARSE);
        let error = lower(".qsp.run (1;2\n\n").unwrap_err();
        assert_eq!((error[0].span.line, error[0].span.column), (1, 14));
        let error = lower("a:1\nb:2+`x").unwrap_err();
        assert_eq!(error[0].code, "q", "it parses");
        assert_eq!((error[0].span.line, error[0].span.column), (2, 3));
        assert_eq!(lower("{hopen 1}").unwrap_err()[0].message, "'nyi: hopen");
    }
}
