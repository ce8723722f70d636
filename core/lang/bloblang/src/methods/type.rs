//! `type`

use crate::fast::scalar::Scalar;
use crate::spec::{Example, Method, Run};
use crate::val::Val;
use formats::json::RawKind;

pub(super) static SPEC: Method = Method {
    name: "type",
    category: "coercion",
    summary: "Name of the value's type: string, bytes, number, bool, timestamp, array, object, null.",
    examples: &[Example {
        mapping: "root.t = this.v.type()",
        cases: &[(r#"{"v":[]}"#, r#"{"t":"array"}"#), ("{}", r#"{"t":"null"}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::text(target.type_name()))),
    quick: Some(|target, _, _| {
        Some(Scalar::Str(match target {
            Scalar::Null => b"null",
            Scalar::Bool(_) => b"bool",
            Scalar::Int(_) | Scalar::Float(_) | Scalar::Number(_) => b"number",
            Scalar::Str(_) => b"string",
            Scalar::Bytes(_) => b"bytes",
            Scalar::Time(..) => b"timestamp",
            Scalar::Parts(_) => b"array",
            Scalar::Raw(raw) if raw.kind == RawKind::Array => b"array",
            Scalar::Raw(_) => b"object",
            Scalar::Deleted => b"delete",
            Scalar::Nothing => b"nothing",
        }))
    }),
    ..Method::CORE
};
