//! `bool`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "bool",
    category: "coercion",
    summary: "A text or number as a truth value: numbers other than 0 are true. With a default, \
              anything else gives that.",
    params: Params::Fixed(&[
        Param::new("default", Kind::Bool, "What to give instead of failing.").optional()
    ]),
    examples: &[Example {
        mapping: "root.foo = this.thing.bool()\nroot.bar = this.other.bool(true)",
        cases: &[
            (r#"{"thing":"F","other":0}"#, r#"{"bar":false,"foo":false}"#),
            (r#"{"thing":2}"#, r#"{"bar":true,"foo":true}"#),
        ],
    }],
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let truth = target
        .eval(cx)
        .and_then(|val| truth(&val).map_err(|error| error.annotate(|| target.annotation())));
    match (truth, args.val(0)) {
        (Err(_), Some(default)) => Ok(default.clone()),
        (truth, _) => truth.map(Val::bool),
    }
}

fn truth(val: &Val) -> Result<bool, Error> {
    match val.value() {
        // Only this one text of zero is false.
        Some(Value::Number(text)) => Ok(&**text != "0"),
        Some(Value::String(_) | Value::Bytes(_)) => match val.as_text()? {
            b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Ok(true),
            b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Ok(false),
            _ => Err(val.unexpected(&["bool"])),
        },
        _ => val.as_truth(),
    }
}
