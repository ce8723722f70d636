//! `decode`

use crate::codec::Scheme;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "decode",
    category: "encoding and encryption",
    summary: "The bytes that a text in a smaller alphabet stands for: base64, base64url, \
              base64rawurl, hex, ascii85 or z85.",
    params: Params::Fixed(&[Param::new("scheme", Kind::String, "The alphabet.")]),
    examples: &[Example {
        mapping: r#"root.decoded = this.value.decode("hex").string()"#,
        cases: &[(r#"{"value":"68656c6c6f20776f726c64"}"#, r#"{"decoded":"hello world"}"#)],
    }],
    run: Run::Prepared(|args| {
        let scheme = Scheme::find(&args.str(0))?;
        Ok(Box::new(move |target| Ok(Val::bytes(scheme.decode(target.as_text()?)?))))
    }),
    ..Method::CORE
};
