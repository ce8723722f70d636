//! `jmespath`: replaces each document by the result of a JMESPath query.

use jmespath::Expression;
use plan::env::read_config;
use plan::{BuildError, Example, OperatorSpec, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::each;

/// Configuration of `jmespath`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The query.
    query: String,
}

fn search(expression: &Expression<'_>, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let document = jmespath::Variable::from_json(text)
        .map_err(|e| format!("failed to parse message into JSON: {e}"))?;
    let found = expression.search(document).map_err(|e| e.to_string())?;
    let printed = serde_json::to_vec(&*found).map_err(|e| e.to_string())?;
    // The printing of numbers and texts is the same as everywhere.
    let value = formats::json::parse(&printed).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    formats::json::write_value(&mut out, &value).map_err(|e| e.to_string())?;
    Ok(out)
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
        Ok(each::bytes(env, move |bytes| search(&expression, bytes)))
    },
};
