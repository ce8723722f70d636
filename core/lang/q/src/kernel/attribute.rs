//! Attributes of lists: what they promise, and who may have which.

use super::asof::halved;
use super::group::groups;
use super::{bin, order};
use crate::error::{QError, Result, length_error, type_error};
use formats::k::{Attr, Dict, K, Table, Type};
use std::cmp::Ordering;
use std::sync::Arc;

/// The value with the attribute of a letter; without any for no letter.
///
/// # Errors
/// `s-fail` and `u-fail` for a promise that does not hold, `type` where it means nothing.
pub(crate) fn set(letter: &str, y: &K) -> Result {
    match (letter, y) {
        ("", K::Vec(_)) => Ok(y.clone().with_attr(Attr::None)),
        ("", K::Dict(d)) => Ok(K::dict(without(&d.keys), d.values.clone())),
        ("", K::Table(t)) => Ok(K::Table(Arc::new(bare(t)))),
        ("s", K::Vec(_)) => Ok(ascending(y)?.clone().with_attr(Attr::Sorted)),
        ("s", K::Dict(d)) => {
            Ok(K::sorted_dict(marked(ascending(&d.keys)?, Attr::Sorted), d.values.clone()))
        }
        ("s", K::Table(t)) => {
            ascending_rows(t)?;
            Ok(K::Table(Arc::new(sorted_table(t))))
        }
        ("u" | "p" | "g", K::Dict(d)) => Ok(K::dict(set(letter, &d.keys)?, d.values.clone())),
        ("u" | "p" | "g", K::Vec(v)) => listed(letter, v.ty, y),
        ("s" | "u" | "p" | "g", K::Atom(..)) => Ok(y.clone()),
        _ => Err(type_error()),
    }
}

fn listed(letter: &str, ty: Type, y: &K) -> Result {
    let broken = || QError::new("u-fail");
    match letter {
        "u" if groups(y)?.firsts.len() != y.len() => Err(broken()),
        "u" => Ok(y.clone().with_attr(Attr::Unique)),
        _ if ty == Type::List => Err(type_error()),
        "p" => {
            let groups = groups(y)?;
            let runs = groups.ids.chunk_by(|a, b| a == b).count();
            if runs != groups.firsts.len() {
                return Err(broken());
            }
            Ok(y.clone().with_attr(Attr::Parted))
        }
        _ => Ok(y.clone().with_attr(Attr::Grouped)),
    }
}

/// A table whose rows ascend, which its first column says: alone it is sorted, else parted.
pub(crate) fn sorted_table(t: &Table) -> Table {
    let attr = if t.columns.len() == 1 { Attr::Sorted } else { Attr::Parted };
    let mut out = t.clone();
    if let Some(first) = out.columns.first_mut() {
        *first = std::mem::take(first).with_attr(attr);
    }
    out
}

fn marked(k: &K, attr: Attr) -> K {
    match k {
        K::Table(t) => K::Table(Arc::new(sorted_table(t))),
        _ => k.clone().with_attr(attr),
    }
}

fn without(k: &K) -> K {
    match k {
        K::Table(t) => K::Table(Arc::new(bare(t))),
        _ => k.clone().with_attr(Attr::None),
    }
}

/// A table whose columns have no attributes.
pub(crate) fn bare(t: &Table) -> Table {
    let columns = t.columns.iter().map(|c| c.clone().with_attr(Attr::None)).collect();
    Table { names: Arc::clone(&t.names), columns }
}

fn ascending(k: &K) -> Result<&K> {
    if let K::Table(t) = k {
        ascending_rows(t)?;
        return Ok(k);
    }
    if order::is_ascending(k) { Ok(k) } else { Err(QError::new("s-fail")) }
}

fn ascending_rows(t: &Arc<Table>) -> Result<()> {
    let rows = K::Table(Arc::clone(t));
    let places = order::ascending(&rows)?;
    if places.is_sorted() { Ok(()) } else { Err(QError::new("s-fail")) }
}

/// The values that a dictionary with sorted keys has for a key, or for several: those of the last
/// key that is not greater.
pub(crate) fn step(d: &Dict, index: &K) -> Result {
    let places = match &d.keys {
        K::Table(t) => {
            let [column] = t.columns.as_slice() else { return rows_step(t, d, index) };
            let index = match index {
                K::Table(rows) => rows.columns.first().cloned().unwrap_or_default(),
                K::Dict(row) => row.values.at(0),
                other => other.clone(),
            };
            bin::bin(column, &index, false)?
        }
        keys => bin::bin(keys, index, false)?,
    };
    crate::eval::at(&d.values, &places)
}

/// The same for keys of several columns: of the rows with equal first columns the last one whose
/// last column is not greater.
fn rows_step(t: &Table, d: &Dict, index: &K) -> Result {
    let place = |row: K| row_place(t, &row.items().collect::<Vec<_>>());
    let places = match index {
        K::Table(rows) => K::longs(rows_of(rows).map(place).collect::<Result<_>>()?),
        K::Dict(row) => K::long(place(row.values.clone())?),
        K::Vec(v) if v.ty == Type::List && v.iter().all(|row| !row.is_atom()) => {
            K::longs(v.iter().map(place).collect::<Result<_>>()?)
        }
        row => K::long(place(row.clone())?),
    };
    crate::eval::at(&d.values, &places)
}

/// The last row of a sorted table with equal first columns whose last column is not greater; -1
/// when there is none.
///
/// # Errors
/// There are not as many values as columns.
fn row_place(t: &Table, key: &[K]) -> Result<i64> {
    if key.len() != t.columns.len() {
        return Err(length_error());
    }
    let parts = || t.columns.iter().zip(key);
    let order = |at: usize| {
        let mut orders = parts().map(|(column, k)| order::values(&column.at(at), k));
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let Some(at) = halved(0, t.rows(), |at| order(at).is_le()).checked_sub(1) else {
        return Ok(-1);
    };
    let exact = parts().take(key.len().saturating_sub(1)).all(|(column, k)| column.at(at) == *k);
    Ok(if exact { at as i64 } else { -1 })
}

fn rows_of(t: &Table) -> impl Iterator<Item = K> + '_ {
    (0..t.rows()).map(|at| K::list(t.columns.iter().map(|c| c.at(at)).collect()))
}

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn promises_are_checked() {
        check(
            "q)`s#3 1\n's-fail\nq)`u#1 1\n'u-fail\nq)`p#1 2 1\n'u-fail\n\
             q)`p#2 2 1 1\n`p#2 2 1 1\nq)`g#(1;`a)\n'type\nq)`#`s#1 2\n1 2\nq)attr `u#1 2\n`u\n\
             q)attr (`u#1 2),3\n`u\nq)attr (`u#1 2),2\n`\nq)attr (`g#1 2),2\n`g\n\
             q)attr (`s#1 2),1\n`\nq)attr (`s#1 2),3\n`s\nq)attr (`p#1 2),3\n`",
        )
        .unwrap();
    }

    #[test]
    fn sorted_keys_find_the_one_below() {
        check(
            "q)d:`s#10 20 30!`a`b`c\nq)d 5 10 25 99\n``a`b`c\nq)type d\n127h\nq)attr d\n`s\n\
             q)d[10]:`z\nq)type d\n99h\n\
             q)k:`s#([s:`a`a`b;t:1 5 2]v:10 20 30)\nq)k[(`a;4)]\nv| 10\n\
             q)`s#2 1!`a`b\n's-fail\nq)attr `#d\n`",
        )
        .unwrap();
    }

    #[test]
    fn sorted_rows_find_the_one_below_also_when_there_are_many() {
        let keys = "q)k:`s#([s:`a`a`b`b;t:1 5 2 2]v:10 20 30 40)\n";
        let text = "q)exec v from k ([]s:`a`a`a`b`b`c`;t:0 4 9 1 2 9 1)\n0N 10 20 0N 40 0N 0N\n\
             q)k`a\n'length\nq)k[(`a;1;2)]\n'length\nq)k(`a;0N)\nv|\n";
        // Looked at one by one these would be 2.5 thousand million.
        let many = "q)n:50000\nq)k:`s#([s:n#`a;t:til n]v:til n)\n\
             q)sum exec v from k ([]s:n#`a`z;t:n#n)\n1249975000\n";
        check(&format!("{keys}{text}{many}")).unwrap();
    }

    #[test]
    fn rows_put_in_place_keep_what_holds() {
        check(
            "q)t:([]a:`s#1 2;b:`g#`x`y;c:`u#1 2)\nq)`t upsert (3;`z;3)\n`t\n\
             q)exec a from meta t\n`s`g`u\nq)t,:([]a:3 2;b:`x`x;c:4 5)\n\
             q)exec a from meta t\n``g`\nq)`t insert (9;`y;9)\n,5\nq)attr t`b\n`g\n\
             q)k:([a:`u#1 2]b:`s#1 2;c:`g#3 4)\nq)`k upsert (3;4;5)\n`k\n\
             q)exec a from meta k\n`u`s`g\nq)`k upsert ([]a:4 5;b:4 6;c:1 2)\n`k\n\
             q)exec a from meta k\n`u`s`g\nq)`k upsert (1;5;6)\n`k\n\
             q)exec a from meta k\n`u``\nq)k,:(9;9;9)\nq)attr key[k]`a\n`u",
        )
        .unwrap();
        check(
            "q)p:([a:`p#1 1 2;b:`s#1 2 3]v:1 2 3)\nq)`p upsert (1;1;9)\n`p\n\
             q)exec a from meta p\n`p`s`\nq)`p upsert (1;4;9)\n`p\n\
             q)exec a from meta p\n``s`\nq)l:`u#(1 2;3 4)\nq)l,:1 2\nq)attr l\n`",
        )
        .unwrap();
    }

    #[test]
    fn joins_that_leave_rows_out_keep_no_attributes() {
        let text = "q)t:([]a:`s#1 2;b:`g#`x`y)\nq)k:([a:1 2 3]c:`s#4 5 6)\n\
             q)exec a from meta t ij k\n```\nq)exec a from meta t lj k\n`s`g`\n\
             q)exec a from meta aj[`a;t;0!k]\n`s`g`";
        check(text).unwrap();
    }

    #[test]
    fn sorting_tables_marks_a_column() {
        check(
            "q)exec a from meta asc ([]a:3 4 1;b:`a`d`s)\n`p`\n\
             q)exec a from meta asc ([]a:3 4 1)\n,`s\n\
             q)exec a from meta `b xasc ([]a:3 4 1;b:`c`b`d)\n``s\n\
             q)exec a from meta `s#([]a:1 2;b:3 4)\n`p`",
        )
        .unwrap();
    }
}
