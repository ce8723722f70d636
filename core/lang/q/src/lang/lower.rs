//! A spec to a plan: its operators become expressions over the spec as prelude.

use super::graph::graph;
use super::{NAME, OUTPUTS, PROGRAM, diagnostic, readers, writers};
use crate::display;
use crate::error::{QError, Result};
use crate::qsp::{self, Kind, Node, Pipeline};
use crate::session;
use formats::k::{K, Type};
use plan::serde_json::json;
use plan::{Code, Component, Diagnostic, Json, Plan, Role};

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

/// The readers as sources, everything else as one operator, and behind it a sink for each writer.
fn lowered(pipeline: &Pipeline) -> Result<Plan> {
    // One worker is one environment on one shard.
    let mut plan = Plan { shards_max: Some(1), ..Plan::default() };
    let of = |kind: Kind| pipeline.nodes.iter().filter(move |node| node.kind == kind);
    let mut sources = Vec::new();
    for node in of(Kind::Reader) {
        for readers::Source { component, begins_anew } in readers::sources(pipeline, node)? {
            let id = plan.add(Role::Source, component, Vec::new());
            if let Some(source) = plan.nodes.get_mut(id).filter(|_| begins_anew) {
                source.anew = Some(0);
            }
            sources.push(id);
        }
    }
    let graph = graph(pipeline);
    let code = json!({ "lang": NAME, "text": "program", "slot": PROGRAM, "graph": graph });
    let program = plan.add(Role::Operator, Component::new("mapping", code), sources);
    for (number, node) in of(Kind::Writer).enumerate() {
        let slot = u32::try_from(number).ok().and_then(|n| OUTPUTS.checked_add(n));
        let text = match qsp::variable::of(node) {
            Some(name) => written(name),
            None => format!(".qsp.{}", node.op),
        };
        let code = json!({ "lang": NAME, "text": text, "slot": slot });
        let output = Component::new("mapping", code);
        let output = plan.add(Role::Operator, output, vec![program]);
        plan.add(Role::Sink, writers::sink(node)?, vec![output]);
    }
    Ok(plan)
}

/// How a plan shows a writer of a variable.
fn written(name: &str) -> String {
    format!(".qsp.write.toVariable[`{name}]")
}

/// Whether a plan is one of a spec that writes a variable of this name.
#[must_use]
pub fn publishes(plan: &Plan, name: &str) -> bool {
    let text = written(name);
    plan.nodes.iter().map(|node| &node.component.config).any(|config| {
        let shown = |key: &str| config.get(key).and_then(Json::as_str);
        shown("lang") == Some(NAME) && shown("text") == Some(&*text)
    })
}

pub(super) fn labelled(name: &str, node: &Node, config: Json) -> Component {
    Component { label: node.name.clone(), ..Component::new(name, config) }
}

pub(super) fn code(node: &Node) -> Json {
    let text = match node.option("expr") {
        Some(f) => match f.as_text() {
            Some(text) => String::from_utf8_lossy(text).into_owned(),
            None => display::text(f),
        },
        None => format!(".qsp.{}", node.op),
    };
    let text: String = text.chars().take(TEXT_MAX).collect();
    json!({ "lang": NAME, "text": text, "slot": node.id as u32 })
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
        assert_eq!(plan.nodes[1].component.config["slot"], PROGRAM);
        assert_eq!(plan.nodes[2].component.config["slot"], OUTPUTS);
        assert_eq!(plan.shards_max, Some(1));
    }

    #[test]
    fn each_writer_is_a_sink() {
        let plan = lower(
            "s:.qsp.read.fromCallback[`p] .qsp.split[]\n\
             a:s .qsp.map[{x}] .qsp.write.toVariable[`a]\n\
             b:s .qsp.write.toVariable[`b; .qsp.use ``mode!(::;`upsert)]\n.qsp.run (a;b)",
        )
        .unwrap();
        assert!(plan.check().is_ok());
        let program = plan.nodes.iter().position(|n| n.inputs == [0]).unwrap();
        assert_eq!(plan.targets(program).count(), 2);
        let sinks = plan.nodes.iter().filter(|n| n.role == Role::Sink);
        assert!(sinks.map(|n| n.component.name.as_str()).eq(["drop"; 2]));
        assert!(publishes(&plan, "a") && publishes(&plan, "b") && !publishes(&plan, "s"));
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
