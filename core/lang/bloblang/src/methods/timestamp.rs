//! `timestamp`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "timestamp",
    category: "coercion",
    summary: "A timestamp from a number of seconds since the Unix epoch or from text in RFC \
              3339; with a default, anything else gives that.",
    params: Params::Fixed(&[Param::new(
        "default",
        Kind::Timestamp,
        "What to give instead of failing.",
    )
    .optional()]),
    examples: &[
        Example {
            mapping: "root.at = this.at.timestamp()",
            cases: &[(r#"{"at":1600000000}"#, r#"{"at":"2020-09-13T12:26:40Z"}"#)],
        },
        Example {
            mapping: "root.at = this.none.timestamp(1234567890.timestamp())",
            cases: &[("{}", r#"{"at":"2009-02-13T23:31:30Z"}"#)],
        },
    ],
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let at = target
        .eval(cx)
        .and_then(|val| val.as_time().map_err(|error| error.annotate(|| target.annotation())));
    match (at, args.val(0)) {
        (Err(_), Some(default)) => Ok(default.clone()),
        (at, _) => at.map(time::val),
    }
}
