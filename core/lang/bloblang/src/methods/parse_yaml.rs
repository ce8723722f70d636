//! `parse_yaml`

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;
use crate::yaml;

pub(super) static SPEC: Method = Method {
    name: "parse_yaml",
    category: "parsing",
    summary: "The first document that a YAML text holds.",
    examples: &[Example {
        mapping: "root.doc = this.doc.parse_yaml()",
        cases: &[
            (
                r#"{"doc":"foo: bar\nlist: [1, yes, ~]"}"#,
                r#"{"doc":{"foo":"bar","list":[1,"yes",null]}}"#,
            ),
            (r#"{"doc":"a: &x {b: 1}\nc: *x"}"#, r#"{"doc":{"a":{"b":1},"c":{"b":1}}}"#),
        ],
    }],
    run: Run::Simple(|target, _| match yaml::read(target.as_text()?) {
        Ok(value) => Ok(Val::Data(value)),
        Err(why) => Err(Error::new(format!("failed to parse value as YAML: {why}"))),
    }),
    ..Method::CORE
};
