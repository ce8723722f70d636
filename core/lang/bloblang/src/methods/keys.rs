//! `keys`

use formats::value::Value;

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "keys",
    category: "objects and arrays",
    summary: "The keys of an object, sorted.",
    examples: &[Example {
        mapping: "root.foo_keys = this.foo.keys()",
        cases: &[(r#"{"foo":{"bar":1,"baz":2}}"#, r#"{"foo_keys":["bar","baz"]}"#)],
    }],
    run: Run::Simple(|target, _| {
        let keys = target.as_object()?.iter().map(|(key, _)| Value::String(key.clone()));
        Ok(Val::array(keys.collect()))
    }),
    ..Method::CORE
};
