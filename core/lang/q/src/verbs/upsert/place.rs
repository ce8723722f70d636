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
    /// Each a list, or a table of one row; and for each column its place in all of them.
    Each(&'a [K], Vec<usize>),
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
            K::Table(t) => Self::columns(names, t.columns.len(), |name| t.column(name), t.rows()),
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
            Self::Each(rows, _) => rows.len(),
        }
    }

    fn scalar(&self, column: usize, at: usize) -> Option<Scalar> {
        match self {
            Self::One(values) => match values.get(column) {
                Some(K::Atom(_, scalar)) => Some(*scalar),
                _ => None,
            },
            Self::Many(columns, _) => columns.get(column)?.data.scalar(at),
            Self::Each(rows, order) => scalar_of(rows.get(at)?, *order.get(column)?).map(|s| s.1),
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
                // They were looked at when they were put together.
                (Self::Each(..), _) => true,
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
                    Self::Each(..) => None,
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
            // They go where no column has an attribute.
            Self::Each(..) => K::Null,
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
        /// Writes items of one layout, or puts them behind the last.
        macro_rules! written {
            ($items:ident, $layout:ident) => {{
                let items = Arc::make_mut($items);
                for (at, place) in places.iter().enumerate() {
                    let Some(Scalar::$layout(item)) = self.scalar(column, at) else {
                        debug_assert!(false, "rows fit");
                        continue;
                    };
                    match items.get_mut(*place) {
                        Some(slot) => *slot = item,
                        None => items.push(item),
                    }
                }
            }};
        }
        let K::Vec(to) = to else { return };
        match &mut to.data {
            Data::U8(items) => written!(items, U8),
            Data::I16(items) => written!(items, I16),
            Data::I32(items) => written!(items, I32),
            Data::I64(items) => written!(items, I64),
            Data::F32(items) => written!(items, F32),
            Data::F64(items) => written!(items, F64),
            Data::Sym(items) => written!(items, Sym),
            Data::Guid(items) => written!(items, Guid),
            Data::List(_) => {
                for (at, place) in places.iter().enumerate() {
                    self.write(column, at, to, *place);
                }
            }
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
    let rows = match (&*target, target.keyed()) {
        (K::Table(t), _) => {
            let rows = Rows::of(t.names.len(), t.names.iter().copied(), y);
            rows.filter(|rows| rows.fit(t.columns.iter()))
        }
        (_, Some((keys, values))) => {
            let width = keys.names.len() + values.names.len();
            let names = keys.names.iter().chain(values.names.iter()).copied();
            let columns = keys.columns.iter().chain(&values.columns);
            Rows::of(width, names, y).filter(|rows| rows.fit(columns))
        }
        _ => None,
    };
    match rows {
        Some(rows) => put_rows(cx, target, &rows, known),
        None => Ok(false),
    }
}

/// Puts rows that fit.
fn put_rows(cx: &mut Session, target: &mut K, rows: &Rows<'_>, known: Known) -> Result<bool> {
    match target {
        K::Table(t) => {
            room(cx, t.rows(), rows.len())?;
            let attributes = match t.columns.iter().all(is_plain) {
                true => Vec::new(),
                false => {
                    let all: Vec<usize> = (0..rows.len()).collect();
                    rows.kept(cx, &t.columns, 0, &all)?
                }
            };
            append(Arc::make_mut(t), rows, &attributes);
            Ok(true)
        }
        K::Dict(d) => {
            let (K::Table(keys), K::Table(values)) = (&d.keys, &d.values) else {
                return Ok(false);
            };
            let Some(places) = places(cx, keys, rows, known)? else { return Ok(false) };
            let attributes = attributes(cx, (keys, values), rows, &places)?;
            replace(cx, Arc::make_mut(d), rows, places, &attributes);
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

/// The type and storage of an item of a row: of a list, or of a table of one row.
fn scalar_of(row: &K, place: usize) -> Option<(Type, Scalar)> {
    match row {
        K::Vec(Vector { data: Data::List(items), .. }) => match items.get(place)? {
            K::Atom(ty, scalar) => Some((*ty, *scalar)),
            _ => None,
        },
        K::Table(table) => match table.columns.get(place)? {
            K::Vec(v) if v.data.len() == 1 => Some((v.ty, v.data.scalar(0)?)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a row is of the shape of another.
fn alike(row: &K, other: &K) -> bool {
    match (row, other) {
        (K::Vec(row), K::Vec(other)) => row.data.len() == other.data.len(),
        (K::Table(row), K::Table(other)) => {
            Arc::ptr_eq(&row.names, &other.names) || row.names == other.names
        }
        _ => false,
    }
}

/// Puts rows into a table, each as [`put`] does it alone: as many of the first of them as fit and
/// are of one shape. `order` has the items that lists are to have, where that is not all of them.
///
/// # Errors
/// As [`put`].
pub(super) fn put_each(
    cx: &mut Session,
    target: &mut K,
    rows: &[K],
    order: Option<&[usize]>,
) -> Result<usize> {
    let tables = match (&*target, target.keyed()) {
        (K::Table(t), _) => [Some(&**t), None],
        (_, Some((keys, values))) => [Some(keys), Some(values)],
        _ => return Ok(0),
    };
    let columns = || tables.iter().flatten().flat_map(|table| table.iter());
    let width = columns().count();
    let Some(first) = rows.first() else { return Ok(0) };
    let places: Option<Vec<usize>> = match (first, order) {
        (K::Table(t), None) if t.columns.len() == width => {
            columns().map(|(name, _)| t.position(name)).collect()
        }
        (K::Vec(v), None) if v.data.len() == width => Some((0..width).collect()),
        (K::Vec(_), Some(order)) if order.len() == width => Some(order.to_vec()),
        _ => None,
    };
    let Some(places) = places.filter(|_| columns().all(|(_, column)| is_plain(column))) else {
        return Ok(0);
    };
    let types: Vec<Option<Type>> = columns().map(|(_, column)| column.ty()).collect();
    let fits = |row: &&K| {
        let same = |(place, ty): (&usize, &Option<Type>)| {
            scalar_of(row, *place).map(|(own, _)| own) == *ty
        };
        alike(row, first) && places.iter().zip(&types).all(same)
    };
    let count = rows.iter().take_while(fits).count();
    let rows = Rows::Each(rows.get(..count).unwrap_or_default(), places);
    if count == 0 || !put_rows(cx, target, &rows, Known::Replaced)? {
        return Ok(0);
    }
    Ok(count)
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
        let end = column.len();
        match (rows, &mut *column) {
            (Rows::One(_), K::Vec(to)) => rows.write(at, 0, to, end),
            (Rows::Many(columns, _), K::Vec(to)) => {
                let done = columns.get(at).is_some_and(|new| to.data.append(&new.data));
                debug_assert!(done, "rows fit");
            }
            (Rows::Each(each, _), column) => {
                let places: Vec<usize> = (end..end + each.len()).collect();
                rows.write_all(at, column, &places);
            }
            _ => {}
        }
        if let K::Vec(to) = column {
            to.attr = attributes.get(at).copied().unwrap_or_default();
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
