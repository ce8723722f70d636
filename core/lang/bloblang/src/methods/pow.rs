//! `pow`

use crate::elementary;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "pow",
    category: "numbers",
    summary: "The number raised to a power.",
    params: Params::Fixed(&[Param::new("exponent", Kind::Float, "The power.")]),
    examples: &[Example {
        mapping: "root.new_value = this.value * 10.pow(-2)",
        cases: &[(r#"{"value":2}"#, r#"{"new_value":0.02}"#)],
    }],
    run: Run::Simple(|target, args| {
        Ok(Val::float(elementary::pow(target.as_float()?, args.float(0))))
    }),
    ..Method::PLUGIN
};
