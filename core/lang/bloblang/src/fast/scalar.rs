//! Values of the fast path: borrowed from the record, from the mapping, or from a buffer that is
//! emptied after each record. Nothing here is allocated or counted.

use std::cmp::Ordering;
use std::sync::Arc;

use bumpalo::Bump;
use formats::json::{Doc, RawKind, RawValue, RawWriter, write_string};
use formats::number::{self, FloatSize};
use formats::rfc3339;
use formats::value::{Text, Timestamp, Value};

use crate::number::Num;
use crate::time;
use crate::val::Val;

/// A value of the fast path.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'b> {
    /// `null`
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that was computed or written as a literal.
    Int(i64),
    /// A double that was computed or written as a literal.
    Float(f64),
    /// A number of the message, by its text.
    Number(&'b [u8]),
    /// A text, escapes resolved.
    Str(&'b [u8]),
    /// Raw bytes.
    Bytes(&'b [u8]),
    /// A point in time: nanoseconds since the epoch, offset in seconds. Offset 0 is UTC, another
    /// one has no name.
    Time(i64, i32),
    /// An array of texts.
    Parts(&'b [&'b [u8]]),
    /// An array or object of the message.
    Raw(&'b RawValue<'b>),
    /// See [`Val::Deleted`].
    Deleted,
    /// See [`Val::Nothing`].
    Nothing,
}

/// What the fast path cannot do: the record is mapped by the general evaluator instead, which also
/// finds the words for an error.
#[derive(Clone, Copy, Debug)]
pub struct Bail;

/// A result of the fast path.
pub type Fast<'b> = Result<Scalar<'b>, Bail>;

/// What the hooks of methods work with.
pub struct Tools<'b> {
    /// Memory for what is computed.
    pub bump: &'b Bump,
    /// The record.
    pub doc: Option<Doc<'b>>,
}

impl<'b> Tools<'b> {
    /// A value of the record.
    pub(super) fn raw(&self, raw: RawValue<'b>) -> Scalar<'b> {
        match raw.kind {
            RawKind::Null => Scalar::Null,
            RawKind::Bool => Scalar::Bool(raw.text == b"true"),
            RawKind::Number => Scalar::Number(raw.text),
            RawKind::String => match raw.string() {
                Some(std::borrow::Cow::Borrowed(text)) => Scalar::Str(text),
                Some(std::borrow::Cow::Owned(text)) => {
                    Scalar::Str(self.bump.alloc_slice_copy(&text))
                }
                None => Scalar::Null,
            },
            RawKind::Array | RawKind::Object => Scalar::Raw(self.bump.alloc(raw)),
        }
    }

    /// An element of an array of the record.
    #[must_use]
    pub fn element(&self, array: &RawValue<'b>, index: usize) -> Option<Scalar<'b>> {
        let doc = self.doc.as_ref()?;
        doc.elements(array).nth(index).map(|raw| self.raw(raw))
    }

    /// Number of elements of an array of the record.
    #[must_use]
    pub fn elements(&self, array: &RawValue<'b>) -> Option<usize> {
        self.doc.as_ref().map(|doc| doc.elements(array).count())
    }

    /// Keeps bytes until the record is done.
    #[must_use]
    pub fn keep(&self, bytes: &[u8]) -> &'b [u8] {
        self.bump.alloc_slice_copy(bytes)
    }

    /// Keeps bytes that a function appends to a buffer.
    pub fn build(&self, capacity: usize, fill: impl FnOnce(&mut Vec<u8>)) -> &'b [u8] {
        let mut buffer = Vec::with_capacity(capacity);
        fill(&mut buffer);
        self.keep(&buffer)
    }
}

impl<'b> Scalar<'b> {
    /// A constant of the mapping; `None` for what has no form here.
    pub(super) fn of(val: &'b Val) -> Option<Scalar<'b>> {
        Some(match val {
            Val::Deleted => Scalar::Deleted,
            Val::Nothing => Scalar::Nothing,
            Val::Data(Value::Null) => Scalar::Null,
            Val::Data(Value::Bool(b)) => Scalar::Bool(*b),
            Val::Data(Value::Int(n)) => Scalar::Int(*n),
            Val::Data(Value::Float(x)) => Scalar::Float(*x),
            Val::Data(Value::String(text)) => Scalar::Str(text.as_bytes()),
            _ => return None,
        })
    }

    /// The same as a value of the general evaluator.
    pub(super) fn to_val(self) -> Val {
        match self {
            Scalar::Null => Val::NULL,
            Scalar::Bool(b) => Val::bool(b),
            Scalar::Int(n) => Val::int(n),
            Scalar::Float(x) => Val::float(x),
            Scalar::Number(text) => {
                Val::Data(Value::Number(Arc::from(String::from_utf8_lossy(text))))
            }
            Scalar::Str(text) => Val::text(text),
            Scalar::Bytes(bytes) => Val::bytes(bytes),
            Scalar::Time(..) => {
                self.time().map_or(Val::NULL, |t| Val::Data(Value::Timestamp(Arc::new(t))))
            }
            Scalar::Parts(parts) => {
                Val::array(parts.iter().map(|p| Value::String(Text::from(*p))).collect())
            }
            Scalar::Raw(raw) => Val::Data(raw.to_value()),
            Scalar::Deleted => Val::Deleted,
            Scalar::Nothing => Val::Nothing,
        }
    }

    /// A number to compute with.
    #[must_use]
    pub(crate) fn num(self) -> Option<Num> {
        match self {
            Scalar::Int(n) => Some(Num::Int(n)),
            Scalar::Float(x) => Some(Num::Float(x)),
            Scalar::Number(text) => Num::of_text(text),
            _ => None,
        }
    }

    /// The bytes of a text.
    #[must_use]
    pub fn text(self) -> Option<&'b [u8]> {
        match self {
            Scalar::Str(text) | Scalar::Bytes(text) => Some(text),
            _ => None,
        }
    }

    /// Another text of the same kind, string or bytes.
    #[must_use]
    pub fn like(self, text: &'b [u8]) -> Scalar<'b> {
        if matches!(self, Scalar::Bytes(_)) { Scalar::Bytes(text) } else { Scalar::Str(text) }
    }

    /// A timestamp, also from a number or a text.
    #[must_use]
    pub fn as_time(self) -> Option<(i64, i32)> {
        match self {
            Scalar::Time(ns, offset_s) => Some((ns, offset_s)),
            Scalar::Str(text) => time::quick_rfc3339(text),
            Scalar::Int(n) => n.checked_mul(1_000_000_000).map(|ns| (ns, 0)),
            Scalar::Number(text) => {
                let n = number::json_number_i64(text)?;
                n.checked_mul(1_000_000_000).map(|ns| (ns, 0))
            }
            _ => None,
        }
    }

    /// A timestamp, also from a number or a text, with its zone.
    pub(super) fn time(self) -> Option<Timestamp> {
        let (ns, offset_s) = self.as_time()?;
        let zone = time::plain_zone(offset_s);
        Some(Timestamp { unix_ns: i128::from(ns), offset_s, zone })
    }

    /// The order of two values by an operator; `None` where the general evaluator must say.
    pub(super) fn order(self, other: Scalar<'b>) -> Option<Ordering> {
        match (self, other) {
            (Scalar::Str(a) | Scalar::Bytes(a), Scalar::Str(b) | Scalar::Bytes(b)) => {
                Some(a.cmp(b))
            }
            _ => self.num()?.compare(other.num()?),
        }
    }

    /// Appends the value as it stands inside a document.
    pub(super) fn write(
        self,
        out: &mut Vec<u8>,
        doc: Option<&Doc<'b>>,
        writer: &mut RawWriter,
    ) -> Result<(), Bail> {
        match self {
            Scalar::Null => out.extend_from_slice(b"null"),
            Scalar::Bool(true) => out.extend_from_slice(b"true"),
            Scalar::Bool(false) => out.extend_from_slice(b"false"),
            Scalar::Int(n) => number::write_int(out, n),
            Scalar::Float(x) => {
                if !number::write_json(out, x, FloatSize::F64) {
                    return Err(Bail);
                }
            }
            Scalar::Number(text) => out.extend_from_slice(text),
            Scalar::Str(text) => write_string(out, text, false),
            Scalar::Time(..) => {
                let time = self.time().ok_or(Bail)?;
                out.push(b'"');
                rfc3339::write(out, &time);
                out.push(b'"');
            }
            Scalar::Parts(parts) => {
                out.push(b'[');
                for (i, part) in parts.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_string(out, part, false);
                }
                out.push(b']');
            }
            Scalar::Raw(raw) => writer.write(doc.ok_or(Bail)?, raw, out),
            Scalar::Bytes(_) | Scalar::Deleted | Scalar::Nothing => return Err(Bail),
        }
        Ok(())
    }
}
