//! `decompress`

use crate::compression::Algorithm;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "decompress",
    category: "encoding and encryption",
    summary: "The bytes of compressed ones, by gzip, pgzip, zlib, flate, snappy, lz4, zstd or \
              bzip2.",
    params: Params::Fixed(&[Param::new("algorithm", Kind::String, "The algorithm.")]),
    examples: &[Example {
        mapping: r#"root = this.compressed.decode("base64").decompress("gzip")"#,
        cases: &[(
            r#"{"compressed":"H4sIAN12MWkAA8tIzcnJVyjPL8pJUfBUyMkvS1UoLkhMTgUAQpDxbxgAAAA="}"#,
            "hello world I love space",
        )],
    }],
    run: Run::Prepared(|args| {
        let algorithm = Algorithm::find(&args.str(0), false)?;
        Ok(Box::new(move |target| {
            let packed = target.as_text().map_err(|_| target.unexpected(&["bytes"]))?;
            Ok(Val::bytes(algorithm.decompress(packed)?))
        }))
    }),
    ..Method::PLUGIN
};
