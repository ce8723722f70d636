//! Numbers cast to integers of a width (spec/bloblang.md §11): what does not fit is an error.

use formats::number::{NumberError, parse_int, parse_int_any_base, parse_uint_any_base};
use formats::value::Value;

use crate::error::Error;
use crate::go_format::quote;
use crate::val::Val;

/// 2^63 and 2^64, the first doubles that fit no signed and no unsigned integer.
const SIGNED_END: f64 = 9_223_372_036_854_775_808.0;
const UNSIGNED_END: f64 = 18_446_744_073_709_551_616.0;

const NEGATIVE: &str = "signed integer value is negative and cannot be cast as an unsigned integer";

fn parsed<T>(function: &str, text: &[u8], result: Result<T, NumberError>) -> Result<T, Error> {
    result.map_err(|e| Error::new(format!("strconv.{function}: parsing {}: {e}", quote(text))))
}

fn decimals(kind: &str) -> Error {
    Error::new(format!(
        "float value contains decimals and therefore cannot be cast as {kind} integer, if you \
         intend to round the value then call `.round()` explicitly before this cast"
    ))
}

/// The value as a signed integer of 64 bits: texts by their base prefix, number text and doubles
/// only when they are whole.
///
/// # Errors
/// It is another type, or does not fit.
pub(crate) fn to_int(val: &Val) -> Result<i64, Error> {
    match val.value() {
        Some(Value::Int(n)) => Ok(*n),
        Some(Value::Uint(n)) => i64::try_from(*n).map_err(|_| {
            Error::new("unsigned integer value is too large to be cast as a signed integer")
        }),
        Some(Value::Float(x)) => float_to_int(*x),
        Some(Value::Float32(x)) => float_to_int(f64::from(*x)),
        Some(Value::Number(text)) => {
            parsed("ParseInt", text.as_bytes(), parse_int(text.as_bytes()))
        }
        Some(Value::String(_) | Value::Bytes(_)) => {
            let text = val.as_text()?;
            parsed("ParseInt", text, parse_int_any_base(text))
        }
        _ => Err(val.unexpected(&["number"])),
    }
}

fn float_to_int(x: f64) -> Result<i64, Error> {
    let fail = |text: &str| Err(Error::new(text));
    if x.is_infinite() {
        return fail("cannot convert +/-INF to an integer");
    }
    if x.is_nan() {
        return fail("cannot convert NAN to an integer");
    }
    if x > SIGNED_END {
        return fail("float value is too large to be cast as a signed integer");
    }
    if x < -SIGNED_END {
        return fail("float value is too small to be cast as a signed integer");
    }
    if x.fract() != 0.0 || x == SIGNED_END { Err(decimals("a signed")) } else { Ok(x as i64) }
}

/// The value as an unsigned integer of 64 bits, by the rules of [`to_int`].
///
/// # Errors
/// It is another type, or does not fit.
pub(crate) fn to_uint(val: &Val) -> Result<u64, Error> {
    let signed = |n: i64| u64::try_from(n).map_err(|_| Error::new(NEGATIVE));
    match val.value() {
        Some(Value::Int(n)) => signed(*n),
        Some(Value::Uint(n)) => Ok(*n),
        Some(Value::Float(x)) => float_to_uint(*x),
        Some(Value::Float32(x)) => float_to_uint(f64::from(*x)),
        Some(Value::Number(_)) => signed(to_int(val)?),
        Some(Value::String(_) | Value::Bytes(_)) => {
            let text = val.as_text()?;
            parsed("ParseUint", text, parse_uint_any_base(text))
        }
        _ => Err(val.unexpected(&["number"])),
    }
}

fn float_to_uint(x: f64) -> Result<u64, Error> {
    let fail = |text: &str| Err(Error::new(text));
    if x < 0.0 {
        return fail("float value is negative and cannot be cast as an unsigned integer");
    }
    if x.is_infinite() {
        return fail("cannot convert +/-INF to an unsigned integer");
    }
    if x.is_nan() {
        return fail("cannot convert NAN to an unsigned integer");
    }
    if x > UNSIGNED_END {
        return fail("float value is too large to be cast as an unsigned integer");
    }
    let partial = x.fract() != 0.0 || x == UNSIGNED_END;
    if partial { Err(decimals("an unsigned")) } else { Ok(x as u64) }
}

/// `an 8-bit` or `a 16-bit`.
fn sized(bits: u32) -> String {
    format!("{} {bits}-bit", if bits == 8 { "an" } else { "a" })
}

/// The value as a signed integer of fewer bits, 8 to 32.
///
/// # Errors
/// Those of [`to_int`], or it does not fit the width.
pub(crate) fn narrow_int(val: &Val, bits: u32) -> Result<Val, Error> {
    let n = to_int(val)?;
    let max = i64::MAX >> (64 - bits);
    let fail = |size: &str| {
        let width = sized(bits);
        Err(Error::new(format!("value is too {size} to be cast as {width} signed integer")))
    };
    if n > max {
        return fail("large");
    }
    if n < -max - 1 {
        return fail("small");
    }
    Ok(Val::Narrow(Value::Int(n)))
}

/// The value as an unsigned integer of fewer bits, 8 to 32.
///
/// # Errors
/// Those of [`to_uint`], or it does not fit the width.
pub(crate) fn narrow_uint(val: &Val, bits: u32) -> Result<Val, Error> {
    let n = to_uint(val)?;
    if n > u64::MAX >> (64 - bits) {
        let width = sized(bits);
        let text = format!("value is too large to be cast as {width} unsigned integer");
        return Err(Error::new(text));
    }
    Ok(Val::Narrow(Value::Uint(n)))
}

/// The value as a double: numbers as they are, texts as `ParseFloat` reads them.
///
/// # Errors
/// It is another type, or a text that is no number.
pub(crate) fn to_float(val: &Val) -> Result<f64, Error> {
    match val.value() {
        Some(Value::Number(text)) => float_of_text(text.as_bytes()),
        Some(Value::String(_) | Value::Bytes(_)) => float_of_text(val.as_text()?),
        _ => val.as_float(),
    }
}

fn float_of_text(text: &[u8]) -> Result<f64, Error> {
    parsed("ParseFloat", text, formats::number::parse_float(text))
}

/// The value as a single-precision float; text is rounded once.
///
/// # Errors
/// It is another type, a text that is no number, or too large.
pub(crate) fn to_float32(val: &Val) -> Result<f32, Error> {
    let text = match val.value() {
        Some(Value::Number(text)) => text.as_bytes(),
        Some(Value::String(_) | Value::Bytes(_)) => val.as_text()?,
        _ => return val.as_float().map(|x| x as f32),
    };
    let wide = float_of_text(text)?;
    let plain = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f32>().ok());
    let single = plain.unwrap_or(wide as f32);
    if single.is_infinite() && wide.is_finite() {
        return parsed("ParseFloat", text, Err(NumberError::Range));
    }
    Ok(single)
}
