//! `from_all`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Method, Purity, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "from_all",
    category: "general",
    summary: "An array of what the target is for each message of the batch.",
    examples: &[Example {
        mapping: "root.ids = json(\"id\").from_all()",
        cases: &[(r#"{"id":"a"}"#, r#"{"ids":["a"]}"#)],
    }],
    purity: Purity::Message,
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, _: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let before = cx.ex.index;
    let mut out = Vec::with_capacity(cx.ex.batch_size());
    for index in 0..cx.ex.batch_size() {
        cx.step()?;
        cx.ex.index = Some(index);
        let result = target.eval(cx);
        cx.ex.index = before;
        out.extend(result?.into_value());
    }
    Ok(Val::array(out))
}
