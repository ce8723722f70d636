//! `append`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Method, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "append",
    category: "objects and arrays",
    summary: "The array with more elements behind its own.",
    params: Params::Variadic("The elements."),
    examples: &[Example {
        mapping: "root.foo = this.foo.append(\"and\", \"this\")",
        cases: &[(r#"{"foo":["bar","baz"]}"#, r#"{"foo":["bar","baz","and","this"]}"#)],
    }],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let mut items = target.into_array()?;
    items.extend(args.vals().map(|val| val.value().cloned().unwrap_or(Value::Null)));
    Ok(Val::array(items))
}
