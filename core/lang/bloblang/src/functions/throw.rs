//! `throw`

use crate::error::Error;
use crate::spec::{Example, Function, Kind, Param, Params, Purity, RunFn};

pub(super) static SPEC: Function = Function {
    name: "throw",
    category: "general",
    summary: "Fails with a text of the mapping's own.",
    params: Params::Fixed(&[Param::new("why", Kind::String, "The text of the error.")]),
    examples: &[Example {
        mapping: "root.kind = match {\n  this.exists(\"header.id\") => \"foo\"\n  \
                  _ => throw(\"unknown type\")\n}",
        cases: &[
            (r#"{"header":{"id":"x"}}"#, r#"{"kind":"foo"}"#),
            ("{}", "error: failed assignment (line 1): unknown type"),
        ],
    }],
    purity: Purity::Pure,
    run: RunFn::Simple(|args, _| Err(Error::new(args.str(0)))),
    ..Function::BASE
};
