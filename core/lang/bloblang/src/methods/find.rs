//! `find`

use crate::compare::equal;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "find",
    category: "objects and arrays",
    summary: "The position of the first element of an array that equals a value, or -1.",
    params: Params::Fixed(&[Param::new("value", Kind::Any, "What to look for.")]),
    examples: &[Example {
        mapping: "root.index = this.find(\"bar\")",
        cases: &[(r#"["foo","bar","baz"]"#, r#"{"index":1}"#), (r#"["foo"]"#, r#"{"index":-1}"#)],
    }],
    walks: true,
    run: Run::Simple(|target, args| {
        let items = target.as_array()?;
        let wanted = args.val(0).and_then(Val::value);
        let found = wanted.and_then(|wanted| items.iter().position(|item| equal(wanted, item)));
        Ok(found.map_or(Val::int(-1), Val::count))
    }),
    ..Method::CORE
};
