//! Rows put in where a table is, against joining tables as a whole.

use super::*;
use crate::kernel::tests::atom;
use crate::session::Options;
use formats::k::Type;
use proptest::prelude::*;

const KEYS: [Type; 6] =
    [Type::Symbol, Type::Long, Type::Float, Type::Guid, Type::Char, Type::Timestamp];

/// A row of two key columns, a short and a text: by seeds.
fn row(types: (Type, Type), seed: &[i16]) -> Vec<K> {
    let at = |n: usize| seed.get(n).copied().unwrap_or(0);
    // A row of text alone is one of columns.
    let text = K::str(format!("{}", at(3)));
    vec![atom(types.0, at(0)), atom(types.1, at(1)), atom(Type::Short, at(2)), text]
}

fn names() -> Vec<Sym> {
    ["a", "b", "c", "d"].map(Sym::new).to_vec()
}

fn table(rows: &[Vec<K>]) -> K {
    let column = |c: usize| K::collapse(rows.iter().map(|row| row[c].clone()).collect());
    K::table(names(), (0..4).map(column).collect()).unwrap()
}

/// The same table with its columns the other way round.
fn reordered(table: &K) -> K {
    let K::Table(t) = table else { panic!("a table") };
    let (mut names, mut columns) = (t.names.to_vec(), t.columns.clone());
    names.reverse();
    columns.reverse();
    K::table(names, columns).unwrap()
}

/// The same rows as whoever writes a program may give them.
fn shapes(rows: &[Vec<K>], keys: usize) -> Vec<K> {
    let whole = table(rows);
    let mut shapes = vec![whole.clone(), reordered(&whole)];
    if keys > 0 {
        shapes.push(crate::verbs::key_by(&whole, keys).unwrap());
    }
    if let [row] = rows {
        shapes.push(K::list(row.clone()));
        shapes.push(K::dict(K::syms(names()), K::list(row.clone())));
        let (mut n, mut r) = (names(), row.clone());
        n.reverse();
        r.reverse();
        shapes.push(K::dict(K::syms(n), K::list(r)));
    }
    shapes
}

/// Rows joined as a whole, nothing of which is put in place.
fn by_search(cx: &mut Session, x: &mut K, y: K) -> Result<()> {
    if x.keyed().is_none() {
        return joined(cx, x, y);
    }
    let rows = complete(cx, x, y, Types::Same)?;
    *x = keyed_by_search(cx, x, &rows)?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rows_put_in_place_are_as_rows_joined(
        first in 0..KEYS.len(), second in 0..KEYS.len(), keys in 0usize..3,
        start in prop::collection::vec(prop::collection::vec(0i16..4, 4), 1..60),
        batches in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(0i16..6, 4), 1..4), 1..8),
    ) {
        let types = (KEYS[first], KEYS[second]);
        let rows = |seeds: &[Vec<i16>]| -> Vec<Vec<K>> {
            seeds.iter().map(|seed| row(types, seed)).collect()
        };
        let mut cx = Session::new(Options::default());
        let mut want = crate::verbs::key_by(&table(&rows(&start)), keys).unwrap();
        if keys > 0 {
            // A keyed table has each key once.
            let empty = want.slice(0, 0);
            want = empty;
            by_search(&mut cx, &mut want, table(&rows(&start))).unwrap();
        }
        cx.set_variable("t", want.clone());
        for batch in batches {
            let shapes = shapes(&rows(&batch), keys);
            for shape in &shapes {
                let before = want.clone();
                by_search(&mut cx, &mut want, shape.clone()).unwrap();
                let by_value = upserted(&mut cx, before.clone(), shape.clone()).unwrap();
                prop_assert_eq!(&by_value, &want, "{:?}", shape);
                upsert(&mut cx, K::sym("t"), shape.clone()).unwrap();
                prop_assert_eq!(cx.variable("t"), Some(&want), "{:?}", shape);
                prop_assert!(before.len() <= want.len(), "what others hold stays");
                if keys > 0 {
                    let refused = insert(&mut cx, K::sym("t"), shape.clone());
                    prop_assert_eq!(refused.map_err(|e| e.text.clone()), Err("insert".to_owned()));
                    prop_assert_eq!(cx.variable("t"), Some(&want));
                }
            }
        }
    }
}

/// What is put into a table of `rows` rows must not cost more steps than into a short one.
fn steps_of_a_row(cx: &mut Session, table: K, row: &K) -> u64 {
    cx.set_variable("t", table);
    upsert(cx, K::sym("t"), row.clone()).unwrap();
    let before = cx.steps;
    upsert(cx, K::sym("t"), row.clone()).unwrap();
    before - cx.steps
}

#[test]
fn a_row_costs_as_much_in_a_long_table_as_in_a_short_one() {
    let mut cx = Session::new(Options::default());
    let row = K::list(vec![K::long(-1), K::float(1.0)]);
    let table = |rows: i64, keys| {
        let columns = vec![K::longs((0..rows).collect()), K::floats(vec![0.0; rows as usize])];
        let names = vec![Sym::new("k"), Sym::new("v")];
        crate::verbs::key_by(&K::table(names, columns).unwrap(), keys).unwrap()
    };
    for keys in [0, 1] {
        let long = steps_of_a_row(&mut cx, table(100_000, keys), &row);
        let short = steps_of_a_row(&mut cx, table(100, keys), &row);
        assert_eq!(long, short);
    }
}

#[test]
fn columns_with_one_owner_stay_where_they_are() {
    let mut cx = Session::new(Options::default());
    cx.eval("t:([k:til 100]v:100#0f); u:([]v:100#0f)", "test").unwrap();
    let address = |cx: &Session, name: &str| {
        let table = cx.variable(name).unwrap();
        let values = table.keyed().map_or_else(
            || match table {
                K::Table(t) => t.columns[0].clone(),
                other => panic!("{other:?}"),
            },
            |(_, values)| values.columns[0].clone(),
        );
        match values {
            K::Vec(formats::k::Vector { data: formats::k::Data::F64(v), .. }) => Arc::as_ptr(&v),
            other => panic!("{other:?}"),
        }
    };
    for (name, row) in [("t", "(5;1f)"), ("t", "(1000;1f)"), ("u", "enlist 1f")] {
        let before = address(&cx, name);
        cx.eval(&format!("`{name} upsert {row}"), "test").unwrap();
        assert_eq!(address(&cx, name), before, "{row}");
        // A second owner keeps what it has.
        cx.eval(&format!("old:{name}; `{name} upsert {row}; new:{name}"), "test").unwrap();
        assert_ne!(address(&cx, "old"), address(&cx, "new"));
        cx.eval("delete old from `.; delete new from `.", "test").unwrap();
    }
}

#[test]
fn rows_are_not_put_in_where_nothing_may_change() {
    let text = "q)t:([]a:1 2)\nq)reval parse \"`t insert 3\"\n'noupdate\n\
                q)reval parse \"`t upsert 3\"\n'noupdate\nq)count t\n2\n\
                q)reval(value;\"\\\\P 3\")\n'noupdate\nq)1%3\n0.3333333";
    crate::transcript::check(text).unwrap();
}

#[test]
fn columns_that_are_not_given_stay_as_they_are() {
    let text = "q)x:([s:`a`b]n:1 2;m:3 4);`x upsert `s`n!(`a;9);x\ns| n m\n-| ---\na| 9 3\nb| 2 4\n\
                q)x upsert ([s:`a`c]n:9 8)\ns| n m\n-| ---\na| 9 3\nb| 2 4\nc| 8\n\
                q)x upsert ([]m:7 7;s:`b`z)\ns| n m\n-| ---\na| 9 3\nb| 2 7\nz|   7\n\
                q)x upsert `s`q!(`a;1)\n'mismatch\nq)x upsert `n`m!1 2\n'mismatch\n\
                q)y:x;y,:`s`m!(`b;0);y~x upsert `s`m!(`b;0)\n1b";
    crate::transcript::check(text).unwrap();
}

#[test]
fn a_column_takes_its_type_only_even_without_items() {
    let text = "q)t:([]a:`float$());`t insert 1\n'type\nq)t,:([]a:1 2)\n'type\n\
                q)t upsert `x\n'type\nq)meta t\nc| t f a\n-| -----\na| f\nq)`t insert 1.5\n,0\n\
                q)x:([s:`a`b]p:1 2f);`x upsert (`c;1)\n'type\nq)x upsert (5;1f)\n'type\n\
                q)x,:(`a;`q)\n'type\nq)x,:([]s:`a`d;p:1 2)\n'type\nq)x\ns| p\n-| -\na| 1\nb| 2\n\
                q)x:([s:`$()]p:`float$());x,:(`a;1)\n'type\nq)`x insert (1;2f)\n'type\n\
                q)`x upsert (`a;2f)\n`x\nq)x`a\np| 2\n\
                q)x:0#`;x,:1\n'type\nq)x,:`a;x\n,`a\nq)x:0#0;x,:();x\n`long$()\n\
                q)x:();x,:1;x\n,1\nq)u:([]a:();b:());u,:(1;`x);u\na b\n---\n1 x\n\
                q)u,:(`y;`y)\n'type\nq)v:([k:()]b:());v,:(1;`x);v\nk| b\n-| -\n1| x";
    crate::transcript::check(text).unwrap();
}

#[test]
fn tables_that_are_not_there_begin_with_their_first_rows() {
    let text = "q)`tnew insert ([c1:`a`b];c2:10 20)\n0 1\nq)tnew\nc1| c2\n--| --\na | 10\nb | 20\n\
                q)`plain insert ([]a:1 2)\n0 1\nq)`nt upsert ([]a:1 2)\n`nt\nq)nt\na\n-\n1\n2\n\
                q)`nk upsert ([k:1 2]v:3 4)\n`nk\nq)nk[2]`v\n4\n\
                q)`no upsert 5\n'no\nq)`no insert 5\n'no\n\
                q)`count upsert ([]a:1 2)\n'assign\nq)reval parse \"`fresh upsert nt\"\n'noupdate";
    crate::transcript::check(text).unwrap();
}

#[test]
fn union_joins_keep_what_the_right_table_has_no_column_for() {
    let text = "q)([k:`a`b]v:1 2;w:3 4) uj ([k:`a`c]w:9 9)\n\
                k| v w\n-| ---\na| 1 9\nb| 2 4\nc|   9\n\
                q)([k:`a`b]v:1 2) uj ([k:`b`c]z:5 6)\nk| v z\n-| ---\na| 1\nb| 2 5\nc|   6\n\
                q)(0!([k:`a`b]v:1 2) uj ([k:`b`c]v:`x`y))`v\n1\n`x\n`y\n\
                q)([k:`a`b]v:1 2) uj 0#([k:`b`c]z:5 6)\nk| v z\n-| ---\na| 1\nb| 2";
    crate::transcript::check(text).unwrap();
}
