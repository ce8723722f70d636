//! Containers of a record with their parts at hand.

use bumpalo::Bump;
use bumpalo::collections::Vec;
use formats::json::{Doc, RawValue, Reader, Visit, decoded};

use super::item::{Item, in_order};

/// A container of a record.
pub(super) fn part<'b>(doc: &Doc<'b>, raw: &RawValue<'b>, bump: &'b Bump) -> Option<Item<'b>> {
    let mut items = Items::new(bump);
    doc.visit(raw, &mut items);
    items.values.pop()
}

/// A whole record; `None` when it is not one valid document.
pub(super) fn whole<'b>(reader: &mut Reader, text: &'b [u8], bump: &'b Bump) -> Option<Item<'b>> {
    let mut items = Items::new(bump);
    let valid = reader.visit(text, &mut items);
    items.values.pop().filter(|_| valid)
}

/// Values and names that wait for the end of their container, each on one stack.
struct Items<'b> {
    bump: &'b Bump,
    values: Vec<'b, Item<'b>>,
    names: Vec<'b, &'b [u8]>,
    /// Where those of each open container begin.
    marks: Vec<'b, (usize, usize)>,
}

/// Room of the stacks at first.
const STACK: usize = 32;

impl<'b> Items<'b> {
    fn new(bump: &'b Bump) -> Self {
        let (values, names) =
            (Vec::with_capacity_in(STACK, bump), Vec::with_capacity_in(STACK, bump));
        Items { bump, values, names, marks: Vec::with_capacity_in(STACK, bump) }
    }

    #[inline]
    fn text(&self, inside: &'b [u8], plain: bool) -> &'b [u8] {
        if plain {
            return inside;
        }
        match decoded(inside) {
            std::borrow::Cow::Borrowed(text) => text,
            std::borrow::Cow::Owned(text) => self.bump.alloc_slice_copy(&text),
        }
    }
}

impl<'b> Visit<'b> for Items<'b> {
    fn null(&mut self) {
        self.values.push(Item::Null);
    }

    fn boolean(&mut self, value: bool) {
        self.values.push(Item::Bool(value));
    }

    fn number(&mut self, text: &'b [u8]) {
        self.values.push(Item::Number(text));
    }

    fn string(&mut self, inside: &'b [u8], plain: bool) {
        let text = self.text(inside, plain);
        self.values.push(Item::Str(text));
    }

    fn key(&mut self, inside: &'b [u8], plain: bool) {
        let text = self.text(inside, plain);
        self.names.push(text);
    }

    fn begin(&mut self) {
        self.marks.push((self.values.len(), self.names.len()));
    }

    fn end_array(&mut self) {
        let Some((first, _)) = self.marks.pop() else { return };
        let items = self.values.get(first..).unwrap_or_default();
        let items = Item::List(self.bump.alloc_slice_copy(items));
        self.values.truncate(first);
        self.values.push(items);
    }

    fn end_object(&mut self) {
        let Some((first, first_name)) = self.marks.pop() else { return };
        let names = self.names.get(first_name..).unwrap_or_default();
        let values = self.values.get(first..).unwrap_or_default();
        let members = names.iter().copied().zip(values.iter().copied());
        let members = Item::Map(in_order(self.bump.alloc_slice_fill_iter(members)));
        self.names.truncate(first_name);
        self.values.truncate(first);
        self.values.push(members);
    }
}
