//! `index`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "index",
    category: "objects and arrays",
    summary: "The element of an array, or the byte of bytes, at a position. A negative position \
              counts from the end.",
    params: Params::Fixed(&[Param::new("index", Kind::Int, "The position, from 0.")]),
    examples: &[Example {
        mapping: "root.last_name = this.names.index(-1)",
        cases: &[(r#"{"names":["rachel","stevens"]}"#, r#"{"last_name":"stevens"}"#)],
    }],
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, tools| match *target {
        Item::List(items) => items.get(at(args.int(0), items.len()).ok()?).copied(),
        _ => tools.element(target, usize::try_from(args.int(0)).ok()?),
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    match target.value() {
        Some(Value::Array(items)) => Ok(Val::Data(items[at(args.int(0), items.len())?].clone())),
        Some(Value::Bytes(bytes)) => Ok(Val::int(i64::from(bytes[at(args.int(0), bytes.len())?]))),
        _ => Err(target.unexpected(&["array"])),
    }
}

fn at(index: i64, size: usize) -> Result<usize, Error> {
    let signed = i64::try_from(size).unwrap_or(i64::MAX);
    let index = if index < 0 { signed.saturating_add(index) } else { index };
    usize::try_from(index).ok().filter(|i| *i < size).ok_or_else(|| {
        Error::new(format!("index '{index}' was out of bounds for array size: {size}"))
    })
}
