//! `any`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::call::{EachCall, Record};
use crate::fast::item::{Fast, Item};
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "any",
    category: "objects and arrays",
    summary: "Whether a test holds for at least one element of an array.",
    params: Params::Fixed(&[Param::new("test", Kind::Query, "Evaluated for each element.")]),
    examples: &[Example {
        mapping: "root.any_over_21 = this.patrons.any(patron -> patron.age >= 21)",
        cases: &[
            (r#"{"patrons":[{"age":18},{"age":23}]}"#, r#"{"any_over_21":true}"#),
            (r#"{"patrons":[{"age":10},{"age":12}]}"#, r#"{"any_over_21":false}"#),
        ],
    }],
    run: Run::Lambda(|target, args, cx| decide(&target, args, cx, true)),
    quick: Hook::Each(|target, call, record| quick_decide(target, call, record, true)),
    ..Method::CORE
};

/// Tests the elements up to the first that gives `decisive`, which is then the result.
pub(super) fn decide(
    target: &Val,
    args: &Args,
    cx: &mut Ctx<'_, '_>,
    decisive: bool,
) -> Result<Val, Error> {
    let items = target.as_array()?;
    let query = args.query(0)?;
    for (i, item) in items.iter().enumerate() {
        let holds = match query.call(cx, &Val::Data(item.clone())) {
            Ok(Val::Data(Value::Bool(holds))) => Ok(holds),
            Ok(other) => Err(other.unexpected(&["bool"])),
            Err(error) => Err(error),
        };
        if holds.map_err(|e| e.prefix(format_args!("element {i}")))? == decisive {
            return Ok(Val::bool(decisive));
        }
    }
    Ok(Val::bool(!decisive && !items.is_empty()))
}

/// The same as [`decide`] on borrowed values.
pub(super) fn quick_decide<'b>(
    target: &Item<'b>,
    call: &'b EachCall,
    record: &mut Record<'b>,
    decisive: bool,
) -> Fast<'b> {
    let items = record.tools.list(target)?;
    for item in items {
        match record.call(&call.query, item)? {
            Item::Bool(holds) if holds == decisive => return Some(Item::Bool(decisive)),
            Item::Bool(_) => {}
            _ => return None,
        }
    }
    Some(Item::Bool(!decisive && !items.is_empty()))
}
