//! `compress`: compresses messages.

use plan::env::read_config;
use plan::{Example, OperatorSpec, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::codec::{Algorithm, compress};
use crate::each;

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
        Ok(each::bytes(env, move |bytes| compress(algorithm, level, bytes)))
    },
};
