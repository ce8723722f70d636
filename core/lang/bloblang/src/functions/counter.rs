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
    let mut counter = Counter::default();
    Ok(Box::new(move |cx| counter.next(&args, cx)))
}

/// A bound: a number, or a text that is one.
fn bound(query: &Query, name: &str, cx: &mut Ctx<'_, '_>) -> Result<i64, Error> {
    let resolved = query.call_here(cx).and_then(|val| match val.as_text() {
        Ok(text) => formats::number::parse_int(text).map_err(|e| {
            let text = crate::go_format::quote(text);
            Error::new(format!("strconv.ParseInt: parsing {text}: {e}"))
        }),
        Err(_) => val.as_int(),
    });
    resolved.map_err(|e| e.prefix(format_args!("failed to resolve {name} argument")))
}

impl Counter {
    /// The bounds, read when the count starts.
    fn bounds(&mut self, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<(i64, i64), Error> {
        if let Some(bounds) = self.bounds {
            return Ok(bounds);
        }
        let min = bound(args.query(0)?, "min", cx)?;
        if min < 0 {
            return Err(Error::new(format!("min argument must be >0, got {min}")));
        }
        let max = bound(args.query(1)?, "max", cx)?;
        if max <= min {
            return Err(Error::new(format!("max argument must be >0 and >min, got {max}")));
        }
        Ok(*self.bounds.insert((min, max)))
    }

    fn next(&mut self, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        let (min, max) = self.bounds(args, cx)?;
        if let Some(set) = args.opt_query(2) {
            let failed = |e: Error| e.prefix("failed to resolve set argument");
            match set.call_here(cx).map_err(failed)? {
                Val::Deleted => {
                    self.last = Some(min);
                    return Ok(Val::int(min));
                }
                val if val.is_null() => {
                    return Ok(Val::int(self.last.unwrap_or(min.saturating_sub(1))));
                }
                Val::Nothing => {}
                val => {
                    let n = val.as_int().map_err(failed)?;
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
