//! `type`

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "type",
    category: "coercion",
    summary: "Name of the value's type: string, bytes, number, bool, timestamp, array, object, null.",
    examples: &[Example {
        mapping: "root.t = this.v.type()",
        cases: &[(r#"{"v":[]}"#, r#"{"t":"array"}"#), ("{}", r#"{"t":"null"}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::text(target.type_name()))),
    ..Method::CORE
};
