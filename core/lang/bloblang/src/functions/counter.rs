//! `counter`

use crate::args::{Args, Query};
use crate::error::Error;
use crate::exec::{Ctx, Setup};
use crate::spec::{Absent, Example, Function, Kind, Param, Params, PreparedFn, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "counter",
    category: "general",
    summary: "Counts its own calls: each occurrence in a mapping has a count that rises by one \
              with each evaluation, and starts again after its maximum.",
    params: Params::Fixed(&[
        Param::new("min", Kind::Query, "First number; read when the count starts.")
            .or(Absent::Int(1)),
        Param::new("max", Kind::Query, "Last number, after which it starts again.")
            .or(Absent::Int(i64::MAX)),
        Param::new(
            "set",
            Kind::Query,
            "Evaluated for each message: a number becomes the count, null reads it without \
             counting, deleted starts again.",
        )
        .optional(),
    ]),
    examples: &[Example {
        mapping: "root = this\nroot.id = counter()",
        cases: &[("{}", r#"{"id":1}"#), ("{}", r#"{"id":2}"#)],
    }],
    purity: Purity::Bound,
    run: RunFn::Prepared(prepare),
    ..Function::BASE
};

/// The state of one occurrence.
#[derive(Default)]
struct Counter {
    bounds: Option<(i64, i64)>,
    last: Option<i64>,
}

fn prepare(args: &Args, _: &Setup) -> Result<PreparedFn, Error> {
    let args = args.clone();
    let literal = |at| args.opt_query(at).and_then(Query::literal).map(Val::as_int);
    if let (Some(min), Some(max)) = (literal(0), literal(1))
        && min?.saturating_sub(max?) >= 0
    {
        return Err(Error::new("min must be lower than max"));
    }
    let mut counter = Counter::default();
    Ok(Box::new(move |cx| counter.next(&args, cx)))
}

impl Counter {
    fn next(&mut self, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        let (min, max) = match self.bounds {
            Some(bounds) => bounds,
            None => {
                let bound = |cx: &mut Ctx<'_, '_>, at| args.query(at)?.call_here(cx)?.as_int();
                let bounds = (bound(cx, 0)?, bound(cx, 1)?);
                if bounds.0 >= bounds.1 {
                    let (min, max) = bounds;
                    return Err(Error::new(format!("min ({min}) must be lower than max ({max})")));
                }
                *self.bounds.insert(bounds)
            }
        };
        if let Some(set) = args.opt_query(2) {
            match set.call_here(cx)? {
                Val::Deleted => {
                    self.last = Some(min);
                    return Ok(Val::int(min));
                }
                val if val.is_null() => {
                    return Ok(Val::int(self.last.unwrap_or(min.saturating_sub(1))));
                }
                Val::Nothing => {}
                val => {
                    let n = val.as_int()?;
                    self.last = Some(n);
                    return Ok(Val::int(n));
                }
            }
        }
        let next = match self.last {
            None => min,
            Some(last) if last >= max => min,
            Some(last) => last.saturating_add(1),
        };
        self.last = Some(next);
        Ok(Val::int(next))
    }
}
