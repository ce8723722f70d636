//! The logical plan as users see it: nodes, edges and an indented tree (spec/nes-rest.md §2).

use std::collections::BTreeSet;

use plan::Json;
use plan::serde_json::json;

/// An operator of the logical plan.
struct Operator {
    kind: &'static str,
    detail: String,
    inputs: Vec<usize>,
}

/// The logical plan. Ids count from 1 in the order in which operators were added.
#[derive(Default)]
pub(crate) struct View {
    operators: Vec<Operator>,
}

impl View {
    /// Adds an operator and returns its id.
    pub(crate) fn add(&mut self, kind: &'static str, detail: &str, inputs: &[usize]) -> usize {
        let detail = detail.to_owned();
        self.operators.push(Operator { kind, detail, inputs: inputs.to_vec() });
        self.operators.len()
    }

    fn get(&self, id: usize) -> Option<&Operator> {
        id.checked_sub(1).and_then(|at| self.operators.get(at))
    }

    fn name(&self, id: usize) -> String {
        format!("{}(OP-{id})", self.get(id).map_or("UNDEFINED", |o| o.kind))
    }

    /// The operators an operator takes its input from.
    pub(crate) fn inputs(&self, id: usize) -> &[usize] {
        self.get(id).map_or(&[], |operator| &operator.inputs)
    }

    /// An operator as trees show it.
    pub(crate) fn label(&self, id: usize) -> String {
        let Some(Operator { kind, detail, .. }) = self.get(id) else { return String::new() };
        if detail.is_empty() { format!("{kind}({id})") } else { format!("{kind}({id},{detail})") }
    }

    /// Number of operators.
    pub(crate) fn len(&self) -> usize {
        self.operators.len()
    }

    /// `{"nodes": [...], "edges": [...]}`; edges lead from child to parent, by name.
    pub(crate) fn json(&self) -> Json {
        let ids = 1..=self.operators.len();
        let node = |id: usize| {
            let kind = self.get(id).map_or("UNDEFINED", |o| o.kind);
            json!({"id": id, "name": self.name(id), "nodeType": kind})
        };
        let nodes: Vec<Json> = ids.clone().map(node).collect();
        let edges: Vec<Json> = ids
            .flat_map(|id| {
                let inputs = self.get(id).map_or(&[][..], |o| &o.inputs);
                inputs.iter().map(move |from| (*from, id))
            })
            .map(|(from, to)| json!({"source": self.name(from), "target": self.name(to)}))
            .collect();
        json!({"nodes": nodes, "edges": edges})
    }

    /// The operators as indented trees, one for each sink, the last operators first.
    pub(crate) fn tree(&self) -> String {
        let mut text = String::new();
        let used: BTreeSet<usize> =
            self.operators.iter().flat_map(|o| o.inputs.iter().copied()).collect();
        let roots = (1..=self.operators.len()).filter(|id| !used.contains(id));
        let mut todo: Vec<(usize, usize)> = roots.map(|id| (id, 0)).collect();
        while let Some((id, depth)) = todo.pop() {
            let Some(operator) = self.get(id) else { continue };
            text.push_str(&"  ".repeat(depth));
            text.push_str(&self.label(id));
            text.push('\n');
            todo.extend(operator.inputs.iter().rev().map(|input| (*input, depth + 1)));
        }
        text
    }
}
