//! Values of the fast path as those of the general evaluator, and as JSON.

use std::sync::Arc;

use formats::json::{Doc, RawWriter, write_string};
use formats::number::{self, FloatSize};
use formats::rfc3339;
use formats::value::{Digits, Object, Text, Value};

use super::item::{Item, Tools};
use super::run::BYTES_MAX;
use crate::val::Val;

/// Levels of a value that are gone through: this is done without a growing stack.
const LEVELS_MAX: usize = 200;
/// Parts of a value that are gone through: parts may be shared, so few bytes may stand for many.
const PARTS_MAX: usize = 1 << 20;

/// How far a value may still be gone through.
struct Room {
    levels: usize,
    parts: usize,
    bytes: usize,
}

impl Room {
    fn new() -> Self {
        Room { levels: LEVELS_MAX, parts: PARTS_MAX, bytes: BYTES_MAX }
    }

    /// Goes into a container of so many parts.
    fn enter(&mut self, parts: usize) -> Option<()> {
        self.levels = self.levels.checked_sub(1)?;
        self.parts = self.parts.checked_sub(parts)?;
        Some(())
    }

    /// Takes a text.
    fn take<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        self.bytes = self.bytes.checked_sub(text.len())?;
        Some(text)
    }

    fn leave(&mut self) {
        self.levels += 1;
    }
}

impl<'b> Item<'b> {
    /// A constant of the mapping; `None` for what has no form here without memory of its own.
    pub(super) fn of(val: &'b Val) -> Option<Item<'b>> {
        match val {
            Val::Deleted => Some(Item::Deleted),
            Val::Nothing => Some(Item::Nothing),
            Val::Data(value) => leaf(value),
            Val::Narrow(_) | Val::NilArray => None,
        }
    }

    /// The same as a value of the general evaluator; `None` for one that is too large or too deep.
    pub(super) fn to_val(self) -> Option<Val> {
        match self {
            Item::Deleted => Some(Val::Deleted),
            Item::Nothing => Some(Val::Nothing),
            item => item.to_value().map(Val::Data),
        }
    }

    /// The same where it is data.
    pub(super) fn to_value(self) -> Option<Value> {
        value_of(&self, &mut Room::new())
    }

    /// Appends the value as it stands inside a document.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        doc: Option<&Doc<'b>>,
        writer: &mut RawWriter,
    ) -> Option<()> {
        Write { out, doc, writer, room: Room::new() }.item(self)
    }
}

fn leaf(value: &Value) -> Option<Item<'_>> {
    Some(match value {
        Value::Null => Item::Null,
        Value::Bool(b) => Item::Bool(*b),
        Value::Int(n) => Item::Int(*n),
        Value::Float(x) => Item::Float(*x),
        Value::Number(text) => Item::Number(text.as_bytes()),
        Value::String(text) => Item::Str(text.as_bytes()),
        _ => return None,
    })
}

fn value_of(item: &Item<'_>, room: &mut Room) -> Option<Value> {
    Some(match *item {
        Item::Null => Value::Null,
        Item::Bool(b) => Value::Bool(b),
        Item::Int(n) => Value::Int(n),
        Item::Float(x) => Value::Float(x),
        Item::Number(text) => Value::Number(Digits::from(std::str::from_utf8(text).ok()?)),
        Item::Str(text) => Value::String(Text::from(room.take(text)?)),
        Item::Bytes(bytes) => Value::Bytes(Arc::from(room.take(bytes)?)),
        Item::Time(..) => Value::Timestamp(Arc::new(item.time()?)),
        Item::Raw(raw) => raw.to_value(),
        Item::List(items) => {
            room.enter(items.len())?;
            let items = items.iter().map(|item| value_of(item, room)).collect::<Option<_>>()?;
            room.leave();
            Value::array(items)
        }
        Item::Map(members) => {
            room.enter(members.len())?;
            let member =
                |(name, item): &(&[u8], Item<'_>)| Some((Text::from(*name), value_of(item, room)?));
            let members = members.iter().map(member).collect::<Option<Vec<_>>>()?;
            room.leave();
            Value::object(Object::from(members))
        }
        Item::Deleted | Item::Nothing => return None,
    })
}

impl<'b> Tools<'b> {
    /// A value of the general evaluator; `None` for what has no form here, or is too large or too
    /// deep.
    #[must_use]
    pub fn item_of(&self, val: &Val) -> Option<Item<'b>> {
        match val {
            Val::Deleted => Some(Item::Deleted),
            Val::Nothing => Some(Item::Nothing),
            Val::Data(value) => self.copied(value, &mut Room::new()),
            // To the general evaluator these two are more than their data.
            Val::Narrow(_) | Val::NilArray => None,
        }
    }

    fn copied(&self, value: &Value, room: &mut Room) -> Option<Item<'b>> {
        match value {
            Value::String(text) => self.copied_text(text.as_bytes()).map(Item::Str),
            Value::Number(text) => Some(Item::Number(self.keep(text.as_bytes()))),
            Value::Bytes(bytes) => self.copied_text(bytes).map(Item::Bytes),
            Value::Timestamp(time) => {
                // A zone with a name has no form here.
                let plain = *time.zone == *crate::time::plain_zone(time.offset_s);
                let ns = i64::try_from(time.unix_ns).ok().filter(|_| plain)?;
                Some(Item::Time(ns, time.offset_s))
            }
            Value::Array(items) => {
                room.enter(items.len())?;
                let mut copies =
                    bumpalo::collections::Vec::with_capacity_in(items.len(), self.bump);
                for item in items.iter() {
                    copies.push(self.copied(item, room)?);
                }
                room.leave();
                self.fits().then(|| Item::List(copies.into_bump_slice()))
            }
            Value::Object(object) => {
                room.enter(object.len())?;
                let mut copies =
                    bumpalo::collections::Vec::with_capacity_in(object.len(), self.bump);
                for (name, value) in object.iter() {
                    copies.push((self.keep(name.as_bytes()), self.copied(value, room)?));
                }
                room.leave();
                self.fits().then(|| Item::Map(copies.into_bump_slice()))
            }
            Value::Null => Some(Item::Null),
            Value::Bool(b) => Some(Item::Bool(*b)),
            Value::Int(n) => Some(Item::Int(*n)),
            Value::Float(x) => Some(Item::Float(*x)),
            Value::Uint(_) | Value::Float32(_) => None,
        }
    }

    fn copied_text(&self, text: &[u8]) -> Option<&'b [u8]> {
        (text.len() <= BYTES_MAX && self.fits()).then(|| self.keep(text))
    }
}

struct Write<'w, 'b> {
    out: &'w mut Vec<u8>,
    doc: Option<&'w Doc<'b>>,
    writer: &'w mut RawWriter,
    room: Room,
}

impl<'b> Write<'_, 'b> {
    fn item(&mut self, item: &Item<'b>) -> Option<()> {
        let out = &mut *self.out;
        match *item {
            Item::Null => out.extend_from_slice(b"null"),
            Item::Bool(true) => out.extend_from_slice(b"true"),
            Item::Bool(false) => out.extend_from_slice(b"false"),
            Item::Int(n) => number::write_int(out, n),
            Item::Float(x) => return number::write_json(out, x, FloatSize::F64).then_some(()),
            Item::Number(text) => out.extend_from_slice(self.room.take(text)?),
            Item::Str(text) => write_string(out, self.room.take(text)?, false),
            Item::Time(..) => {
                let time = item.time()?;
                out.push(b'"');
                rfc3339::write(out, &time);
                out.push(b'"');
            }
            Item::List(items) => {
                self.room.enter(items.len())?;
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    self.item(item)?;
                }
                self.out.push(b']');
                self.room.leave();
            }
            Item::Map(members) => {
                self.room.enter(members.len())?;
                out.push(b'{');
                for (i, (name, item)) in members.iter().enumerate() {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    write_string(self.out, name, false);
                    self.out.push(b':');
                    self.item(item)?;
                }
                self.out.push(b'}');
                self.room.leave();
            }
            Item::Raw(raw) => self.writer.write(self.doc?, raw, out),
            Item::Bytes(_) | Item::Deleted | Item::Nothing => return None,
        }
        Some(())
    }
}
