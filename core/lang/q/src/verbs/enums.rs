//! Enumerations: items of a list, keys of a keyed table, rows of a table that is linked.

use super::dict::{named, unkeyed};
use super::{Class, Verb, join};
use crate::convert::numeric::{Column, ints};
use crate::error::{QError, Result, type_error};
use crate::kernel::find::find;
use crate::session::Session;
use formats::k::{Attr, Data, K, Sym, Type, Vector};

/// What an enumeration over a variable may have: the items of a list, the keys of a table.
fn domain(cx: &mut Session, name: Sym) -> Result {
    match cx.global(name)? {
        K::Dict(d) => match &d.keys {
            K::Table(t) => match t.columns.as_slice() {
                [only] => Ok(only.clone()),
                _ => Ok(d.keys.clone()),
            },
            _ => Err(type_error()),
        },
        list @ K::Vec(_) => Ok(list),
        _ => Err(type_error()),
    }
}

fn is_null(k: &K) -> bool {
    matches!(k, K::Atom(ty, scalar) if *scalar == ty.null())
}

/// `` `name$y ``: items of a variable, which it has all of.
///
/// # Errors
/// `cast` for an item that it has not.
pub(crate) fn enumerate(cx: &mut Session, name: Sym, y: &K) -> Result {
    let all = domain(cx, name)?;
    cx.charge(1 + all.len() / 4 + y.len())?;
    if let K::Vec(Vector { data: Data::List(items), .. }) = y
        && all.ty().is_some_and(|ty| ty != Type::List)
    {
        if items.is_empty() {
            return Ok(K::empty(all.ty().unwrap_or(Type::Symbol)).with_attr(Attr::Domain(name)));
        }
        let lists = items.iter().map(|i| cx.deeper(|cx| enumerate(cx, name, i)));
        return Ok(K::list(lists.collect::<Result<Vec<_>>>()?));
    }
    let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let places = find(&all, y).map_err(|_| QError::new("cast"))?;
    let known = |place: &K, item: &K| place.as_long().is_some_and(|p| p < count) || is_null(item);
    let all_known = match &places {
        K::Atom(..) => known(&places, y),
        _ => places.items().zip(y.items()).all(|(place, item)| known(&place, &item)),
    };
    if !all_known {
        return Err(QError::new("cast"));
    }
    cx.domains.insert(name);
    Ok(y.clone().with_attr(Attr::Domain(name)))
}

/// `` `name?y ``: the same after the list got the items that it had not.
pub(super) fn extend(cx: &mut Session, name: Sym, y: &K) -> Result {
    let all = cx.global(name)?;
    if !matches!(all, K::Vec(_)) {
        return enumerate(cx, name, y);
    }
    let wanted = if y.is_atom() { y.clone().enlist() } else { y.clone() };
    if !all.is_empty() && wanted.ty() != all.ty() || wanted.ty() == Some(Type::List) {
        return Err(type_error());
    }
    cx.charge(1 + all.len() / 4 + wanted.len())?;
    let wanted = super::distinct(cx, wanted.with_attr(Attr::None))?;
    let missing = if all.is_empty() { wanted } else { super::sets::without(cx, &wanted, &all)? };
    if !missing.is_empty() {
        let grown = join::join(cx, all, missing)?;
        cx.store_global(name, grown)?;
    }
    cx.domains.insert(name);
    Ok(y.clone().with_attr(Attr::Domain(name)))
}

/// `` `name!y ``: items of a list, or links to rows of a table, by their numbers.
pub(super) fn by_number(cx: &mut Session, name: Sym, y: &K) -> Result {
    let numbers = match numbers(cx, y) {
        Some(numbers) => numbers?,
        None => y.clone(),
    };
    if !cx.globals.contains_key(&name) || ints(&numbers).is_none() {
        return Err(type_error());
    }
    match cx.global(name)? {
        all @ K::Vec(_) => {
            let Some(places) = ints(&numbers) else { return Err(type_error()) };
            let attr = Attr::Domain(name);
            match places {
                Column::Atom(at) => Ok(all.at(usize::try_from(at).unwrap_or(usize::MAX))),
                Column::Vec(places) => Ok(all.gather(&places).with_attr(attr)),
            }
        }
        K::Table(_) | K::Dict(_) => Ok(numbers.with_attr(Attr::Linked(name))),
        _ => Err(type_error()),
    }
}

/// The numbers that the items of an enumeration have in its list; `None` for what is none.
pub(super) fn numbers(cx: &mut Session, y: &K) -> Option<Result> {
    let K::Vec(Vector { attr: Attr::Domain(name), .. }) = y else { return None };
    Some(domain(cx, *name).and_then(|all| {
        let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let place = |k: K| k.as_long().filter(|p| *p < count).unwrap_or(i64::MIN);
        Ok(K::longs(find(&all, y)?.items().map(place).collect()))
    }))
}

/// Gives what is enumerated by a list the list's new items, when it has others at its places.
pub(crate) fn follow_change(cx: &mut Session, name: Sym, before: &K) -> Result<()> {
    let Some(now) = cx.globals.get(&name).cloned() else { return Ok(()) };
    let (Some(old), Some(new)) = (before.as_syms(), now.as_syms()) else { return Ok(()) };
    if new.starts_with(old) {
        return Ok(());
    }
    for value in cx.globals.values_mut() {
        if holds(value, name, LEVELS_MAX) {
            *value = renamed(value, name, (before, &now), LEVELS_MAX)?;
        }
    }
    Ok(())
}

/// Levels of lists in which enumerations follow their list.
const LEVELS_MAX: usize = 50;

/// Whether a value or a column or item of it is enumerated by a list.
fn holds(k: &K, name: Sym, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return false };
    formats::budget::step(1);
    match k {
        K::Vec(v) => {
            let within = |i: &K| holds(i, name, levels);
            v.attr == Attr::Domain(name)
                || matches!(&v.data, Data::List(items) if items.iter().any(within))
        }
        K::Table(t) => t.columns.iter().any(|c| holds(c, name, levels)),
        K::Dict(d) => holds(&d.keys, name, levels) || holds(&d.values, name, levels),
        K::Atom(..) | K::Func(_) | K::Null => false,
    }
}

/// The value with the items that a list has now at the places of those it had before.
fn renamed(k: &K, name: Sym, (before, now): (&K, &K), levels: usize) -> Result {
    let Some(levels) = levels.checked_sub(1) else { return Ok(k.clone()) };
    let each = |items: &[K]| {
        let items = items.iter().map(|i| renamed(i, name, (before, now), levels));
        items.collect::<Result<Vec<_>>>()
    };
    Ok(match k {
        K::Vec(v) if v.attr == Attr::Domain(name) => {
            let places = find(before, &k.clone().with_attr(Attr::None))?;
            let places = places.as_longs().unwrap_or_default();
            now.clone().with_attr(Attr::None).gather(places).with_attr(v.attr)
        }
        K::Vec(Vector { data: Data::List(items), .. }) => K::list(each(items)?),
        K::Table(t) => K::table(t.names.to_vec(), each(&t.columns)?)?,
        K::Dict(d) => {
            let mut parts = each(&[d.keys.clone(), d.values.clone()])?.into_iter();
            K::dict(parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        }
        other => other.clone(),
    })
}

/// The column of another table that the items of an enumeration or link stand for.
pub(super) fn follow(cx: &mut Session, x: &K, column: &K) -> Option<Result> {
    let K::Vec(Vector { attr, .. }) = x else { return None };
    let (table, places) = match *attr {
        Attr::Domain(name) => (name, numbers(cx, x)?),
        Attr::Linked(name) => (name, Ok(x.clone())),
        _ => return None,
    };
    Some(places.and_then(|places| {
        let table = cx.global(table)?;
        let flat = unkeyed(&table)?;
        let column = crate::eval::at(&flat, column)?;
        crate::eval::at(&column, &places.with_attr(Attr::None))
    }))
}

/// The table that a column's items are keys or rows of; the null symbol when there is none.
pub(super) fn foreign(cx: &Session, column: &K) -> Sym {
    let K::Vec(v) = column else { return Sym::default() };
    let is_table = |name: &Sym| match cx.globals.get(name) {
        Some(K::Table(_)) => true,
        Some(other) => other.keyed().is_some(),
        None => false,
    };
    v.attr.domain().filter(is_table).unwrap_or_default()
}

/// The columns of a table that refer to other tables, and those tables.
fn fkeys(cx: &mut Session, x: K) -> Result {
    let flat = unkeyed(&named(cx, x)?)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    let (mut columns, mut tables) = (Vec::new(), Vec::new());
    for (name, column) in t.iter() {
        let table = foreign(cx, column);
        if !table.is_null() {
            columns.push(name);
            tables.push(table);
        }
    }
    Ok(K::dict(K::syms(columns), K::syms(tables)))
}

pub(super) const VERBS: &[Verb] = &[Verb::word(
    "fkeys",
    Class::Other,
    fkeys,
    "The foreign keys of a table.",
    "q)f:([x:1 2 3]y:10 20 30)\nq)fkeys ([]a:`f$2 1;b:0 0)\na| f",
)];

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn items_of_a_list() {
        check(
            "q)s:`a`b`c\nq)e:`s$`b`a`b\nq)e\n`s$`b`a`b\nq)type e\n20h\nq)\"i\"$e\n1 0 1i\n\
             q)key e\n`s\nq)value e\n`b`a`b\nq)e 0 2\n`s$`b`b\nq)-1_e\n`s$`b`a\nq)`s$`z\n'cast\n\
             q)e=`b\n101b\nq)e,:`c\nq)e\n`s$`b`a`b`c\nq)e,:`z\n'cast\nq)e[0]:`c\nq)e\n\
             `s$`c`a`b`c\nq)e[1]:`z\n'cast\nq)e,`c\n`c`a`b`c`c\nq)e,e\n`s$`c`a`b`c`c`a`b`c\n\
             q)`s!2 0\n`s$`c`a\nq)s[0]:`o\nq)e\n\
             `s$`c`o`b`c\nq)s,:`new\nq)t:([]e:e)\nq)s[2]:`z\nq)exec e from t\n`s$`z`o`b`z\n\
             q)s:`a`b`c\nq)`s$()\n`s$`symbol$()\nq)-9!-8!e\n`c`a`b`c\nq)`none$`a\n'domain",
        )
        .unwrap();
    }

    #[test]
    fn a_list_grows_when_it_is_asked_to() {
        check(
            "q)s:`a`b\nq)`s?`b`c`a`c\n`s$`b`c`a`c\nq)s\n`a`b`c\nq)`s?`q\n`q\nq)s\n`a`b`c`q\n\
             q)e:()\nq)t:([]c:`e?`x`y`x)\nq)t\nc\n-\nx\ny\nx\nq)e\n`x`y\nq)meta t\n\
             c| t f a\n-| -----\nc| s\nq)`none?`a\n'none\nq)`s?1 2\n'type",
        )
        .unwrap();
    }

    #[test]
    fn keys_of_a_table() {
        check(
            "q)k:([id:1 2 3]n:`x`y`z;v:10 20 30)\nq)t:([]k:`k$3 1 3;q:1 2 3)\nq)meta t\n\
             c| t f a\n-| -----\nk| j k\nq| j\nq)select k.n,q from t\nn q\n---\nz 1\nx 2\nz 3\n\
             q)select sum q by k.n from t\nn| q\n-| -\nx| 2\nz| 4\n\
             q)select from t where k.v>15\nk q\n---\n3 1\n3 3\nq)`t insert (2;9)\n,3\nq)t.k\n\
             `k$3 1 3 2\nq)`t insert (7;9)\n'cast\nq)count t\n4\nq)exec k.v from t\n\
             30 10 30 20\nq)`k$1 4\n'cast\nq)fkeys t\nk| k",
        )
        .unwrap();
    }

    #[test]
    fn rows_of_a_table_that_is_linked() {
        check(
            "q)t:([]id:101 102 103;v:1 2 3)\nq)t:update p:`t!id?101 101 102 from t\nq)t\n\
             id  v p\n-------\n101 1 0\n102 2 0\n103 3 1\nq)select id,pid:p.id from t\n\
             id  pid\n-------\n101 101\n102 101\n103 102\nq)exec f from meta t\n```t",
        )
        .unwrap();
    }
}
