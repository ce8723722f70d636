//! `jmespath`: replaces each document by the result of a JMESPath query.

use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, Example, Operator, OperatorError, OperatorSpec, Record, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, Frame, bytes_of, done, with_bytes};

/// Configuration of `jmespath`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The query.
    query: String,
}

struct Query {
    expression: jmespath::Expression<'static>,
    faults: Faults,
}

impl Query {
    fn search(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
        let document = jmespath::Variable::from_json(text)
            .map_err(|e| format!("failed to parse message into JSON: {e}"))?;
        let found = self.expression.search(document).map_err(|e| e.to_string())?;
        let printed = serde_json::to_vec(&*found).map_err(|e| e.to_string())?;
        // The printing of numbers and texts is the same as everywhere.
        let value = formats::json::parse(&printed).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        formats::json::write_value(&mut out, &value).map_err(|e| e.to_string())?;
        Ok(out)
    }

    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut scratch = Vec::new();
        let recs = records.recs.iter().map(|rec| {
            match self.search(bytes_of(&records, rec, &mut scratch)) {
                Ok(bytes) => with_bytes(rec, bytes),
                Err(text) => Record { fault: Some(self.faults.fault(text)), ..rec.clone() },
            }
        });
        let recs = recs.collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

impl Operator for Query {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `jmespath`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "jmespath",
    since: "0.1.0",
    category: "mapping",
    summary: "Replaces each document by the result of a JMESPath query.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "some fields",
        config: r#"{"query":"{who: name, big: n > `15`}"}"#,
        input: &[r#"{"id":1,"name":"ada","n":10}"#, r#"{"name":"bob","n":20}"#],
        output: &[r#"{"big":false,"who":"ada"}"#, r#"{"big":true,"who":"bob"}"#],
    }],
    build: |config, env| {
        let Config { query } = read_config(config)?;
        let expression = jmespath::compile(&query)
            .map_err(|e| BuildError::new(format!("failed to compile JMESPath query: {e}")))?;
        Ok(Box::new(Query { expression, faults: Faults::of(env.component()) }))
    },
};
