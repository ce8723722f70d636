//! Rows put into a table where it is: in time that grows with the rows, not with the table.

use crate::error::{QError, Result};
use crate::kernel::few::Few;
use crate::kernel::hash::{RowTable, flat, row, row_hash};
use crate::session::Session;
use crate::verbs::join;
use formats::k::{Attr, Data, Dict, K, Scalar, Sym, Table, Type, Vector};
use std::borrow::Cow;
use std::sync::Arc;

/// New rows, in the order of the table's columns.
enum Rows<'a> {
    /// The values of one row.
    One(Cow<'a, [K]>),
    /// Columns of so many rows.
    Many(Vec<&'a Vector>, usize),
}

impl<'a> Rows<'a> {
    /// Rows for columns of these names; `None` for what is to be understood in the general way.
    fn of(width: usize, names: impl Iterator<Item = Sym> + Clone, y: &'a K) -> Option<Self> {
        match y {
            K::Atom(..) if width == 1 => Some(Self::One(vec![y.clone()].into())),
            K::Vec(v) if v.data.len() == width => {
                let items: Cow<'a, [K]> = match &v.data {
                    Data::List(items) => Cow::Borrowed(items.as_slice()),
                    _ => v.iter().collect(),
                };
                // A list without an atom may be one of columns.
                items.iter().any(K::is_atom).then_some(Self::One(items))
            }
            K::Dict(d) => {
                if let Some((keys, values)) = y.keyed() {
                    let column = |name| keys.column(name).or_else(|| values.column(name));
                    let width = keys.columns.len() + values.columns.len();
                    return Self::columns(names, width, column, keys.rows());
                }
                let given = d.keys.as_syms()?;
                if names.clone().eq(given.iter().copied()) {
                    return Some(Self::One(match d.values.as_list() {
                        Some(values) => Cow::Borrowed(values),
                        None => d.values.items().collect(),
                    }));
                }
                let value = |name| Some(d.values.at(given.iter().position(|n| *n == name)?));
                let values: Option<Vec<K>> = names.map(value).collect();
                let values = values.filter(|values| given.len() == values.len());
                values.map(|values| Self::One(values.into()))
            }
            K::Table(t) => {
                Self::columns(names, t.columns.len(), |name| t.column(name), t.rows())
            }
            _ => None,
        }
    }

    fn columns(
        names: impl Iterator<Item = Sym>,
        width: usize,
        column: impl Fn(Sym) -> Option<&'a K>,
        rows: usize,
    ) -> Option<Self> {
        let vector = |name| match column(name) {
            Some(K::Vec(v)) => Some(v),
            _ => None,
        };
        let columns: Option<Vec<&Vector>> = names.map(vector).collect();
        let columns = columns.filter(|columns| width == columns.len());
        columns.map(|columns| Self::Many(columns, rows))
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(_, rows) => *rows,
        }
    }

    fn scalar(&self, column: usize, at: usize) -> Option<Scalar> {
        match self {
            Self::One(values) => match values.get(column) {
                Some(K::Atom(_, scalar)) => Some(*scalar),
                _ => None,
            },
            Self::Many(columns, _) => columns.get(column)?.data.scalar(at),
        }
    }

    /// The first so many items of a row.
    fn key(&self, width: usize, at: usize) -> impl Iterator<Item = Scalar> + '_ {
        (0..width).filter_map(move |column| self.scalar(column, at))
    }

    /// Whether the items can be put into the columns as they are.
    fn fit<'t>(&self, columns: impl Iterator<Item = &'t K>) -> bool {
        columns.enumerate().all(|(at, column)| {
            let K::Vec(column) = column else { return false };
            let list = match &column.data {
                // A list whose first item is an atom might become a vector.
                Data::List(items) => matches!(items.first(), Some(K::Vec(_))),
                _ => false,
            };
            let is_list = |k: &K| matches!(k, K::Vec(_));
            match (self, column.ty) {
                (Self::One(values), Type::List) => list && values.get(at).is_some_and(is_list),
                (Self::One(values), ty) => {
                    matches!(values.get(at), Some(K::Atom(own, _)) if *own == ty)
                }
                (Self::Many(vectors, _), ty) => vectors.get(at).is_some_and(|new| {
                    let lists = || match &new.data {
                        Data::List(items) => items.iter().all(is_list),
                        _ => false,
                    };
                    new.ty == ty && (ty != Type::List || list && lists())
                }),
            }
        })
    }

    /// Writes the item of a row at a place of a column, or behind its last.
    fn write(&self, column: usize, at: usize, to: &mut Vector, place: usize) {
        let new = place >= to.data.len();
        let done = match (&mut to.data, self.scalar(column, at)) {
            (Data::List(items), _) => {
                let item = match self {
                    Self::One(values) => values.get(column).cloned(),
                    Self::Many(columns, _) => columns.get(column).map(|c| c.at(at)),
                };
                let (items, item) = (Arc::make_mut(items), item.unwrap_or_default());
                match items.get_mut(place) {
                    Some(slot) => *slot = item,
                    None => items.push(item),
                }
                true
            }
            (data, Some(scalar)) if new => data.push(scalar),
            (data, Some(scalar)) => data.set(place, scalar),
            _ => false,
        };
        debug_assert!(done, "rows fit");
    }

    /// The items of a column of some of the rows.
    fn items(&self, column: usize, rows: &[usize]) -> Data {
        let items = match self {
            Self::One(values) => values.get(column).cloned().unwrap_or_default().enlist(),
            Self::Many(columns, _) => {
                let places: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
                columns.get(column).map_or(K::Null, |c| K::Vec((*c).clone()).gather(&places))
            }
        };
        match items {
            K::Vec(items) => items.data,
            _ => Data::from(Vec::<K>::new()),
        }
    }

    /// The attributes that columns keep when some of the rows are put behind theirs; `first` is
    /// the number of the first of these columns.
    fn kept(
        &self,
        cx: &mut Session,
        columns: &[K],
        first: usize,
        rows: &[usize],
    ) -> Result<Vec<Attr>> {
        let kept = |(at, column): (usize, &K)| match column {
            K::Vec(v) => join::kept(cx, v, || self.items(first + at, rows)),
            _ => Ok(Attr::None),
        };
        columns.iter().enumerate().map(kept).collect()
    }

    /// Writes a column of the rows at their places.
    fn write_all(&self, column: usize, to: &mut K, places: &[usize]) {
        let K::Vec(to) = to else { return };
        for (at, place) in places.iter().enumerate() {
            self.write(column, at, to, *place);
        }
    }
}

/// Adds rows to a table, or replaces those of a keyed table that have the same key. False, and
/// nothing done, for what must be joined in the general way.
///
/// # Errors
/// `insert` when `known` is an error and there is a row of the same key, `wsfull` when the table
/// gets too long; nothing is done.
pub(super) fn put(cx: &mut Session, target: &mut K, y: &K, known: Known) -> Result<bool> {
    match target {
        K::Table(t) => {
            let rows = Rows::of(t.names.len(), t.names.iter().copied(), y);
            let Some(rows) = rows.filter(|rows| rows.fit(t.columns.iter())) else {
                return Ok(false);
            };
            room(cx, t.rows(), rows.len())?;
            let attributes = match t.columns.iter().all(is_plain) {
                true => Vec::new(),
                false => {
                    let all: Vec<usize> = (0..rows.len()).collect();
                    rows.kept(cx, &t.columns, 0, &all)?
                }
            };
            append(Arc::make_mut(t), &rows, &attributes);
            Ok(true)
        }
        K::Dict(d) => {
            let (K::Table(keys), K::Table(values)) = (&d.keys, &d.values) else {
                return Ok(false);
            };
            let width = keys.names.len() + values.names.len();
            let names = keys.names.iter().chain(values.names.iter()).copied();
            let columns = keys.columns.iter().chain(&values.columns);
            let Some(rows) = Rows::of(width, names, y).filter(|rows| rows.fit(columns)) else {
                return Ok(false);
            };
            let Some(places) = places(cx, keys, &rows, known)? else { return Ok(false) };
            let attributes = attributes(cx, (keys, values), &rows, &places)?;
            replace(cx, Arc::make_mut(d), &rows, places, &attributes);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// What becomes of rows with a key that the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Replaced,
    Refused,
}

fn room(cx: &mut Session, count: usize, new: usize) -> Result<()> {
    cx.charge(1 + new)?;
    cx.more(count, new)
}

/// Whether a column has no attribute.
fn is_plain(column: &K) -> bool {
    !matches!(column, K::Vec(v) if v.attr != Attr::None)
}

/// Puts rows behind those of a table, whose columns have the attributes then, or none.
fn append(table: &mut Table, rows: &Rows<'_>, attributes: &[Attr]) {
    for (at, column) in table.columns.iter_mut().enumerate() {
        let K::Vec(to) = column else { continue };
        to.attr = attributes.get(at).copied().unwrap_or_default();
        match rows {
            Rows::One(_) => {
                let end = to.data.len();
                rows.write(at, 0, to, end);
            }
            Rows::Many(columns, _) => {
                let done = columns.get(at).is_some_and(|new| to.data.append(&new.data));
                debug_assert!(done, "rows fit");
            }
        }
    }
}

/// Where rows go in a keyed table, and the index that knows of them.
struct Places {
    index: RowTable,
    places: Few<usize>,
    /// The first of the rows that go to each place behind the last.
    fresh: Vec<usize>,
}

/// Finds the places; `None` when a key is a general list.
fn places(cx: &mut Session, keys: &Table, rows: &Rows<'_>, known: Known) -> Result<Option<Places>> {
    let Some(columns) = flat(keys.columns.iter()) else { return Ok(None) };
    let (count, width) = (keys.rows(), columns.len());
    room(cx, count, rows.len())?;
    let mut index = cx.indexes.take(&columns);
    let hash = |at| row_hash(rows.key(width, at));
    if known == Known::Refused {
        let has = |at| index.find(hash(at), |old| row(&columns, old).eq(rows.key(width, at)));
        if (0..rows.len()).any(|at| has(at).is_some()) {
            cx.indexes.put(&keys.columns, index);
            return Err(QError::new("insert"));
        }
    }
    let mut fresh: Vec<usize> = Vec::new();
    let place = |at| {
        let hash = hash(at);
        let same = |place: usize| match place.checked_sub(count) {
            None => row(&columns, place).eq(rows.key(width, at)),
            // One of the new rows.
            Some(n) => fresh.get(n).is_some_and(|n| rows.key(width, *n).eq(rows.key(width, at))),
        };
        index.find(hash, same).unwrap_or_else(|| {
            index.insert(hash, count + fresh.len());
            fresh.push(at);
            count + fresh.len() - 1
        })
    };
    let places = (0..rows.len()).map(place).collect();
    Ok(Some(Places { index, places, fresh }))
}

/// The attributes of all columns when rows are at their places: new rows are put behind the
/// others, and what is written over has none.
fn attributes(
    cx: &mut Session,
    (keys, values): (&Table, &Table),
    rows: &Rows<'_>,
    found: &Places,
) -> Result<Vec<Attr>> {
    if keys.columns.iter().chain(&values.columns).all(is_plain) {
        return Ok(Vec::new());
    }
    let mut out = match (keys.columns.as_slice(), found.fresh.as_slice()) {
        // A key that is not there is unique without being looked for once more.
        ([K::Vec(Vector { attr: Attr::Unique, .. })], _) => vec![Attr::Unique],
        (columns, []) => {
            let own = |k: &K| if let K::Vec(v) = k { v.attr } else { Attr::None };
            columns.iter().map(own).collect()
        }
        (columns, fresh) => rows.kept(cx, columns, 0, fresh)?,
    };
    if found.fresh.len() == found.places.len() {
        out.extend(rows.kept(cx, &values.columns, keys.columns.len(), &found.fresh)?);
    } else {
        // Enumerations stay what they are.
        let all: Vec<usize> = (0..found.places.len()).collect();
        let kept = rows.kept(cx, &values.columns, keys.columns.len(), &all)?;
        out.extend(kept.into_iter().map(|a| if a.domain().is_some() { a } else { Attr::None }));
    }
    Ok(out)
}

/// Writes rows to their places.
fn replace(
    cx: &mut Session,
    table: &mut Dict,
    rows: &Rows<'_>,
    found: Places,
    attributes: &[Attr],
) {
    table.sorted = false;
    let attribute = |column: usize| attributes.get(column).copied().unwrap_or_default();
    let (K::Table(keys), K::Table(values)) = (&mut table.keys, &mut table.values) else { return };
    let width = keys.columns.len();
    if !found.fresh.is_empty() {
        for (at, column) in Arc::make_mut(keys).columns.iter_mut().enumerate() {
            let K::Vec(to) = column else { continue };
            to.attr = attribute(at);
            for (row, place) in found.places.iter().enumerate() {
                if *place >= to.data.len() {
                    rows.write(at, row, to, *place);
                }
            }
        }
    }
    for (at, column) in Arc::make_mut(values).columns.iter_mut().enumerate() {
        if let K::Vec(to) = column {
            to.attr = attribute(width + at);
        }
        rows.write_all(width + at, column, &found.places);
    }
    cx.indexes.put(&keys.columns, found.index);
}
