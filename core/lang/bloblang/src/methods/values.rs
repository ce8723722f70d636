//! `values`

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "values",
    category: "objects and arrays",
    summary: "The values of an object's members, in the order of their keys.",
    examples: &[Example {
        mapping: "root.foo_vals = this.foo.values()",
        cases: &[(r#"{"foo":{"bar":1,"baz":2}}"#, r#"{"foo_vals":[1,2]}"#)],
    }],
    run: Run::Simple(|target, _| {
        Ok(Val::array(target.as_object()?.iter().map(|(_, value)| value.clone()).collect()))
    }),
    ..Method::CORE
};
