//! `map_each`

use formats::value::Value;

use super::filter::member;
use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "map_each",
    category: "objects and arrays",
    summary: "A query's results for the elements of an array or the members of an object. A \
              result that is deleted drops its element, nothing keeps it as it was.",
    params: Params::Fixed(&[Param::new("query", Kind::Query, "Evaluated for each element.")]),
    examples: &[
        Example {
            mapping: "root.new_nums = this.nums.map_each(num -> num * 10)",
            cases: &[(r#"{"nums":[3,11]}"#, r#"{"new_nums":[30,110]}"#)],
        },
        Example {
            mapping: "root.new_dict = this.dict.map_each(item -> item.value.uppercase())",
            cases: &[(r#"{"dict":{"foo":"hello"}}"#, r#"{"new_dict":{"foo":"HELLO"}}"#)],
        },
    ],
    run: Run::Lambda(run),
    quick: Hook::Each(|target, call, record| {
        record.each(target, |record, context, item| {
            Some(match record.call(&call.query, context)? {
                Item::Deleted => None,
                Item::Nothing => Some(*item),
                result => Some(result),
            })
        })
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let query = args.query(0)?;
    let failed = |place: &dyn std::fmt::Display, error: Error| {
        let error = error.annotate(|| query.annotation());
        error.prefix(format_args!("failed to process element {place}"))
    };
    match target.value() {
        Some(Value::Array(items)) => {
            let mut out = Vec::with_capacity(items.len());
            for (i, item) in items.iter().enumerate() {
                match query.call(cx, &Val::Data(item.clone())) {
                    Ok(Val::Deleted) => {}
                    Ok(Val::Nothing) => out.push(item.clone()),
                    Ok(val) => out.extend(val.into_value()),
                    Err(error) => return Err(failed(&i, error)),
                }
            }
            Ok(Val::array(out))
        }
        Some(Value::Object(object)) => {
            let mut out = Vec::with_capacity(object.len());
            for (key, value) in object.iter() {
                match query.call(cx, &member(key, value)) {
                    Ok(Val::Deleted) => {}
                    Ok(Val::Nothing) => out.push((key.clone(), value.clone())),
                    Ok(val) => out.extend(val.into_value().map(|v| (key.clone(), v))),
                    Err(error) => return Err(failed(&key.to_str_lossy(), error)),
                }
            }
            Ok(Val::object(out.into_iter().collect()))
        }
        _ => Err(target.unexpected(&["array"])),
    }
}
