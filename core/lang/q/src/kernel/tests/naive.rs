//! Kernels against arithmetic as one would write it down, item by item: longs and floats with
//! nulls, vectors and atoms on either side.

use super::super::arith::{Arith, arith};
use super::super::compare::{Compare, compare};
use formats::k::{K, Scalar, Type};
use proptest::prelude::*;
use std::cmp::Ordering;

/// A number; `None` is null.
type Number = Option<f64>;

fn column(ty: Type, items: &[Option<i8>]) -> K {
    match ty {
        Type::Long => K::longs(items.iter().map(|x| x.map_or(i64::MIN, i64::from)).collect()),
        _ => K::floats(items.iter().map(|x| x.map_or(f64::NAN, f64::from)).collect()),
    }
}

fn number(k: &K) -> Number {
    match k {
        K::Atom(_, Scalar::I64(i64::MIN)) => None,
        K::Atom(_, Scalar::I64(x)) => Some(*x as f64),
        K::Atom(_, Scalar::F64(x)) => Some(*x).filter(|x| !x.is_nan()),
        K::Atom(_, Scalar::U8(x)) => Some(f64::from(*x)),
        other => panic!("{other:?}"),
    }
}

/// Nulls are less than everything else and equal to each other.
fn order(x: Number, y: Number) -> Ordering {
    match (x, y) {
        (Some(x), Some(y)) => x.total_cmp(&y),
        _ => x.is_some().cmp(&y.is_some()),
    }
}

fn computed(op: Arith, x: Number, y: Number) -> Number {
    let both = |f: fn(f64, f64) -> f64| Some(f(x?, y?)).filter(|z| !z.is_nan());
    match op {
        Arith::Add => both(|x, y| x + y),
        Arith::Subtract => both(|x, y| x - y),
        Arith::Multiply => both(|x, y| x * y),
        Arith::Divide => both(|x, y| x / y),
        Arith::Lesser if order(x, y).is_lt() => x,
        Arith::Lesser => y,
        Arith::Greater if order(x, y).is_gt() => x,
        Arith::Greater => y,
        Arith::Fill => y.or(x),
        _ => panic!("another operation"),
    }
}

fn compared(op: Compare, x: Number, y: Number) -> bool {
    let order = order(x, y);
    match op {
        Compare::Equal => order.is_eq(),
        Compare::NotEqual => order.is_ne(),
        Compare::Less => order.is_lt(),
        Compare::Greater => order.is_gt(),
        Compare::UpTo => order.is_le(),
        Compare::AtLeast => order.is_ge(),
    }
}

const OPERATIONS: [Arith; 7] = [
    Arith::Add,
    Arith::Subtract,
    Arith::Multiply,
    Arith::Divide,
    Arith::Lesser,
    Arith::Greater,
    Arith::Fill,
];

/// Both operands as they meet: two vectors, or an atom on one side.
fn meetings(x: &K, y: &K) -> [(K, K); 3] {
    [(x.clone(), y.clone()), (x.at(0), y.clone()), (x.clone(), y.at(0))]
}

/// Items of an operand: an atom has as many as the other side asks for.
fn items(k: &K, count: usize) -> Vec<Number> {
    if k.is_atom() { vec![number(k); count] } else { k.items().map(|k| number(&k)).collect() }
}

proptest! {
    #[test]
    fn numbers_and_nulls_are_computed_as_one_would_by_hand(
        pairs in prop::collection::vec(
            (prop::option::of(-5i8..6), prop::option::of(-5i8..6)), 2..12),
    ) {
        let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let count = left.len();
        for (a, b) in [
            (Type::Long, Type::Long),
            (Type::Long, Type::Float),
            (Type::Float, Type::Long),
            (Type::Float, Type::Float),
        ] {
            for (x, y) in meetings(&column(a, &left), &column(b, &right)) {
                let both = || items(&x, count).into_iter().zip(items(&y, count));
                for op in OPERATIONS {
                    let got = arith(op, &x, &y).unwrap();
                    let whole = a == Type::Long && b == Type::Long && op != Arith::Divide;
                    let ty = if whole { Type::Long } else { Type::Float };
                    prop_assert_eq!(got.ty(), Some(ty), "{:?} {:?} {:?}", a, op, b);
                    let want: Vec<Number> = both().map(|(x, y)| computed(op, x, y)).collect();
                    prop_assert_eq!(items(&got, count), want, "{:?} {:?} {:?}", x, op, y);
                }
                for op in
                    [Compare::Equal, Compare::NotEqual, Compare::Less, Compare::Greater,
                     Compare::UpTo, Compare::AtLeast]
                {
                    let got = compare(op, &x, &y).unwrap();
                    prop_assert_eq!(got.ty(), Some(Type::Bool));
                    let want: Vec<Number> =
                        both().map(|(x, y)| Some(f64::from(compared(op, x, y)))).collect();
                    prop_assert_eq!(items(&got, count), want, "{:?} {:?} {:?}", x, op, y);
                }
            }
        }
    }
}
