//! `json_schema`

use crate::error::Error;
use crate::json_schema::Schema;
use crate::spec::{Example, Kind, Method, Param, Params, Run};

pub(super) static SPEC: Method = Method {
    name: "json_schema",
    category: "objects and arrays",
    summary: "The value itself when a JSON schema allows it, else an error that says what is \
              wrong. Schemas of drafts 4, 6 and 7 are read; references lead to parts of the \
              schema itself or to files, `file:///path`.",
    params: Params::Fixed(&[Param::new("schema", Kind::String, "The schema, as JSON text.")]),
    examples: &[Example {
        mapping: r#"root = this.json_schema("""{"type":"object","properties":{"foo":{"type":"string"}}}""")"#,
        cases: &[
            (r#"{"foo":"bar"}"#, r#"{"foo":"bar"}"#),
            (
                r#"{"foo":5}"#,
                "error: failed assignment (line 1): field `this`: foo invalid type. expected: \
                 string, given: integer",
            ),
        ],
    }],
    walks: true,
    run: Run::PreparedHere(|args, setup| {
        let schema = Schema::parse(args.text(0), &*setup.services)
            .map_err(|e| Error::new(format!("failed to parse json schema definition: {e}")))?;
        Ok(Box::new(move |target, _| {
            match target.value() {
                Some(value) => schema.check(value).map_err(Error::new)?,
                None => return Err(target.unexpected(&["value"])),
            }
            Ok(target)
        }))
    }),
    ..Method::CORE
};
