//! Changing entries of dictionaries, columns and rows of tables in place.

use super::Change;
use super::undo::Undo;
use crate::error::{QError, Result, length_error, type_error};
use crate::kernel::{find, group};
use crate::session::Session;
use crate::verbs::join::cut::Cut;
use crate::verbs::{join, upsert};
use formats::k::{Dict, K, Sym, Table};
use std::sync::Arc;

/// Where the entries are that keys mean.
struct Wanted {
    /// Whether it is a single key.
    single: bool,
    /// Of each key the place; nothing for one that is not there yet.
    places: Vec<Option<usize>>,
    /// Of each key the first one like it, where some are not there yet.
    firsts: Vec<usize>,
}

impl Wanted {
    fn of(dict: &Dict, keys: &K) -> Result<Self> {
        let known = dict.keys.len();
        let found = match keys {
            K::Null => K::longs((0..i64::try_from(known).unwrap_or(0)).collect()),
            _ => find::find(&dict.keys, keys)?,
        };
        let place = |k: K| k.as_long().and_then(|p| usize::try_from(p).ok()).filter(|p| *p < known);
        let single = found.is_atom();
        let places: Vec<Option<usize>> =
            if single { vec![place(found)] } else { found.items().map(place).collect() };
        let mut firsts = Vec::new();
        if !single && places.contains(&None) {
            let groups = group::groups(keys)?;
            let first = |id: &u32| groups.firsts.get(*id as usize).map_or(0, |at| *at as usize);
            firsts = groups.ids.iter().map(first).collect();
        }
        Ok(Self { single, places, firsts })
    }
}

impl Session {
    pub(super) fn dict_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        let K::Dict(dict) = &*target else { return Err(type_error()) };
        let (sorted, mut wanted) = (dict.sorted, Wanted::of(dict, first)?);
        let undo = if wanted.single {
            let place = wanted.places.first().copied().flatten();
            self.entry(target, (first, place), rest, change, keep)?
        } else {
            change.fits(wanted.places.len())?;
            self.each(target, wanted.places.len(), keep, |cx, target, n, keep| {
                // Of keys that are alike the first has the place.
                let at = wanted.firsts.get(n).copied().unwrap_or(n);
                let place = wanted.places.get(at).copied().flatten();
                let entry = (&first.at(n), place);
                let end = target.len();
                let undo = cx.entry(target, entry, rest, change.item(n), keep)?;
                if let (None, Some(new)) = (place, wanted.places.get_mut(at)) {
                    *new = Some(end);
                }
                Ok(undo)
            })?
        };
        if let K::Dict(dict) = target
            && sorted
        {
            Arc::make_mut(dict).sorted = false;
            return Ok(if keep { Undo::both(Undo::Sorted, undo) } else { undo });
        }
        Ok(undo)
    }

    /// Changes the value of a key, or adds one for a key that has no place.
    fn entry(
        &mut self,
        target: &mut K,
        (key, place): (&K, Option<usize>),
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        let Some(place) = place else { return self.new_entry(target, key, rest, change, keep) };
        let K::Dict(dict) = target else { return Err(type_error()) };
        let values = &mut Arc::make_mut(dict).values;
        let undo = match values {
            K::Table(_) => self.table_part(values, &K::long(place as i64), rest, change, keep)?,
            _ => self.item(values, place, rest, change, keep)?,
        };
        Ok(match undo {
            Undo::Nothing => Undo::Nothing,
            undo => Undo::Values(Box::new(undo)),
        })
    }

    fn new_entry(
        &mut self,
        target: &mut K,
        key: &K,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        if let Some((keys, values)) = target.keyed() {
            // A row of nulls that is changed as one that is there would be.
            let (key, mut row) = (key_row(keys, key)?, K::Table(Arc::new(values.gather(&[-1]))));
            self.table_part(&mut row, &K::long(0), rest, change, false)?;
            let undo = match &*target {
                K::Dict(dict) if keep => Undo::Entries(Cut::of(&dict.keys), Cut::of(&dict.values)),
                _ => Undo::Nothing,
            };
            upsert::append(self, target, K::dict(key, row))?;
            return Ok(undo);
        }
        let K::Dict(dict) = target else { return Err(type_error()) };
        let Dict { keys, values, .. } = Arc::make_mut(dict);
        let mut value = match values.len() {
            0 => K::list(Vec::new()),
            count => values.at(count),
        };
        self.amend(&mut value, rest, change)?;
        let ends = (Cut::of(keys), Cut::of(values));
        let done = self.guarded(|cx| {
            join::push_to(cx, keys, key.clone())?;
            join::push_to(cx, values, value)
        });
        if let Err(error) = done {
            ends.0.restore(keys);
            ends.1.restore(values);
            return Err(error);
        }
        Ok(if keep { Undo::Entries(ends.0, ends.1) } else { Undo::Nothing })
    }

    pub(super) fn table_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        if let Some(name) = first.as_sym() {
            return self.column_part(target, name, rest, change, keep);
        }
        if let Some(names) = first.as_syms() {
            change.fits(names.len())?;
            return self.each(target, names.len(), keep, |cx, target, n, keep| {
                let name = names.get(n).copied().unwrap_or_default();
                cx.column_part(target, name, rest, change.item(n), keep)
            });
        }
        self.rows_part(target, first, rest, change, keep)
    }

    fn column_part(
        &mut self,
        target: &mut K,
        name: Sym,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        let K::Table(table) = target else { return Err(type_error()) };
        let (rows, count) = (table.rows(), table.columns.len());
        let table: &mut Table = Arc::make_mut(table);
        let Some(at) = table.position(name) else {
            let mut column = K::longs(vec![0; rows]);
            self.amend(&mut column, rest, change)?;
            let full = self.full(&column, rows)?.unwrap_or(column);
            Arc::make_mut(&mut table.names).push(name);
            table.columns.push(full);
            return Ok(if keep { Undo::Columns(count) } else { Undo::Nothing });
        };
        let Some(slot) = table.columns.get_mut(at) else { return Err(type_error()) };
        let mut column = std::mem::take(slot);
        let done = self.guarded(|cx| {
            // A column that is changed as a whole may have got another length.
            let undo = cx.changed(&mut column, rest, change, keep || rest.is_empty())?;
            match cx.full(&column, rows) {
                Ok(full) => {
                    full.into_iter().for_each(|full| column = full);
                    Ok(undo)
                }
                Err(error) => {
                    undo.restore(&mut column);
                    Err(error)
                }
            }
        });
        *slot = column;
        let undo = done?;
        Ok(if keep { Undo::part(at, undo) } else { Undo::Nothing })
    }

    /// A whole column for a table of `rows` where this is an atom, which is repeated; nothing
    /// where it is one already.
    fn full(&mut self, column: &K, rows: usize) -> Result<Option<K>> {
        match column {
            K::Atom(ty, scalar) => {
                self.room(rows)?;
                Ok(Some(K::repeat(*ty, *scalar, rows)))
            }
            K::Vec(_) if column.len() == rows => Ok(None),
            K::Vec(_) => Err(length_error()),
            _ => Err(type_error()),
        }
    }

    /// Changes rows: each column gets the row's value of that column.
    fn rows_part(
        &mut self,
        target: &mut K,
        first: &K,
        rest: &[K],
        change: Change<'_>,
        keep: bool,
    ) -> Result<Undo> {
        let K::Table(table) = &*target else { return Err(type_error()) };
        let (columns, rest) = match rest {
            [] => (None, rest),
            [K::Null, rest @ ..] => (None, rest),
            [columns, rest @ ..] => (Some(columns), rest),
        };
        let one = columns.and_then(K::as_sym);
        let wanted = match (columns, one) {
            (None, _) => table.names.to_vec(),
            (_, Some(one)) => vec![one],
            (Some(columns), None) => columns.as_syms().ok_or_else(type_error)?.to_vec(),
        };
        // The items of a list go to the columns of one row.
        let split = one.is_none() && (wanted.len() > 1 || first.is_atom());
        if split && first.is_atom() {
            change.fits(wanted.len())?;
        }
        let mut path = vec![first.clone()];
        path.extend_from_slice(rest);
        self.each(target, wanted.len(), keep, |cx, target, n, keep| {
            let name = wanted.get(n).copied().unwrap_or_default();
            let value = match &change.value {
                Some(row @ K::Dict(_)) => Some(super::index::at(row, &K::sym(name))?),
                Some(v) if split && !v.is_atom() => Some(v.at(n)),
                other => other.clone(),
            };
            let K::Table(table) = target else { return Err(type_error()) };
            let at = table.position(name).ok_or_else(|| QError::new(name.as_str()))?;
            let slot = Arc::make_mut(table).columns.get_mut(at).ok_or_else(type_error)?;
            let mut column = std::mem::take(slot);
            let change = Change { through: change.through, value };
            let done = cx.changed_apart(&mut column, &path, change, keep);
            *slot = column;
            done.map(|undo| Undo::part(at, undo))
        })
    }
}

/// A row of a table of keys, as a table: of a value, of a list of values, or of a dictionary.
fn key_row(keys: &Table, key: &K) -> Result {
    let values: Vec<K> = match key {
        K::Dict(_) => {
            let value = |name: &Sym| super::index::at(key, &K::sym(*name));
            keys.names.iter().map(value).collect::<Result<_>>()?
        }
        _ if keys.columns.len() == 1 => vec![key.clone()],
        K::Vec(_) if key.len() == keys.columns.len() => key.items().collect(),
        _ => return Err(length_error()),
    };
    Ok(K::table(keys.names.to_vec(), values.into_iter().map(K::enlist).collect())?)
}
