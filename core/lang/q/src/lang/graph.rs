//! The operators of a spec as a plan tells of them: one node of the plan runs them all.

use crate::qsp::{Kind, Node, Pipeline};
use plan::Json;
use plan::serde_json::json;

/// Names, kinds and inputs of all operators, each behind those that it reads from.
pub(super) fn graph(pipeline: &Pipeline) -> Json {
    let name = |id: &usize| pipeline.nodes.iter().find(|n| n.id == *id).map(|n| n.name.as_str());
    let shown = |node: &Node| {
        let kind = match node.kind {
            Kind::Reader => "reader",
            Kind::Operator => "operator",
            Kind::Writer => "writer",
        };
        let inputs: Vec<&str> = node.inputs.iter().filter_map(name).collect();
        match inputs.is_empty() {
            true => json!({ "name": node.name, "kind": kind }),
            false => json!({ "name": node.name, "kind": kind, "inputs": inputs }),
        }
    };
    pipeline.nodes.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lower;
    use plan::serde_json::json;

    #[test]
    fn a_plan_tells_of_all_operators_by_their_names() {
        let named = |name: &str| format!("; .qsp.use ``name!``{name}]");
        let spec = format!(
            "s:.qsp.read.fromCallback[`p{} .qsp.split[.qsp.use ``name!``s]\n\
             a:s .qsp.map[{{x}}{}\nb:s .qsp.filter[{{x}}{}\n\
             .qsp.run a .qsp.union[b{} .qsp.write.toVariable[`v{}",
            named("r"),
            named("m"),
            named("f"),
            named("u"),
            named("w"),
        );
        let plan = lower(&spec).unwrap();
        let program = plan.nodes.iter().find(|n| n.component.config.get("graph").is_some());
        let want = json!([
            {"name": "r", "kind": "reader"},
            {"name": "s", "kind": "operator", "inputs": ["r"]},
            {"name": "m", "kind": "operator", "inputs": ["s"]},
            {"name": "f", "kind": "operator", "inputs": ["s"]},
            {"name": "u", "kind": "operator", "inputs": ["f", "m"]},
            {"name": "w", "kind": "writer", "inputs": ["u"]},
        ]);
        let mut graph = program.unwrap().component.config["graph"].clone();
        let inputs = graph[4]["inputs"].as_array_mut().unwrap();
        inputs.sort_by_key(ToString::to_string);
        assert_eq!(graph, want);
    }
}
