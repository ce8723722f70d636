//! `trim_prefix`

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "trim_prefix",
    category: "strings",
    summary: "The text without a beginning, where it has it.",
    params: Params::Fixed(&[Param::new("prefix", Kind::String, "The beginning to remove.")]),
    examples: &[Example {
        mapping: "root.name = this.name.trim_prefix(\"foobar_\")",
        cases: &[(r#"{"name":"foobar_blobton"}"#, r#"{"name":"blobton"}"#)],
    }],
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, _| {
        let text = target.text()?;
        Some(target.like(text.strip_prefix(args.text(0)).unwrap_or(text)))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    match target.as_text()?.strip_prefix(args.text(0)) {
        Some(rest) => Ok(super::same_kind(&target, rest)),
        None => Ok(target),
    }
}
