//! `group_by_value`: sorts the messages of a batch into batches by a text.

use std::collections::HashMap;

use plan::env::read_config;
use plan::fields::Interpolated;
use plan::{
    Batch, Class, Example, Expr, Form, Operator, OperatorError, OperatorSpec, Record, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, Frame, done};

/// Configuration of `group_by_value`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Messages for which this text is the same come into one batch.
    value: Interpolated,
}

struct GroupByValue {
    value: Box<dyn Expr>,
    faults: Faults,
}

impl GroupByValue {
    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut groups: Vec<Vec<Record>> = Vec::new();
        let mut text = Vec::new();
        for (index, rec) in batch.as_records().into_iter().flat_map(|all| &all.recs).enumerate() {
            text.clear();
            let mut rec = rec.clone();
            if let Err(mut fault) = self.value.text(&batch, index, &mut text) {
                fault.text = format!("group value interpolation error: {}", fault.text);
                rec.fault = Some(self.faults.sign(fault));
            }
            let place = match places.get(&text) {
                Some(place) => *place,
                None => {
                    places.insert(text.clone(), groups.len());
                    groups.push(Vec::new());
                    groups.len() - 1
                }
            };
            if let Some(group) = groups.get_mut(place) {
                group.push(rec);
            }
        }
        let (frame, records) = Frame::open(batch)?;
        let last = groups.pop().unwrap_or_default();
        for recs in groups {
            out.push(frame.share(records.like().with(recs)));
        }
        frame.close(records.with(last), out);
        Ok(())
    }
}

impl Operator for GroupByValue {
    fn class(&self) -> Class {
        self.value.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `group_by_value`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "group_by_value",
    since: "0.1.0",
    category: "batching",
    summary: "Sorts the messages of a batch into batches by a text made from each.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "by a field",
        config: r#"{"value":"${! json(\"k\") }"}"#,
        input: &[r#"{"i":0,"k":"a"}"#, r#"{"i":1,"k":"b"}"#, r#"{"i":2,"k":"a"}"#],
        output: &[r#"{"i":0,"k":"a"}"#, r#"{"i":2,"k":"a"}"#, r#"{"i":1,"k":"b"}"#],
    }],
    build: |config, env| {
        let Config { value } = read_config(config)?;
        let value = env.expr(&value.0, Form::Text)?;
        Ok(Box::new(GroupByValue { value, faults: Faults::of(env.component()) }))
    },
};
