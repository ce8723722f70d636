//! `abs`

use formats::value::Value;

use crate::error::Error;
use crate::number::Num;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "abs",
    category: "numbers",
    summary: "The number without its sign. The smallest integer, which has no positive \
              counterpart, gives the largest one.",
    examples: &[Example {
        mapping: "root.outs = this.ins.map_each(ele -> ele.abs())",
        cases: &[(r#"{"ins":[9,-18,1.23,-4.56]}"#, r#"{"outs":[9,18,1.23,4.56]}"#)],
    }],
    run: Run::Simple(|target, _| abs(&target)),
    ..Method::PLUGIN
};

fn abs(target: &Val) -> Result<Val, Error> {
    match target.value().and_then(Num::of) {
        Some(Num::Float(x)) => Ok(Val::float(x.abs())),
        // Held unsigned, as in the original: later sums treat it so.
        Some(Num::Int(i64::MIN)) => Ok(Val::Data(Value::Uint(i64::MAX as u64))),
        Some(Num::Int(n)) => Ok(Val::int(n.abs())),
        Some(Num::Uint(_)) | None => Err(target.unexpected(&["number", "integer"])),
    }
}
