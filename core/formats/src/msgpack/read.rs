//! MessagePack into a [`Value`].

use std::sync::Arc;

use rmp::Marker;

use super::{MsgpackError, TIME};
use crate::value::{Object, Text, Timestamp, Value};

/// Containers that may be nested in one another, as many as in JSON.
pub const DEPTH_MAX: usize = crate::json::DEPTH_MAX;
/// Items for which there is room before they were read, whatever the head of a container says.
const ITEMS_AHEAD_MAX: usize = 1 << 10;

/// A container whose items are being read.
enum Open {
    Array { items: Vec<Value>, left: u32 },
    Object { members: Vec<(Text, Value)>, name: Text, left: u32 },
}

/// Either a value or the beginning of a container.
enum Head {
    Done(Value),
    Array(u32),
    Object(u32),
}

/// Reads the document at the beginning; what follows it does not count.
///
/// # Errors
/// When there is none.
pub fn parse(bytes: &[u8]) -> Result<Value, MsgpackError> {
    let mut bytes = Bytes(bytes);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (array, left) = match bytes.head()? {
            Head::Done(value) => match bytes.put(value, &mut open)? {
                Some(document) => return Ok(document),
                None => continue,
            },
            Head::Array(left) => (true, left),
            Head::Object(left) => (false, left),
        };
        if open.len() >= DEPTH_MAX {
            return Err(MsgpackError::TooDeep);
        }
        let room = (left as usize).min(ITEMS_AHEAD_MAX);
        if left == 0 {
            let empty = if array { Value::array(Vec::new()) } else { Value::object(Object::new()) };
            match bytes.put(empty, &mut open)? {
                Some(document) => return Ok(document),
                None => continue,
            }
        }
        open.push(match array {
            true => Open::Array { items: Vec::with_capacity(room), left },
            false => Open::Object { members: Vec::with_capacity(room), name: bytes.name()?, left },
        });
    }
}

/// What is left to read.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    /// Puts a value where it belongs and ends what is complete with it. The document, when nothing
    /// is open any more.
    fn put(
        &mut self,
        mut value: Value,
        open: &mut Vec<Open>,
    ) -> Result<Option<Value>, MsgpackError> {
        while let Some(mut last) = open.pop() {
            let more = match &mut last {
                Open::Array { items, left } => {
                    items.push(std::mem::take(&mut value));
                    *left -= 1;
                    *left > 0
                }
                Open::Object { members, name, left } => {
                    members.push((std::mem::take(name), std::mem::take(&mut value)));
                    *left -= 1;
                    if *left > 0 {
                        *name = self.name()?;
                    }
                    *left > 0
                }
            };
            if more {
                open.push(last);
                return Ok(None);
            }
            value = match last {
                Open::Array { items, .. } => Value::array(items),
                Open::Object { members, .. } => Value::object(Object::from(members)),
            };
        }
        Ok(Some(value))
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8], MsgpackError> {
        if len == 0 {
            return Ok(&[]);
        }
        match self.0.split_at_checked(len) {
            Some((taken, rest)) => {
                self.0 = rest;
                Ok(taken)
            }
            None if self.0.is_empty() => Err(MsgpackError::Eof),
            None => Err(MsgpackError::UnexpectedEof),
        }
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        self.take(N)?.first_chunk().copied().ok_or(MsgpackError::UnexpectedEof)
    }

    fn u8(&mut self) -> Result<u8, MsgpackError> {
        self.fixed().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, MsgpackError> {
        self.fixed().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, MsgpackError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// The length of a text or of bytes.
    fn length(&mut self, marker: Marker) -> Result<Option<usize>, MsgpackError> {
        Ok(Some(match marker {
            Marker::FixStr(len) => len.into(),
            Marker::Str8 | Marker::Bin8 => self.u8()?.into(),
            Marker::Str16 | Marker::Bin16 => self.u16()?.into(),
            Marker::Str32 | Marker::Bin32 => self.u32()? as usize,
            _ => return Ok(None),
        }))
    }

    /// The name of a member: a text, or bytes for one.
    fn name(&mut self) -> Result<Text, MsgpackError> {
        let marker = Marker::from_u8(self.u8()?);
        match self.length(marker)? {
            Some(len) => Ok(Text::from(self.take(len)?)),
            None if marker == Marker::Null => Ok(Text::default()),
            None => Err(MsgpackError::Name(marker.to_u8())),
        }
    }

    fn head(&mut self) -> Result<Head, MsgpackError> {
        let marker = Marker::from_u8(self.u8()?);
        Ok(Head::Done(match marker {
            Marker::FixMap(len) => return Ok(Head::Object(len.into())),
            Marker::Map16 => return Ok(Head::Object(self.u16()?.into())),
            Marker::Map32 => return Ok(Head::Object(self.u32()?)),
            Marker::FixArray(len) => return Ok(Head::Array(len.into())),
            Marker::Array16 => return Ok(Head::Array(self.u16()?.into())),
            Marker::Array32 => return Ok(Head::Array(self.u32()?)),
            Marker::Null => Value::Null,
            Marker::False => Value::Bool(false),
            Marker::True => Value::Bool(true),
            Marker::F32 => Value::Float32(f32::from_be_bytes(self.fixed()?)),
            Marker::F64 => Value::Float(f64::from_be_bytes(self.fixed()?)),
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let len = self.length(marker)?.unwrap_or_default();
                Value::Bytes(Arc::from(self.take(len)?))
            }
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let len = self.length(marker)?.unwrap_or_default();
                Value::String(Text::from(self.take(len)?))
            }
            _ => match self.integer(marker)? {
                Some(integer) => integer,
                None => self.extension(marker)?,
            },
        }))
    }

    fn integer(&mut self, marker: Marker) -> Result<Option<Value>, MsgpackError> {
        Ok(Some(Value::Int(match marker {
            Marker::FixPos(n) => n.into(),
            Marker::FixNeg(n) => n.into(),
            Marker::U8 => self.u8()?.into(),
            Marker::U16 => self.u16()?.into(),
            Marker::U32 => self.u32()?.into(),
            Marker::I8 => i8::from_be_bytes(self.fixed()?).into(),
            Marker::I16 => i16::from_be_bytes(self.fixed()?).into(),
            Marker::I32 => i32::from_be_bytes(self.fixed()?).into(),
            Marker::I64 => i64::from_be_bytes(self.fixed()?),
            Marker::U64 => return Ok(Some(Value::Uint(u64::from_be_bytes(self.fixed()?)))),
            _ => return Ok(None),
        })))
    }

    fn extension(&mut self, marker: Marker) -> Result<Value, MsgpackError> {
        let len = match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => self.u8()?.into(),
            Marker::Ext16 => self.u16()?.into(),
            Marker::Ext32 => self.u32()? as usize,
            other => return Err(MsgpackError::Kind(other.to_u8())),
        };
        match i8::from_be_bytes(self.fixed()?) {
            TIME => self.time(len),
            other => Err(MsgpackError::Extension(other)),
        }
    }

    fn time(&mut self, len: usize) -> Result<Value, MsgpackError> {
        let mut body = Bytes(self.take(len)?);
        let (seconds, nanos) = match len {
            4 => (body.u32()?.into(), 0),
            8 => {
                let both = u64::from_be_bytes(body.fixed()?);
                (i128::from(both & 0x0003_ffff_ffff), (both >> 34) as u32)
            }
            12 => {
                let nanos = body.u32()?;
                (i64::from_be_bytes(body.fixed()?).into(), nanos)
            }
            _ => return Err(MsgpackError::Time(len)),
        };
        Ok(Value::Timestamp(Arc::new(Timestamp {
            unix_ns: seconds * 1_000_000_000 + i128::from(nanos),
            offset_s: 0,
            zone: Arc::from("UTC"),
        })))
    }
}
