//! Objects merged into each other, as [`crate::merge`] does it.

use super::item::{Item, Member, Tools, find, order_of};

/// Levels of nesting at which both sides are objects.
const LEVELS_MAX: u32 = 100;

/// What becomes of a member that both sides have, unless both are objects.
pub type Collide = for<'b> fn(&Item<'b>, &Item<'b>, &Tools<'b>) -> Option<Item<'b>>;

/// The later value.
#[must_use]
pub fn replace<'b>(_: &Item<'b>, later: &Item<'b>, _: &Tools<'b>) -> Option<Item<'b>> {
    Some(*later)
}

/// An array of both values; the elements of arrays stand for themselves.
#[must_use]
pub fn gather<'b>(earlier: &Item<'b>, later: &Item<'b>, tools: &Tools<'b>) -> Option<Item<'b>> {
    let (first, more) = (elements(earlier, tools)?, elements(later, tools)?);
    let mut out = bumpalo::collections::Vec::with_capacity_in(first.len() + more.len(), tools.bump);
    out.extend_from_slice(first);
    out.extend_from_slice(more);
    tools.fits().then(|| Item::List(out.into_bump_slice()))
}

fn elements<'b>(item: &Item<'b>, tools: &Tools<'b>) -> Option<&'b [Item<'b>]> {
    Some(match tools.open(item)? {
        Item::List(items) => items,
        other => std::slice::from_ref(tools.bump.alloc(other)),
    })
}

/// A value merged with another: objects member by member, to an array the other is appended.
#[must_use]
pub fn merged<'b>(
    target: &Item<'b>,
    with: &Item<'b>,
    collide: Collide,
    tools: &Tools<'b>,
) -> Option<Item<'b>> {
    if matches!(with, Item::Deleted | Item::Nothing) {
        return None;
    }
    match (tools.open(target)?, tools.open(with)?) {
        (Item::Map(into), Item::Map(from)) => merge(into, from, collide, tools, LEVELS_MAX),
        // What is no object is not merged into one.
        (object @ Item::Map(_), _) => Some(object),
        (array @ Item::List(_), with) => gather(&array, &with, tools),
        _ => None,
    }
}

fn merge<'b>(
    into: &[Member<'b>],
    from: &[Member<'b>],
    collide: Collide,
    tools: &Tools<'b>,
    levels: u32,
) -> Option<Item<'b>> {
    let mut out = bumpalo::collections::Vec::with_capacity_in(into.len() + from.len(), tools.bump);
    let (mut left, mut right) = (into.iter().peekable(), from.iter().peekable());
    while let (Some((a, earlier)), Some((b, later))) = (left.peek(), right.peek()) {
        match order_of(a, b) {
            std::cmp::Ordering::Less => out.extend(left.next()),
            std::cmp::Ordering::Greater => out.extend(right.next()),
            std::cmp::Ordering::Equal => {
                out.push((*a, combine(earlier, later, collide, tools, levels)?));
                left.next();
                right.next();
            }
        }
    }
    out.extend(left);
    out.extend(right);
    tools.fits().then(|| Item::Map(out.into_bump_slice()))
}

fn combine<'b>(
    earlier: &Item<'b>,
    later: &Item<'b>,
    collide: Collide,
    tools: &Tools<'b>,
    levels: u32,
) -> Option<Item<'b>> {
    match (tools.open(earlier)?, tools.open(later)?) {
        (Item::Map(into), Item::Map(from)) => {
            merge(into, from, collide, tools, levels.checked_sub(1)?)
        }
        (earlier, later) => collide(&earlier, &later, tools),
    }
}

/// Objects of an array merged into one, in a row; anything else in it is left out.
#[must_use]
pub fn squashed<'b>(items: &[Item<'b>], tools: &Tools<'b>) -> Option<Item<'b>> {
    let mut all = bumpalo::collections::Vec::with_capacity_in(items.len(), tools.bump);
    for item in items {
        if let Item::Map(members) = tools.open(item)? {
            all.extend_from_slice(members);
        }
    }
    all.sort_by(|a, b| order_of(a.0, b.0));
    let mut out = bumpalo::collections::Vec::with_capacity_in(all.len(), tools.bump);
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let Some(((name, first), more)) = same.split_first() else { continue };
        let mut item = *first;
        for (_, later) in more {
            item = combine(&item, later, gather, tools, LEVELS_MAX)?;
        }
        out.push((*name, item));
    }
    tools.fits().then(|| Item::Map(out.into_bump_slice()))
}

/// An object without these members.
#[must_use]
pub fn without_names<'b>(
    members: &'b [Member<'b>],
    names: &[Box<[u8]>],
    tools: &Tools<'b>,
) -> Option<Item<'b>> {
    if names.iter().all(|name| find(members, name).is_none()) {
        return Some(Item::Map(members));
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(members.len(), tools.bump);
    let stays = |name: &[u8]| names.iter().all(|left_out| **left_out != *name);
    out.extend(members.iter().filter(|(name, _)| stays(name)));
    tools.fits().then(|| Item::Map(out.into_bump_slice()))
}
