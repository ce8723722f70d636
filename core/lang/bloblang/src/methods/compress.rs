//! `compress`

use crate::compression::Algorithm;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "compress",
    category: "encoding and encryption",
    summary: "The text compressed, as bytes, by gzip, pgzip, zlib, flate, snappy, lz4 or zstd.",
    params: Params::Fixed(&[
        Param::new("algorithm", Kind::String, "The algorithm."),
        Param::new(
            "level",
            Kind::Int,
            "How hard gzip, zlib and flate try, from 0 to 9; -1 is their default.",
        )
        .or(Absent::Int(-1)),
    ]),
    examples: &[Example {
        mapping: r#"root.size = this.v.compress("gzip").decompress("gzip").length()"#,
        cases: &[(r#"{"v":"hello world I love space"}"#, r#"{"size":24}"#)],
    }],
    run: Run::Prepared(|args| {
        let algorithm = Algorithm::find(&args.str(0), true)?;
        let level = args.int(1);
        Ok(Box::new(move |target| {
            let text = target.as_text().map_err(|_| target.unexpected(&["bytes"]))?;
            Ok(Val::bytes(algorithm.compress(text, level)?))
        }))
    }),
    ..Method::PLUGIN
};
