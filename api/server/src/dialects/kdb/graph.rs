//! The operators of a pipeline as text for Graphviz (spec/kdb-rest.md §3).

use std::fmt::Write;

use plan::{Plan, Role};

use super::operators::operators;

/// The operators of a plan and the ways between them.
#[must_use]
pub fn graph(plan: &Plan) -> String {
    let mut text = String::from(
        "digraph pipeline {\n  node [shape=ellipse, style=filled, fillcolor=\"#ffffff\"];\n",
    );
    let operators = operators(plan);
    for end in operators.iter().filter(|shown| shown.role != Role::Operator) {
        let _ = writeln!(text, "  {} [shape=box, fillcolor=\"#cce0ff\"];", quoted(end.name));
    }
    for shown in &operators {
        for from in &shown.inputs {
            let _ = writeln!(text, "  {} -> {};", quoted(from), quoted(shown.name));
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
    use super::super::operators::tests::{component, plan};
    use super::*;

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

    #[test]
    fn operators_that_run_as_one_node_are_shown_each() {
        let text = graph(&plan());
        for line in [
            "  \"upd\" [shape=box, fillcolor=\"#cce0ff\"];\n",
            "  \"out\" [shape=box, fillcolor=\"#cce0ff\"];\n",
            "  \"upd\" -> \"map\";\n",
            "  \"map\" -> \"out\";\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("mapping"), "{text}");
    }
}
