//! `not_null`

use crate::error::Error;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method =
    Method {
        name: "not_null",
        category: "coercion",
        summary: "The value as it is, unless it is null, which fails.",
        examples: &[Example {
            mapping: "root.a = this.a.not_null()",
            cases: &[
                (r#"{"a":"foobar"}"#, r#"{"a":"foobar"}"#),
                ("{}", "error: failed assignment (line 1): field `this.a`: value is null"),
            ],
        }],
        run: Run::Simple(|target, _| {
            if target.is_null() { Err(Error::new("value is null")) } else { Ok(target) }
        }),
        ..Method::CORE
    };
