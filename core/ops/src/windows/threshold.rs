//! `threshold_window`: aggregates over runs of rows for which a condition holds. The first row for
//! which it does not hold closes the window.

use plan::env::read_config;
use plan::{Batch, BuildError, Class, Columns, Data, DataType, End, Env, Example, Json};
use plan::{Operator, OperatorError, OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::emit::{Emission, mark_last, schema_of};
use super::keys::Keys;
use super::store::Fired;
use crate::aggregates::partials::Groups;
use crate::aggregates::{CellColumn, Layout, Partials, Place, Request};
use crate::columns::expr::{Cached, Program};
use crate::columns::not_columns;
use crate::columns::types::bools;
use crate::kept;

/// Version of the state as it is kept.
const VERSION: u8 = 3;

/// Configuration of `threshold_window`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The condition: steps whose last one is a boolean.
    r#where: Program,
    /// Windows with fewer rows are dropped.
    #[serde(default)]
    min_count: u64,
    /// What is computed.
    aggregates: Vec<Request>,
    /// Number of the partition that the results are.
    #[serde(default)]
    partition: u32,
}

/// What is to be kept: the columns of the input, once known, and the window that is open.
#[derive(Serialize, Deserialize)]
struct State {
    schema: Option<Schema>,
    group: Partials,
}

struct Bound {
    schema: Schema,
    layout: Layout,
    columns: Vec<Place>,
    emission: Emission,
}

struct Threshold {
    condition: Cached,
    min_count: u64,
    aggregates: Vec<Request>,
    partition: u32,
    bound: Option<Bound>,
    keys: Keys,
    group: Partials,
}

impl Threshold {
    fn bind(&self, schema: &Schema) -> Result<Bound, String> {
        let type_of =
            |name: &str| schema.index_of(name).and_then(|i| schema.fields.get(i)).map(|f| f.ty);
        let layout = Layout::new(&self.aggregates, type_of)?;
        let result = schema_of(None, &[], &layout, schema)?;
        let columns = layout.cells.iter().map(|cell| Place::of(cell, schema)).collect();
        let emission = Emission::new(result, false, self.partition, layout.outputs.len());
        Ok(Bound { schema: schema.clone(), layout, columns, emission })
    }

    fn add(&mut self, columns: &Columns, out: &mut Vec<Batch>) -> Result<(), String> {
        let condition = self.condition.get(&columns.schema)?;
        if condition.ty() != DataType::Bool {
            return Err("the condition of a window must be a boolean".into());
        }
        let flags = condition.eval_array(columns)?;
        let flags = bools(&flags).ok_or("the condition of a window must be a boolean")?;
        if self.bound.is_none() {
            self.bound = Some(self.bind(&columns.schema)?);
        }
        let Some(bound) = &self.bound else { return Ok(()) };
        let cells: Vec<CellColumn> =
            bound.columns.iter().filter_map(|place| place.pick(columns)).collect();
        let mut row = 0;
        for (from, to) in flags.values().set_slices() {
            // A row before the run, if any, closes the window that was open.
            if from > row {
                self.close(out);
            }
            let Some(bound) = &self.bound else { break };
            self.group.add(&bound.layout, 1, Groups::One(to - from), &cells, from..to)?;
            row = to;
        }
        if row < columns.rows {
            self.close(out);
        }
        self.hand_out(out);
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<Batch>) {
        let Some(bound) = &mut self.bound else { return };
        let count = self.group.cells(&bound.layout, 0).first().copied().unwrap_or(0);
        if count > 0 && count >= self.min_count {
            let fired = Fired { start: 0, end: 0, groups: &mut self.group };
            bound.emission.window(&bound.layout, &self.keys, fired, out);
        }
        self.group.clear(&bound.layout);
    }

    fn hand_out(&mut self, out: &mut Vec<Batch>) {
        if let Some(bound) = self.bound.as_mut().filter(|b| !b.emission.is_empty()) {
            let columns = bound.emission.take(&bound.layout, &self.keys);
            out.push(Batch::new(Data::Columns(columns)));
        }
    }

    fn take(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let Data::Columns(columns) = &batch.data else { return Err(not_columns()) };
        let first = out.len();
        self.add(columns, out).map_err(OperatorError)?;
        for result in out.iter_mut().skip(first) {
            result.born_ns = batch.born_ns;
        }
        batch.ok();
        Ok(())
    }
}

impl Operator for Threshold {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.take(batch, out))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        if end == End::Drained {
            let first = out.len();
            self.close(out);
            if let Some(bound) = &mut self.bound {
                let columns = bound.emission.take(&bound.layout, &self.keys);
                out.push(Batch::new(Data::Columns(columns)));
            }
            mark_last(out.get_mut(first..).unwrap_or_default());
        }
        Step::Done(Ok(()))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        let schema = self.bound.as_ref().map(|bound| bound.schema.clone());
        kept::write(VERSION, &State { schema, group: self.group.clone() }).map(Some)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        let State { schema, group } = kept::read(VERSION, state)?;
        let bound = schema.map(|schema| self.bind(&schema)).transpose();
        self.bound = bound.map_err(OperatorError)?;
        self.group = group;
        Ok(())
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { r#where, min_count, aggregates, partition } = read_config(config)?;
    if aggregates.is_empty() {
        return Err(BuildError::new("a window computes at least one aggregate"));
    }
    Ok(Box::new(Threshold {
        condition: Cached::new(r#where),
        min_count,
        aggregates,
        partition,
        bound: None,
        keys: Keys::new(&[], 0),
        group: Partials::default(),
    }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "threshold_window",
    since: "0.1.0",
    category: "windows",
    summary: "Aggregates over runs of rows for which a condition holds.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "runs above five",
        config: r#"{"where": [{"col": "v"}, {"value": 5, "type": "i64"},
                              {"op": "gt", "type": "i64", "args": [0, 1]}],
            "min_count": 2,
            "aggregates": [{"function": "sum", "column": "v", "name": "s", "type": "i64"}]}"#,
        input: &["v:i64", "6", "7", "1", "9", "0", "8", "8"],
        output: &["s:i64", "13", "16"],
    }],
    build,
};
