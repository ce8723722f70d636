//! `bitwise_xor`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "bitwise_xor",
    category: "numbers",
    summary: "The bits that exactly one of two integers has.",
    params: Params::Fixed(&[Param::new("value", Kind::Int, "The other integer.")]),
    examples: &[Example {
        mapping: "root.v = this.v.bitwise_xor(6)",
        cases: &[(r#"{"v":12}"#, r#"{"v":10}"#)],
    }],
    run: Run::Simple(|target, args| {
        let bits = target.as_int().map_err(|_| target.unexpected(&["integer"]))?;
        Ok(Val::int(bits ^ args.int(0)))
    }),
    ..Method::CORE
};
