//! `avro`: documents as Avro by a schema, and back.

use std::sync::Arc;

use plan::env::read_config;
use plan::{
    Body, BuildError, Env, Example, Json, Operator, OperatorSpec, Record, Records, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::avro::{Binary, Error, Schema, Textual, read, read_single, read_textual, write};
use crate::batches::{bytes_of, document_of};
use crate::each::Each;

/// Configuration of `avro`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What is made of a message.
    operator: Way,
    /// The form that messages have or get.
    #[serde(default)]
    encoding: Encoding,
    /// The schema.
    #[serde(default)]
    schema: String,
    /// The file of the schema, in its place: `file:///path/of/schema.avsc`.
    #[serde(default)]
    schema_path: String,
}

/// What is made of a message.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// A document of what is Avro.
    ToJson,
    /// Avro of what is a document.
    FromJson,
}

/// A form of Avro.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    /// JSON that names the branches of unions.
    #[default]
    Textual,
    /// The values, with nothing around them.
    Binary,
    /// The same behind a mark of the schema.
    Single,
}

struct Converter {
    schema: Schema,
    encoding: Encoding,
}

impl Converter {
    fn document(&self, records: &Records, rec: &Record) -> Result<Body, String> {
        let mut scratch = Vec::new();
        let value = match self.encoding {
            Encoding::Textual => {
                let json = document_of(records, rec);
                let json = json.map_err(|e| format!("converting Avro document to JSON: {e}"))?;
                read_textual(&self.schema, &json)
            }
            Encoding::Binary => read(&self.schema, bytes_of(records, rec, &mut scratch)),
            Encoding::Single => read_single(&self.schema, bytes_of(records, rec, &mut scratch)),
        };
        let value = value.map_err(|e| format!("converting Avro document to JSON: {e}"))?;
        Ok(Body::Doc(Arc::new(value)))
    }

    fn packed(&self, records: &Records, rec: &Record) -> Result<Body, String> {
        let form = if matches!(self.encoding, Encoding::Textual) { "JSON" } else { "structured" };
        let value = document_of(records, rec);
        let value = value.map_err(|e| format!("parsing message as {form}: {e}"))?;
        let wrong = |e: Error| format!("converting JSON to Avro schema: {e}");
        let bytes = match self.encoding {
            Encoding::Textual => {
                let mut out = Textual::default();
                write(&self.schema, &value, &mut out).map_err(wrong)?;
                out.0
            }
            Encoding::Binary | Encoding::Single => {
                let single = matches!(self.encoding, Encoding::Single);
                let mut out = Binary(if single { self.schema.mark() } else { Vec::new() });
                write(&self.schema, &value, &mut out).map_err(wrong)?;
                out.0
            }
        };
        Ok(Body::Own(Arc::new(bytes)))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { operator, encoding, schema, schema_path } = read_config(config)?;
    let text = match schema_path.as_str() {
        "" => schema,
        path => crate::schema_path::read(path, "loading Avro schema definition", env)?,
    };
    if text.is_empty() {
        let text = "a schema must be specified with either the `schema` or `schema_path` fields";
        return Err(BuildError::new(text));
    }
    let schema = Schema::parse(&text);
    let schema = schema.map_err(|e| BuildError::new(format!("parsing schema: {e}")))?;
    let converter = Converter { schema, encoding };
    Ok(match operator {
        Way::ToJson => Each::boxed(env, move |records, rec| converter.document(records, rec)),
        Way::FromJson => Each::boxed(env, move |records, rec| converter.packed(records, rec)),
    })
}

/// The processor `avro`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "avro",
    since: "0.1.0",
    category: "parsing",
    summary: "Makes documents of Avro, or Avro of documents, by a schema.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "branches of unions are named",
            config: concat!(
                r#"{"operator":"from_json","schema":"{\"type\":\"record\",\"name\":\"pet\","#,
                r#"\"fields\":[{\"name\":\"name\",\"type\":\"string\"},"#,
                r#"{\"name\":\"age\",\"type\":[\"null\",\"int\"],\"default\":null}]}"}"#
            ),
            input: &[r#"{"name":"Rex","age":3}"#, r#"{"name":"Fido"}"#],
            output: &[r#"{"name":"Rex","age":{"int":3}}"#, r#"{"name":"Fido","age":null}"#],
        },
        Example {
            title: "binary",
            config: r#"{"operator":"to_json","encoding":"binary","schema":"\"string\""}"#,
            input: &["\u{a}hello"],
            output: &["hello"],
        },
    ],
    build,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, feed_batch, texts};
    use plan::Batch;

    const PAIR: &str =
        r#"{\"type\":\"record\",\"name\":\"p\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"#;

    fn config(operator: &str, encoding: &str) -> String {
        format!(r#"{{"operator":"{operator}","encoding":"{encoding}","schema":"{PAIR}"}}"#)
    }

    #[test]
    fn documents_go_there_and_back() {
        for (encoding, len) in [("textual", 7), ("binary", 1), ("single", 11)] {
            let out = Setup::default().run(&SPEC, &config("from_json", encoding), &[r#"{"a":1}"#]);
            assert_eq!(faults(&out), [""]);
            let bytes = out[0].as_records().unwrap().bytes(0, &mut Vec::new()).to_vec();
            assert_eq!(bytes.len(), len, "{encoding}");
            let mut back = Setup::default().build(&SPEC, &config("to_json", encoding));
            let out = feed_batch(&mut *back, Batch::records(Records::from_bodies([bytes])));
            assert_eq!(texts(&out), [r#"{"a":1}"#], "{encoding}");
        }
    }

    #[test]
    fn what_is_not_fit_is_flagged_and_kept() {
        for (operator, encoding, input, said) in [
            ("to_json", "binary", "", "converting Avro document to JSON: avro: unsupported Avro"),
            ("to_json", "single", "x", "converting Avro document to JSON: avro: single-object enc"),
            ("to_json", "textual", "[]", "converting Avro document to JSON: avro json: expected"),
            ("from_json", "textual", "{", "parsing message as JSON: unexpected EOF"),
            ("from_json", "binary", "{", "parsing message as structured: unexpected EOF"),
            ("from_json", "binary", "{}", "converting JSON to Avro schema: avro: field a: cannot"),
        ] {
            let out = Setup::default().run(&SPEC, &config(operator, encoding), &[input]);
            assert!(faults(&out)[0].starts_with(said), "{operator} {encoding}: {:?}", faults(&out));
            assert_eq!(texts(&out), [input]);
        }
    }

    #[test]
    fn there_is_a_schema() {
        for (config, said) in [
            (r#"{"operator":"to_json"}"#, "a schema must be specified with either"),
            (r#"{"operator":"to_json","schema":"{"}"#, "parsing schema: "),
            (
                r#"{"operator":"to_json","schema_path":"file:///nope"}"#,
                "loading Avro schema definition: open /nope: no files",
            ),
            (
                r#"{"operator":"to_json","schema_path":"http://localhost/a"}"#,
                "loading Avro schema definition: Get \"http://localhost/a\": documents are fetched",
            ),
            (r#"{"operator":"to_json","schema_path":"a.avsc"}"#, "invalid schema_path provided"),
        ] {
            let error = Setup::default().try_build(&SPEC, config).err().unwrap();
            assert!(error.text.starts_with(said), "{config}: {error}");
        }
    }
}
