//! `format_msgpack`

use formats::msgpack;
use formats::value::Value;

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "format_msgpack",
    category: "parsing",
    summary: "The value as MessagePack bytes.",
    examples: &[
        Example {
            mapping: r#"root = this.format_msgpack().encode("hex")"#,
            cases: &[(r#"{"foo":"bar"}"#, "81a3666f6fa3626172")],
        },
        Example {
            mapping: r#"root.packed = this.data.format_msgpack().encode("base64")"#,
            cases: &[(r#"{"data":{"foo":"bar"}}"#, r#"{"packed":"gaNmb2+jYmFy"}"#)],
        },
    ],
    walks: true,
    run: Run::Simple(|target, _| {
        let mut out = Vec::new();
        match msgpack::write(&mut out, target.value().unwrap_or(&Value::Null)) {
            Ok(()) => Ok(Val::bytes(out)),
            Err(why) => Err(Error::new(why.to_string())),
        }
    }),
    ..Method::CORE
};
