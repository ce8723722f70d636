//! Changing parts of values in place: `x[i]:v`, `x[i]+:v`, `@[x;i;f;v]`, `.[x;p;f;v]`.

use crate::convert::numeric::{self, Column};
use crate::error::{QError, Result, length_error, type_error};
use crate::func::Fun;
use crate::kernel::find;
use crate::session::Session;
use crate::verbs::enums::enumerate;
use crate::verbs::{join, upsert};
use formats::k::{Attr, Data, Dict, K, Table, Vector};
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
    fn replaces(&self) -> bool {
        self.through.is_none_or(|f| Fun::verb(f).is_some_and(|v| v.name == ":"))
    }

    /// The same with one of several values.
    fn item(&self, at: usize) -> Self {
        let value = self.value.as_ref().map(|v| if v.is_atom() { v.clone() } else { v.at(at) });
        Self { through: self.through, value }
    }

    /// Checks that a list of values fits as many parts.
    fn fits(&self, parts: usize) -> Result<()> {
        match &self.value {
            Some(K::Vec(v)) if v.data.len() != parts => Err(length_error()),
            _ => Ok(()),
        }
    }
}

impl Session {
    /// Changes the parts of `target` that `path` selects. After an error the parts before the
    /// offending one may have changed.
    pub(crate) fn amend(&mut self, target: &mut K, path: &[K], change: Change<'_>) -> Result<()> {
        self.deeper(|cx| match path {
            [] => cx.whole(target, &change),
            [first, rest @ ..] => cx.part(target, first, rest, change),
        })
    }

    /// Changes all of a value.
    fn whole(&mut self, target: &mut K, change: &Change<'_>) -> Result<()> {
        if change.replaces() {
            *target = change.value.clone().unwrap_or_default();
            return Ok(());
        }
        let f = change.through.ok_or_else(type_error)?;
        *target = match &change.value {
            // Taken, not copied: appending to a list of one owner is cheap.
            Some(y) if Fun::verb(f).is_some_and(|v| v.name == ",") => {
                join::fits(target, y)?;
                self.room_behind(target, y)?;
                let attr = if let K::Vec(v) = target { v.attr } else { Attr::None };
                self.enumerated(attr, y)?;
                let joined = upsert::append(self, std::mem::take(target), y.clone())?;
                if attr.domain().is_some() { joined.with_attr(attr) } else { joined }
            }
            Some(y) => self.call2(f, target.clone(), y.clone())?,
            None => self.call1(f, target.clone())?,
        };
        Ok(())
    }

    /// Checks that an enumeration can have an item.
    fn enumerated(&mut self, attr: Attr, item: &K) -> Result<()> {
        match attr {
            Attr::Domain(name) => enumerate(self, name, item).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn part(&mut self, target: &mut K, first: &K, rest: &[K], change: Change<'_>) -> Result<()> {
        self.charge(1)?;
        match target {
            K::Dict(_) => self.dict_part(target, first, rest, change),
            K::Table(_) => self.table_part(target, first, rest, change),
            K::Vec(_) => self.list_part(target, first, rest, change),
            K::Func(_) | K::Atom(..) | K::Null => Err(type_error()),
        }
    }

    fn list_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        let K::Vec(v) = target else { return Err(type_error()) };
        let count = v.data.len();
        match first {
            K::Null => {
                change.fits(count)?;
                (0..count).try_for_each(|i| self.item(target, i, rest, change.item(i)))
            }
            K::Atom(..) => {
                let i = first.as_long().ok_or_else(type_error)?;
                let i = usize::try_from(i).ok().filter(|i| *i < count);
                self.item(target, i.ok_or_else(|| QError::new("index"))?, rest, change)
            }
            K::Vec(Vector { data: Data::List(items), .. }) => {
                change.fits(items.len())?;
                for (n, index) in items.iter().enumerate() {
                    self.list_part(target, index, rest, change.item(n))?;
                }
                Ok(())
            }
            K::Vec(_) => {
                let Some(Column::Vec(places)) = numeric::ints(first) else {
                    return Err(type_error());
                };
                change.fits(places.len())?;
                for (n, i) in places.iter().enumerate() {
                    let i = usize::try_from(*i).ok().filter(|i| *i < count);
                    let i = i.ok_or_else(|| QError::new("index"))?;
                    self.item(target, i, rest, change.item(n))?;
                }
                Ok(())
            }
            _ => Err(type_error()),
        }
    }

    /// Changes one item of a list.
    fn item(&mut self, target: &mut K, i: usize, rest: &[K], change: Change<'_>) -> Result<()> {
        let K::Vec(v) = target else { return Err(type_error()) };
        let attr = std::mem::take(&mut v.attr);
        if let Data::List(items) = &mut v.data {
            let slot = Arc::make_mut(items).get_mut(i).ok_or_else(|| QError::new("index"))?;
            let mut item = std::mem::take(slot);
            let result = self.amend(&mut item, rest, change);
            let items = Arc::make_mut(items);
            if let Some(slot) = items.get_mut(i) {
                *slot = item;
            }
            // A list of like atoms is a vector, whatever it was before.
            if join::may_be_alike(items, i) {
                let count = items.len();
                if join::are_alike(items) {
                    *target = K::collapse(std::mem::take(&mut items.0));
                }
                self.charge(count / 8)?;
            }
            return result;
        }
        let mut item = v.at(i);
        self.amend(&mut item, rest, change)?;
        if attr.domain().is_some() {
            v.attr = attr;
            self.enumerated(attr, &item)?;
        }
        match item {
            K::Atom(ty, scalar) if ty == v.ty && v.data.set(i, scalar) => Ok(()),
            _ => Err(type_error()),
        }
    }

    fn dict_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        let K::Dict(dict) = target else { return Err(type_error()) };
        let Dict { keys, values, sorted } = Arc::make_mut(dict);
        *sorted = false;
        let places = if matches!(first, K::Null) {
            K::longs((0..i64::try_from(keys.len()).unwrap_or(0)).collect())
        } else {
            find::find(keys, first)?
        };
        let several = !places.is_atom();
        if several {
            change.fits(places.len())?;
        }
        for n in 0..places.len() {
            let key = if several { first.at(n) } else { first.clone() };
            let change = if several { change.item(n) } else { change.clone() };
            let place = places.at(n).as_long().unwrap_or(0);
            let mut place = usize::try_from(place).unwrap_or(usize::MAX);
            if place >= keys.len() {
                // A key that may have come in since the places were found.
                place = find::find(keys, &key)?.as_long().map_or(0, |p| p as usize);
            }
            if place >= keys.len() {
                let mut missing = match values.len() {
                    0 => K::list(Vec::new()),
                    _ => values.at(values.len()),
                };
                self.amend(&mut missing, rest, change)?;
                *keys = join::push(self, std::mem::take(keys), key)?;
                *values = join::push(self, std::mem::take(values), missing)?;
                continue;
            }
            self.value_at(values, place, rest, change)?;
        }
        Ok(())
    }

    /// Changes one value of a dictionary, whose values become a general list if they must.
    fn value_at(
        &mut self,
        values: &mut K,
        place: usize,
        rest: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        if let K::Table(_) = values {
            return self.table_part(values, &K::long(place as i64), rest, change);
        }
        let mut item = match values {
            // Taken, so that a value with one owner is changed in place.
            K::Vec(Vector { data: Data::List(items), .. }) => {
                Arc::make_mut(items).get_mut(place).map(std::mem::take).unwrap_or_default()
            }
            _ => values.at(place),
        };
        let result = self.amend(&mut item, rest, change);
        let looked_at = put(values, place, item)?;
        self.charge(looked_at / 8)?;
        result
    }

    fn table_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        let K::Table(table) = target else { return Err(type_error()) };
        let rows = table.rows();
        let table: &mut Table = Arc::make_mut(table);
        if let Some(name) = first.as_sym() {
            let Some(at) = table.position(name) else {
                let mut column = K::longs(vec![0; rows]);
                self.amend(&mut column, rest, change)?;
                Arc::make_mut(&mut table.names).push(name);
                table.columns.push(spread(column, rows)?);
                return Ok(());
            };
            let mut column = table.columns.get_mut(at).map(std::mem::take).unwrap_or_default();
            let before = column.clone();
            let result = self.amend(&mut column, rest, change);
            let (column, result) = match result.and_then(|()| spread(column, rows)) {
                Ok(column) => (column, Ok(())),
                Err(e) => (before, Err(e)),
            };
            if let Some(slot) = table.columns.get_mut(at) {
                *slot = column;
            }
            return result;
        }
        if let Some(names) = first.as_syms() {
            for (n, name) in names.iter().enumerate() {
                self.table_part(target, &K::sym(*name), rest, change.item(n))?;
            }
            return Ok(());
        }
        self.rows_part(table, first, rest, change)
    }

    /// Changes rows: each column gets the row's value of that column.
    fn rows_part(
        &mut self,
        table: &mut Table,
        first: &K,
        rest: &[K],
        change: Change<'_>,
    ) -> Result<()> {
        let names = table.names.to_vec();
        let (columns, rest) = match rest {
            [] => (K::syms(names.clone()), rest),
            [K::Null, rest @ ..] => (K::syms(names.clone()), rest),
            [columns, rest @ ..] => (columns.clone(), rest),
        };
        let wanted = match (columns.as_sym(), columns.as_syms()) {
            (Some(one), _) => vec![one],
            (_, Some(several)) => several.to_vec(),
            _ => return Err(type_error()),
        };
        let mut path = vec![first.clone()];
        path.extend_from_slice(rest);
        for (n, name) in wanted.iter().enumerate() {
            let value = match &change.value {
                Some(K::Dict(d)) => Some(super::index::at(&K::Dict(d.clone()), &K::sym(*name))?),
                Some(v) if wanted.len() > 1 && !v.is_atom() => Some(v.at(n)),
                other => other.clone(),
            };
            let at = table.position(*name).ok_or_else(|| QError::new(name.as_str()))?;
            let slot = table.columns.get_mut(at).ok_or_else(type_error)?;
            let mut column = std::mem::take(slot);
            let result = self.amend(&mut column, &path, Change { through: change.through, value });
            *slot = column;
            result?;
        }
        Ok(())
    }
}

/// A whole column for a table of `rows`: an atom is repeated.
fn spread(column: K, rows: usize) -> Result {
    match column {
        K::Atom(ty, scalar) => Ok(K::repeat(ty, scalar, rows)),
        K::Vec(_) if column.len() == rows => Ok(column),
        K::Vec(_) => Err(length_error()),
        _ => Err(type_error()),
    }
}

/// Writes an item into a list of that type, or into a general list; returns how many of its items
/// were looked at.
fn put(values: &mut K, at: usize, item: K) -> Result<usize> {
    let K::Vec(v) = values else { return Err(type_error()) };
    v.attr = Attr::None;
    if let Data::List(items) = &mut v.data {
        let items = Arc::make_mut(items);
        if let Some(slot) = items.get_mut(at) {
            *slot = item;
        }
        let looked_at = if join::may_be_alike(items, at) { items.len() } else { 0 };
        if looked_at > 0 && join::are_alike(items) {
            *values = K::collapse(std::mem::take(&mut items.0));
        }
        return Ok(looked_at);
    }
    match item {
        K::Atom(ty, scalar) if ty == v.ty && v.data.set(at, scalar) => Ok(0),
        _ => Err(type_error()),
    }
}
