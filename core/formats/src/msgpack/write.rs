//! A [`Value`] as MessagePack.

use rmp::encode as rmp;

use super::{MsgpackError, TIME};
use crate::number::{parse_float, parse_int, parse_uint};
use crate::value::{Text, Timestamp, Value};

const NS_PER_S: i128 = 1_000_000_000;

/// Items of a container that are still to be written.
enum Open<'v> {
    Array(std::slice::Iter<'v, Value>),
    Object(std::slice::Iter<'v, (Text, Value)>),
}

/// Appends a document. A number of a JSON text takes as few bytes as it can, one that was computed
/// those of its type.
///
/// # Errors
/// When a number has no such form or something is too long; `out` has a part of it then.
pub fn write(out: &mut Vec<u8>, document: &Value) -> Result<(), MsgpackError> {
    let mut open: Vec<Open<'_>> = Vec::new();
    open.extend(one(out, document)?);
    while let Some(last) = open.last_mut() {
        let next = match last {
            Open::Array(items) => items.next(),
            Open::Object(members) => match members.next() {
                Some((name, value)) => {
                    text(out, name)?;
                    Some(value)
                }
                None => None,
            },
        };
        match next {
            Some(value) => open.extend(one(out, value)?),
            None => {
                open.pop();
            }
        }
    }
    Ok(())
}

/// Writes to memory do not fail.
fn sure<T, E>(written: Result<T, E>) -> Result<(), MsgpackError> {
    written.map(drop).map_err(|_| MsgpackError::TooLong)
}

fn length(len: usize) -> Result<u32, MsgpackError> {
    u32::try_from(len).map_err(|_| MsgpackError::TooLong)
}

fn text(out: &mut Vec<u8>, text: &Text) -> Result<(), MsgpackError> {
    let bytes = text.as_bytes();
    sure(rmp::write_str_len(out, length(bytes.len())?))?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Writes a value that is no container, or the head of one that is.
fn one<'v>(out: &mut Vec<u8>, value: &'v Value) -> Result<Option<Open<'v>>, MsgpackError> {
    match value {
        Value::Null => sure(rmp::write_nil(out))?,
        Value::Bool(value) => sure(rmp::write_bool(out, *value))?,
        Value::Int(n) => sure(rmp::write_i64(out, *n))?,
        Value::Uint(n) => sure(rmp::write_u64(out, *n))?,
        Value::Float(x) => sure(rmp::write_f64(out, *x))?,
        Value::Float32(x) => sure(rmp::write_f32(out, *x))?,
        Value::Number(digits) => number(out, digits)?,
        Value::String(value) => text(out, value)?,
        Value::Bytes(bytes) => {
            sure(rmp::write_bin_len(out, length(bytes.len())?))?;
            out.extend_from_slice(bytes);
        }
        Value::Timestamp(at) => time(out, at)?,
        Value::Array(items) => {
            sure(rmp::write_array_len(out, length(items.len())?))?;
            return Ok(Some(Open::Array(items.iter())));
        }
        Value::Object(object) => {
            sure(rmp::write_map_len(out, length(object.len())?))?;
            return Ok(Some(Open::Object(object.members().iter())));
        }
    }
    Ok(None)
}

fn number(out: &mut Vec<u8>, digits: &str) -> Result<(), MsgpackError> {
    let bytes = digits.as_bytes();
    if let Ok(n) = parse_int(bytes) {
        return sure(rmp::write_sint(out, n));
    }
    if let Ok(n) = parse_uint(bytes) {
        return sure(rmp::write_uint(out, n));
    }
    match parse_float(bytes) {
        Ok(x) => sure(rmp::write_f64(out, x)),
        Err(_) => Err(MsgpackError::Number(digits.to_owned())),
    }
}

fn time(out: &mut Vec<u8>, at: &Timestamp) -> Result<(), MsgpackError> {
    // Beyond the last second that there is, nanoseconds go on for a while.
    let seconds = at.unix_ns.div_euclid(NS_PER_S).clamp(i64::MIN.into(), i64::MAX.into());
    let nanos = u32::try_from(at.unix_ns - seconds * NS_PER_S).unwrap_or(u32::MAX);
    match u64::try_from(seconds) {
        Ok(short) if short >> 34 == 0 => {
            let both = u64::from(nanos) << 34 | short;
            match u32::try_from(both) {
                Ok(short) => {
                    sure(rmp::write_ext_meta(out, 4, TIME))?;
                    out.extend_from_slice(&short.to_be_bytes());
                }
                Err(_) => {
                    sure(rmp::write_ext_meta(out, 8, TIME))?;
                    out.extend_from_slice(&both.to_be_bytes());
                }
            }
        }
        _ => {
            sure(rmp::write_ext_meta(out, 12, TIME))?;
            out.extend_from_slice(&nanos.to_be_bytes());
            out.extend_from_slice(&(seconds as i64).to_be_bytes());
        }
    }
    Ok(())
}
