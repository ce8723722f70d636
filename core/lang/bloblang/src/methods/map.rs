//! `map`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "map",
    category: "general",
    summary: "Evaluates a query with the target as its context; `a.map(q)` is `a.(q)`.",
    params: Params::Fixed(&[Param::new("query", Kind::Query, "The query.")]),
    examples: &[Example {
        mapping: "root.doc = this.foo.map(this.bar + this.baz)",
        cases: &[(r#"{"foo":{"bar":1,"baz":2}}"#, r#"{"doc":3}"#)],
    }],
    annotation: Some(|_, args| args.opt_query(0).map(|query| query.annotation())),
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let target = target.eval(cx)?;
    args.query(0)?.call(cx, &target)
}
