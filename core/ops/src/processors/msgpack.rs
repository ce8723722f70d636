//! `msgpack`: documents as MessagePack, and back.

use formats::msgpack;
use formats::value::Value;
use plan::env::read_config;
use plan::{
    Body, BuildError, Env, Example, Json, Operator, OperatorSpec, Record, Records, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

use crate::batches::document_of;
use crate::each::{self, Each};

/// Configuration of `msgpack`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What is made of a message.
    operator: Way,
}

/// What is made of a message.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// A document of what is MessagePack.
    ToJson,
    /// MessagePack of what is a document.
    FromJson,
}

fn document(bytes: &[u8]) -> Result<Value, String> {
    msgpack::parse(bytes).map_err(|e| format!("converting MsgPack document to JSON: {e}"))
}

fn packed(records: &Records, rec: &Record) -> Result<Body, String> {
    let value = document_of(records, rec).map_err(|e| format!("parsing message as JSON: {e}"))?;
    let mut bytes = Vec::new();
    msgpack::write(&mut bytes, &value).map_err(|e| format!("converting JSON to MsgPack: {e}"))?;
    Ok(Body::Own(Arc::new(bytes)))
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { operator } = read_config(config)?;
    Ok(match operator {
        Way::ToJson => each::documents(env, document),
        Way::FromJson => Each::boxed(env, packed),
    })
}

/// The processor `msgpack`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "msgpack",
    since: "0.1.0",
    category: "parsing",
    summary: "Makes documents of MessagePack, or MessagePack of documents.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "a small number, which is one byte",
            config: r#"{"operator":"from_json"}"#,
            input: &["42"],
            output: &["*"],
        },
        Example {
            title: "and back",
            config: r#"{"operator":"to_json"}"#,
            input: &["*"],
            output: &["42"],
        },
    ],
    build,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, feed_batch, texts};
    use plan::Batch;

    #[test]
    fn documents_go_there_and_back() {
        let text = r#"{"array":["bar"],"b":true,"f":45.6,"i":123,"n":null,"nested":{"k":"v"}}"#;
        let out = Setup::default().run(&SPEC, r#"{"operator":"from_json"}"#, &[text]);
        assert_eq!(faults(&out), [""]);
        let packed = out[0].as_records().unwrap().bytes(0, &mut Vec::new()).to_vec();
        assert_eq!(packed[..8], *b"\x86\xa5array\x91");
        let mut back = Setup::default().build(&SPEC, r#"{"operator":"to_json"}"#);
        let out = feed_batch(&mut *back, Batch::records(Records::from_bodies([packed])));
        assert_eq!(texts(&out), [text]);
    }

    #[test]
    fn what_is_not_fit_is_flagged_and_kept() {
        for (way, input, said) in [
            ("to_json", "", "converting MsgPack document to JSON: EOF"),
            ("to_json", "\u{500}", "converting MsgPack document to JSON: msgpack: unknown ext id"),
            ("from_json", "{", "parsing message as JSON: unexpected EOF"),
            ("from_json", "1e999", "converting JSON to MsgPack: unable to parse 1e999 neither"),
        ] {
            let config = format!(r#"{{"operator":"{way}"}}"#);
            let out = Setup::default().run(&SPEC, &config, &[input]);
            assert!(faults(&out)[0].starts_with(said), "{way} {input}: {:?}", faults(&out));
            assert_eq!(texts(&out), [input]);
        }
        assert!(Setup::default().try_build(&SPEC, r#"{"operator":"nope"}"#).is_err());
        assert!(Setup::default().try_build(&SPEC, "{}").is_err());
    }
}
