//! `f/` and `f\`: folding, repeating, converging.

use crate::error::{Result, length_error, rank_error};
use crate::func::Fun;
use crate::lex::Adverb;
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Type};

/// The last of what [`scan`] gives.
pub(crate) fn over(cx: &mut Session, f: &K, args: Vec<K>) -> Result {
    accumulate(cx, f, args, false)
}

/// The results of applying a function again and again: to a list's items in turn, a number of
/// times, while a condition holds, or until nothing changes.
pub(crate) fn scan(cx: &mut Session, f: &K, args: Vec<K>) -> Result {
    accumulate(cx, f, args, true)
}

fn accumulate(cx: &mut Session, f: &K, args: Vec<K>, all: bool) -> Result {
    // A fold is applied to one argument again and again, as in `,//`.
    let folds = matches!(Fun::of(f), Some(Fun::Derived(Adverb::Over | Adverb::Scan, _)));
    let unary = folds || Fun::rank(f) < 2;
    let count = args.len();
    if count == 2 && f.ty().is_some_and(|ty| matches!(ty, Type::Real | Type::Float)) {
        return weighted(cx, f, args, all);
    }
    let mut args = args.into_iter();
    match (unary, args.next(), args.next(), count) {
        (true, Some(x), None, 1) => converge(cx, f, x, all),
        (true, Some(n), Some(x), 2) => repeat(cx, f, &n, x, all),
        (false, Some(x), None, 1) => fold(cx, f, x, all),
        (false, Some(x), Some(y), 2) => {
            let items = vec![y];
            fold_from(cx, f, x, &items, all)
        }
        (_, Some(x), Some(y), _) => {
            let items: Vec<K> = std::iter::once(y).chain(args).collect();
            fold_from(cx, f, x, &items, all)
        }
        _ => Err(rank_error()),
    }
}

/// `x w\y`: each result is the one before times a weight, and an item more.
#[cold]
fn weighted(cx: &mut Session, weights: &K, args: Vec<K>, all: bool) -> Result {
    let mut args = args.into_iter();
    let mut state = args.next().unwrap_or_default();
    let items = args.next().unwrap_or_default();
    if !weights.is_atom() && weights.len() != items.len() {
        return Err(length_error());
    }
    let mut out = Vec::new();
    for (row, item) in items.items().enumerate() {
        cx.charge(1)?;
        let weight = if weights.is_atom() { weights.clone() } else { weights.at(row) };
        let before = verbs::multiply(cx, state, weight)?;
        state = verbs::plus(cx, before, item)?;
        if all {
            out.push(state.clone());
        }
    }
    Ok(match (all, items.is_atom()) {
        (true, false) => K::collapse(out),
        _ => state,
    })
}

/// A fold that begins with the first item.
fn fold(cx: &mut Session, f: &K, x: K, all: bool) -> Result {
    let (keys, x) = match x {
        K::Dict(d) => (Some(d.keys.clone()), d.values.clone()),
        x => (None, x),
    };
    if x.is_atom() {
        return Ok(x);
    }
    if let Some(result) = verbs::fold_kernel(cx, f, &x, all) {
        let result = result?;
        return Ok(match keys {
            Some(keys) if all => K::dict(keys, result),
            _ => result,
        });
    }
    if x.is_empty() {
        return Ok(if all { x } else { verbs::fold_identity(f, &x) });
    }
    let mut state = x.at(0);
    if all && state.is_atom() && Fun::verb(f).is_some_and(|v| v.name == ",") {
        // A list is what joins begin with.
        state = state.enlist();
    }
    let mut out = if all { vec![state.clone()] } else { Vec::new() };
    for i in 1..x.len() {
        cx.charge(1)?;
        state = cx.call2(f, state, x.at(i))?;
        if all {
            out.push(state.clone());
        }
    }
    let result = if all { K::collapse(out) } else { state };
    Ok(match keys {
        Some(keys) if all => K::dict(keys, result),
        _ => result,
    })
}

/// A fold that begins with a value, over the items of one or more lists.
fn fold_from(cx: &mut Session, f: &K, mut state: K, lists: &[K], all: bool) -> Result {
    let rows = lists.iter().filter(|l| !l.is_atom()).map(K::len).next();
    if lists.iter().any(|l| !l.is_atom() && Some(l.len()) != rows) {
        return Err(length_error());
    }
    let Some(rows) = rows else {
        let args = std::iter::once(state).chain(lists.iter().cloned()).collect();
        return cx.call(f, args);
    };
    let mut out = Vec::new();
    for row in 0..rows {
        cx.charge(1)?;
        let mut args = Vec::with_capacity(lists.len() + 1);
        args.push(std::mem::take(&mut state));
        args.extend(lists.iter().map(|l| if l.is_atom() { l.clone() } else { l.at(row) }));
        state = cx.call(f, args)?;
        if all {
            out.push(state.clone());
        }
    }
    Ok(if all { K::collapse(out) } else { state })
}

/// Applies a function until its result is the one before or the very first.
fn converge(cx: &mut Session, f: &K, x: K, all: bool) -> Result {
    let first = x.clone();
    let mut state = x;
    let mut out = vec![state.clone()];
    loop {
        cx.charge(1)?;
        let next = cx.call1(f, state.clone())?;
        if cx.matches(&next, &state)? || cx.matches(&next, &first)? {
            return Ok(if all { K::collapse(out) } else { state });
        }
        if all {
            cx.more(out.len(), 1)?;
            out.push(next.clone());
        }
        state = next;
    }
}

/// Applies a function a number of times, or while a condition holds for its result.
fn repeat(cx: &mut Session, f: &K, n: &K, x: K, all: bool) -> Result {
    let mut state = x;
    let mut out = vec![state.clone()];
    let times = n.as_long();
    let mut done = 0;
    loop {
        cx.charge(1)?;
        let more = match times {
            Some(times) => done < times,
            None => {
                let holds = cx.call1(n, state.clone())?;
                crate::eval::truth(&holds)?
            }
        };
        if !more {
            return Ok(if all { K::collapse(out) } else { state });
        }
        state = cx.call1(f, state)?;
        if all {
            cx.more(out.len(), 1)?;
            out.push(state.clone());
        }
        done += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn scans_may_be_long() {
        check("q)last {x+1}\\[200000;0]\n200000\nq)count {x<200000}{x+1}\\0\n200001").unwrap();
        check("q)count {x&1+y}[200000]\\[0]\n200001").unwrap();
    }
    #[test]
    fn joins_begin_with_a_list() {
        check("q)(,\\)2 3 4\n,2\n2 3\n2 3 4\nq){x,y}\\[2 3]\n2\n2 3\nq)1,\\2 3\n1 2\n1 2 3")
            .unwrap();
        check("q)(,\\)(1 2;3)\n1 2\n1 2 3\nq)(,/)2 3 4\n2 3 4").unwrap();
    }

    #[test]
    fn numbers_scan_as_weights() {
        check(
            "q)a:1000f;b:1 2 3 4f;c:5 6 7 8f\nq)a b\\c\n1005 2016 6055 24228f\n\
             q)1 (.5)\\1 2 3\n1.5 2.75 4.375\nq)a b/c\n24228f",
        )
        .unwrap();
    }
}
