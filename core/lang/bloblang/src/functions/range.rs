//! `range`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, PreparedFn, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "range",
    category: "general",
    summary: "An array of the numbers from a start up to a stop, which is left out, in steps. With \
              a negative step they go down.",
    params: Params::Fixed(&[
        Param::new("start", Kind::Int, "The first number."),
        Param::new("stop", Kind::Int, "Where to stop."),
        Param::new("step", Kind::Int, "From one number to the next.").or(Absent::Int(1)),
    ]),
    examples: &[Example {
        mapping: "root.a = range(0, 4)\nroot.b = range(start: 0, stop: this.max, step: 2)\n\
                  root.c = range(0, -this.max, -2)",
        cases: &[(r#"{"max":10}"#, r#"{"a":[0,1,2,3],"b":[0,2,4,6,8],"c":[0,-2,-4,-6,-8]}"#)],
    }],
    purity: Purity::Pure,
    run: RunFn::Prepared(|args, _| prepare(args)),
    ..Function::BASE
};

/// Numbers that a range may have.
const LENGTH_MAX: i128 = 1_000_000;

/// Numbers of a range that is kept from message to message.
const LENGTH_KEPT_MAX: i128 = 1_000;

fn prepare(args: &Args) -> Result<PreparedFn, Error> {
    let (start, stop, step) = (args.int(0), args.int(1), args.int(2));
    let fail = |text: String| Err(Error::new(text));
    if step == 0 {
        return fail("step must be greater than or less than 0".into());
    }
    if step < 0 && stop > start {
        return fail(format!("with negative step arg stop ({stop}) must be <= start ({start})"));
    }
    if step > 0 && start >= stop {
        return fail(format!("with positive step arg start ({start}) must be < stop ({stop})"));
    }
    // The length is cut off, so that a last step that is not full is left out.
    let length = (i128::from(stop) - i128::from(start)) / i128::from(step);
    if length > LENGTH_MAX {
        return fail(format!("a range has at most {LENGTH_MAX} numbers"));
    }
    let number = move |i: i64| Value::Int(start.wrapping_add(step.wrapping_mul(i)));
    let all = move || Val::array((0..length as i64).map(number).collect());
    if length > LENGTH_KEPT_MAX {
        return Ok(Box::new(move |_| Ok(all())));
    }
    let val = all();
    Ok(Box::new(move |_| Ok(val.clone())))
}

#[cfg(test)]
mod tests {
    use crate::local::Local;
    use crate::mapping::Mapping;

    #[test]
    fn length_is_limited() {
        let parse = |text: &str| Mapping::parse(text, &Local::setup()).map(|_| ());
        assert!(parse("root = range(0, 1000000)").is_ok());
        assert!(parse("root = range(0, 1000001)").is_err());
        let widest = "root = range(-9223372036854775807, 9223372036854775807)";
        assert!(parse(widest).is_err());
    }
}
