//! Values of metadata as bytes: a byte for the type, then what it needs.

use std::sync::Arc;

use formats::json;
use formats::value::{Object, Text, Timestamp, Value};

use super::{Reader, StoredError, write_number, write_text};

/// Deepest nesting of lists and objects in metadata that is kept.
pub const DEPTH_MAX: usize = 1000;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const UINT: u8 = 4;
const FLOAT: u8 = 5;
const FLOAT32: u8 = 6;
const NUMBER: u8 = 7;
const STRING: u8 = 8;
const BYTES: u8 = 9;
const TIMESTAMP: u8 = 10;
const ARRAY: u8 = 11;
const OBJECT: u8 = 12;

pub(super) fn write_value(
    value: &Value,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), StoredError> {
    let text = |kind, text: &[u8], out: &mut Vec<u8>| {
        out.push(kind);
        write_text(text, out);
    };
    let fixed = |kind, bytes: &[u8], out: &mut Vec<u8>| {
        out.push(kind);
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(set) => out.push(if *set { TRUE } else { FALSE }),
        Value::Int(n) => fixed(INT, &n.to_le_bytes(), out),
        Value::Uint(n) => fixed(UINT, &n.to_le_bytes(), out),
        Value::Float(n) => fixed(FLOAT, &n.to_le_bytes(), out),
        Value::Float32(n) => fixed(FLOAT32, &n.to_le_bytes(), out),
        Value::Number(digits) => text(NUMBER, digits.as_bytes(), out),
        Value::String(s) => text(STRING, s.as_bytes(), out),
        Value::Bytes(bytes) => text(BYTES, bytes, out),
        Value::Timestamp(at) => {
            fixed(TIMESTAMP, &at.unix_ns.to_le_bytes(), out);
            out.extend_from_slice(&at.offset_s.to_le_bytes());
            write_text(at.zone.as_bytes(), out);
        }
        Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => {
            return Err(StoredError::TooDeep);
        }
        Value::Array(items) => {
            out.push(ARRAY);
            write_number(items.len() as u64, out);
            items.iter().try_for_each(|item| write_value(item, depth + 1, out))?;
        }
        Value::Object(object) => {
            out.push(OBJECT);
            write_number(object.len() as u64, out);
            for (key, member) in object.iter() {
                write_text(key.as_bytes(), out);
                write_value(member, depth + 1, out)?;
            }
        }
    }
    Ok(())
}

fn fixed<const N: usize>(reader: &mut Reader<'_>) -> Option<[u8; N]> {
    reader.take(N)?.try_into().ok()
}

pub(super) fn read_value(reader: &mut Reader<'_>, depth: usize) -> Option<Value> {
    Some(match reader.byte()? {
        ARRAY | OBJECT if depth >= DEPTH_MAX => return None,
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => Value::Int(i64::from_le_bytes(fixed(reader)?)),
        UINT => Value::Uint(u64::from_le_bytes(fixed(reader)?)),
        FLOAT => Value::Float(f64::from_le_bytes(fixed(reader)?)),
        FLOAT32 => Value::Float32(f32::from_le_bytes(fixed(reader)?)),
        NUMBER => match json::parse(reader.text()?) {
            Ok(number @ Value::Number(_)) => number,
            _ => return None,
        },
        STRING => Value::String(Text::from(reader.text()?)),
        BYTES => Value::Bytes(Arc::from(reader.text()?)),
        TIMESTAMP => {
            let unix_ns = i128::from_le_bytes(fixed(reader)?);
            let offset_s = i32::from_le_bytes(fixed(reader)?);
            let zone = Arc::from(reader.string()?);
            Value::Timestamp(Arc::new(Timestamp { unix_ns, offset_s, zone }))
        }
        ARRAY => {
            let items = (0..reader.count()?).map(|_| read_value(reader, depth + 1));
            Value::array(items.collect::<Option<_>>()?)
        }
        OBJECT => {
            let mut members = Vec::new();
            for _ in 0..reader.count()? {
                members.push((Text::from(reader.text()?), read_value(reader, depth + 1)?));
            }
            Value::object(Object::from(members))
        }
        _ => return None,
    })
}
