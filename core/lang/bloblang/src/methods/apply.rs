//! `apply`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::program;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "apply",
    category: "general",
    summary: "Runs a named map on the target and gives what the map builds.",
    params: Params::Fixed(&[Param::new("mapping", Kind::String, "Name of the map.")]),
    examples: &[Example {
        mapping: "map thing {\n  root.inner = this.first\n}\nroot.foo = this.doc.apply(\"thing\")",
        cases: &[(r#"{"doc":{"first":"hello"}}"#, r#"{"foo":{"inner":"hello"}}"#)],
    }],
    annotation: Some(|_, args| args.opt_text(0).map(|_| format!("map {}", args.str(0)))),
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let target = target.eval(cx)?;
    program::apply(&args.str(0), target, cx)
}
