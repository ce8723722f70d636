//! Queries by kernels over all groups against the same queries group by group.

use crate::kernel::tests::{TYPES, atom};
use crate::session::{Options, Session};
use formats::k::{K, Sym, Type};
use proptest::prelude::*;

const ONE: [&str; 30] = [
    "sum",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "count",
    "prd",
    "all",
    "any",
    "med",
    "var",
    "dev",
    "svar",
    "sdev",
    "sums",
    "prds",
    "mins",
    "maxs",
    "avgs",
    "deltas",
    "ratios",
    "prev",
    "next",
    "differ",
    "fills",
    "distinct",
    "neg",
    "last sums",
    "count distinct",
];

const TWO: [&str; 6] = ["wavg", "wsum", "cov", "scov", "cor", "+"];

/// A group, a seed for each of two columns, and a flag.
type Row = (u8, i16, i16, bool);

/// A table of a group column, two columns of a type and a column of flags.
fn table(types: (Type, Type), rows: &[Row]) -> K {
    let column = |of: &dyn Fn(&Row) -> K| K::collapse(rows.iter().map(of).collect());
    let columns = vec![
        column(&|row| K::long(i64::from(row.0))),
        column(&|row| atom(types.0, row.1)),
        column(&|row| atom(types.1, row.2)),
        column(&|row| K::bool(row.3)),
    ];
    K::table(["g", "a", "b", "f"].map(Sym::new).to_vec(), columns).unwrap()
}

/// Two queries that must come to the same, or signal the same.
fn alike(cx: &mut Session, one: &str, other: &str) -> Result<(), TestCaseError> {
    let (x, y) = (cx.eval(one, "test"), cx.eval(other, "test"));
    let shown =
        |r: &crate::Result| r.as_ref().map(crate::display::text).map_err(|e| e.text.clone());
    prop_assert_eq!(shown(&x), shown(&y), "{} and {}", one, other);
    Ok(())
}

fn session(types: (Type, Type), rows: &[Row]) -> Session {
    let mut cx = Session::new(Options::default());
    cx.set_variable("t", table(types, rows));
    cx
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn groups_are_computed_as_each_by_itself(
        first in 0..TYPES.len(), second in 0..TYPES.len(),
        rows in prop::collection::vec((0u8..4, -4i16..5, -4i16..5, any::<bool>()), 1..14),
    ) {
        let mut cx = session((TYPES[first], TYPES[second]), &rows);
        for f in ONE {
            for query in ["select v:F by g from t", "update v:F by g from t", "exec F by g from t"]
            {
                let kernel = query.replace('F', &format!("{f} a"));
                let each = query.replace('F', &format!("{{{f} x}} a"));
                alike(&mut cx, &kernel, &each)?;
            }
            let kernel = format!("select v:({f} a where f) by g from t");
            alike(&mut cx, &kernel, &format!("select v:{{[a;f] {f} a where f}}[a;f] by g from t"))?;
        }
        for f in TWO {
            let kernel = format!("select v:a {f} b by g from t");
            alike(&mut cx, &kernel, &format!("select v:{{x {f} y}}[a;b] by g from t"))?;
        }
        alike(&mut cx, "select v:i by g from t", "select v:{x}[i] by g from t")?;
        alike(&mut cx, "select v:sum i*g by g,f from t", "select v:{sum x*y}[i;g] by g,f from t")?;
    }

    #[test]
    fn conditions_narrow_what_the_next_one_sees(
        first in 0..TYPES.len(),
        rows in prop::collection::vec((0u8..4, -4i16..5, -4i16..5, any::<bool>()), 1..14),
    ) {
        let mut cx = session((TYPES[first], Type::Long), &rows);
        let both = "t where (t`f)&1<t`b";
        alike(&mut cx, "select from t where f,b>1", both)?;
        alike(&mut cx, "select a,n:i from t where f,b>1", "([]a:(t`a)w;n:w:where (t`f)&1<t`b)")?;
        alike(&mut cx, "exec a from t where f,b=max b", "{x[`a] where x[`b]=max x`b} t where t`f")?;
        alike(&mut cx, "select from t where i>=0", "t")?;
        alike(&mut cx, "select sum b by g from t where f", "select sum b by g from t where t`f")?;
        alike(&mut cx, "delete from t where f,b>1", "t where not (t`f)&1<t`b")?;
        alike(
            &mut cx,
            "update b:b+i from t where f,b>1",
            "@[t;`b;:;?[(t`f)&1<t`b;(t`b)+til count t;t`b]]",
        )?;
        alike(&mut cx, "select[2;>b] a from t where f", "2 sublist select a from (`b xdesc t where t`f)")?;
    }
}

#[test]
fn keys_that_are_a_table() {
    crate::transcript::check(
        "q)t:([]b:`x`y`x;c:1 2 3)\nq)exec sum c by ([]b) from t\nb|\n-| -\nx| 4\ny| 2\n\
         q)key exec c by ([]b;d:c>2) from t\nb d\n---\nx 0\nx 1\ny 0\n\
         q)exec s:sum c by ([]b) from t\nb| s\n-| -\nx| 4\ny| 2\n\
         q)exec sum c by b from t\nx| 4\ny| 2\n\
         q)exec sum c by (1 2;3 4;1 2) from t\n1 2| 4\n3 4| 2",
    )
    .unwrap();
}

/// Conditions of columns of numbers: some are looked at item by item, others are not.
const CONDITIONS: [&str; 13] = [
    "a>0",
    "b<=1",
    "a<>b",
    "f",
    "(a>b)|f",
    "a in 1 2 3",
    "b within -2 2",
    "a=max a",
    "0<sums b",
    "not null a",
    "f and 2>a-b",
    "a",
    "1b",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn conditions_see_what_those_before_left(
        types in 0usize..4,
        rows in prop::collection::vec((0u8..4, -4i16..5, -4i16..5, any::<bool>()), 1..40),
        conditions in prop::collection::vec(0..CONDITIONS.len(), 1..5),
    ) {
        let types = [
            (Type::Long, Type::Long),
            (Type::Int, Type::Float),
            (Type::Real, Type::Short),
            (Type::Float, Type::Int),
        ][types];
        let mut cx = session(types, &rows);
        let conditions: Vec<&str> = conditions.into_iter().map(|at| CONDITIONS[at]).collect();
        let nested = conditions.iter().fold("t".to_owned(), |from, condition| {
            format!("(select from {from} where {condition})")
        });
        alike(&mut cx, &format!("select from t where {}", conditions.join(",")), &nested)?;
    }
}
