//! `or`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "or",
    category: "general",
    summary: "Another value in the place of one that fails or is null.",
    params: Params::Fixed(&[Param::new("fallback", Kind::Query, "What to give instead.")]),
    examples: &[Example {
        mapping: "root.doc = this.doc.or(\"nothing there\")",
        cases: &[(r#"{"doc":1}"#, r#"{"doc":1}"#), ("{}", r#"{"doc":"nothing there"}"#)],
    }],
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    match target.eval(cx) {
        Ok(val) if !val.is_absent() => Ok(val),
        _ => args.query(0)?.call_here(cx),
    }
}
