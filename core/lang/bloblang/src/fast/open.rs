//! Containers of a record with their parts at hand.

use std::vec::Drain;

use bumpalo::Bump;
use formats::json::{Doc, Grow, RawValue, Reader, decoded};

use super::item::{Item, in_order};

/// A container of a record.
pub(super) fn part<'b>(doc: &Doc<'b>, raw: &RawValue<'b>, bump: &'b Bump) -> Option<Item<'b>> {
    doc.grow(raw, &mut Items(bump))
}

/// A whole record; `None` when it is not one valid document.
pub(super) fn whole<'b>(reader: &mut Reader, text: &'b [u8], bump: &'b Bump) -> Option<Item<'b>> {
    reader.grow(text, &mut Items(bump))
}

struct Items<'b>(&'b Bump);

impl<'b> Items<'b> {
    #[inline]
    fn text(&self, inside: &'b [u8], plain: bool) -> &'b [u8] {
        if plain {
            return inside;
        }
        match decoded(inside) {
            std::borrow::Cow::Borrowed(text) => text,
            std::borrow::Cow::Owned(text) => self.0.alloc_slice_copy(&text),
        }
    }
}

impl<'b> Grow<'b> for Items<'b> {
    type Value = Item<'b>;
    type Key = &'b [u8];

    fn string(&mut self, inside: &'b [u8], plain: bool) -> Item<'b> {
        Item::Str(self.text(inside, plain))
    }

    fn key(&mut self, inside: &'b [u8], plain: bool) -> &'b [u8] {
        self.text(inside, plain)
    }

    fn number(&mut self, text: &'b [u8]) -> Item<'b> {
        Item::Number(text)
    }

    fn boolean(&mut self, value: bool) -> Item<'b> {
        Item::Bool(value)
    }

    fn null(&mut self) -> Item<'b> {
        Item::Null
    }

    fn array(&mut self, items: Drain<'_, Item<'b>>) -> Item<'b> {
        Item::List(self.0.alloc_slice_fill_iter(items))
    }

    fn object(&mut self, keys: Drain<'_, &'b [u8]>, values: Drain<'_, Item<'b>>) -> Item<'b> {
        Item::Map(in_order(self.0.alloc_slice_fill_iter(keys.zip(values))))
    }
}
