//! `compress`: compresses messages.

use plan::env::read_config;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Record, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, Frame, bytes_of, done, with_bytes};
use crate::codec::{Algorithm, compress};

/// Configuration of `compress`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The algorithm.
    algorithm: Algorithm,
    /// How hard to try; -1 for the default of the algorithm.
    #[serde(default = "default_level")]
    level: i32,
}

fn default_level() -> i32 {
    -1
}

struct Compress {
    algorithm: Algorithm,
    level: i32,
    faults: Faults,
}

impl Compress {
    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut scratch = Vec::new();
        let recs = records.recs.iter().map(|rec| {
            let bytes = bytes_of(&records, rec, &mut scratch);
            match compress(self.algorithm, self.level, bytes) {
                Ok(bytes) => with_bytes(rec, bytes),
                Err(text) => Record { fault: Some(self.faults.fault(text)), ..rec.clone() },
            }
        });
        let recs = recs.collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

impl Operator for Compress {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `compress`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "compress",
    since: "0.1.0",
    category: "parsing",
    summary: "Compresses messages.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "an empty message",
        config: r#"{"algorithm":"snappy"}"#,
        input: &[""],
        output: &["\0"],
    }],
    build: |config, env| {
        let Config { algorithm, level } = read_config(config)?;
        let faults = Faults::of(env.component());
        Ok(Box::new(Compress { algorithm, level, faults }))
    },
};
