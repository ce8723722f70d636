//! Changing parts of values in place: `x[i]:v`, `x[i]+:v`, `@[x;i;f;v]`, `.[x;p;f;v]`.

use super::undo::Undo;
use crate::convert::numeric::{self, Column};
use crate::error::{QError, Result, length_error, type_error};
use crate::func::Fun;
use crate::session::Session;
use crate::verbs::enums::enumerate;
use crate::verbs::{join, upsert};
use formats::k::{Attr, Data, K, Type, Vector};
use std::sync::Arc;

/// What happens to the parts that a path selects.
#[derive(Clone)]
pub(crate) struct Change<'a> {
    /// The function applied; `None` replaces.
    pub(crate) through: Option<&'a K>,
    /// Its second argument, or the replacement; `None` for a function of one argument.
    pub(crate) value: Option<K>,
}

impl Change<'_> {
    /// Whether this puts the value in place of what was there.
    pub(crate) fn replaces(&self) -> bool {
        self.through.is_none_or(|f| Fun::verb(f).is_some_and(|v| v.name == ":"))
    }

    /// The same with one of several values.
    pub(super) fn item(&self, at: usize) -> Self {
        let value = self.value.as_ref().map(|v| if v.is_atom() { v.clone() } else { v.at(at) });
        Self { through: self.through, value }
    }

    /// Checks that a list of values fits as many parts.
    pub(super) fn fits(&self, parts: usize) -> Result<()> {
        match &self.value {
            Some(K::Vec(v)) if v.data.len() != parts => Err(length_error()),
            Some(K::Table(t)) if t.rows() != parts => Err(length_error()),
            _ => Ok(()),
        }
    }
}

impl Session {
    /// Changes the parts of `target` that `path` selects; after an error it is as it was.
    pub(crate) fn amend(&mut self, target: &mut K, path: &[K], change: Change<'_>) -> Result<()> {
        self.changed(target, path, change, false).map(|_| ())
    }

    /// The same; gives what takes it back, if that is to be kept.
    pub(super) fn changed(
        &mut self,
        target: &mut K,
        path: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        self.deeper(|cx| match path {
            [] => cx.whole(target, &change, keep),
            [first, rest @ ..] => cx.part(target, first, rest, change, keep),
        })
    }

    /// The same of something that was taken out of its place, where it is put back whatever
    /// happens.
    pub(super) fn changed_apart(
        &mut self,
        target: &mut K,
        path: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        self.guarded(|cx| cx.changed(target, path, change, keep))
    }

    /// Changes so many parts, one after the other; when one of them fails, those before it are
    /// taken back.
    pub(super) fn each(
        &mut self,
        target: &mut K,
        parts: usize,
        keep: bool,
        mut one: impl FnMut(&mut Self, &mut K, usize, bool) -> Result<Undo>,
    ) -> Result<Undo> {
        // Where most items of a vector change, all of it is kept rather than each item.
        let whole = match target {
            K::Vec(v) if v.ty != Type::List && parts > 1 && parts >= v.data.len() / 4 => {
                Some(target.clone())
            }
            _ => None,
        };
        let keep_each = whole.is_none() && (keep || parts > 1);
        let mut done = Vec::new();
        for n in 0..parts {
            match one(self, target, n, keep_each) {
                Ok(undo) if keep_each => done.push(undo),
                Ok(_) => {}
                Err(error) => {
                    match whole {
                        Some(before) => *target = before,
                        None => Undo::All(done).restore(target),
                    }
                    return Err(error);
                }
            }
        }
        Ok(match whole {
            _ if !keep => Undo::Nothing,
            Some(before) => Undo::Was(before),
            None => Undo::All(done),
        })
    }

    /// Changes all of a value.
    fn whole(&mut self, target: &mut K, change: &Change<'_>, keep: bool) -> Result<Undo> {
        let new = if change.replaces() {
            change.value.clone().unwrap_or_default()
        } else {
            let f = change.through.ok_or_else(type_error)?;
            match &change.value {
                Some(y) if Fun::verb(f).is_some_and(|v| v.name == ",") => {
                    return self.put_behind(target, y, keep);
                }
                Some(y) => self.call2(f, target.clone(), y.clone())?,
                None => self.call1(f, target.clone())?,
            }
        };
        Ok(Undo::was(std::mem::replace(target, new), keep))
    }

    /// Puts items behind a value where it is, not copied: appending to a list of one owner is
    /// cheap.
    fn put_behind(&mut self, target: &mut K, y: &K, keep: bool) -> Result<Undo> {
        join::fits(target, y)?;
        self.room_behind(target, y)?;
        let attr = if let K::Vec(v) = target { v.attr } else { Attr::None };
        self.enumerated(attr, y)?;
        let undo = if keep { Undo::behind(target) } else { Undo::Nothing };
        upsert::append(self, target, y.clone())?;
        if let K::Vec(v) = target
            && attr.domain().is_some()
        {
            v.attr = attr;
        }
        Ok(undo)
    }

    /// Checks that an enumeration can have an item.
    fn enumerated(&mut self, attr: Attr, item: &K) -> Result<()> {
        match attr {
            Attr::Domain(name) => enumerate(self, name, item).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        self.charge(1)?;
        match target {
            K::Dict(_) => self.dict_part(target, first, rest, change, keep),
            K::Table(_) => self.table_part(target, first, rest, change, keep),
            K::Vec(_) => self.list_part(target, first, rest, change, keep),
            K::Func(_) | K::Atom(..) | K::Null => Err(type_error()),
        }
    }

    fn list_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        let count = target.len();
        let place = |i: i64| {
            let i = usize::try_from(i).ok().filter(|i| *i < count);
            i.ok_or_else(|| QError::new("index"))
        };
        match first {
            K::Null => {
                change.fits(count)?;
                self.each(target, count, keep, |cx, target, i, keep| {
                    cx.item(target, i, rest, change.item(i), keep)
                })
            }
            K::Atom(..) => {
                let i = place(first.as_long().ok_or_else(type_error)?)?;
                self.item(target, i, rest, change, keep)
            }
            K::Vec(Vector { data: Data::List(items), .. }) => {
                change.fits(items.len())?;
                self.each(target, items.len(), keep, |cx, target, n, keep| {
                    let index = items.get(n).unwrap_or(&K::Null);
                    cx.list_part(target, index, rest, change.item(n), keep)
                })
            }
            K::Vec(_) => {
                let Some(Column::Vec(places)) = numeric::ints(first) else {
                    return Err(type_error());
                };
                change.fits(places.len())?;
                self.each(target, places.len(), keep, |cx, target, n, keep| {
                    let i = place(places.get(n).copied().unwrap_or(-1))?;
                    cx.item(target, i, rest, change.item(n), keep)
                })
            }
            _ => Err(type_error()),
        }
    }

    /// Changes one item of a list.
    pub(super) fn item(
        &mut self,
        target: &mut K,
        i: usize,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        let K::Vec(v) = target else { return Err(type_error()) };
        let attr = v.attr;
        let undo = match &mut v.data {
            Data::List(items) => {
                let slot = Arc::make_mut(items).get_mut(i).ok_or_else(|| QError::new("index"))?;
                let mut item = std::mem::take(slot);
                let done = self.changed_apart(&mut item, rest, change, keep);
                *slot = item;
                let undo = done?;
                v.attr = Attr::None;
                // A list of like atoms is a vector, whatever it was before.
                if join::may_be_alike(items, i) {
                    self.spent(items.len() / 8);
                    if join::are_alike(items) {
                        *target = K::collapse(items.to_vec());
                    }
                }
                Undo::part(i, undo)
            }
            _ => {
                let before = v.at(i);
                let mut item = before.clone();
                self.amend(&mut item, rest, change)?;
                self.enumerated(attr, &item)?;
                match item {
                    K::Atom(ty, scalar) if ty == v.ty && v.data.set(i, scalar) => {}
                    _ => return Err(type_error()),
                }
                v.attr = if attr.domain().is_some() { attr } else { Attr::None };
                if keep { Undo::Item(i, before) } else { Undo::Nothing }
            }
        };
        let ended = if keep && attr != Attr::None { Undo::Attr(attr) } else { Undo::Nothing };
        Ok(Undo::both(ended, undo))
    }
}
