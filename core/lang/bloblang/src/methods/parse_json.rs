//! `parse_json`

use formats::json;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_json",
    category: "parsing",
    summary: "The document that a JSON text holds. Numbers become doubles unless their text is \
              to be kept. What follows the document is ignored.",
    params: Params::Fixed(&[Param::new(
        "use_number",
        Kind::Bool,
        "Keep the text of numbers, so that big ones lose no digits.",
    )
    .optional()]),
    examples: &[
        Example {
            mapping: "root.doc = this.doc.parse_json()",
            cases: &[(r#"{"doc":"{\"foo\":\"bar\"}"}"#, r#"{"doc":{"foo":"bar"}}"#)],
        },
        Example {
            mapping: "root.doc = this.doc.parse_json(use_number: true)",
            cases: &[(
                r#"{"doc":"{\"n\":11380878173205700000000000000000}"}"#,
                r#"{"doc":{"n":11380878173205700000000000000000}}"#,
            )],
        },
    ],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let text = target.as_text()?;
    let parsed = match args.bool(0) {
        true => json::parse_prefix(text).map(|(value, _)| value).map_err(|e| e.to_string()),
        false => json::parse_floats(text).map_err(|e| e.to_string()),
    };
    match parsed {
        Ok(value) => Ok(Val::Data(value)),
        Err(why) => Err(Error::new(format!("failed to parse value as JSON: {why}"))),
    }
}
