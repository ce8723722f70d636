//! The records of a window on their way to a function that takes them in pieces: what it computes
//! of them needs no copy that has them end to end.

use super::build::Node;
use super::stage::calls_with_data;
use super::window::concat;
use crate::error::Result;
use crate::session::Session;
use crate::sql::{Pieced, same_columns};
use formats::k::{Function, K, Table};
use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// Tables that belong together, in order. Only what has said that it takes pieces sees one.
#[derive(Clone, Debug)]
pub(crate) struct Pieces(Vec<K>);

impl Function for Pieces {
    fn code(&self) -> i8 {
        112
    }
    fn source(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"pieces")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn tables(pieces: &[K]) -> Option<Vec<&Table>> {
    fn table(piece: &K) -> Option<&Table> {
        match piece {
            K::Table(table) => Some(table.as_ref()),
            _ => None,
        }
    }
    pieces.iter().map(table).collect()
}

impl Pieces {
    /// Records in pieces as a value, if they are tables with the same columns.
    pub(crate) fn join(pieces: Vec<K>) -> Option<K> {
        let same = tables(&pieces).is_some_and(|tables| same_columns(&tables));
        same.then(|| K::Func(Arc::new(Self(pieces))))
    }

    fn of(data: &K) -> Option<&Self> {
        match data {
            K::Func(f) => f.as_any().downcast_ref(),
            _ => None,
        }
    }
}

/// Data as everybody takes it.
pub(super) fn whole(cx: &mut Session, data: K) -> Result {
    match Pieces::of(&data) {
        Some(Pieces(pieces)) => Ok(concat(cx, pieces.clone(), false)?.unwrap_or_default()),
        None => Ok(data),
    }
}

/// The query that an operator's function is, if it is one that takes pieces.
pub(super) fn query(node: &Node) -> Option<Pieced> {
    node.func.as_ref().filter(|_| calls_with_data(node)).and_then(Pieced::of)
}

/// The result of such a query, if data is in pieces and needs not be put together for it.
pub(super) fn result(cx: &mut Session, query: Option<&Pieced>, data: &K) -> Option<K> {
    let Pieces(pieces) = Pieces::of(data)?;
    query?.run(cx, &tables(pieces)?)
}

#[cfg(test)]
mod tests {
    use super::super::build::{Node, load};
    use super::super::run::Runner;
    use super::super::stage::Output;
    use super::*;
    use crate::session::Options;
    use formats::k::Sym;
    use proptest::prelude::*;

    const SUM: &str = "{select v:sum v,t:last t by s from x}";

    fn nodes(window: &str, map: &str) -> Vec<Node> {
        let spec = format!(
            ".qsp.run .qsp.read.fromCallback[`p] .qsp.window.{window} .qsp.map[{map}] \
             .qsp.write.toVariable[`v]"
        );
        load(&spec).unwrap().nodes
    }

    /// What comes of batches, and how many windows were in pieces.
    fn run(nodes: &[Node], batches: &[K], apart: bool) -> (Vec<K>, usize) {
        let mut cx = Session::new(Options::default());
        let mut window = Runner::new(nodes[1].clone()).unwrap();
        let mut map = Runner::new(nodes[2].clone()).unwrap();
        assert!(map.takes_pieces() && !window.takes_pieces());
        if apart {
            window.give_pieces();
        }
        let mut made = Output::new();
        for batch in batches {
            window.batch(&mut cx, K::Null, batch.clone(), &mut made).unwrap();
        }
        window.finish(&mut cx, &mut made).unwrap();
        let (mut out, mut count) = (Output::new(), 0);
        for (metadata, data) in made {
            count += usize::from(Pieces::of(&data).is_some());
            map.batch(&mut cx, metadata, data, &mut out).unwrap();
        }
        (out.into_iter().flat_map(|(metadata, data)| [metadata, data]).collect(), count)
    }

    /// A batch of so many records from a time on, with as many columns of texts.
    fn batch(start: i64, step: i64, count: usize, texts: usize) -> K {
        let each = || 0..count as i64;
        let symbols = each().map(|n| Sym::new(["a", "b", "c"][(n * n % 3) as usize]));
        let columns = vec![
            K::longs(each().map(|n| start + n * step).collect()),
            K::syms(symbols.collect()),
            K::floats(each().map(|n| n as f64 / 3.0).collect()),
        ];
        let names = ["t", "s", "v", "w"].into_iter().take(3 + texts).map(Sym::new).collect();
        let texts = vec![K::list(each().map(|_| K::str("x")).collect()); texts];
        K::table(names, [columns, texts].concat()).unwrap()
    }

    proptest! {
        #[test]
        fn windows_in_pieces_give_what_they_give_as_one(
            batches in prop::collection::vec((0i64..40, 0i64..3, 0usize..1500), 1..12),
            options in prop::sample::select(vec![
                "tumbling[1000;`t]", "sliding[1000;3000;`t]",
                "tumbling[1000;`t;.qsp.use (enlist`sort)!enlist 1b]",
                "tumbling[1000;`t;.qsp.use (enlist`passthrough)!enlist 1b]",
                "tumbling[1000;`t;.qsp.use (enlist`lateness)!enlist 500]",
                "tumbling[1000;`t;.qsp.use (enlist`mixedSchemas)!enlist 1b]",
            ]),
            texts in 0usize..2,
        ) {
            let nodes = nodes(options, SUM);
            let mut base = 0;
            let batches: Vec<K> = batches.into_iter().map(|(ahead, step, count)| {
                base += 20 * ahead - 100;
                let made = batch(base, step, count, texts);
                base += step * count as i64;
                made
            }).collect();
            let bytes = |k: &K| crate::kernel::group::bytes(k).unwrap();
            let (apart, one) = (run(&nodes, &batches, true).0, run(&nodes, &batches, false).0);
            prop_assert_eq!(apart.len(), one.len());
            for (a, b) in apart.iter().zip(&one) {
                prop_assert_eq!(bytes(a), bytes(b));
            }
        }
    }

    #[test]
    fn large_batches_stay_apart() {
        let batches: Vec<K> = (0..5).map(|n| batch(n * 400, 0, 900, 0)).collect();
        let count = |map: &str| run(&nodes("tumbling[1000;`t]", map), &batches, true).1;
        assert_eq!(count(SUM), 2, "three in the first window, two in the second");
        // Two types in one column need the usual way.
        let mut mixed = batches;
        let K::Table(table) = &mixed[1] else { panic!() };
        let mut table = Table::clone(table);
        table.columns[2] = K::longs(vec![1; 900]);
        mixed[1] = K::Table(Arc::new(table));
        let nodes = nodes("tumbling[1000;`t]", SUM);
        let (apart, one) = (run(&nodes, &mixed, true), run(&nodes, &mixed, false));
        assert_eq!((apart.0, apart.1, one.1), (one.0, 2, 0));
    }

    #[test]
    fn somebody_who_watches_sees_records() {
        let nodes = nodes("tumbling[1000;`t]", SUM);
        let mut cx = Session::new(Options::default());
        cx.eval(".qsp.enableDataTracing[]", "test").unwrap();
        let mut window = Runner::new(nodes[1].clone()).unwrap();
        window.give_pieces();
        let mut made = Output::new();
        for n in 0..3 {
            window.batch(&mut cx, K::Null, batch(n * 500, 0, 900, 0), &mut made).unwrap();
        }
        let [(_, K::Table(table))] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!(table.rows(), 1800);
    }
}
