//! `parse_msgpack`

use formats::msgpack;

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_msgpack",
    category: "parsing",
    summary: "The document that MessagePack bytes hold.",
    examples: &[
        Example {
            mapping: r#"root = content().decode("hex").parse_msgpack()"#,
            cases: &[("81a3666f6fa3626172", r#"{"foo":"bar"}"#)],
        },
        Example {
            mapping: r#"root.decoded = this.data.decode("base64").parse_msgpack()"#,
            cases: &[(r#"{"data":"gaNmb2+jYmFy"}"#, r#"{"decoded":{"foo":"bar"}}"#)],
        },
    ],
    run: Run::Simple(|target, _| match msgpack::parse(target.as_text()?) {
        Ok(value) => Ok(Val::Data(value)),
        Err(why) => Err(Error::new(why.to_string())),
    }),
    ..Method::CORE
};
