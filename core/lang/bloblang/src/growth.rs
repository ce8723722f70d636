//! How much one message may make: bytes, levels, and what a value amounts to when it is written.
//!
//! Steps bound the time that a message takes; these bound what it holds. A method that makes much
//! out of little has a limit of its own ([`TEXT_BYTES_MAX`], [`PARTS_MAX`]); what all of them make
//! together is counted. Values share their parts, so few bytes may stand for very many: what is
//! walked through or leaves the mapping is weighed before.

use std::sync::Arc;

use formats::json::DEPTH_MAX;
use formats::value::Value;

use crate::error::Error;
use crate::exec::Ctx;
use crate::val::Val;

/// Bytes of a text that repeats, joins or replaces others.
pub const TEXT_BYTES_MAX: usize = 256 << 20;
/// Elements of what one call takes apart.
pub const PARTS_MAX: usize = 10_000_000;
/// Bytes of texts and elements that one message may make, kept or not.
pub const MADE_BYTES_MAX: usize = 1 << 30;
/// Bytes of a value that is written or compared, with every part counted as often as it is there.
pub const VALUE_BYTES_MAX: usize = 1 << 30;
/// Containers that a message makes before their levels are counted: fewer cannot be too deep.
const UNCOUNTED_MAX: u32 = 2_000;

/// What an element of a container takes, besides its bytes.
const ELEMENT_BYTES: usize = std::mem::size_of::<Value>();

/// What one message made so far.
#[derive(Default)]
pub(crate) struct Growth {
    bytes: usize,
    containers: u32,
    assigned: usize,
}

/// The error of a text that would be longer than it may be.
///
/// # Errors
/// `len` is more than [`TEXT_BYTES_MAX`].
pub fn text_fits(len: usize) -> Result<(), Error> {
    match len > TEXT_BYTES_MAX {
        true => Err(Error::new(format!("the text exceeds {TEXT_BYTES_MAX} bytes"))),
        false => Ok(()),
    }
}

/// The error of a call that would give more elements than it may.
///
/// # Errors
/// `count` is more than [`PARTS_MAX`].
pub fn parts_fit(count: usize) -> Result<(), Error> {
    match count > PARTS_MAX {
        true => Err(Error::new(format!("the result has more than {PARTS_MAX} parts"))),
        false => Ok(()),
    }
}

/// Bytes that a value holds by itself; what others hold, too, was counted when it was made.
fn own_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) if !text.is_shared() => text.as_bytes().len(),
        Value::Bytes(bytes) if Arc::strong_count(bytes) == 1 => bytes.len(),
        Value::Array(items) if Arc::strong_count(items) == 1 => items.len() * ELEMENT_BYTES,
        Value::Object(object) if Arc::strong_count(object) == 1 => object.len() * 2 * ELEMENT_BYTES,
        _ => 0,
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// What stands in a container at a position.
fn part(container: &Value, at: usize) -> Option<&Value> {
    match container {
        Value::Array(items) => items.get(at),
        Value::Object(object) => object.members().get(at).map(|(_, value)| value),
        _ => None,
    }
}

/// Whether a value has more levels than a message may have.
fn is_too_deep(value: &Value) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((container, at)) = open.last_mut() {
        let inner = part(container, *at);
        *at += 1;
        match inner {
            None => {
                open.pop();
            }
            Some(inner) if is_container(inner) => {
                if open.len() >= DEPTH_MAX {
                    return true;
                }
                open.push((inner, 0));
            }
            Some(_) => {}
        }
    }
    false
}

/// What a value amounts to besides what is in it.
fn own_weight(value: &Value) -> usize {
    match value {
        Value::String(text) => ELEMENT_BYTES + text.as_bytes().len(),
        Value::Bytes(bytes) => ELEMENT_BYTES + bytes.len(),
        _ => ELEMENT_BYTES,
    }
}

/// What a value amounts to, or any number above [`VALUE_BYTES_MAX`].
fn weight(value: &Value) -> usize {
    let mut bytes = ELEMENT_BYTES;
    let mut next = Some(value);
    let mut left = Vec::new();
    while let Some(container) = next {
        match container {
            Value::Array(items) => {
                for item in items.iter() {
                    bytes += own_weight(item);
                    left.extend(is_container(item).then_some(item));
                }
            }
            Value::Object(object) => {
                for (key, item) in object.members() {
                    bytes += key.as_bytes().len() + own_weight(item);
                    left.extend(is_container(item).then_some(item));
                }
            }
            _ => {}
        }
        if bytes > VALUE_BYTES_MAX {
            break;
        }
        next = left.pop();
    }
    bytes
}

fn too_large() -> Error {
    Error::new(format!("the value amounts to more than {VALUE_BYTES_MAX} bytes"))
}

/// What values amount to that are walked through together.
///
/// # Errors
/// It is more than [`VALUE_BYTES_MAX`].
pub(crate) fn weigh_all<'v>(vals: impl Iterator<Item = &'v Val>) -> Result<usize, Error> {
    let mut bytes = 0;
    for val in vals {
        bytes += weigh(val)?;
        if bytes > VALUE_BYTES_MAX {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// What a container amounts to; a scalar counts as nothing.
///
/// # Errors
/// It is too large to be walked through: more than [`VALUE_BYTES_MAX`].
pub(crate) fn weigh(val: &Val) -> Result<usize, Error> {
    match val.value() {
        Some(value) if is_container(value) => {
            Some(weight(value)).filter(|bytes| *bytes <= VALUE_BYTES_MAX).ok_or_else(too_large)
        }
        _ => Ok(0),
    }
}

impl Ctx<'_, '_> {
    /// Counts a result that was made.
    ///
    /// # Errors
    /// The message made more than [`MADE_BYTES_MAX`], or a value with more than [`DEPTH_MAX`]
    /// levels.
    pub(crate) fn made(&mut self, val: Val) -> Result<Val, Error> {
        let Some(value) = val.value() else { return Ok(val) };
        let growth = &mut self.ex.growth;
        growth.bytes = growth.bytes.saturating_add(own_bytes(value));
        if growth.bytes > MADE_BYTES_MAX {
            let text = format!("the mapping made more than {MADE_BYTES_MAX} bytes for one message");
            return Err(Error::new(text));
        }
        if is_container(value) {
            growth.containers = growth.containers.saturating_add(1);
            if growth.containers > UNCOUNTED_MAX && is_too_deep(value) {
                let text = format!("the value is nested deeper than {DEPTH_MAX} levels");
                return Err(Error::new(text));
            }
        }
        Ok(val)
    }

    /// Counts the result of a method that walked through values of a weight: a container that it
    /// built has no more than they have.
    ///
    /// # Errors
    /// As for [`Ctx::made`].
    pub(crate) fn rebuilt(&mut self, val: Val, weight: usize) -> Result<Val, Error> {
        if val.value().is_some_and(is_container) {
            let growth = &mut self.ex.growth;
            growth.bytes = growth.bytes.saturating_add(weight);
        }
        self.made(val)
    }

    /// Counts what is assigned to the document or to metadata.
    ///
    /// # Errors
    /// All of it amounts to more than [`VALUE_BYTES_MAX`].
    pub(crate) fn assigned(&mut self, val: &Val) -> Result<(), Error> {
        let bytes = match val.value() {
            Some(Value::String(text)) => text.as_bytes().len(),
            Some(Value::Bytes(bytes)) => bytes.len(),
            _ => weigh(val)?,
        };
        let growth = &mut self.ex.growth;
        growth.assigned = growth.assigned.saturating_add(bytes);
        if growth.assigned > VALUE_BYTES_MAX {
            return Err(too_large());
        }
        Ok(())
    }
}
