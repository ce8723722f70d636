//! `encode`

use crate::codec::Scheme;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "encode",
    category: "encoding and encryption",
    summary: "The text written in a smaller alphabet: base64, base64url, base64rawurl, hex, \
              ascii85 or z85.",
    params: Params::Fixed(&[Param::new("scheme", Kind::String, "The alphabet.")]),
    examples: &[Example {
        mapping: r#"root.encoded = this.value.encode("hex")"#,
        cases: &[(r#"{"value":"hello world"}"#, r#"{"encoded":"68656c6c6f20776f726c64"}"#)],
    }],
    run: Run::Prepared(|args| {
        let scheme = Scheme::find(&args.str(0))?;
        Ok(Box::new(move |target| Ok(Val::text(scheme.encode(target.as_text()?)?))))
    }),
    ..Method::CORE
};
