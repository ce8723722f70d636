//! What the fields of a record become while its statements run.

use formats::json::{self, Edits, RawKind, RawWriter};

use super::build::Results;
use super::compile::Shape;
use super::item::Item;
use super::run::BYTES_MAX;
use crate::val::Val;

/// Where the results of fields go.
pub(super) enum Fields<'k> {
    Edits(&'k mut Edits),
    Results(&'k mut Results),
}

impl<'k> Fields<'k> {
    pub(super) fn of(shape: &Shape, edits: &'k mut Edits, results: &'k mut Results) -> Fields<'k> {
        match shape {
            Shape::Copy(_) => Fields::Edits(edits),
            _ => Fields::Results(results),
        }
    }

    fn delete(&mut self, slot: usize) {
        // A field that is not there need not be removed from an object that is only being built.
        if let Fields::Edits(edits) = self {
            edits.delete(slot);
        }
    }

    fn write(&mut self, slot: usize, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        match self {
            Fields::Edits(edits) => edits.replace_with(slot, write),
            Fields::Results(results) => {
                let from = results.bytes.len();
                write(&mut results.bytes)?;
                let range = (from, results.bytes.len());
                *results.ranges.get_mut(slot)? = Some(range);
                Some(())
            }
        }
    }
}

/// Writes what is assigned.
pub(super) struct Sink<'k> {
    pub(super) fields: Fields<'k>,
    /// Bytes that were written.
    pub(super) bytes: usize,
    pub(super) writer: &'k mut RawWriter,
    /// Whether anything was assigned.
    pub(super) any: bool,
}

impl Sink<'_> {
    /// Deletes the first fields of a record, which must be an object then.
    pub(super) fn leave_out(&mut self, fields: usize, doc: Option<&json::Doc<'_>>) -> Option<()> {
        if fields > 0 && doc.is_none_or(|doc| doc.kind_of_root() != RawKind::Object) {
            return None;
        }
        (0..fields).try_for_each(|slot| self.item(slot, &Item::Deleted, None))
    }

    pub(super) fn item<'b>(
        &mut self,
        slot: usize,
        item: &Item<'b>,
        doc: Option<&json::Doc<'b>>,
    ) -> Option<()> {
        match item {
            Item::Nothing => return Some(()),
            Item::Deleted => self.fields.delete(slot),
            item => {
                let (writer, bytes) = (&mut *self.writer, &mut self.bytes);
                self.fields.write(slot, |out| {
                    let before = out.len();
                    item.write(out, doc, writer)?;
                    *bytes += out.len() - before;
                    if *bytes > BYTES_MAX { None } else { Some(()) }
                })?;
            }
        }
        self.any = true;
        Some(())
    }

    pub(super) fn val(&mut self, slot: usize, val: Val) -> Option<()> {
        match val {
            Val::Nothing => return Some(()),
            Val::Deleted => self.fields.delete(slot),
            val => {
                let value = val.into_value()?;
                let write = |out: &mut Vec<u8>| json::write_value(out, &value).ok();
                self.fields.write(slot, write)?;
            }
        }
        self.any = true;
        Some(())
    }
}
