//! `ts_strptime`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;

pub(super) static SPEC: Method = Method {
    name: "ts_strptime",
    category: "timestamps",
    summary: "Reads a timestamp from text, by a format such as `%Y-%m-%d`.",
    params: Params::Fixed(&[Param::new("format", Kind::String, "The format.")]),
    examples: &[Example {
        mapping: r#"root.at = this.at.ts_strptime("%Y-%b-%d")"#,
        cases: &[(r#"{"at":"2020-Aug-14"}"#, r#"{"at":"2020-08-14T00:00:00Z"}"#)],
    }],
    folds: true,
    run: Run::Simple(|target, args| {
        let text = String::from_utf8_lossy(target.as_text()?);
        Ok(time::val(time::strptime(&args.str(0), &text)?))
    }),
    ..Method::PLUGIN
};
