//! Queries that can give nothing: what their filters ask of a field together no value has.
//!
//! The conditions of filters are followed along the plan. Of each column the bounds are known that
//! comparisons with constants give it; what is computed anew, or comes out of a window or join, has
//! none. Whatever is not understood says nothing, so that a query that may give a row is never
//! refused.

mod facts;
mod shown;

use plan::{DataType, Diagnostic, Json, NodeId, Plan, Role, Span};

use self::facts::{Facts, Test, Value, converted};
use self::shown::shown;

/// Ways in which a condition may hold that are told apart. What has more says nothing.
const WAYS_MAX: usize = 16;
/// Steps of one condition that are looked at.
const STEPS_MAX: usize = 10_000;
/// Levels of a condition that are looked at.
const DEPTH_MAX: usize = 200;
/// Longest text of conditions that an error shows; bytes.
const TEXT_BYTES_MAX: usize = 1000;
/// Conditions that an error shows: the last ones.
const CONDITIONS_MAX: usize = 16;

/// What is known of the rows behind a node: the ways in which there may be some.
#[derive(Clone, Default)]
struct Rows {
    /// None: there are no rows.
    ways: Vec<Facts>,
    /// The conditions on the way here.
    conditions: Vec<String>,
}

impl Rows {
    fn any() -> Self {
        Rows { ways: vec![Facts::default()], conditions: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }
}

/// Says so when a plan can give nothing, whatever its sources give.
#[must_use]
pub fn unsatisfiable(plan: &Plan) -> Option<Diagnostic> {
    let mut last_use: Vec<NodeId> = (0..plan.nodes.len()).collect();
    for (id, node) in plan.nodes.iter().enumerate() {
        for input in &node.inputs {
            if let Some(last) = last_use.get_mut(*input) {
                *last = id;
            }
        }
    }
    let mut all: Vec<Option<Rows>> = Vec::with_capacity(plan.nodes.len());
    let mut found: Option<Rows> = None;
    for (id, node) in plan.nodes.iter().enumerate() {
        let inputs: Vec<Rows> =
            node.inputs.iter().filter_map(|input| all.get(*input)?.clone()).collect();
        let rows = match node.role {
            Role::Source => Rows::any(),
            Role::Operator => behind(&node.component.name, &node.component.config, inputs),
            Role::Sink => {
                match inputs.into_iter().reduce(united) {
                    Some(rows) if rows.is_empty() => found = found.or(Some(rows)),
                    _ => return None,
                }
                Rows::default()
            }
        };
        all.push(Some(rows));
        for input in &node.inputs {
            if last_use.get(*input) == Some(&id)
                && let Some(rows) = all.get_mut(*input)
            {
                *rows = None;
            }
        }
    }
    let conditions = found?.conditions.join(" && ");
    let end = conditions.floor_char_boundary(TEXT_BYTES_MAX);
    let conditions = conditions.get(..end).unwrap_or_default();
    let text = format!("Unsatisfiable Query due to filter condition:\n{conditions}");
    Some(Diagnostic::error("unsatisfiable", text, Span::default()))
}

/// The rows of either.
fn united(a: Rows, b: Rows) -> Rows {
    match (a.is_empty(), b.is_empty()) {
        (true, true) | (false, true) => a,
        (true, false) => b,
        (false, false) => {
            let ways: Vec<Facts> = a.ways.into_iter().chain(b.ways).collect();
            // Of too many ways nothing is known.
            let ways = if ways.len() > WAYS_MAX { vec![Facts::default()] } else { ways };
            Rows { ways, conditions: a.conditions }
        }
    }
}

/// What is known behind an operator.
fn behind(name: &str, config: &Json, inputs: Vec<Rows>) -> Rows {
    if name == "join" {
        let left = config["left"]["inputs"].as_u64().unwrap_or(0);
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(inputs.len());
        let mut left_rows = inputs;
        let right_rows = left_rows.split_off(left);
        let sides = [left_rows, right_rows].map(|side| side.into_iter().reduce(united));
        return match sides.into_iter().flatten().find(Rows::is_empty) {
            Some(none) => none,
            None => Rows::any(),
        };
    }
    let Some(rows) = inputs.into_iter().reduce(united) else { return Rows::any() };
    if rows.is_empty() {
        // Without rows nothing gives any.
        return rows;
    }
    match name {
        "filter_rows" => filtered(rows, &config["where"]),
        "map_column" => {
            let column = config["column"].as_str().unwrap_or_default();
            let mut rows = rows;
            rows.ways.iter_mut().for_each(|facts| facts.forget(column));
            rows
        }
        "project" => {
            let name = |of: &Json, key: &str| of[key].as_str().unwrap_or_default().to_owned();
            let pairs = config["columns"].as_array().into_iter().flatten();
            let pairs: Vec<(String, String)> =
                pairs.map(|pair| (name(pair, "from"), name(pair, "to"))).collect();
            let ways = rows.ways.iter().map(|facts| facts.renamed(&pairs)).collect();
            Rows { ways, ..rows }
        }
        "limit_rows" | "union" => rows,
        _ => Rows { ways: vec![Facts::default()], ..rows },
    }
}

/// What is known behind a filter.
fn filtered(rows: Rows, test: &Json) -> Rows {
    let Some(steps) = test.as_array().filter(|steps| !steps.is_empty()) else { return rows };
    let Rows { ways, mut conditions } = rows;
    if conditions.len() >= CONDITIONS_MAX {
        conditions.remove(0);
    }
    conditions.push(shown(steps));
    let mut condition = Condition { steps, left: STEPS_MAX };
    let last = steps.len() - 1;
    let mut behind = Vec::new();
    for facts in &ways {
        behind.append(&mut condition.holds(last, true, facts, 0));
    }
    // Of too many ways nothing is known.
    let ways = if behind.len() > WAYS_MAX { vec![Facts::default()] } else { behind };
    Rows { ways, conditions }
}

/// One side of a comparison.
enum Side<'a> {
    Constant(Value),
    Column(&'a str),
    /// A column as another type.
    Converted(String),
    Unknown,
}

/// A condition, and how many more steps of it are looked at.
struct Condition<'a> {
    steps: &'a [Json],
    left: usize,
}

impl<'a> Condition<'a> {
    fn arg(&self, step: &Json, number: usize) -> Option<usize> {
        let at = usize::try_from(step["args"].get(number)?.as_u64()?).ok()?;
        (at < self.steps.len()).then_some(at)
    }

    /// The ways in which the step at a place has this outcome, where something is known already.
    fn holds(&mut self, at: usize, wanted: bool, facts: &Facts, depth: usize) -> Vec<Facts> {
        let unknown = || vec![facts.clone()];
        let Some(step) = self.steps.get(at) else { return unknown() };
        if self.left == 0 || depth >= DEPTH_MAX {
            return unknown();
        }
        self.left -= 1;
        if let Some(value) = step["value"].as_bool() {
            return if value == wanted { unknown() } else { Vec::new() };
        }
        if let Some(column) = step["col"].as_str() {
            let mut facts = facts.clone();
            let fits = facts.add(column, DataType::Bool, Test::Eq, &Value::Bool(wanted));
            return if fits { vec![facts] } else { Vec::new() };
        }
        let op = step["op"].as_str().unwrap_or_default();
        if let Some(test) = Test::named(op) {
            return self.compared(test, step, wanted, facts);
        }
        let (Some(a), b) = (self.arg(step, 0), self.arg(step, 1)) else { return unknown() };
        match (op, b) {
            ("not", _) => self.holds(a, !wanted, facts, depth + 1),
            ("cast", _) if step["type"] == "bool" => self.holds(a, wanted, facts, depth + 1),
            ("and" | "or", Some(b)) if (op == "and") == wanted => {
                let mut both = Vec::new();
                for facts in self.holds(a, wanted, facts, depth + 1) {
                    both.append(&mut self.holds(b, wanted, &facts, depth + 1));
                }
                if both.len() > WAYS_MAX { unknown() } else { both }
            }
            ("and" | "or", Some(b)) => {
                let mut either = self.holds(a, wanted, facts, depth + 1);
                either.append(&mut self.holds(b, wanted, facts, depth + 1));
                if either.len() > WAYS_MAX { unknown() } else { either }
            }
            _ => unknown(),
        }
    }

    fn compared(&self, test: Test, step: &Json, wanted: bool, facts: &Facts) -> Vec<Facts> {
        let unknown = || vec![facts.clone()];
        let ty = step["type"].clone();
        let Ok(ty) = plan::serde_json::from_value::<DataType>(ty) else { return unknown() };
        let (Some(a), Some(b)) = (self.arg(step, 0), self.arg(step, 1)) else { return unknown() };
        let floats = matches!(ty, DataType::F32 | DataType::F64);
        let (key, test, value) = match (self.side(a), self.side(b)) {
            (Side::Constant(a), Side::Constant(b)) => {
                return match test.holds(&a, &b) {
                    Some(holds) if holds != wanted => Vec::new(),
                    _ => unknown(),
                };
            }
            (Side::Column(column), Side::Constant(value)) => (column.to_owned(), test, value),
            (Side::Constant(value), Side::Column(column)) => {
                (column.to_owned(), test.flipped(), value)
            }
            (Side::Converted(key), Side::Constant(value)) => (key, test, value),
            (Side::Constant(value), Side::Converted(key)) => (key, test.flipped(), value),
            _ => return unknown(),
        };
        // What is no number is neither less nor more than one.
        let ordered = !floats || matches!(test, Test::Eq | Test::Ne);
        let test = match (wanted, ordered) {
            (true, _) => test,
            (false, true) => test.opposite(),
            (false, false) => return unknown(),
        };
        let mut facts = facts.clone();
        let fits = facts.add(&key, ty, test, &value);
        if fits { vec![facts] } else { Vec::new() }
    }

    fn side(&self, at: usize) -> Side<'a> {
        let Some(step) = self.steps.get(at) else { return Side::Unknown };
        let ty = || plan::serde_json::from_value::<DataType>(step["type"].clone()).ok();
        if let Some(column) = step["col"].as_str() {
            return Side::Column(column);
        }
        if let Some(value) = step.get("value") {
            let value = ty().and_then(|ty| Value::of(value, ty));
            return value.map_or(Side::Unknown, Side::Constant);
        }
        if step["op"] != "cast" {
            return Side::Unknown;
        }
        let from = self.arg(step, 0).map_or(Side::Unknown, |at| self.side_of_cast(at));
        match (from, step["type"].as_str()) {
            (Side::Column(column), Some(ty)) => Side::Converted(converted(column, ty)),
            _ => Side::Unknown,
        }
    }

    /// What is converted, if it is a column itself.
    fn side_of_cast(&self, at: usize) -> Side<'a> {
        let column = self.steps.get(at).and_then(|step| step["col"].as_str());
        column.map_or(Side::Unknown, Side::Column)
    }
}

#[cfg(test)]
mod tests;
