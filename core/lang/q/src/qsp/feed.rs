//! Functions that do nothing but put each row that they get into a table, as those of feeds do:
//! `{`t upsert x; 0b}`, `{`t insert x; 0b}`. Rows that come together are put together, and nobody
//! can tell.

use crate::ast::{Expr, Node};
use crate::error::Result;
use crate::func::Fun;
use crate::session::Session;
use crate::verbs::upsert::upsert_each;
use formats::k::{K, Sym, Type};

/// What such a function does, but for the value that it gives.
pub(super) struct Feed {
    table: Sym,
    /// Whether it inserts: a table with keys then refuses those that it has.
    inserts: bool,
    /// The items of a list that are a row, where these are not all of them.
    order: Option<Vec<usize>>,
}

impl Feed {
    /// What a function does that gives a false atom of booleans; `None` for any other function.
    pub(super) fn of(f: &K) -> Option<Self> {
        let Fun::Lambda(lambda) = Fun::of(f)? else { return None };
        let ([put, last], 1, 1) = (&lambda.body[..], lambda.params, lambda.locals.len()) else {
            return None;
        };
        let Expr::Const(flag @ K::Atom(Type::Bool, _)) = &last.expr else {
            return None;
        };
        if flag.as_long() != Some(0) {
            return None;
        }
        let Expr::Apply(verb, args) = &put.expr else { return None };
        let (Expr::Const(verb), [table, row]) = (&verb.expr, &args[..]) else { return None };
        let Expr::Const(table) = &table.expr else { return None };
        let inserts = match Fun::verb(verb)?.name {
            "upsert" => false,
            "insert" => true,
            _ => return None,
        };
        Some(Feed { table: table.as_sym()?, inserts, order: order(row)? })
    }

    /// Puts rows, as many of the first of them as the function would put without an error and as
    /// can be put together.
    ///
    /// # Errors
    /// That of the first of them; nothing was put.
    pub(super) fn take(&self, cx: &mut Session, rows: &[K]) -> Result<usize> {
        let keyed = |table: &K| table.keyed().is_some();
        if self.inserts && cx.globals.get(&self.table).is_some_and(keyed) {
            return Ok(0);
        }
        upsert_each(cx, self.table, rows, self.order.as_deref())
    }
}

/// The items of the parameter that a node is: all of them, or those at constant places.
fn order(node: &Node) -> Option<Option<Vec<usize>>> {
    match &node.expr {
        Expr::Local(0) => Some(None),
        Expr::Apply(x, places) => {
            let (Expr::Local(0), [places]) = (&x.expr, &places[..]) else { return None };
            let Expr::Const(places) = &places.expr else { return None };
            if places.ty() != Some(Type::Long) {
                return None;
            }
            let places = places.as_longs()?.iter().map(|place| usize::try_from(*place).ok());
            places.collect::<Option<Vec<usize>>>().map(Some)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{Node, load};
    use super::super::filter::Filter;
    use super::super::stage::{Output, Stage};
    use super::*;
    use crate::session::Options;
    use proptest::prelude::*;

    /// A session with a table, and a filter with a function of it.
    fn filter(table: &str, f: &str) -> (Session, Node) {
        let spec = format!("{table}\n.qsp.run .qsp.read.fromCallback[`p] .qsp.filter[{f}]");
        let pipeline = load(&format!("{spec} .qsp.write.toConsole[]")).unwrap();
        let mut cx = Session::new(Options::default());
        cx.load_script(table).unwrap();
        (cx, pipeline.nodes.into_iter().find(|node| node.op == "filter").unwrap())
    }

    /// What is in the table after values, and the errors, by number. Together: as many at once as
    /// the filter takes.
    fn fed(table: &str, f: &str, values: &[K], together: bool) -> (K, Vec<(usize, String)>, usize) {
        let (mut cx, node) = filter(table, f);
        let (mut stage, mut errors, mut at, mut most) = (Filter::new(&node), Vec::new(), 0, 0);
        while at < values.len() {
            let taken = if together { stage.values(&mut cx, &node, &values[at..]) } else { 0 };
            (at, most) = (at + taken, most.max(taken));
            if taken == 0 {
                let mut out = Output::new();
                let done = stage.batch(&mut cx, &node, K::Null, values[at].clone(), &mut out);
                errors.extend(done.err().map(|error| (at, error.text.clone())));
                assert!(out.is_empty());
                at += 1;
            }
        }
        (cx.variable("t").unwrap().clone(), errors, most)
    }

    const KEYED: &str = "t:([s:`symbol$()] n:`long$(); f:`float$())";
    const PLAIN: &str = "t:([] s:`symbol$(); n:`long$(); f:`float$())";

    /// A row in one of the shapes in which it may be sent, some of which do not fit.
    fn row((shape, s, n): (u8, u8, i64)) -> K {
        let (s, f) = (K::sym(["a", "b", "c"][s as usize]), n as f64);
        let table = |names: [&str; 3], columns: [K; 3]| {
            let columns = columns.map(K::enlist).to_vec();
            K::table(names.map(Sym::new).to_vec(), columns).unwrap()
        };
        match shape {
            0..5 => K::list(vec![K::long(n), s, K::float(f)]),
            5..10 => table(["s", "n", "f"], [s, K::long(n), K::float(f)]),
            10..12 => table(["f", "s", "n"], [K::float(f), s, K::long(n)]),
            12 => K::list(vec![K::float(f), s, K::float(f)]),
            13 => K::list(vec![K::long(n), s]),
            14 => table(["s", "n", "g"], [s, K::long(n), K::float(f)]),
            _ => K::long(n),
        }
    }

    proptest! {
        #[test]
        fn rows_that_come_together_are_as_rows_that_come_alone(
            rows in prop::collection::vec((0u8..16, 0u8..3, 0i64..100), 0..60),
            keyed: bool,
            attribute: bool,
        ) {
            let table = if keyed { KEYED } else { PLAIN };
            let table = if attribute { table.replace("n:", "n:`s#") } else { table.to_owned() };
            // Lists are in another order than the columns; tables are not picked from.
            for (f, tables) in [
                ("{`t upsert x 1 0 2; 0b}", false),
                ("{`t upsert x; 0b}", true),
                ("{`t insert x 1 0 2; 0b}", false),
                ("{`t insert x; 0b}", true),
            ] {
                let rows = rows.iter().map(|row| match (row.0, tables) {
                    (0..5, true) => (row.0 + 5, row.1, row.2),
                    (5..12, false) => (row.0 % 5, row.1, row.2),
                    _ => *row,
                });
                let values: Vec<K> = rows.map(row).collect();
                let alone = fed(&table, f, &values, false);
                let together = fed(&table, f, &values, true);
                prop_assert_eq!(&together.0, &alone.0);
                prop_assert_eq!(crate::display::text(&together.0), crate::display::text(&alone.0));
                prop_assert_eq!(together.1, alone.1);
            }
        }
    }

    #[test]
    fn rows_of_one_shape_are_put_at_once() {
        let values: Vec<K> = (0..50).map(|n| row((0, (n % 3) as u8, n))).collect();
        assert_eq!(fed(KEYED, "{`t upsert x 1 0 2; 0b}", &values, true).2, 50);
        assert_eq!(fed(PLAIN, "{`t upsert x 1 0 2; 0b}", &values, true).2, 50);
        let tables: Vec<K> = (0..50).map(|n| row((5, (n % 3) as u8, n))).collect();
        assert_eq!(fed(KEYED, "{`t upsert x; 0b}", &tables, true).2, 50);
        assert_eq!(fed(PLAIN, "{`t insert x; 0b}", &tables, true).2, 50);
        assert_eq!(fed(KEYED, "{`t insert x; 0b}", &tables, true).2, 0, "one may be there");
    }

    #[test]
    fn functions_that_do_anything_else_are_called() {
        let (_, node) = filter(KEYED, "{`t upsert x; 0b}");
        assert!(Feed::of(node.func.as_ref().unwrap()).is_some());
        for f in [
            "{`t upsert x; 1b}",
            "{`t upsert x}",
            "{`t upsert x; n+:1; 0b}",
            "{`t upsert y; 0b}",
            "{y; `t upsert x; 0b}",
            "{t upsert x; 0b}",
            "{t,:x; 0b}",
            "{`t upsert x x; 0b}",
            "{`t upsert x 0; 0b}",
            "{`t upsert x 0 -1; 0b}",
            "{`t upsert x `a; 0b}",
            "{`t upsert f x; 0b}",
            "{a:`t upsert x; 0b}",
            "upsert[`t]",
        ] {
            let f = Session::new(Options::default()).eval(f, "test").unwrap();
            assert!(Feed::of(&f).is_none(), "{f:?}");
        }
    }

    #[test]
    fn metadata_is_asked_for_one_by_one() {
        let f = "{[m;x] `t upsert x; 0b}; .qsp.use ``params!(::;`metadata`data)";
        let (mut cx, node) = filter(KEYED, f);
        let rows = [row((5, 0, 1)), row((5, 1, 2))];
        assert_eq!(Filter::new(&node).values(&mut cx, &node, &rows), 0);
    }
}
