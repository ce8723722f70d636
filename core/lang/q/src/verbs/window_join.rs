//! Joins that look at a window of time, and joins that fill.

use super::dict::{key_by, unkeyed};
use super::joins::{as_of_filled, columns_of, plain};
use super::table::symbols;
use super::{Class, Verb, join};
use crate::error::{Result, length_error, rank_error, type_error};
use crate::kernel::asof::ByTime;
use crate::session::Session;
use formats::k::{K, Sym, Table};
use std::sync::Arc;

/// What is computed of the rows of a window: a function and the columns it takes.
struct Aggregate {
    f: K,
    columns: Vec<Sym>,
}

fn aggregates(items: &[K]) -> Result<Vec<Aggregate>> {
    let one = |k: &K| -> Result<Aggregate> {
        let mut parts = k.items();
        let f = parts.next().ok_or_else(rank_error)?;
        let columns =
            parts.map(|c| c.as_sym().ok_or_else(type_error)).collect::<Result<Vec<_>>>()?;
        if columns.is_empty() { Err(rank_error()) } else { Ok(Aggregate { f, columns }) }
    };
    items.iter().map(one).collect()
}

/// `wj[windows;columns;t;(q;(f;c);...)]`; with `before` a window also has the row that was the
/// latest when it begins.
fn window_join(cx: &mut Session, args: &[K], before: bool) -> Result {
    let [windows, names, x, right] = args else { return Err(rank_error()) };
    let names = symbols(names)?;
    let (from, to) = (windows.at(0), windows.at(1));
    let Some([right, items @ ..]) = right.as_list() else { return Err(type_error()) };
    let right = unkeyed(right)?;
    let K::Table(u) = &right else { return Err(type_error()) };
    let wanted = aggregates(items)?;
    let Some((_, exact)) = names.split_last() else { return Err(rank_error()) };
    let right = columns_of(u, &names)?;
    let Some((times, right)) = right.split_last() else { return Err(rank_error()) };
    plain(x, |_, t| {
        cx.charge(1 + 8 * (t.rows() + u.rows()))?;
        if from.len() != t.rows() || to.len() != t.rows() {
            return Err(length_error());
        }
        let by_time = ByTime::new((&columns_of(t, exact)?, t.rows()), (right, times))?;
        let found = by_time.windows(&from, &to, before);
        let mut out = t.clone();
        for Aggregate { f, columns } in &wanted {
            let taken = columns_of(u, columns)?;
            let mut values = Vec::with_capacity(found.len());
            for rows in &found {
                cx.charge(1 + rows.len())?;
                let args = taken.iter().map(|c| c.gather(rows)).collect();
                values.push(cx.call(f, args)?);
            }
            let name = columns.last().copied().unwrap_or_default();
            out = join::with_column(&out, name, K::collapse(values));
        }
        Ok(K::Table(Arc::new(out)))
    })
}

fn wj(cx: &mut Session, args: Vec<K>) -> Result {
    window_join(cx, &args, true)
}

fn wj1(cx: &mut Session, args: Vec<K>) -> Result {
    window_join(cx, &args, false)
}

fn ajf(cx: &mut Session, args: Vec<K>) -> Result {
    as_of_filled(cx, args, true)
}

fn ajf0(cx: &mut Session, args: Vec<K>) -> Result {
    as_of_filled(cx, args, false)
}

/// The columns of `joined` filled with those of `own` where both have one.
fn filled(cx: &mut Session, own: &Table, joined: &K) -> Result {
    let K::Table(t) = joined else { return Err(type_error()) };
    let mut out = Table::clone(t);
    for (name, column) in own.iter() {
        if let Some(new) = t.column(name) {
            let column = cx.call2(&super::value("^"), column.clone(), new.clone())?;
            out = join::with_column(&out, name, column);
        }
    }
    Ok(K::Table(Arc::new(out)))
}

fn ljf(cx: &mut Session, x: K, y: K) -> Result {
    plain(&x, |flat, t| {
        let joined = super::joins::lj(cx, flat.clone(), y)?;
        filled(cx, t, &joined)
    })
}

fn ijf(cx: &mut Session, x: K, y: K) -> Result {
    let (keys, _) = y.keyed().ok_or_else(type_error)?;
    plain(&x, |flat, t| {
        let rows = super::joins::known(flat, keys)?;
        let kept = t.gather(&rows);
        let joined = super::joins::ij(cx, flat.clone(), y.clone())?;
        filled(cx, &kept, &joined)
    })
}

fn ujf(cx: &mut Session, x: K, y: K) -> Result {
    let Some((keys, _)) = x.keyed() else { return super::joins::uj(cx, x, y) };
    let count = keys.names.len();
    let (left, right) = super::joins::widened(&unkeyed(&x)?, &unkeyed(&y)?)?;
    let (left, right) = (key_by(&left, count)?, key_by(&right, count)?);
    let joined = super::upsert::keyed(cx, left.clone(), &right)?;
    let K::Dict(all) = &joined else { return Err(type_error()) };
    let own = crate::eval::at(&left, &all.keys)?;
    let K::Table(own) = &own else { return Err(type_error()) };
    Ok(K::dict(all.keys.clone(), filled(cx, own, &all.values)?))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::function(
        "wj",
        (4, 4),
        wj,
        "Aggregates of the rows in a window of time, and of the latest one before.",
        "q)t:([]time:4 8)\nq)q:([]time:1 5 7;ask:3 9 5)\n\
         q)wj[-1 1+\\:t.time;`time;t;(q;(max;`ask);(::;`ask))]\n\
         time ask\n--------\n4    3 9\n8    ,5",
    ),
    Verb::function(
        "wj1",
        (4, 4),
        wj1,
        "Aggregates of the rows in a window of time.",
        "q)t:([]time:4 8)\nq)q:([]time:1 5 7;ask:3 9 5)\n\
         q)wj1[-1 1+\\:t.time;`time;t;(q;(max;`ask))]\ntime ask\n--------\n4    9\n8    5",
    ),
    Verb::function(
        "ajf",
        (3, 3),
        ajf,
        "As aj, but nulls are filled from the left.",
        "q)ajf[`t;([]t:2 5;v:7 8);([]t:1 4;v:0N 3)]\nt v\n---\n2 7\n5 3",
    ),
    Verb::function(
        "ajf0",
        (3, 3),
        ajf0,
        "As ajf, with the time of the row that was found.",
        "q)ajf0[`t;([]t:2 5;v:7 8);([]t:1 4;v:0N 3)]\nt v\n---\n1 7\n4 3\n\
         q)ajf0[`t;([]t:0 5;v:7 8);([]t:1 4;v:0N 3)]\nt v\n---\n0 7\n4 3",
    ),
    Verb::infix(
        "ljf",
        Class::Other,
        ljf,
        "As lj, but nulls are filled from the left.",
        "q)([]k:`a`b;v:1 2) ljf ([k:`a`b]v:0N 20)\nk v\n----\na 1\nb 20",
    ),
    Verb::infix(
        "ijf",
        Class::Other,
        ijf,
        "As ij, but nulls are filled from the left.",
        "q)([]k:`a`b`c;v:1 2 3) ijf ([k:`c`b]v:0N 20)\nk v\n----\nb 20\nc 3",
    ),
    Verb::infix(
        "ujf",
        Class::Other,
        ujf,
        "As uj, but nulls are filled from the left.",
        "q)([k:`a`b]v:1 2) ujf ([k:`a`c]v:0N 3)\nk| v\n-| -\na| 1\nb| 2\nc| 3",
    ),
];

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    const TRADES: &str = "q)t:([]sym:3#`ibm;time:1 4 8;price:100 101 105)\n\
        q)q:([]sym:`ibm;time:1+til 9;ask:101 103 103 104 104 107 108 107 108)\n";

    #[test]
    fn windows_are_of_each_group_and_include_their_ends() {
        let text = "q)w:-2 1+\\:t.time\n\
             q)wj[1_w;`sym`time;t;(q;(max;`ask))]\n'length\n\
             q)wj1[w;`sym`time;t;(q;(count;`ask))]\nsym time price ask\n------------------\n\
             ibm 1    100   2\nibm 4    101   4\nibm 8    105   4\n\
             q)wj1[w;`sym`time;update sym:`x from t;(q;(count;`ask))]`ask\n0 0 0\n\
             q)wj[w;`sym`time;t;(q;(wavg;`time;`ask))]`ask\n102.3333 103.6429 107.5333\n";
        check(&format!("{TRADES}{text}")).unwrap();
    }
}
