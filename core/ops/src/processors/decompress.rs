//! `decompress`: decompresses messages.

use plan::env::read_config;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Record, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, Frame, bytes_of, done, with_bytes};
use crate::codec::{Algorithm, decompress};

/// Configuration of `decompress`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The algorithm.
    algorithm: Algorithm,
}

struct Decompress {
    algorithm: Algorithm,
    faults: Faults,
}

impl Decompress {
    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut scratch = Vec::new();
        let recs = records.recs.iter().map(|rec| {
            let bytes = bytes_of(&records, rec, &mut scratch);
            match decompress(self.algorithm, bytes) {
                Ok(bytes) => with_bytes(rec, bytes),
                Err(text) => Record { fault: Some(self.faults.fault(text)), ..rec.clone() },
            }
        });
        let recs = recs.collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

impl Operator for Decompress {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `decompress`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "decompress",
    since: "0.1.0",
    category: "parsing",
    summary: "Decompresses messages.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "an empty message",
        config: r#"{"algorithm":"snappy"}"#,
        input: &["\0"],
        output: &[""],
    }],
    build: |config, env| {
        let Config { algorithm } = read_config(config)?;
        let faults = Faults::of(env.component());
        Ok(Box::new(Decompress { algorithm, faults }))
    },
};
