//! `max`

use crate::error::Error;
use crate::fast::item::{Item, Tools};
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "max",
    category: "numbers",
    summary: "The largest of the numbers in an array.",
    examples: &[Example {
        mapping: "root.biggest = this.values.max()",
        cases: &[(r#"{"values":[0,3,2.5,7,5]}"#, r#"{"biggest":7}"#)],
    }],
    run: Run::Simple(|target, _| best(&target, |a, b| a > b)),
    quick: Hook::Fixed(|target, _, tools| quick_best(target, tools, |a, b| a > b)),
    ..Method::CORE
};

/// The number of an array that is better than those before it.
pub(super) fn best(target: &Val, better: fn(f64, f64) -> bool) -> Result<Val, Error> {
    let mut best = None;
    for (i, item) in target.as_array()?.iter().enumerate() {
        let number = Val::Data(item.clone())
            .as_float()
            .map_err(|e| e.prefix(format_args!("index {i} of array")))?;
        if best.is_none_or(|best| better(number, best)) {
            best = Some(number);
        }
    }
    best.map(Val::float).ok_or_else(|| Error::new("the array was empty"))
}

/// The same as [`best`] on borrowed values.
pub(super) fn quick_best<'b>(
    target: &Item<'b>,
    tools: &Tools<'b>,
    better: fn(f64, f64) -> bool,
) -> Option<Item<'b>> {
    let mut best: Option<f64> = None;
    for item in tools.list(target)? {
        let number = item.float()?;
        if best.is_none_or(|best| better(number, best)) {
            best = Some(number);
        }
    }
    best.map(Item::Float)
}
