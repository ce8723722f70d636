//! `number`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::Item;
use crate::node::Node;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::{Val, to_f64};

pub(super) static SPEC: Method = Method {
    name: "number",
    category: "coercion",
    summary: "A text or number as a number; with a default, anything else gives that.",
    params: Params::Fixed(&[Param::new(
        "default",
        Kind::Float,
        "What to give instead of failing.",
    )
    .optional()]),
    examples: &[Example {
        mapping: "root.foo = this.thing.number() + 10\nroot.bar = this.thing.number(5) * 10",
        cases: &[(r#"{"thing":"50"}"#, r#"{"bar":500,"foo":60}"#)],
    }],
    run: Run::Raw(run),
    quick: Hook::Fixed(|target, _, _| {
        let text = match *target {
            Item::Int(n) => return Some(Item::Float(n as f64)),
            Item::Float(x) => return Some(Item::Float(x)),
            Item::Number(text) => text,
            _ => target.text()?,
        };
        formats::number::parse_float(text).ok().map(Item::Float)
    }),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let number = target
        .eval(cx)
        .and_then(|val| number(&val).map_err(|error| error.annotate(|| target.annotation())));
    match (number, args.val(0)) {
        (Err(_), Some(default)) => Ok(default.clone()),
        (number, _) => number.map(Val::float),
    }
}

fn number(val: &Val) -> Result<f64, Error> {
    match val.value() {
        Some(Value::Number(text)) => parse(text.as_bytes()),
        Some(Value::String(_) | Value::Bytes(_)) => parse(val.as_text()?),
        Some(value) => to_f64(value).ok_or_else(|| val.unexpected(&["number"])),
        None => Err(val.unexpected(&["number"])),
    }
}

fn parse(text: &[u8]) -> Result<f64, Error> {
    formats::number::parse_float(text).map_err(|e| {
        let shown = crate::go_format::quote(text);
        Error::new(format!("strconv.ParseFloat: parsing {shown}: {e}"))
    })
}
