//! `random_int`

use crate::args::Args;
use crate::casts::to_int;
use crate::error::Error;
use crate::go_rand::Random;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, PreparedFn, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "random_int",
    category: "general",
    summary: "A number by chance from a range. Each occurrence in a mapping has a sequence of its \
              own, which a seed decides.",
    params: Params::Fixed(&[
        Param::new("seed", Kind::Query, "What the sequence depends on; read once.")
            .or(Absent::Int(0)),
        Param::new("min", Kind::Query, "The smallest number; no expression of the message.")
            .or(Absent::Int(0)),
        Param::new("max", Kind::Query, "The largest number; no expression of the message.")
            .or(Absent::Int(i64::MAX - 1)),
    ]),
    examples: &[
        Example {
            mapping: "root.first = random_int(1)",
            cases: &[("{}", r#"{"first":5577006791947779410}"#)],
        },
        Example {
            mapping: "let n = random_int(timestamp_unix_nano(), 5, 20)\n\
                      root.within = $n >= 5 && $n <= 20",
            cases: &[("{}", r#"{"within":true}"#)],
        },
    ],
    purity: Purity::Bound,
    run: RunFn::Prepared(|args, _| prepare(args)),
    ..Function::BASE
};

/// A bound, which must be a literal.
fn bound(args: &Args, at: usize, name: &str) -> Result<i64, Error> {
    match args.query(at)?.literal() {
        Some(val) => val.as_int().map_err(|e| e.prefix(format_args!("field {name}"))),
        None => Err(Error::new(format!("param {name} must not be dynamic"))),
    }
}

fn prepare(args: &Args) -> Result<PreparedFn, Error> {
    let (min, max) = (bound(args, 1, "min")?, bound(args, 2, "max")?);
    let fail = |text: String| Err(Error::new(text));
    if min < 0 {
        return fail(format!("min ({min}) must be a positive number"));
    }
    if max < min {
        return fail(format!("min ({min}) must be smaller or equal than max ({max})"));
    }
    if max == i64::MAX {
        return fail(format!("max must be smaller than the max allowed for an int64 ({max})"));
    }
    let seed = args.query(0)?.clone();
    let mut random: Option<Random> = None;
    Ok(Box::new(move |cx| {
        let random = match &mut random {
            Some(random) => random,
            None => {
                let seed = seed.call_here(cx).and_then(|val| to_int(&val));
                let seed = seed.map_err(|e| {
                    Error::new(format!("failed to seed random number generator: {e}"))
                })?;
                random.insert(Random::new(seed))
            }
        };
        Ok(Val::int(random.below(max - min + 1) + min))
    }))
}
