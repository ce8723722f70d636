//! `index_of`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "index_of",
    category: "strings",
    summary: "Where a part begins first in the text, counted in bytes, or -1.",
    params: Params::Fixed(&[Param::new("value", Kind::String, "The part.")]),
    examples: &[Example {
        mapping: "root.index = this.thing.index_of(\"bar\")",
        cases: &[
            (r#"{"thing":"foobar"}"#, r#"{"index":3}"#),
            (r#"{"thing":"foo"}"#, r#"{"index":-1}"#),
        ],
    }],
    run: Run::Simple(|target, args| {
        let at = memchr::memmem::find(target.as_text()?, args.text(0));
        Ok(at.map_or(Val::int(-1), Val::count))
    }),
    ..Method::CORE
};
