//! `encrypt_aes`

use crate::crypt::Aes;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "encrypt_aes",
    category: "encoding and encryption",
    summary: "The text encrypted with AES.",
    params: Params::Fixed(&[
        Param::new("scheme", Kind::String, "The mode: `ctr`, `ofb`, `cbc` or `gcm`."),
        Param::new("key", Kind::String, "The key, of 16, 24 or 32 bytes."),
        Param::new(
            "iv",
            Kind::String,
            "The initialisation vector of 16 bytes, for gcm the nonce of 12.",
        ),
    ]),
    examples: &[Example {
        mapping: "let key = \"2b7e151628aed2a6abf7158809cf4f3c\".decode(\"hex\")\n\
                  let vector = \"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\".decode(\"hex\")\n\
                  root.encrypted = this.value.encrypt_aes(\"ctr\", $key, $vector).encode(\"hex\")",
        cases: &[(r#"{"value":"hello world!"}"#, r#"{"encrypted":"84e9b31ff7400bdf80be7254"}"#)],
    }],
    run: Run::Prepared(|args| {
        let aes = Aes::new(&args.str(0), args.text(1), args.text(2), "encryption")?;
        Ok(Box::new(move |target| Ok(Val::text(aes.encrypt(target.as_text()?)?))))
    }),
    ..Method::CORE
};
