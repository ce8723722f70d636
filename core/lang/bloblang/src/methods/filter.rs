//! `filter`

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "filter",
    category: "objects and arrays",
    summary: "The elements of an array, or members of an object, for which a query is true. For a \
              member the context is an object of its key and value.",
    params: Params::Fixed(&[Param::new("test", Kind::Query, "Evaluated for each element.")]),
    examples: &[
        Example {
            mapping: "root.new_nums = this.nums.filter(num -> num > 10)",
            cases: &[(r#"{"nums":[3,11,4,17]}"#, r#"{"new_nums":[11,17]}"#)],
        },
        Example {
            mapping: "root.new_dict = this.dict.filter(item -> item.value.contains(\"foo\"))",
            cases: &[(
                r#"{"dict":{"first":"hello foo","second":"world","third":"this foo is great"}}"#,
                r#"{"new_dict":{"first":"hello foo","third":"this foo is great"}}"#,
            )],
        },
    ],
    run: Run::Lambda(run),
    quick: Hook::Each(|target, call, record| {
        record.each(target, |record, context, item| {
            Some(record.holds(&call.query, context)?.then_some(*item))
        })
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let query = args.query(0)?;
    let keep = |cx: &mut Ctx<'_, '_>, val: Val| {
        query.call(cx, &val).map(|v| matches!(v, Val::Data(Value::Bool(true))))
    };
    match target.value() {
        Some(Value::Array(items)) => {
            let mut kept = Vec::new();
            for item in items.iter() {
                if keep(cx, Val::Data(item.clone()))? {
                    kept.push(item.clone());
                }
            }
            Ok(Val::array(kept))
        }
        Some(Value::Object(object)) => {
            let mut kept = Vec::new();
            for (key, value) in object.iter() {
                if keep(cx, member(key, value))? {
                    kept.push((key.clone(), value.clone()));
                }
            }
            Ok(Val::object(kept.into_iter().collect()))
        }
        _ => Err(target.unexpected(&["array", "object"])),
    }
}

/// The context of a query about a member of an object: its key and its value.
pub(super) fn member(key: &Text, value: &Value) -> Val {
    let parts = [("key", Value::String(key.clone())), ("value", value.clone())];
    Val::object(parts.into_iter().map(|(k, v)| (Text::from(k), v)).collect::<Object>())
}
