//! Values of the fast path: borrowed from the record, from the mapping, or from a buffer that is
//! emptied after each record. Nothing here is allocated for itself or counted.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;

use bumpalo::Bump;
use formats::json::{Doc, RawKind, RawValue};
use formats::number;
use formats::value::Timestamp;

use super::open;
use super::run::BYTES_MAX;
use crate::number::Num;
use crate::time;

/// A value of the fast path. Its kind takes a whole word, so that it is copied by words: bytes that
/// were written apart and are read together stall the processor.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum Item<'b> {
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
    /// An array.
    List(&'b [Item<'b>]),
    /// An object, its members sorted by their names, each of which comes once.
    Map(&'b [Member<'b>]),
    /// An array or object of the message, as it stands there.
    Raw(&'b RawValue<'b>),
    /// See [`Val::Deleted`].
    Deleted,
    /// See [`Val::Nothing`].
    Nothing,
}

/// A member of an object.
pub type Member<'b> = (&'b [u8], Item<'b>);

/// A result of the fast path; `None` for what it cannot do: the record is mapped by the general
/// evaluator instead, which also finds the words for an error. Values go from hand to hand by
/// reference: a copy waits until the words of the original were written.
pub type Fast<'b> = Option<Item<'b>>;

/// What the hooks of methods work with.
pub struct Tools<'b> {
    /// Memory for what is computed.
    pub bump: &'b Bump,
    /// The record, where it is read as it stands.
    pub doc: Option<Doc<'b>>,
    /// Containers of the record that were opened, by where they begin.
    opened: RefCell<bumpalo::collections::Vec<'b, (*const u8, Item<'b>)>>,
}

impl<'b> Tools<'b> {
    pub(super) fn new(bump: &'b Bump, doc: Option<Doc<'b>>) -> Self {
        Tools { bump, doc, opened: RefCell::new(bumpalo::vec![in bump]) }
    }

    /// A value of the record, which is read as it stands.
    #[inline]
    pub(super) fn raw(&self, doc: &Doc<'b>, raw: RawValue<'b>) -> Fast<'b> {
        match raw.kind {
            RawKind::Null => Some(Item::Null),
            RawKind::Bool => Some(Item::Bool(raw.text == b"true")),
            RawKind::Number => Some(Item::Number(raw.text)),
            RawKind::String => match doc.string(&raw) {
                Cow::Borrowed(text) => Some(Item::Str(text)),
                Cow::Owned(text) => Some(Item::Str(self.keep(&text))),
            },
            RawKind::Array | RawKind::Object => Some(Item::Raw(self.bump.alloc(raw))),
        }
    }

    /// Number of elements of an array, which need not be opened for it.
    #[must_use]
    pub fn elements(&self, array: &Item<'b>) -> Option<usize> {
        match *array {
            Item::Raw(raw) if raw.kind == RawKind::Array => {
                self.doc.as_ref().map(|doc| doc.elements(raw).count())
            }
            Item::List(items) => Some(items.len()),
            _ => None,
        }
    }

    /// An element of an array, which need not be opened for it.
    #[must_use]
    pub fn element(&self, array: &Item<'b>, index: usize) -> Option<Item<'b>> {
        match *array {
            Item::Raw(raw) if raw.kind == RawKind::Array => {
                let doc = self.doc.as_ref()?;
                self.raw(doc, doc.elements(raw).nth(index)?)
            }
            Item::List(items) => items.get(index).copied(),
            _ => None,
        }
    }

    /// A container of the record with its parts at hand; anything else is that already.
    #[must_use]
    pub fn open(&self, item: &Item<'b>) -> Option<Item<'b>> {
        let Item::Raw(raw) = *item else { return Some(*item) };
        let at = raw.text.as_ptr();
        let known = self.opened.borrow().iter().find(|(begin, _)| *begin == at).copied();
        if let Some((_, known)) = known {
            return Some(known);
        }
        let opened = open::part(self.doc.as_ref()?, raw, self.bump)?;
        self.opened.borrow_mut().push((at, opened));
        self.fits().then_some(opened)
    }

    /// The elements of an array.
    #[must_use]
    pub fn list(&self, item: &Item<'b>) -> Option<&'b [Item<'b>]> {
        match self.open(item)? {
            Item::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub fn map(&self, item: &Item<'b>) -> Option<&'b [Member<'b>]> {
        match self.open(item)? {
            Item::Map(members) => Some(members),
            _ => None,
        }
    }

    /// An array of these elements; `None` when the record takes too much memory.
    pub fn new_list(&self, items: impl ExactSizeIterator<Item = Item<'b>>) -> Option<Item<'b>> {
        let items = self.bump.alloc_slice_fill_iter(items);
        self.fits().then_some(Item::List(items))
    }

    /// An object of these members, in any order; of equal names the last one counts. `None` when
    /// the record takes too much memory.
    pub fn new_map(&self, members: impl ExactSizeIterator<Item = Member<'b>>) -> Option<Item<'b>> {
        let members = self.bump.alloc_slice_fill_iter(members);
        self.fits().then(|| Item::Map(in_order(members)))
    }

    /// What a query about a member of an object sees: its `key` and its `value`.
    #[must_use]
    pub fn member(&self, name: &'b [u8], item: Item<'b>) -> Option<Item<'b>> {
        self.new_map([(&b"key"[..], Item::Str(name)), (&b"value"[..], item)].into_iter())
    }

    /// Whether the record may take more memory.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.bump.allocated_bytes() <= BYTES_MAX
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

impl<'b> Item<'b> {
    /// A number to compute with.
    #[must_use]
    pub(crate) fn num(&self) -> Option<Num> {
        match *self {
            Item::Int(n) => Some(Num::Int(n)),
            Item::Float(x) => Some(Num::Float(x)),
            Item::Number(text) => Num::of_text(text),
            _ => None,
        }
    }

    /// A number as a double, as [`crate::val::to_f64`] reads it: `-0` keeps its sign.
    #[must_use]
    pub(crate) fn float(&self) -> Option<f64> {
        match *self {
            Item::Number(text) => number::json_number_f64(text),
            _ => self.num().map(Num::float),
        }
    }

    /// The bytes of a text.
    #[must_use]
    pub fn text(&self) -> Option<&'b [u8]> {
        match *self {
            Item::Str(text) | Item::Bytes(text) => Some(text),
            _ => None,
        }
    }

    /// Another text of the same kind, string or bytes.
    #[must_use]
    pub fn like(&self, text: &'b [u8]) -> Item<'b> {
        if matches!(self, Item::Bytes(_)) { Item::Bytes(text) } else { Item::Str(text) }
    }

    /// A timestamp, also from a number or a text.
    #[must_use]
    pub fn as_time(&self) -> Option<(i64, i32)> {
        match *self {
            Item::Time(ns, offset_s) => Some((ns, offset_s)),
            Item::Str(text) => time::quick_rfc3339(text),
            Item::Int(n) => n.checked_mul(1_000_000_000).map(|ns| (ns, 0)),
            Item::Number(text) => {
                let n = number::json_number_i64(text)?;
                n.checked_mul(1_000_000_000).map(|ns| (ns, 0))
            }
            _ => None,
        }
    }

    /// A timestamp, also from a number or a text, with its zone.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let (ns, offset_s) = self.as_time()?;
        let zone = time::plain_zone(offset_s);
        Some(Timestamp { unix_ns: i128::from(ns), offset_s, zone })
    }

    /// The order of two values by an operator; `None` where the general evaluator must say.
    pub(super) fn order(&self, other: &Item<'b>) -> Option<Ordering> {
        match (self, other) {
            (Item::Str(a) | Item::Bytes(a), Item::Str(b) | Item::Bytes(b)) => Some(a.cmp(b)),
            _ => self.num()?.compare(other.num()?),
        }
    }
}

/// Members sorted by name, of which the last of each name is left.
pub(super) fn in_order<'b>(members: &'b mut [Member<'b>]) -> &'b [Member<'b>] {
    if members.is_sorted_by(|a, b| order_of(a.0, b.0) == Ordering::Less) {
        return members;
    }
    members.sort_by(|a, b| order_of(a.0, b.0));
    let mut kept: usize = 0;
    for at in 0..members.len() {
        let member = members[at];
        match kept.checked_sub(1) {
            Some(last) if members[last].0 == member.0 => members[last] = member,
            _ => {
                members[kept] = member;
                kept += 1;
            }
        }
    }
    members.get(..kept).unwrap_or_default()
}

/// The member with a name.
#[must_use]
pub fn find<'b>(members: &'b [Member<'b>], name: &[u8]) -> Option<Item<'b>> {
    if members.len() > SCANNED_MEMBERS {
        let at = members.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
        return members.get(at).map(|(_, item)| *item);
    }
    members.iter().find(|(known, _)| is_same(known, name)).map(|(_, item)| *item)
}

/// The order of two names, mostly found by their first eight bytes.
#[inline]
pub(super) fn order_of(a: &[u8], b: &[u8]) -> Ordering {
    match head(a).cmp(&head(b)) {
        Ordering::Equal => a.cmp(b),
        order => order,
    }
}

/// The first eight bytes as a number that is ordered as they are, zeros behind a shorter text.
#[inline]
fn head(text: &[u8]) -> u64 {
    if let Some(first) = text.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
            u64::from(first) << 32 | u64::from(last) << (8 * (8 - text.len()))
        }
        _ => text.iter().enumerate().fold(0, |n, (i, b)| n | u64::from(*b) << (56 - 8 * i)),
    }
}

/// Whether two names are the same; short ones are compared by words.
#[inline]
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() || a.len() > 16 {
        return a == b;
    }
    let ends = |text: &[u8]| Some((*text.first_chunk::<8>()?, *text.last_chunk::<8>()?));
    if let (Some(a), Some(b)) = (ends(a), ends(b)) {
        return a == b;
    }
    let ends = |text: &[u8]| Some((*text.first_chunk::<4>()?, *text.last_chunk::<4>()?));
    if let (Some(a), Some(b)) = (ends(a), ends(b)) {
        return a == b;
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// An object of no more members is searched from its first to its last.
const SCANNED_MEMBERS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_compare_as_their_bytes(
            a in prop::collection::vec(0..3_u8, 0..20),
            b in prop::collection::vec(0..3_u8, 0..20),
        ) {
            prop_assert_eq!(order_of(&a, &b), a.cmp(&b));
            prop_assert_eq!(is_same(&a, &b), a == b);
            prop_assert!(is_same(&a, &a.clone()));
        }
    }
}
