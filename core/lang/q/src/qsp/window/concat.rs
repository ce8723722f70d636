//! Records end to end, however many pieces they come in.

use super::join_records;
use crate::error::Result;
use crate::session::Session;
use crate::verbs::join;
use formats::k::{Attr, Data, K, Table, Type, Vector};
use std::sync::Arc;

/// Pieces of records as one; `None` when there are none. Where all are tables with the same
/// columns, or vectors of one type, each record is copied once, and one piece is not copied.
pub(in crate::qsp) fn concat(cx: &mut Session, pieces: Vec<K>, mixed: bool) -> Result<Option<K>> {
    if pieces.len() > 1
        && let Some(whole) = at_once(cx, &pieces)?
    {
        return Ok(Some(whole));
    }
    let mut pieces = pieces.into_iter();
    let Some(mut all) = pieces.next() else { return Ok(None) };
    for piece in pieces {
        all = join_records(cx, all, piece, mixed)?;
    }
    Ok(Some(all))
}

/// Like pieces as one.
fn at_once(cx: &mut Session, pieces: &[K]) -> Result<Option<K>> {
    let Some(K::Table(first)) = pieces.first() else {
        return column(cx, &pieces.iter().collect::<Vec<_>>());
    };
    let mut tables: Vec<&Table> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            K::Table(t) if t.names == first.names => tables.push(t),
            _ => return Ok(None),
        }
    }
    let mut columns = Vec::with_capacity(first.columns.len());
    for at in 0..first.columns.len() {
        let all: Vec<&K> = tables.iter().filter_map(|table| table.columns.get(at)).collect();
        match column(cx, &all)? {
            Some(column) => columns.push(column),
            None => return Ok(None),
        }
    }
    Ok(Some(K::Table(Arc::new(Table { names: Arc::clone(&first.names), columns }))))
}

/// Vectors of one type as one. General lists are another matter: of what they hold depends whether
/// they stay such.
fn column(cx: &mut Session, all: &[&K]) -> Result<Option<K>> {
    let Some(K::Vec(first)) = all.first() else { return Ok(None) };
    let mut vectors: Vec<&Vector> = Vec::with_capacity(all.len());
    for k in all {
        match k {
            K::Vec(v) if v.ty == first.ty && v.ty != Type::List => vectors.push(v),
            _ => return Ok(None),
        }
    }
    let mut attr = first.attr;
    if matches!(attr, Attr::Unique | Attr::Parted) {
        return Ok(None);
    }
    for pair in vectors.windows(2) {
        let [before, next] = pair else { continue };
        if attr == Attr::None {
            break;
        }
        // It is as if what comes before were one vector: only its last item matters.
        let before = Vector { attr, ..Vector::clone(before) };
        attr = join::kept(cx, &before, || next.data.clone())?;
    }
    cx.room(vectors.iter().map(|v| v.data.len()).sum())?;
    let data = Data::concat(&vectors.iter().map(|v| &v.data).collect::<Vec<_>>());
    Ok(data.map(|data| K::Vec(Vector { ty: first.ty, attr, data })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Options;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_at_once_are_what_they_are_one_by_one(
            pieces in prop::collection::vec(
                (0usize..4, prop::collection::vec(-3i64..9, 1..5)), 1..6),
            kinds in 1usize..5,
        ) {
            let mut cx = Session::new(Options::default());
            let items = |kind: usize, items: &[i64]| {
                let longs = K::longs(items.to_vec());
                let ascend = items.is_sorted();
                match kind % kinds {
                    0 if ascend => longs.with_attr(Attr::Sorted),
                    1 => K::floats(items.iter().map(|x| *x as f64).collect()),
                    2 => K::list(items.iter().map(|x| K::long(*x)).collect()),
                    3 => longs.with_attr(Attr::Grouped),
                    _ => longs,
                }
            };
            let table = |(kind, rows): &(usize, Vec<i64>)| {
                let names = vec!["t".into(), "v".into()];
                K::table(names, vec![items(0, rows), items(*kind, rows)]).unwrap()
            };
            let vectors: Vec<K> = pieces.iter().map(|(kind, rows)| items(*kind, rows)).collect();
            let tables: Vec<K> = pieces.iter().map(table).collect();
            for pieces in [vectors, tables] {
                let mut want = pieces[0].clone();
                for piece in &pieces[1..] {
                    want = join::join(&mut cx, want, piece.clone()).unwrap();
                }
                let got = concat(&mut cx, pieces, false).unwrap().unwrap();
                prop_assert_eq!(&got, &want);
                prop_assert_eq!(attributes(&got), attributes(&want));
            }
        }
    }

    fn attributes(k: &K) -> Vec<Attr> {
        match k {
            K::Vec(v) => vec![v.attr],
            K::Table(t) => t.columns.iter().flat_map(attributes).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn one_piece_is_not_copied() {
        let mut cx = Session::new(Options::default());
        let piece = K::longs(vec![1, 2, 3]);
        let place = |k: &K| k.as_longs().unwrap().as_ptr();
        let whole = concat(&mut cx, vec![piece.clone()], false).unwrap().unwrap();
        assert_eq!(place(&whole), place(&piece));
        assert_eq!(concat(&mut cx, Vec::new(), false).unwrap(), None);
    }
}
