//! `enumerated`

use formats::value::{Object, Text, Value};

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "enumerated",
    category: "objects and arrays",
    summary: "The elements of an array as objects of their `index` and `value`.",
    examples: &[Example {
        mapping: "root.foo = this.foo.enumerated()",
        cases: &[(
            r#"{"foo":["bar","baz"]}"#,
            r#"{"foo":[{"index":0,"value":"bar"},{"index":1,"value":"baz"}]}"#,
        )],
    }],
    run: Run::Simple(|target, _| enumerated(target)),
    ..Method::CORE
};

fn enumerated(target: Val) -> Result<Val, Error> {
    let numbered = |(i, value)| {
        let index = Value::Int(i64::try_from(i).unwrap_or(i64::MAX));
        let members = [(Text::from("index"), index), (Text::from("value"), value)];
        Value::object(members.into_iter().collect::<Object>())
    };
    Ok(Val::array(target.into_array()?.into_iter().enumerate().map(numbered).collect()))
}
