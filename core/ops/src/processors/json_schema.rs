//! `json_schema`: flags messages that a JSON schema does not allow
//! (spec/benthos-components.md §C).

use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, Code, Env, Example, Expr, Form, Operator, OperatorError,
    OperatorSpec, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, done};
use crate::schema_path;

/// Configuration of `json_schema`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The schema, as JSON text. Drafts 4, 6 and 7 are read.
    #[serde(default)]
    schema: Option<String>,
    /// Where the schema is, instead of `schema`: a file, as `file:///path`, or an address, as
    /// `http://host/path`, that is asked when the pipeline is built. References lead to parts of
    /// the schema and to other schemas, by paths that are relative to its own.
    #[serde(default)]
    schema_path: Option<String>,
}

/// The language of schemas.
const LANGUAGE: &str = "json_schema";

struct Check {
    schema: Box<dyn Expr>,
    faults: Faults,
}

impl Check {
    fn build(config: Config, env: &dyn Env) -> Result<Self, BuildError> {
        let text = match (config.schema_path.as_deref(), config.schema) {
            (Some(path), _) if !path.is_empty() => leading_to(path)?,
            (_, Some(schema)) if !schema.is_empty() => schema,
            _ => return Err(BuildError::new("either schema or schema_path must be provided")),
        };
        let code = Code { lang: LANGUAGE.to_owned(), text, slot: None };
        let schema = env.expr(&code, Form::Query);
        let schema = schema.map_err(|e| BuildError::new(format!("{NOT_LOADED}: {}", e.text)))?;
        Ok(Check { schema, faults: Faults::of(env.component()) })
    }

    fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut allowed = Vec::with_capacity(batch.len());
        self.schema.test(&batch, &mut allowed)?;
        let records = batch.as_records_mut().into_iter().flat_map(|records| &mut records.recs);
        for (rec, allowed) in records.zip(allowed) {
            if let Err(fault) = allowed {
                rec.fault = Some(self.faults.sign(fault));
            }
        }
        out.push(batch);
        Ok(())
    }
}

/// A schema that stands for the one at an address.
fn leading_to(path: &str) -> Result<String, BuildError> {
    schema_path::check(path)?;
    Ok(plan::serde_json::json!({"$ref": path}).to_string())
}

/// What is said first of a schema that cannot be used.
const NOT_LOADED: &str = "failed to load JSON schema definition";

impl Operator for Check {
    fn class(&self) -> Class {
        self.schema.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `json_schema`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "json_schema",
    since: "0.1.0",
    category: "mapping",
    summary: "Flags messages that a JSON schema does not allow; none is changed.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "what is wrong with a message is its error",
        config: r#"{"schema":"{\"properties\":{\"id\":{\"type\":\"integer\"}}}"}"#,
        input: &[r#"{"id":1}"#, r#"{"id":"one"}"#],
        output: &[r#"{"id":1}"#, r#"{"id":"one"}"#],
    }],
    build: |config, env| Ok(Box::new(Check::build(read_config(config)?, env)?)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, texts};

    #[test]
    fn messages_are_flagged_and_kept() {
        let schema = r#"{"type":"object","required":["id"],"properties":
            {"id":{"type":"integer"},"Name":{"maxLength":1}}}"#;
        let config = plan::serde_json::json!({"schema": schema}).to_string();
        let cases = [
            (r#"{"id":1}"#, ""),
            (r#"{"id":"one"}"#, "id invalid type. expected: integer, given: string"),
            (r#"{"x":2}"#, "(root) id is required"),
            (
                r#"{"id":null,"Name":"ab"}"#,
                "Name string length must be less than or equal to 1\n\
                 id invalid type. expected: integer, given: null",
            ),
            ("[1]", "(root) invalid type. expected: object, given: array"),
            ("{", "unexpected EOF"),
        ];
        let out = Setup::default().run(&SPEC, &config, &cases.map(|(input, _)| input));
        assert_eq!(texts(&out), cases.map(|(input, _)| input));
        let mut found = faults(&out);
        // Members are checked in no order that users could rely on.
        for fault in &mut found {
            let mut lines: Vec<&str> = fault.lines().collect();
            lines.sort_unstable();
            *fault = lines.join("\n");
        }
        assert_eq!(found, cases.map(|(_, fault)| fault));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for (config, why) in [
            ("{}", "either schema or schema_path must be provided"),
            (r#"{"schema":"","schema_path":""}"#, "either schema or schema_path must be provided"),
            (
                r#"{"schema":"{bad"}"#,
                "failed to load JSON schema definition: invalid character 'b' looking for \
                 beginning of object key string",
            ),
            (r#"{"schema":"5"}"#, "failed to load JSON schema definition: schema is invalid"),
            (
                r#"{"schema_path":"a.json"}"#,
                "invalid schema_path provided, must start with file:// or http://",
            ),
            (
                r#"{"schema_path":"http://a/b.json"}"#,
                "failed to load JSON schema definition: Get \"http://a/b.json\": documents are \
                 fetched only while a pipeline is built",
            ),
            (
                r#"{"schema_path":"file://a.json","schema":"true"}"#,
                "failed to load JSON schema definition: Reference file://a.json must be canonical",
            ),
            (
                r#"{"schema_path":"file:///a.json","schema":"true"}"#,
                "failed to load JSON schema definition: open /a.json: no files",
            ),
        ] {
            let error = Setup::default().try_build(&SPEC, config).err().unwrap().to_string();
            assert!(error.ends_with(why), "{config}: {error}");
        }
    }
}
