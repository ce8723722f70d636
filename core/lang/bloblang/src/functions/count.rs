//! `count`

use crate::spec::{Example, Function, Kind, Param, Params, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "count",
    category: "deprecated",
    summary: "Counts its calls over the whole process, from 1; each name has its own count. Use \
              `counter`, which belongs to its place in a mapping.",
    params: Params::Fixed(&[Param::new("name", Kind::String, "Which count.")]),
    examples: &[Example {
        mapping: "root = this\nroot.id = count(\"an_example_of_count\")",
        cases: &[
            (r#"{"message":"foo"}"#, r#"{"id":1,"message":"foo"}"#),
            (r#"{"message":"bar"}"#, r#"{"id":2,"message":"bar"}"#),
        ],
    }],
    deprecated: true,
    purity: Purity::Bound,
    run: RunFn::Simple(|args, cx| {
        let count = cx.ex.services().count(&args.str(0));
        Ok(Val::int(i64::try_from(count).unwrap_or(i64::MAX)))
    }),
    ..Function::BASE
};
