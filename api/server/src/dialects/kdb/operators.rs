//! The operators of a pipeline under the names that users know.
//!
//! A plan whose language runs several operators as one node tells of them in the configuration of
//! that node: `graph`, a list of `name`, `kind` (`reader`, `operator`, `writer`) and `inputs`.

use plan::{Json, Node, Plan, Role};

/// One operator.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown<'a> {
    pub(super) name: &'a str,
    pub(super) role: Role,
    /// The names of those that it reads from.
    pub(super) inputs: Vec<&'a str>,
}

/// The name under which users know the operator of a node. What is made of one operator has the
/// name of it.
pub(super) fn name(node: &Node) -> &str {
    match node.component.label.as_str() {
        "" => &node.component.name,
        label => label,
    }
}

/// The operators of a plan, each behind those that it reads from.
pub(super) fn operators(plan: &Plan) -> Vec<Shown<'_>> {
    let inner = plan.nodes.iter().filter(|node| node.role == Role::Operator);
    let mut graphs = inner.filter_map(|node| node.component.config.get("graph")?.as_array());
    match graphs.next() {
        Some(graph) => graph.iter().filter_map(listed).collect(),
        None => of_nodes(plan),
    }
}

fn listed(shown: &Json) -> Option<Shown<'_>> {
    let role = match shown.get("kind").and_then(Json::as_str) {
        Some("reader") => Role::Source,
        Some("writer") => Role::Sink,
        _ => Role::Operator,
    };
    let inputs = shown.get("inputs").and_then(Json::as_array);
    let inputs = inputs.into_iter().flatten().filter_map(Json::as_str).collect();
    Some(Shown { name: shown.get("name")?.as_str()?, role, inputs })
}

fn of_nodes(plan: &Plan) -> Vec<Shown<'_>> {
    let mut all: Vec<Shown<'_>> = Vec::new();
    for node in &plan.nodes {
        let own = name(node);
        let inputs = node.inputs.iter().filter_map(|id| plan.nodes.get(*id)).map(name);
        let inputs: Vec<&str> = inputs.filter(|input| *input != own).collect();
        match all.iter_mut().find(|shown| shown.name == own) {
            Some(shown) => {
                // The sink of a writer says what the operator in front of it belongs to.
                if node.role != Role::Operator {
                    shown.role = node.role;
                }
                let new = inputs.into_iter().filter(|input| !shown.inputs.contains(input));
                let new: Vec<&str> = new.collect();
                shown.inputs.extend(new);
            }
            None => all.push(Shown { name: own, role: node.role, inputs }),
        }
    }
    all
}

/// Whether a plan has an operator of this name.
#[must_use]
pub fn has(plan: &Plan, operator: &str) -> bool {
    operators(plan).iter().any(|shown| shown.name == operator)
}

#[cfg(test)]
pub(super) mod tests {
    use plan::{Component, serde_json::json};

    use super::*;

    pub(in crate::dialects::kdb) fn component(name: &str, label: &str) -> Component {
        Component { label: label.to_owned(), ..Component::new(name, json!({})) }
    }

    /// A plan of which one node runs several operators.
    pub(in crate::dialects::kdb) fn plan() -> Plan {
        let mut plan = Plan::default();
        let reader = plan.add(Role::Source, component("callback", "upd"), Vec::new());
        let graph = json!([
            {"name": "upd", "kind": "reader"},
            {"name": "map", "kind": "operator", "inputs": ["upd"]},
            {"name": "out", "kind": "writer", "inputs": ["map"]},
        ]);
        let program = Component::new("mapping", json!({ "graph": graph }));
        let program = plan.add(Role::Operator, program, vec![reader]);
        let text = plan.add(Role::Operator, component("mapping", ""), vec![program]);
        plan.add(Role::Sink, component("console", "out"), vec![text]);
        plan
    }

    #[test]
    fn operators_that_run_as_one_node_have_their_names() {
        let plan = plan();
        let names: Vec<&str> = operators(&plan).iter().map(|shown| shown.name).collect();
        assert_eq!(names, ["upd", "map", "out"]);
        let roles: Vec<Role> = operators(&plan).iter().map(|shown| shown.role).collect();
        assert_eq!(roles, [Role::Source, Role::Operator, Role::Sink]);
        assert!(has(&plan, "map") && has(&plan, "out") && !has(&plan, "mapping"));
    }

    #[test]
    fn what_is_made_of_one_operator_is_one() {
        let mut plan = Plan::default();
        let reader = plan.add(Role::Source, component("callback", "upd"), Vec::new());
        let text = plan.add(Role::Operator, component("mapping", "out"), vec![reader]);
        plan.add(Role::Sink, component("console", "out"), vec![text]);
        let out = Shown { name: "out", role: Role::Sink, inputs: vec!["upd"] };
        let upd = Shown { name: "upd", role: Role::Source, inputs: Vec::new() };
        assert_eq!(operators(&plan), [upd, out]);
    }
}
