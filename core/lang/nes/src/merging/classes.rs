//! Which nodes of different plans do the same: those whose components and inputs are the same.

use std::collections::HashMap;

use plan::{Component, Json, NodeId, Plan};

/// Longest text to which a condition is written out.
const CONDITION_BYTES_MAX: usize = 1 << 16;

/// What does the same has one number.
pub(crate) type Class = usize;

/// The numbers of all that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    known: HashMap<(String, Vec<Class>), Class>,
}

impl Classes {
    /// The classes of a plan's nodes, as far as they are known.
    pub(crate) fn of(&self, plan: &Plan, by_signature: bool) -> Vec<Option<Class>> {
        let mut found: Vec<Option<Class>> = Vec::with_capacity(plan.nodes.len());
        for node in &plan.nodes {
            let inputs = node.inputs.iter().map(|input| found.get(*input).copied().flatten());
            let class = inputs.collect::<Option<Vec<Class>>>().and_then(|inputs| {
                self.known.get(&(text(&node.component, by_signature), inputs)).copied()
            });
            found.push(class);
        }
        found
    }

    /// Makes the nodes of a plan known; their classes.
    pub(crate) fn learn(&mut self, plan: &Plan, by_signature: bool) -> Vec<Class> {
        let mut found: Vec<Class> = Vec::with_capacity(plan.nodes.len());
        for node in &plan.nodes {
            let inputs = node.inputs.iter().filter_map(|id: &NodeId| found.get(*id).copied());
            let (inputs, next) = (inputs.collect(), self.known.len());
            let key = (text(&node.component, by_signature), inputs);
            found.push(*self.known.entry(key).or_insert(next));
        }
        found
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

/// A component as a text that is the same where it does the same.
fn text(component: &Component, by_signature: bool) -> String {
    let Component { name, config, .. } = component;
    let condition = (name == "filter_rows" && by_signature).then(|| condition(&config["where"]));
    match condition.flatten() {
        Some(condition) => format!("{name} {condition}"),
        None => format!("{name} {config}"),
    }
}

/// What a step is, with `and` and `or` as lists of all that they combine.
enum Term {
    One(String),
    Many(&'static str, Vec<String>),
}

impl Term {
    fn text(&self) -> String {
        match self {
            Term::One(text) => text.clone(),
            Term::Many(op, parts) => {
                let mut parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                parts.sort_unstable();
                format!("{op}({})", parts.join(";"))
            }
        }
    }
}

/// A condition written out, with what `and` and `or` combine in order. None where the order may
/// matter, because something is divided, or where it would be too long.
fn condition(steps: &Json) -> Option<String> {
    let mut terms: Vec<Term> = Vec::new();
    let mut bytes = 0usize;
    for step in steps.as_array()? {
        let term = match (step.get("op").and_then(Json::as_str), step.get("args")) {
            (None, _) => Term::One(step.to_string()),
            (Some("div" | "rem"), _) => return None,
            (Some(op), args) => {
                let args = args.and_then(Json::as_array)?.iter();
                let args = args.map(|at| terms.get(usize::try_from(at.as_u64()?).ok()?));
                let args: Vec<&Term> = args.collect::<Option<_>>()?;
                match op {
                    "and" => combined("and", &args),
                    "or" => combined("or", &args),
                    _ => {
                        let args: Vec<String> = args.iter().map(|term| term.text()).collect();
                        Term::One(format!("{op}:{}({})", step.get("type")?, args.join(";")))
                    }
                }
            }
        };
        bytes += match &term {
            Term::One(text) => text.len(),
            Term::Many(_, parts) => parts.iter().map(String::len).sum(),
        };
        if bytes > CONDITION_BYTES_MAX {
            return None;
        }
        terms.push(term);
    }
    Some(terms.last()?.text())
}

fn combined(op: &'static str, args: &[&Term]) -> Term {
    let mut all = Vec::new();
    for term in args {
        match term {
            Term::Many(inner, parts) if *inner == op => all.extend(parts.iter().cloned()),
            other => all.push(other.text()),
        }
    }
    Term::Many(op, all)
}
