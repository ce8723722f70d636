//! `round`

use formats::value::Value;

use crate::error::Error;
use crate::fast::item::Item;
use crate::number::Num;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "round",
    category: "numbers",
    summary: "The nearest whole number; halves go away from zero.",
    examples: &[Example {
        mapping: "root.new_value = this.value.round()",
        cases: &[
            (r#"{"value":5.3}"#, r#"{"new_value":5}"#),
            (r#"{"value":5.9}"#, r#"{"new_value":6}"#),
        ],
    }],
    run: Run::Simple(|target, _| rounded(&target, f64::round).map(Value::into)),
    quick: Hook::Fixed(|target, _, _| quick_rounded(target, f64::round)),
    ..Method::CORE
};

/// A number made whole: an integer where it fits one, else a double. Integers stay.
pub(super) fn rounded(target: &Val, round: fn(f64) -> f64) -> Result<Value, Error> {
    match number(target)? {
        Num::Float(x) => {
            let whole = round(x);
            // The bounds are exact in doubles; the upper one is the first that does not fit.
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
            Ok(if fits { Value::Int(whole as i64) } else { Value::Float(whole) })
        }
        integer => Ok(integer.into()),
    }
}

/// The number, which must not come from a narrow cast: those are refused here, as by `+`.
pub(super) fn number(target: &Val) -> Result<Num, Error> {
    let number = match target {
        Val::Narrow(_) => None,
        _ => target.value().and_then(Num::of),
    };
    number.ok_or_else(|| target.unexpected(&["number"]))
}

/// The same on borrowed values.
pub(super) fn quick_rounded<'b>(target: &Item<'b>, round: fn(f64) -> f64) -> Option<Item<'b>> {
    match target.num()? {
        Num::Int(n) => Some(Item::Int(n)),
        Num::Float(x) => {
            let whole = round(x);
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
            Some(if fits { Item::Int(whole as i64) } else { Item::Float(whole) })
        }
        Num::Uint(_) => None,
    }
}
