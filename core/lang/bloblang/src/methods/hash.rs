//! `hash`

use crate::hashing::Hasher;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "hash",
    category: "encoding and encryption",
    summary: "The digest of a text as bytes: md5, sha1, sha256, sha512, sha3_256, sha3_512, \
              hmac_sha1, hmac_sha256, hmac_sha512, crc32, fnv32 or xxhash64; the last two as \
              decimal text.",
    params: Params::Fixed(&[
        Param::new("algorithm", Kind::String, "The algorithm."),
        Param::new("key", Kind::String, "The key of the hmac ones.").optional(),
        Param::new(
            "polynomial",
            Kind::String,
            "The polynomial of crc32: `IEEE`, `Castagnoli` or `Koopman`.",
        )
        .or(Absent::Str("IEEE")),
    ]),
    examples: &[Example {
        mapping: r#"root.h1 = this.value.hash("sha1").encode("hex")"#,
        cases: &[(
            r#"{"value":"hello world"}"#,
            r#"{"h1":"2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"}"#,
        )],
    }],
    run: Run::Prepared(|args| {
        let hasher = Hasher::find(&args.str(0), args.text(1), &args.str(2))?;
        Ok(Box::new(move |target| Ok(Val::bytes(hasher.hash(target.as_text()?)))))
    }),
    ..Method::CORE
};
