//! A spec to a plan: its operators become expressions over the spec as prelude.

use super::{NAME, PORT_BITS, diagnostic};
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
        let mut inputs: Vec<NodeId> =
            node.inputs.iter().filter_map(|i| outputs.get(i).copied()).collect();
        let id = match node.op {
            "read.fromCallback" => plan.add(Role::Source, callback(node)?, inputs),
            "read.fromExpr" => {
                let config = json!({ "code": code(node, 0) });
                plan.add(Role::Source, labelled("evaluate", node, config), inputs)
            }
            "read.fromFile" => {
                let source = plan.add(Role::Source, file(node)?, inputs);
                if binary(node)? { values(&mut plan, node, source) } else { source }
            }
            "write.toConsole" => {
                let text = plan.add(Role::Operator, expression(node, 0), inputs);
                let config = json!({ "stdout": true });
                plan.add(Role::Sink, labelled("console", node, config), vec![text])
            }
            "write.toVariable" => {
                for (input, from) in inputs.iter_mut().zip(&node.inputs) {
                    let from = pipeline.nodes.iter().find(|n| n.id == *from);
                    if let Some(from) = from.filter(|n| n.op == "read.fromFile")
                        && !binary(from)?
                    {
                        *input = values(&mut plan, from, *input);
                    }
                }
                plan.add(Role::Sink, variable(node)?, inputs)
            }
            "merge" => merge(&mut plan, node, inputs),
            _ => plan.add(Role::Operator, expression(node, 0), inputs),
        };
        outputs.insert(node.id, id);
    }
    Ok(plan)
}

/// Whether a reader of files gives bytes; otherwise it gives the lines, each a text.
fn binary(node: &Node) -> Result<bool> {
    if node.option("mode").is_none() {
        return Ok(false);
    }
    match symbol(node, "mode")?.as_str() {
        "binary" => Ok(true),
        "text" => Ok(false),
        other => Err(QError::new(format!("mode: {other}"))),
    }
}

/// What makes values of the blocks of a file. Operators of q do so themselves; writers of values
/// take nothing else.
fn values(plan: &mut Plan, node: &Node, source: NodeId) -> NodeId {
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

fn labelled(name: &str, node: &Node, config: Json) -> Component {
    Component { label: node.name.clone(), ..Component::new(name, config) }
}

fn code(node: &Node, port: u32) -> Json {
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

fn expression(node: &Node, port: u32) -> Component {
    labelled("mapping", node, code(node, port))
}

fn symbol(node: &Node, name: &str) -> Result<String> {
    let value = node.option(name).and_then(K::as_sym);
    value.map(|s| s.as_str().to_owned()).ok_or_else(|| QError::new(format!("type: {name}")))
}

fn callback(node: &Node) -> Result<Component> {
    let mut config = json!({ "name": symbol(node, "callback")? });
    for name in ["key", "partitions"] {
        if let (Some(value), Some(members)) = (node.option(name), config.as_object_mut())
            && !value.is_empty()
        {
            members.insert(name.to_owned(), plain(value)?);
        }
    }
    Ok(labelled("callback", node, config))
}

/// Names and numbers as JSON.
fn plain(k: &K) -> Result<Json> {
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

fn file(node: &Node) -> Result<Component> {
    let path = |k: &K| -> Result<String> {
        let text = match (k.as_sym(), k.as_text()) {
            (Some(s), _) => s.as_str().to_owned(),
            (_, Some(text)) => String::from_utf8_lossy(text).into_owned(),
            _ => return Err(QError::new("type: path")),
        };
        Ok(text.trim_start_matches(':').to_owned())
    };
    let given = node.option("path").cloned().unwrap_or_default();
    let several = given.as_syms().is_some() || given.ty() == Some(Type::List);
    let paths = if several {
        given.items().map(|k| path(&k)).collect::<Result<Vec<_>>>()?
    } else {
        vec![path(&given)?]
    };
    Ok(labelled("file", node, json!({ "paths": paths })))
}

fn variable(node: &Node) -> Result<Component> {
    let mode = match node.option("mode") {
        Some(_) => symbol(node, "mode")?,
        None => "append".to_owned(),
    };
    if !matches!(mode.as_str(), "append" | "overwrite" | "upsert") {
        return Err(QError::new(format!("mode: {mode}")));
    }
    let config = json!({ "name": symbol(node, "variable")?, "mode": mode });
    Ok(labelled("variable", node, config))
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
        assert_eq!(direct, ["file", "mapping", "variable"]);
        // A function makes values itself, and so does what makes the lines of a console.
        let map = names(&format!("{read}[\"f\"] .qsp.map[{{x}}] .qsp.write.toVariable[`v]"));
        assert_eq!(map, ["file", "mapping", "variable"]);
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
