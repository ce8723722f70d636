//! `insert_part`: puts a new message into a batch.

use plan::env::read_config;
use plan::fields::Interpolated;
use plan::{
    Batch, Class, Example, Expr, Form, Operator, OperatorError, OperatorSpec, Origin, Record, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, done};

/// Configuration of `insert_part`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Position of the new message; negative ones count from the end, -1 behind the last.
    #[serde(default = "last")]
    index: i64,
    /// Its content.
    #[serde(default)]
    content: Interpolated,
}

fn last() -> i64 {
    -1
}

struct InsertPart {
    index: i64,
    content: Box<dyn Expr>,
    faults: Faults,
}

impl InsertPart {
    fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut content = Vec::new();
        let fault = self.content.text(&batch, 0, &mut content).err();
        let Some(records) = batch.as_records_mut() else {
            return Err(OperatorError::new("this operator works on messages only"));
        };
        let origin = records.recs.first().map_or(Origin::WHOLE, |rec| rec.origin);
        let fault = fault.map(|fault| self.faults.sign(fault));
        let rec = Record { origin, fault, ..Record::own(content) };
        let len = i64::try_from(records.recs.len()).unwrap_or(i64::MAX);
        let at = if self.index < 0 {
            len.saturating_add(self.index).saturating_add(1)
        } else {
            self.index
        };
        records.recs.insert(usize::try_from(at.clamp(0, len)).unwrap_or(0), rec);
        out.push(batch);
        Ok(())
    }
}

impl Operator for InsertPart {
    fn class(&self) -> Class {
        self.content.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `insert_part`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "insert_part",
    since: "0.1.0",
    category: "batching",
    summary: "Puts a new message into each batch.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a heading",
        config: r#"{"index":0,"content":"list"}"#,
        input: &["a", "b"],
        output: &["list", "a", "b"],
    }],
    build: |config, env| {
        let Config { index, content } = read_config(config)?;
        let content = env.expr(&content.0, Form::Text)?;
        Ok(Box::new(InsertPart { index, content, faults: Faults::of(env.component()) }))
    },
};
