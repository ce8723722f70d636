//! `sort`

use std::cmp::Ordering;

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::{Item, Tools};
use crate::node::Node;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::{Val, to_f64};

pub(super) static SPEC: Method = Method {
    name: "sort",
    category: "objects and arrays",
    summary: "The elements of an array in ascending order: all numbers or all texts, or by a query \
              that says of an object of `left` and `right` whether left comes first.",
    params: Params::Fixed(&[Param::new(
        "compare",
        Kind::Query,
        "Whether the element `left` comes before the element `right`.",
    )
    .optional()]),
    examples: &[
        Example {
            mapping: "root.sorted = this.foo.sort()",
            cases: &[(r#"{"foo":["bbb","ccc","aaa"]}"#, r#"{"sorted":["aaa","bbb","ccc"]}"#)],
        },
        Example {
            mapping: "root.sorted = this.foo.sort(item -> item.left.v < item.right.v)",
            cases: &[(r#"{"foo":[{"v":2},{"v":1}]}"#, r#"{"sorted":[{"v":1},{"v":2}]}"#)],
        },
    ],
    run: Run::Raw(run),
    quick: Hook::Fixed(|target, _, tools| {
        let items = tools.list(target)?;
        quick_sorted(items, items, tools)
    }),
    ..Method::CORE
};

fn run(target: &Node, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let items = target.eval(cx)?.into_array().map_err(|e| e.annotate(|| target.annotation()))?;
    let sorted = match args.opt_query(0) {
        None => sort_by_key(
            items.into_iter().map(|item| (item.clone(), item)).collect(),
            "sort",
            &|| None,
        )?,
        Some(query) => merge_sort(items, &mut |left, right| {
            let pair = [("left", left.clone()), ("right", right.clone())];
            let pair = pair.into_iter().map(|(k, v)| (Text::from(k), v)).collect::<Object>();
            match query.call(cx, &Val::object(pair))? {
                Val::Data(Value::Bool(first)) => Ok(first),
                other => Err(other.unexpected(&["bool"]).annotate(|| query.annotation())),
            }
        })?,
    };
    Ok(Val::array(sorted))
}

/// Sorts values by keys that must be all numbers or all texts, as the first of them is. An error
/// names the expression that the keys came from, where `from` gives one.
pub(super) fn sort_by_key(
    mut pairs: Vec<(Value, Value)>,
    verb: &str,
    from: &dyn Fn() -> Option<String>,
) -> Result<Vec<Value>, Error> {
    if pairs.len() > 1 {
        check(&pairs, verb, from)?;
        pairs.sort_by(|(a, _), (b, _)| order(a, b));
    }
    Ok(pairs.into_iter().map(|(_, value)| value).collect())
}

/// Items sorted by keys, one for each, that must be all numbers or all texts.
pub(super) fn quick_sorted<'b>(
    items: &[Item<'b>],
    keys: &[Item<'b>],
    tools: &Tools<'b>,
) -> Option<Item<'b>> {
    let sorted: Vec<Item<'b>> = match keys.first().and_then(|key| key.text()) {
        Some(_) if items.len() > 1 => {
            let keys: Vec<&[u8]> = keys.iter().map(|key| key.text()).collect::<Option<_>>()?;
            let mut pairs: Vec<_> = keys.into_iter().zip(items).collect();
            pairs.sort_by_key(|(key, _)| *key);
            pairs.into_iter().map(|(_, item)| *item).collect()
        }
        None if items.len() > 1 => {
            let number = |key: &Item<'b>| key.float().filter(|x| !x.is_nan());
            let keys: Vec<f64> = keys.iter().map(number).collect::<Option<_>>()?;
            let mut pairs: Vec<_> = keys.into_iter().zip(items).collect();
            pairs.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
            pairs.into_iter().map(|(_, item)| *item).collect()
        }
        _ => items.to_vec(),
    };
    tools.new_list(sorted.into_iter())
}

fn text_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (text_of(a), text_of(b)) {
        (Some(a), Some(b)) => a.cmp(b),
        _ => to_f64(a).partial_cmp(&to_f64(b)).unwrap_or(Ordering::Equal),
    }
}

/// The error of the first comparison that fails: the original compares the second element with the
/// first, and so on, and takes the type from the former.
fn check(
    pairs: &[(Value, Value)],
    verb: &str,
    from: &dyn Fn() -> Option<String>,
) -> Result<(), Error> {
    let Some(((first, _), rest)) = pairs.split_first() else { return Ok(()) };
    let mut left = first;
    for (i, (right, _)) in rest.iter().enumerate() {
        let fail = |at: usize, value: &Value, expected: &[&'static str]| {
            let mut error = Val::Data(value.clone()).unexpected(expected);
            if let Some(from) = from() {
                error = error.annotate(|| from);
            }
            Err(error.prefix(format_args!("{verb} element {at}")))
        };
        if text_of(right).is_some() {
            if text_of(left).is_none() {
                return fail(i, left, &["string"]);
            }
        } else if to_f64(right).is_some() {
            if to_f64(left).is_none() {
                return fail(i, left, &["number"]);
            }
        } else {
            return fail(i + 1, right, &["number", "string"]);
        }
        // Elements before are in order already: the last of them is the greatest.
        if order(left, right) != Ordering::Greater {
            left = right;
        }
    }
    Ok(())
}

/// A stable sort whose comparison may fail.
fn merge_sort(
    items: Vec<Value>,
    before: &mut dyn FnMut(&Value, &Value) -> Result<bool, Error>,
) -> Result<Vec<Value>, Error> {
    if items.len() < 2 {
        return Ok(items);
    }
    let mut left = items;
    let right = left.split_off(left.len() / 2);
    let (left, right) = (merge_sort(left, before)?, merge_sort(right, before)?);
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        let next = if before(r, l)? { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_compare_is_refused_with_the_greatest_before() {
        for (array, expected) in [
            (r#"[1,"a"]"#, r#"sort element 0: expected string value, got number (1)"#),
            (r#"[3,1,2,"a"]"#, r#"sort element 2: expected string value, got number (3)"#),
            (r#"["c","b",1]"#, r#"sort element 1: expected number value, got string ("c")"#),
            ("[1,3,2,null]", "sort element 3: expected number or string value, got null"),
        ] {
            let Ok(Value::Array(items)) = formats::json::parse(array.as_bytes()) else { panic!() };
            let pairs = items.iter().map(|item| (item.clone(), item.clone())).collect();
            let error = sort_by_key(pairs, "sort", &|| None).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
