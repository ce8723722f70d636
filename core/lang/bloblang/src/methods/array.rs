//! `array`

use formats::value::Value;

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "array",
    category: "coercion",
    summary: "An array as it is, anything else as the only element of one.",
    examples: &[Example {
        mapping: "root.my_array = this.name.array()",
        cases: &[
            (r#"{"name":"foobar bazson"}"#, r#"{"my_array":["foobar bazson"]}"#),
            (r#"{"name":["foo"]}"#, r#"{"my_array":["foo"]}"#),
        ],
    }],
    run: Run::Simple(|target, _| {
        if target.as_array().is_ok() {
            return Ok(target);
        }
        Ok(Val::array(vec![target.into_value().unwrap_or(Value::Null)]))
    }),
    ..Method::CORE
};
