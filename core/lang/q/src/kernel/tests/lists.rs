//! Aggregates, statistics and running functions against what one would write down for a list of
//! numbers of which some are absent: of whole lists, and of groups.

use crate::session::{Options, Session};
use formats::k::{K, Scalar, Sym, Type};
use proptest::prelude::*;

/// A number; `None` is null.
type Number = Option<f64>;
type Aggregated = fn(&[Number]) -> Number;
type Run = fn(&[Number]) -> Vec<Number>;

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

fn variance(v: &[f64], fewer: usize) -> Number {
    let squares: f64 = v.iter().map(|x| (x - mean(v)).powi(2)).sum();
    (v.len() > fewer).then(|| squares / (v.len() - fewer) as f64)
}

/// The numbers that there are.
fn present(v: &[Number]) -> Vec<f64> {
    v.iter().copied().flatten().collect()
}

fn average(v: &[Number]) -> Number {
    let v = present(v);
    (!v.is_empty()).then(|| mean(&v))
}

/// The mean of what is in the middle, where nulls come first.
fn median(v: &[Number]) -> Number {
    let mut v = v.to_vec();
    v.sort_by(|x, y| x.partial_cmp(y).unwrap());
    average(&[v[(v.len() - 1) / 2], v[v.len() / 2]])
}

const AGGREGATES: [(&str, Aggregated); 8] = [
    ("sum", |v| Some(present(v).iter().sum())),
    ("avg", average),
    ("prd", |v| Some(present(v).iter().product())),
    ("med", median),
    ("var", |v| variance(&present(v), 0)),
    ("svar", |v| variance(&present(v), 1)),
    ("dev", |v| variance(&present(v), 0).map(f64::sqrt)),
    ("sdev", |v| variance(&present(v), 1).map(f64::sqrt)),
];

/// The items of which each is made of those up to it.
fn up_to_each(v: &[Number], f: fn(&[f64]) -> Number) -> Vec<Number> {
    let present = |n: usize| v[..=n].iter().copied().flatten().collect::<Vec<f64>>();
    (0..v.len()).map(|n| f(&present(n))).collect()
}

fn before(v: &[Number]) -> Vec<Number> {
    std::iter::once(None).chain(v.iter().copied()).take(v.len()).collect()
}

const RUNNING: [(&str, Run); 6] = [
    ("sums", |v| up_to_each(v, |v| (!v.is_empty()).then(|| v.iter().sum()))),
    ("avgs", |v| up_to_each(v, |v| (!v.is_empty()).then(|| mean(v)))),
    ("prev", before),
    ("next", |v| v.iter().copied().skip(1).chain([None]).take(v.len()).collect()),
    ("fills", |v| up_to_each(v, |v| v.last().copied())),
    ("deltas", |v| {
        let mut out: Vec<Number> = v.iter().zip(before(v)).map(|(x, y)| Some((*x)? - y?)).collect();
        out[0] = v[0];
        out
    }),
];

/// A column of a type; the numbers fit all of them.
fn column(ty: Type, items: &[Option<i8>]) -> K {
    let item = |x: &Option<i8>| match (x, ty.null()) {
        (None, null) => null,
        (Some(x), Scalar::I16(_)) => Scalar::I16(i16::from(*x)),
        (Some(x), Scalar::I32(_)) => Scalar::I32(i32::from(*x)),
        (Some(x), Scalar::I64(_)) => Scalar::I64(i64::from(*x)),
        (Some(x), Scalar::F32(_)) => Scalar::F32(f32::from(*x)),
        (Some(x), _) => Scalar::F64(f64::from(*x)),
    };
    K::collapse(items.iter().map(|x| K::Atom(ty, item(x))).collect())
}

fn number(k: &K) -> Number {
    match k {
        K::Atom(_, Scalar::F64(x)) => Some(*x).filter(|x| !x.is_nan()),
        K::Atom(_, Scalar::F32(x)) => Some(f64::from(*x)).filter(|x| !x.is_nan()),
        other => other.as_long().map(|x| x as f64),
    }
}

fn near(got: &[Number], want: &[Number], what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len(), "{}", what);
    for (x, y) in got.iter().zip(want) {
        let same = match (x, y) {
            (Some(x), Some(y)) => (x - y).abs() <= 1e-5 * x.abs().max(y.abs()).max(1.0),
            (x, y) => x == y,
        };
        prop_assert!(same, "{}: {:?} {:?}", what, got, want);
    }
    Ok(())
}

proptest! {
    #[test]
    fn lists_and_groups_are_computed_as_one_would_by_hand(
        rows in prop::collection::vec((0u8..3, prop::option::of(-4i8..5)), 1..12),
    ) {
        let mut cx = Session::new(Options::default());
        for ty in [Type::Short, Type::Int, Type::Long, Type::Real, Type::Float] {
            let items: Vec<Option<i8>> = rows.iter().map(|row| row.1).collect();
            let keys = K::longs(rows.iter().map(|row| i64::from(row.0)).collect());
            let names = vec![Sym::new("g"), Sym::new("a")];
            let table = K::table(names, vec![keys, column(ty, &items)]).unwrap();
            cx.set_variable("t", table);
            let mut seen: Vec<u8> = rows.iter().map(|row| row.0).collect();
            seen.sort_unstable();
            seen.dedup();
            let of = |g: u8| -> Vec<Number> {
                rows.iter().filter(|row| row.0 == g).map(|row| row.1.map(f64::from)).collect()
            };
            let all: Vec<Number> = items.iter().map(|x| x.map(f64::from)).collect();
            for (name, f) in AGGREGATES {
                let whole = cx.eval(&format!("{name} t`a"), "test").unwrap();
                near(&[number(&whole)], &[f(&all)], name)?;
                let groups = cx.eval(&format!("exec v from select v:{name} a by g from t"), "test");
                let got: Vec<Number> = groups.unwrap().items().map(|k| number(&k)).collect();
                let want: Vec<Number> = seen.iter().map(|g| f(&of(*g))).collect();
                near(&got, &want, name)?;
            }
            for (name, f) in RUNNING {
                let whole = cx.eval(&format!("{name} t`a"), "test").unwrap();
                let got: Vec<Number> = whole.items().map(|k| number(&k)).collect();
                near(&got, &f(&all), name)?;
                for (n, g) in seen.iter().enumerate() {
                    let text = format!("(exec v from select v:{name} a by g from t) {n}");
                    let list = cx.eval(&text, "test").unwrap();
                    let got: Vec<Number> = list.items().map(|k| number(&k)).collect();
                    near(&got, &f(&of(*g)), name)?;
                }
            }
        }
    }
}
