//! `find_all_by`

use formats::value::Value;

use super::find_by::holds;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "find_all_by",
    category: "objects and arrays",
    summary: "The positions of all elements of an array for which a test holds.",
    params: Params::Fixed(&[Param::new("query", Kind::Query, "Evaluated for each element.")]),
    examples: &[Example {
        mapping: "root.index = this.find_all_by(v -> v != \"bar\")",
        cases: &[(r#"["foo","bar","baz"]"#, r#"{"index":[0,2]}"#)],
    }],
    run: Run::Lambda(|target, args, cx| {
        let query = args.query(0)?;
        let mut found = Vec::new();
        for (i, item) in target.as_array()?.iter().enumerate() {
            if holds(query, cx, i, item)? {
                found.push(Value::Int(i64::try_from(i).unwrap_or(i64::MAX)));
            }
        }
        Ok(Val::array(found))
    }),
    ..Method::CORE
};
