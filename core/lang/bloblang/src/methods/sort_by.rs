//! `sort_by`

use formats::value::Value;

use super::sort::{quick_sorted, sort_by_key};
use crate::args::{Args, Query};
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::Item;
use crate::node::Node;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "sort_by",
    category: "objects and arrays",
    summary: "The elements of an array in ascending order of what a query gives for them: all \
              numbers or all texts.",
    params: Params::Fixed(&[Param::new("query", Kind::Query, "Evaluated for each element.")]),
    examples: &[Example {
        mapping: "root.sorted = this.foo.sort_by(ele -> ele.id)",
        cases: &[(
            r#"{"foo":[{"id":"bbb","m":1},{"id":"aaa","m":2}]}"#,
            r#"{"sorted":[{"id":"aaa","m":2},{"id":"bbb","m":1}]}"#,
        )],
    }],
    run: Run::Raw(run),
    quick: Hook::Each(|target, call, record| {
        let items = record.tools.list(target)?;
        if items.len() < 2 {
            return Some(Item::List(items));
        }
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            keys.push(record.call(&call.query, item)?);
        }
        quick_sorted(items, &keys, &record.tools)
    }),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let items = target.eval(cx)?.into_array().map_err(|e| e.annotate(|| target.annotation()))?;
    let query = args.query(0)?;
    // What is not compared needs no key.
    if items.len() < 2 {
        return Ok(Val::array(items));
    }
    let mut pairs = Vec::with_capacity(items.len());
    // The first comparison looks at the second element first, which shows when both fail.
    let second = key(query, cx, items.get(1), 1)?;
    for (i, item) in items.into_iter().enumerate() {
        let key = match i {
            1 => second.clone(),
            _ => key(query, cx, Some(&item), i)?,
        };
        pairs.push((key, item));
    }
    sort_by_key(pairs, "sort_by", &|| Some(query.annotation())).map(Val::array)
}

fn key(
    query: &Query,
    cx: &mut Ctx<'_, '_>,
    item: Option<&Value>,
    i: usize,
) -> Result<Value, Error> {
    match query.call(cx, &Val::Data(item.cloned().unwrap_or_default()))? {
        Val::Data(value) => Ok(value),
        // Marks and numbers of narrow casts have no order.
        other => {
            let error = other.unexpected(&["number", "string"]).annotate(|| query.annotation());
            Err(error.prefix(format_args!("sort_by element {i}")))
        }
    }
}
