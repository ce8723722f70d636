//! `slice`

use formats::value::Value;

use super::same_kind;
use crate::error::Error;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "slice",
    category: "objects and arrays",
    summary: "A part of an array or, by bytes, of a text. Negative bounds count from the end.",
    params: Params::Fixed(&[
        Param::new("low", Kind::Int, "First position."),
        Param::new("high", Kind::Int, "Position behind the last.").optional(),
    ]),
    examples: &[Example {
        mapping: "root.beginning = this.value.slice(0, 2)\nroot.end = this.value.slice(4)",
        cases: &[(r#"{"value":"foo bar"}"#, r#"{"beginning":"fo","end":"bar"}"#)],
    }],
    run: Run::Prepared(|args| {
        let (low, high) = (args.int(0), args.opt_int(1));
        if let Some(high) = high
            && high > 0
            && low >= high
        {
            let text = format!("lower slice bound {low} must be lower than upper ({high})");
            return Err(Error::new(text));
        }
        Ok(Box::new(move |target| match target.value() {
            Some(Value::Array(items)) => {
                let (low, high) = bounds(low, high, items.len())?;
                Ok(Val::array(items[low..high].to_vec()))
            }
            Some(Value::String(_) | Value::Bytes(_)) => {
                let text = target.as_text()?;
                let (low, high) = bounds(low, high, text.len())?;
                Ok(same_kind(&target, &text[low..high]))
            }
            _ => Err(target.unexpected(&["array", "string"])),
        }))
    }),
    quick: Hook::Fixed(|target, args, tools| {
        let part = |len| bounds(args.int(0), args.opt_int(1), len).ok();
        if let Some(text) = target.text() {
            let (low, high) = part(text.len())?;
            return Some(target.like(text.get(low..high)?));
        }
        let items = tools.list(target)?;
        let (low, high) = part(items.len())?;
        Some(Item::List(items.get(low..high)?))
    }),
    ..Method::CORE
};

/// The bounds within a target of a length; `low <= high <= len`.
fn bounds(low: i64, high: Option<i64>, len: usize) -> Result<(usize, usize), Error> {
    let size = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |bound: i64| if bound < 0 { size.saturating_add(bound).max(0) } else { bound };
    let high = from_end(high.unwrap_or(size)).min(size);
    let low = from_end(low);
    if low > high {
        return Err(Error::new(format!(
            "lower slice bound {low} must be lower than or equal to upper bound ({high}) \
             and target length ({len})"
        )));
    }
    Ok((usize::try_from(low).unwrap_or(0), usize::try_from(high).unwrap_or(len)))
}
