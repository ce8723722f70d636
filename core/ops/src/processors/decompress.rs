//! `decompress`: decompresses messages.

use plan::env::read_config;
use plan::{Example, OperatorSpec, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::codec::{Packed, decompress};
use crate::each;

/// Configuration of `decompress`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The algorithm.
    algorithm: Packed,
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
        Ok(each::bytes(env, move |bytes| decompress(algorithm, bytes)))
    },
};
