//! Functions of queries that are not written in the query language itself.

use formats::value::{Text, Value};
use jaq_core::native::{Filter, Fun, bome, unary, v};
use jaq_core::{Cv, Exn, Native, RunPtr, ValT as _, ValXs};

use super::access::without;
use super::run::Data;
use super::text::{json, no_function, no_function_with, no_operation, preview, typed};
use super::val::{Error, Val, ValR};
use super::{budget, regex};

/// Functions of the library that would reach out of the query, or whose place others take.
const LEFT_OUT: [&str; 14] = [
    "halt",
    "env",
    "now",
    "debug_empty",
    "stderr_empty",
    "matches",
    "split_matches",
    "split_",
    "error_empty",
    "localtime",
    "strflocaltime",
    "ltrimstr",
    "rtrimstr",
    "tobytes",
];

/// Functions of the library that definitions wrap: their names begin with an underscore instead.
const WRAPPED: [(&str, &str); 52] = [
    ("sort", "_sort"),
    ("sort_by", "_sort_by"),
    ("group_by", "_group_by"),
    ("reverse", "_reverse"),
    ("explode", "_explode"),
    ("implode", "_implode"),
    ("ascii_downcase", "_ascii_downcase"),
    ("ascii_upcase", "_ascii_upcase"),
    ("trim", "_trim"),
    ("ltrim", "_ltrim"),
    ("rtrim", "_rtrim"),
    ("limit", "_limit"),
    ("skip", "_skip"),
    ("startswith", "_startswith"),
    ("endswith", "_endswith"),
    ("acos", "_acos"),
    ("acosh", "_acosh"),
    ("asin", "_asin"),
    ("asinh", "_asinh"),
    ("atan", "_atan"),
    ("atanh", "_atanh"),
    ("cbrt", "_cbrt"),
    ("ceil", "_ceil"),
    ("cos", "_cos"),
    ("cosh", "_cosh"),
    ("erf", "_erf"),
    ("erfc", "_erfc"),
    ("exp", "_exp"),
    ("exp10", "_exp10"),
    ("exp2", "_exp2"),
    ("expm1", "_expm1"),
    ("fabs", "_fabs"),
    ("floor", "_floor"),
    ("j0", "_j0"),
    ("j1", "_j1"),
    ("lgamma", "_lgamma"),
    ("log", "_log"),
    ("log10", "_log10"),
    ("log1p", "_log1p"),
    ("log2", "_log2"),
    ("nearbyint", "_nearbyint"),
    ("rint", "_rint"),
    ("round", "_round"),
    ("sin", "_sin"),
    ("sinh", "_sinh"),
    ("sqrt", "_sqrt"),
    ("tan", "_tan"),
    ("tanh", "_tanh"),
    ("tgamma", "_tgamma"),
    ("trunc", "_trunc"),
    ("y0", "_y0"),
    ("y1", "_y1"),
];

/// All functions that a query may call.
pub(super) fn all() -> impl Iterator<Item = Fun<Data>> {
    let library = jaq_core::funs().chain(jaq_std::funs());
    let library = library.filter(|(name, ..)| !LEFT_OUT.contains(name));
    let library = library.map(|(name, args, body)| {
        let renamed = WRAPPED.iter().find(|(old, _)| *old == name);
        (renamed.map_or(name, |(_, new)| *new), args, body)
    });
    let own = [checks(), values(), texts(), patterns()];
    let own = own.into_iter().flat_map(<[_]>::into_vec);
    library.chain(own.map(|(name, args, body)| (name, args, Native::<Data>::new(body))))
}

type Table = Box<[Filter<RunPtr<Data>>]>;

/// Gives back a value if it has the right type, and names the function otherwise.
fn checked(val: Val, name: &Val, right: impl Fn(&Val) -> bool) -> ValR {
    match (right(&val), name) {
        (true, _) => Ok(val),
        (false, Val::Str(name)) => Err(no_function(name, &val)),
        (false, _) => Err(no_function("", &val)),
    }
}

fn checks() -> Table {
    Box::new([
        ("_array", v(1), |cv| {
            unary(cv, |val, name| checked(val, &name, |val| matches!(val, Val::Arr(_))))
        }),
        ("_text", v(1), |cv| {
            unary(cv, |val, name| checked(val, &name, |val| matches!(val, Val::Str(_))))
        }),
        ("_number", v(1), |cv| {
            unary(cv, |val, name| checked(val, &name, |val| matches!(val, Val::Num(_))))
        }),
        ("_with_text", v(2), |cv| {
            binary(cv, |val, name, arg| match (val, name, arg) {
                (Val::Str(_), _, Val::Str(_)) => Ok(val.clone()),
                (_, Val::Str(name), _) => Err(no_function_with(name, arg, val)),
                _ => Err(no_function("", val)),
            })
        }),
        ("_fail", v(1), |cv| unary(cv, |_, text| Err(Error::str(text)))),
        ("error_empty", v(0), |cv| {
            super::run::thrown(&cv.1);
            bome(Err(Error::new(cv.1)))
        }),
        ("halt_error", v(0), |cv| {
            let text = match &cv.1 {
                Val::Str(text) => text.to_string(),
                val => json(val),
            };
            bome(Err(Error::str(format_args!("halt error: {text}"))))
        }),
    ])
}

fn values() -> Table {
    Box::new([
        ("nan", v(0), |_| bome(Ok(Val::from(f64::NAN)))),
        ("infinite", v(0), |_| bome(Ok(Val::from(f64::INFINITY)))),
        ("_type", v(0), |cv| bome(Ok(Val::str(cv.1.type_name())))),
        ("_keys", v(0), |cv| bome(keys(&cv.1))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("contains", v(1), |cv| unary(cv, |val, part| contains(&val, &part).map(Val::Bool))),
        ("has", v(1), |cv| unary(cv, |val, key| has(&val, &key))),
        ("indices", v(1), |cv| unary(cv, |val, part| indices(&val, &part))),
        ("bsearch", v(1), |cv| {
            unary(cv, |val, target| match &val {
                Val::Arr(array) => Ok(match array.items.binary_search(&target) {
                    Ok(at) => Val::from(at),
                    Err(at) => Val::from(-1 - at as i64),
                }),
                val => Err(no_function_with("bsearch", &target, val)),
            })
        }),
        ("delpaths", v(1), |cv| unary(cv, |val, paths| without(val, &paths))),
        ("_tonumber", v(0), |cv| bome(number(cv.1))),
    ])
}

fn texts() -> Table {
    Box::new([
        ("tojson", v(0), |cv| bome(Ok(Val::str(json(&cv.1))))),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("_join", v(1), |cv| unary(cv, |val, separator| joined(&val, &separator))),
        ("_row", v(1), |cv| {
            unary(cv, |val, format| match &format {
                Val::Str(format) => row(&val, format),
                other => Err(no_function("row", other)),
            })
        }),
    ])
}

/// A function with two arguments.
fn binary<'a>(mut cv: Cv<'a, Data>, f: fn(&Val, &Val, &Val) -> ValR) -> ValXs<'a, Val> {
    let second = cv.0.pop_var();
    let first = cv.0.pop_var();
    Box::new(std::iter::once(f(&cv.1, &first, &second).map_err(Exn::from)))
}

fn patterns() -> Table {
    Box::new([
        ("_matches", v(2), |cv| binary(cv, regex::matches)),
        ("_test", v(2), |cv| binary(cv, regex::test)),
        ("_split", v(2), |cv| binary(cv, regex::split)),
    ])
}

fn keys(val: &Val) -> ValR {
    match val {
        Val::Arr(array) => Ok((0..array.items.len()).map(Val::from).collect()),
        Val::Obj(object) => {
            Ok(object.members.keys().map(|key| Val::str(key.to_str_lossy())).collect())
        }
        val => Err(no_function("keys", val)),
    }
}

fn length(val: &Val) -> ValR {
    match val {
        Val::Null => Ok(Val::from(0_i64)),
        Val::Num(_) if val.float().is_some_and(|number| number < 0.0) => -val.clone(),
        Val::Num(_) => Ok(val.clone()),
        Val::Str(text) => {
            budget::take_bytes(text.len());
            Ok(Val::from(text.chars().count()))
        }
        Val::Arr(array) => Ok(Val::from(array.items.len())),
        Val::Obj(object) => Ok(Val::from(object.members.len())),
        Val::Bool(_) => Err(no_function("length", val)),
    }
}

fn contains(val: &Val, part: &Val) -> Result<bool, Error> {
    budget::take(1);
    Ok(match (val, part) {
        (Val::Str(text), Val::Str(part)) => {
            budget::take_bytes(text.len());
            text.contains(part.as_str())
        }
        (Val::Arr(items), Val::Arr(parts)) => parts
            .items
            .iter()
            .all(|part| items.items.iter().any(|item| contains(item, part).unwrap_or(false))),
        (Val::Obj(object), Val::Obj(parts)) => {
            for (key, part) in &parts.members {
                match object.members.get(key) {
                    Some(value) if contains(value, part)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        _ if val.type_name() == part.type_name() => val == part,
        _ => return Err(no_function_with("contains", part, val)),
    })
}

fn has(val: &Val, key: &Val) -> ValR {
    match (val, key) {
        (Val::Arr(array), Val::Num(_)) => {
            let at = key.position().and_then(|at| usize::try_from(at).ok());
            Ok(Val::Bool(at.is_some_and(|at| at < array.items.len())))
        }
        (Val::Obj(object), Val::Str(key)) => {
            Ok(Val::Bool(object.members.contains_key(&Text::from(key.as_str()))))
        }
        _ => Err(no_function_with("has", key, val)),
    }
}

/// Where a part begins.
pub(super) fn indices(val: &Val, part: &Val) -> ValR {
    match (val, part) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Str(text), Val::Str(part)) => {
            budget::take_bytes(text.len());
            let starts = text.char_indices().enumerate().filter(|(_, (at, _))| {
                !part.is_empty() && text.get(*at..).is_some_and(|t| t.starts_with(part.as_str()))
            });
            Ok(starts.map(|(at, _)| Val::from(at)).collect())
        }
        (Val::Arr(array), Val::Arr(part)) if part.items.is_empty() => {
            let _ = array;
            Ok(Val::arr(Vec::new()))
        }
        (Val::Arr(array), Val::Arr(part)) => {
            let windows = array.items.windows(part.items.len()).enumerate();
            let found = windows.filter(|(_, window)| *window == part.items.as_slice());
            Ok(found.map(|(at, _)| Val::from(at)).collect())
        }
        (Val::Arr(array), item) => {
            let found = array.items.iter().enumerate().filter(|(_, one)| *one == item);
            Ok(found.map(|(at, _)| Val::from(at)).collect())
        }
        _ => Err(no_function_with("indices", part, val)),
    }
}

fn number(val: Val) -> ValR {
    match &val {
        Val::Num(_) => Ok(val),
        Val::Str(text) => match formats::number::is_json_number(text.as_bytes()) {
            true => Val::from_num(text),
            false => Err(Error::str(format_args!(
                "tonumber cannot be applied to {}: invalid number",
                preview(&val)
            ))),
        },
        val => Err(no_function("tonumber", val)),
    }
}

fn from_json(val: &Val) -> ValR {
    let Val::Str(text) = val else { return Err(no_function("fromjson", val)) };
    budget::take_bytes(text.len());
    formats::json::parse(text.as_bytes()).map(|value| Val::of(&value)).map_err(|e| {
        Error::str(format_args!("fromjson cannot be applied to {}: {e}", preview(val)))
    })
}

fn joined(val: &Val, separator: &Val) -> ValR {
    let Val::Arr(array) = val else { return Err(no_function_with("join", separator, val)) };
    let by = match separator {
        Val::Str(by) => by.as_str(),
        _ if array.items.is_empty() => "",
        other => return Err(no_operation("add", &Val::str(""), other)),
    };
    let mut out = String::new();
    for (at, item) in array.items.iter().enumerate() {
        if at > 0 {
            out.push_str(by);
        }
        match item {
            Val::Null => {}
            Val::Str(text) => out.push_str(text),
            Val::Bool(_) | Val::Num(_) => out.push_str(&json(item)),
            _ => return Err(no_operation("add", &Val::str(out), item)),
        }
        budget::take_bytes(by.len());
    }
    Ok(Val::str(out))
}

/// A line of a table.
fn row(val: &Val, format: &str) -> ValR {
    let Val::Arr(array) = val else { return Err(no_function(&format!("@{format}"), val)) };
    let csv = format == "csv";
    let cells = array.items.iter().map(|item| match item {
        Val::Null => Ok(String::new()),
        Val::Bool(_) | Val::Num(_) => Ok(json(item)),
        Val::Str(text) if csv => Ok(format!("\"{}\"", text.replace('"', "\"\""))),
        Val::Str(text) => Ok(text
            .replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\r', "\\r")
            .replace('\n', "\\n")),
        _ => Err(Error::str(format_args!(
            "@{format} cannot format an array including: {}",
            typed(item)
        ))),
    });
    let cells = cells.collect::<Result<Vec<_>, _>>()?;
    Ok(Val::str(cells.join(if csv { "," } else { "\t" })))
}

/// A time as seconds since the epoch.
pub(super) fn seconds(wall_ns: i128) -> Val {
    Val::Num(Value::Float(wall_ns as f64 / 1e9))
}
