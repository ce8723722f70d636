//! `split`: cuts batches into smaller ones.

use plan::env::read_config;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Record, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Frame, bytes_of, done};

/// Configuration of `split`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Messages of each batch; 0 for no limit.
    #[serde(default = "one")]
    size: usize,
    /// Bytes of each batch, unless a single message has more; 0 for no limit.
    #[serde(default)]
    byte_size: usize,
}

fn one() -> usize {
    1
}

struct Split {
    config: Config,
}

impl Split {
    fn run(&self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        if batch.len() < 2 {
            out.push(batch);
            return Ok(());
        }
        let (frame, records) = Frame::open(batch)?;
        let mut parts: Vec<Vec<Record>> = Vec::new();
        let (mut part, mut part_bytes) = (Vec::new(), 0);
        let mut scratch = Vec::new();
        let Config { size, byte_size } = self.config;
        for rec in &records.recs {
            let bytes = if byte_size > 0 { bytes_of(&records, rec, &mut scratch).len() } else { 0 };
            let full = (size > 0 && part.len() >= size)
                || (byte_size > 0 && part_bytes + bytes > byte_size);
            if full && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
                part_bytes = 0;
            }
            part_bytes += bytes;
            part.push(rec.clone());
        }
        for recs in parts {
            out.push(frame.share(records.like().with(recs)));
        }
        frame.close(records.with(part), out);
        Ok(())
    }
}

impl Operator for Split {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `split`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "split",
    since: "0.1.0",
    category: "batching",
    summary: "Cuts batches into smaller ones by count or bytes.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "batches of two",
        config: r#"{"size":2}"#,
        input: &["a", "b", "c"],
        output: &["a", "b", "c"],
    }],
    build: |config, _| Ok(Box::new(Split { config: read_config(config)? })),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, sizes};

    #[test]
    fn by_count_and_by_bytes() {
        let five = ["a", "bb", "ccc", "d", "e"];
        for (config, want) in [
            (r#"{}"#, vec![1, 1, 1, 1, 1]),
            (r#"{"size":2}"#, vec![2, 2, 1]),
            (r#"{"size":0,"byte_size":3}"#, vec![2, 1, 2]),
            (r#"{"size":0,"byte_size":1}"#, vec![1, 1, 1, 1, 1]),
            (r#"{"size":0}"#, vec![5]),
        ] {
            assert_eq!(sizes(&Setup::default().run(&SPEC, config, &five)), want, "{config}");
        }
    }
}
