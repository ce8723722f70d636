//! `find_by`

use formats::value::Value;

use crate::args::Query;
use crate::error::Error;
use crate::exec::Ctx;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "find_by",
    category: "objects and arrays",
    summary: "The position of the first element of an array for which a test holds, or -1.",
    params: Params::Fixed(&[Param::new("query", Kind::Query, "Evaluated for each element.")]),
    examples: &[Example {
        mapping: "root.index = this.find_by(v -> v != \"bar\")",
        cases: &[(r#"["bar","foo","baz"]"#, r#"{"index":1}"#), (r#"["bar"]"#, r#"{"index":-1}"#)],
    }],
    run: Run::Lambda(|target, args, cx| {
        let query = args.query(0)?;
        for (i, item) in target.as_array()?.iter().enumerate() {
            if holds(query, cx, i, item)? {
                return Ok(Val::count(i));
            }
        }
        Ok(Val::int(-1))
    }),
    ..Method::CORE
};

/// Whether the test holds for the element at a position.
pub(super) fn holds(
    query: &Query,
    cx: &mut Ctx<'_, '_>,
    i: usize,
    item: &Value,
) -> Result<bool, Error> {
    match query.call(cx, &Val::Data(item.clone())) {
        Ok(Val::Data(Value::Bool(holds))) => Ok(holds),
        Ok(other) => Err(other
            .unexpected(&["bool"])
            .prefix(format_args!("query returned a non-boolean value for index {i}"))),
        Err(error) => Err(error.prefix(format_args!("query returned an error for index {i}"))),
    }
}
