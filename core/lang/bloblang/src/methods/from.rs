//! `from`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Kind, Method, Param, Params, Purity, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "from",
    category: "general",
    summary: "Evaluates the target with functions such as `json` and `content` looking at another \
              message of the batch. A negative position counts from the end.",
    params: Params::Fixed(&[Param::new("index", Kind::Int, "Position of the message, from 0.")]),
    examples: &[Example {
        mapping: "root = this\nroot.first = json(\"id\").from(0)",
        cases: &[(r#"{"id":"a"}"#, r#"{"first":"a","id":"a"}"#)],
    }],
    purity: Purity::Message,
    annotation: Some(|target, args| {
        args.opt_int(0).map(|index| format!("{} from {index}", target.annotation()))
    }),
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let size = i64::try_from(cx.ex.batch_size()).unwrap_or(i64::MAX);
    let index = args.int(0);
    let index = if index < 0 { size.saturating_add(index) } else { index };
    let index = usize::try_from(index).ok().filter(|i| *i < cx.ex.batch_size());
    let before = std::mem::replace(&mut cx.ex.index, index);
    let result = target.eval(cx);
    cx.ex.index = before;
    result
}
