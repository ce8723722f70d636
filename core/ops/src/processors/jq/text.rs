//! Values as texts: as JSON, and as errors show them.

use formats::json::write_string;
use formats::value::Value;

use super::budget;
use super::val::{Error, Val};

/// The value as JSON.
pub(super) fn json(val: &Val) -> String {
    let mut out = Vec::new();
    write(val, &mut out, usize::MAX);
    budget::take_bytes(out.len());
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes JSON until there is more of it than `max`.
fn write(val: &Val, out: &mut Vec<u8>, max: usize) {
    budget::take(1);
    match val {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Val::Num(Value::Float(number)) => write_float(*number, out),
        Val::Num(number) => _ = formats::json::write_value(out, number),
        Val::Str(text) => write_string(out, text.as_bytes(), false),
        Val::Arr(array) => {
            out.push(b'[');
            for (at, item) in array.items.iter().enumerate() {
                if out.len() > max {
                    return;
                }
                if at > 0 {
                    out.push(b',');
                }
                write(item, out, max);
            }
            out.push(b']');
        }
        Val::Obj(object) => {
            out.push(b'{');
            for (at, (key, value)) in object.members.iter().enumerate() {
                if out.len() > max {
                    return;
                }
                if at > 0 {
                    out.push(b',');
                }
                write_string(out, key.as_bytes(), false);
                out.push(b':');
                write(value, out, max);
            }
            out.push(b'}');
        }
    }
}

/// What is no number is null, and nothing is larger than the largest number.
fn write_float(number: f64, out: &mut Vec<u8>) {
    if number.is_nan() {
        return out.extend_from_slice(b"null");
    }
    let number = number.clamp(-f64::MAX, f64::MAX);
    _ = formats::json::write_value(out, &Value::Float(number));
}

/// The value as errors show it: its beginning, where it is long.
pub(super) fn preview(val: &Val) -> String {
    const SHOWN_MAX: usize = 30;
    const READ_MAX: usize = 32;
    let mut out = Vec::new();
    write(val, &mut out, READ_MAX);
    out.truncate(READ_MAX);
    if out.len() > SHOWN_MAX {
        let more = match val {
            Val::Str(_) => " ...\"",
            Val::Arr(_) => " ...]",
            Val::Obj(_) => " ...}",
            _ => " ...",
        };
        out.truncate(SHOWN_MAX - more.len());
        // No character is cut in two.
        if let Err(error) = std::str::from_utf8(&out) {
            out.truncate(error.valid_up_to());
        }
        out.extend_from_slice(more.as_bytes());
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value with its type.
pub(super) fn typed(val: &Val) -> String {
    match val {
        Val::Null => "null".to_owned(),
        _ => format!("{} ({})", val.type_name(), preview(val)),
    }
}

/// An operation that two values do not have.
pub(super) fn no_operation(name: &str, left: &Val, right: &Val) -> Error {
    Error::str(format_args!("cannot {name}: {} and {}", typed(left), typed(right)))
}

/// A function that a value does not have.
pub(super) fn no_function(name: &str, val: &Val) -> Error {
    Error::str(format_args!("{name} cannot be applied to: {}", typed(val)))
}

/// The same for one with an argument.
pub(super) fn no_function_with(name: &str, arg: &Val, val: &Val) -> Error {
    let arg = preview(arg);
    Error::str(format_args!("{name}({arg}) cannot be applied to: {}", typed(val)))
}
