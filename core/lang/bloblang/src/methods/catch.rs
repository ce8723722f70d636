//! `catch`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "catch",
    category: "general",
    summary: "Another value in the place of one that fails. The error text is the context of the \
              argument.",
    params: Params::Fixed(&[Param::new(
        "fallback",
        Kind::Query,
        "What to give, or a query that is evaluated with the error text as its context.",
    )]),
    examples: &[
        Example {
            mapping: "root.doc = this.text.uppercase().catch(\"no text\")",
            cases: &[
                (r#"{"text":"a"}"#, r#"{"doc":"A"}"#),
                (r#"{"text":1}"#, r#"{"doc":"no text"}"#),
            ],
        },
        Example {
            mapping: "root.why = this.n.not().catch(err -> \"failed: \" + err)",
            cases: &[(
                r#"{"n":5}"#,
                r#"{"why":"failed: expected bool value, got number from field `this.n` (5)"}"#,
            )],
        },
    ],
    run: Run::Raw(run),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    match target.eval(cx) {
        Ok(val) => Ok(val),
        Err(error) => args.query(0)?.call(cx, &Val::text(error.to_string())),
    }
}
