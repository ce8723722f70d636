//! The operators of a pipeline as text for Graphviz (spec/kdb-rest.md §3).

use std::fmt::Write;

use plan::{Node, Plan, Role};

/// The name under which users know the operator of a node. What is made of one operator has the
/// name of it.
pub(super) fn name(node: &Node) -> &str {
    match node.component.label.as_str() {
        "" => &node.component.name,
        label => label,
    }
}

/// The operators of a plan and the ways between them.
#[must_use]
pub fn graph(plan: &Plan) -> String {
    let mut text = String::from(
        "digraph pipeline {\n  node [shape=ellipse, style=filled, fillcolor=\"#ffffff\"];\n",
    );
    let mut ends: Vec<&str> = Vec::new();
    for node in plan.nodes.iter().filter(|node| node.role != Role::Operator) {
        if !ends.contains(&name(node)) {
            ends.push(name(node));
            let _ = writeln!(text, "  {} [shape=box, fillcolor=\"#cce0ff\"];", quoted(name(node)));
        }
    }
    let mut edges: Vec<(&str, &str)> = Vec::new();
    for node in &plan.nodes {
        for from in node.inputs.iter().filter_map(|id| plan.nodes.get(*id)) {
            let edge = (name(from), name(node));
            if edge.0 != edge.1 && !edges.contains(&edge) {
                edges.push(edge);
                let _ = writeln!(text, "  {} -> {};", quoted(edge.0), quoted(edge.1));
            }
        }
    }
    text.push_str("}\n");
    text
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use plan::{Component, serde_json::json};

    use super::*;

    fn component(name: &str, label: &str) -> Component {
        Component { label: label.to_owned(), ..Component::new(name, json!({})) }
    }

    #[test]
    fn what_is_made_of_one_operator_is_one_and_ends_are_boxes() {
        let mut plan = Plan::default();
        let reader = component("callback", "callback-upd-1");
        let reader = plan.add(Role::Source, reader, Vec::new());
        let map = plan.add(Role::Operator, component("mapping", "say \"hi\""), vec![reader]);
        let text = plan.add(Role::Operator, component("mapping", "toConsole-3"), vec![map]);
        plan.add(Role::Sink, component("console", "toConsole-3"), vec![text]);
        plan.add(Role::Sink, component("drop", ""), vec![map]);
        assert_eq!(
            graph(&plan),
            "digraph pipeline {\n  \
               node [shape=ellipse, style=filled, fillcolor=\"#ffffff\"];\n  \
               \"callback-upd-1\" [shape=box, fillcolor=\"#cce0ff\"];\n  \
               \"toConsole-3\" [shape=box, fillcolor=\"#cce0ff\"];\n  \
               \"drop\" [shape=box, fillcolor=\"#cce0ff\"];\n  \
               \"callback-upd-1\" -> \"say \\\"hi\\\"\";\n  \
               \"say \\\"hi\\\"\" -> \"toConsole-3\";\n  \
               \"say \\\"hi\\\"\" -> \"drop\";\n}\n"
        );
    }
}
