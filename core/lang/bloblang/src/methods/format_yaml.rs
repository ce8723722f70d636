//! `format_yaml`

use formats::value::Value;

use crate::spec::{Example, Method, Run};
use crate::val::Val;
use crate::yaml;

pub(super) static SPEC: Method = Method {
    name: "format_yaml",
    category: "parsing",
    summary: "The value as YAML text. Numbers that nothing was computed with are texts in it.",
    examples: &[
        Example {
            mapping: "root = this.doc.format_yaml()",
            cases: &[(r#"{"doc":{"foo":"bar","n":[1]}}"#, "foo: bar\n\"n\":\n    - \"1\"\n")],
        },
        Example {
            mapping: "root.doc = this.doc.format_yaml().string()",
            cases: &[(r#"{"doc":{"foo":"bar"}}"#, r#"{"doc":"foo: bar\n"}"#)],
        },
    ],
    walks: true,
    run: Run::Simple(|target, _| {
        Ok(Val::bytes(yaml::write(target.value().unwrap_or(&Value::Null))))
    }),
    ..Method::CORE
};
