//! `bounds_check`: drops messages and batches that are too small or too large.

use plan::env::read_config;
use plan::{
    Batch, Class, Example, Operator, OperatorError, OperatorSpec, Records, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Frame, bytes_of, done};

/// Configuration of `bounds_check`.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Most bytes of a message.
    max_part_size: usize,
    /// Fewest bytes of a message.
    min_part_size: usize,
    /// Most messages of a batch.
    #[schemars(extend("advanced" = true))]
    max_parts: usize,
    /// Fewest messages of a batch.
    #[schemars(extend("advanced" = true))]
    min_parts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { max_part_size: 1 << 30, min_part_size: 1, max_parts: 100, min_parts: 1 }
    }
}

struct BoundsCheck {
    config: Config,
}

impl BoundsCheck {
    fn run(&self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, mut records) = Frame::open(batch)?;
        let Config { max_part_size, min_part_size, max_parts, min_parts } = self.config;
        let count = records.recs.len();
        if count > max_parts || count < min_parts {
            frame.close(Records::default(), out);
            return Ok(());
        }
        let mut scratch = Vec::new();
        let fits: Vec<bool> = records
            .recs
            .iter()
            .map(|rec| {
                let len = bytes_of(&records, rec, &mut scratch).len();
                (min_part_size..=max_part_size).contains(&len)
            })
            .collect();
        let mut fits = fits.into_iter();
        records.recs.retain(|_| fits.next().unwrap_or(true));
        frame.close(records, out);
        Ok(())
    }
}

impl Operator for BoundsCheck {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `bounds_check`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "bounds_check",
    since: "0.1.0",
    category: "utility",
    summary: "Drops messages, and whole batches, that are too small or too large.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "two to five bytes",
        config: r#"{"max_part_size":5,"min_part_size":2}"#,
        input: &["a", "ab", "abcde", "abcdef"],
        output: &["ab", "abcde"],
    }],
    build: |config, _| Ok(Box::new(BoundsCheck { config: read_config(config)? })),
};
