//! `frame`: text before and after the bytes of one run, such as the header of a CSV file.

use bytes::Bytes;
use plan::env::read_config;
use plan::{Batch, BuildError, Class, Data, End, Env, Example, Json, Operator, OperatorSpec};
use plan::{RawBlock, Step};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `frame`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Comes before everything else, also when there is nothing else.
    #[serde(default)]
    before: String,
    /// Comes after everything else.
    #[serde(default)]
    after: String,
}

struct Frame {
    before: Option<Bytes>,
    after: Option<Bytes>,
}

fn text(bytes: Option<Bytes>) -> Option<Batch> {
    let bytes = bytes.filter(|b| !b.is_empty())?;
    Some(Batch::new(Data::Raw(RawBlock { bytes, meta: None, offset: 0, only: None })))
}

impl Operator for Frame {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.extend(text(self.before.take()));
        out.push(batch);
        Step::Done(Ok(()))
    }

    fn on_end<'a>(&'a mut self, _: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.extend(text(self.before.take()));
        out.extend(text(self.after.take()));
        Step::Done(Ok(()))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { before, after } = read_config(config)?;
    Ok(Box::new(Frame { before: Some(before.into()), after: Some(after.into()) }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "frame",
    since: "0.1.0",
    category: "codecs",
    summary: "Text before and after the bytes of one run.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "a header",
        config: r#"{"before": "a,b\n", "after": "\n"}"#,
        input: &["1,2"],
        output: &["a,b", "1,2", ""],
    }],
    build,
};
