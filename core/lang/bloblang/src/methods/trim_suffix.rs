//! `trim_suffix`

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "trim_suffix",
    category: "strings",
    summary: "The text without an ending, where it has it.",
    params: Params::Fixed(&[Param::new("suffix", Kind::String, "The ending to remove.")]),
    examples: &[Example {
        mapping: r#"root.name = this.name.trim_suffix("_foobar")"#,
        cases: &[(r#"{"name":"blobton_foobar"}"#, r#"{"name":"blobton"}"#)],
    }],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    match target.as_text()?.strip_suffix(args.text(0)) {
        Some(rest) => Ok(super::same_kind(&target, rest)),
        None => Ok(target),
    }
}
