//! Kernels against item-by-item evaluation, for all pairs of types.

use super::arith::{Arith, arith};
use super::atomic::dyad;
use super::compare::{Compare, compare};
use crate::session::{Options, Session};
use formats::k::{K, Scalar, Type};
use proptest::prelude::*;

mod lists;
mod naive;

pub(crate) const TYPES: [Type; 18] = [
    Type::Bool,
    Type::Guid,
    Type::Byte,
    Type::Short,
    Type::Int,
    Type::Long,
    Type::Real,
    Type::Float,
    Type::Char,
    Type::Symbol,
    Type::Timestamp,
    Type::Month,
    Type::Date,
    Type::Datetime,
    Type::Timespan,
    Type::Minute,
    Type::Second,
    Type::Time,
];

const ARITH: [Arith; 10] = [
    Arith::Add,
    Arith::Subtract,
    Arith::Multiply,
    Arith::Divide,
    Arith::Div,
    Arith::Mod,
    Arith::Lesser,
    Arith::Greater,
    Arith::Fill,
    Arith::Xbar,
];

const COMPARE: [Compare; 6] = [
    Compare::Equal,
    Compare::NotEqual,
    Compare::Less,
    Compare::Greater,
    Compare::UpTo,
    Compare::AtLeast,
];

/// An atom of a type; 0 makes its null.
pub(crate) fn atom(ty: Type, seed: i16) -> K {
    let null = ty.null();
    if seed == 0 {
        return K::Atom(ty, null);
    }
    K::Atom(
        ty,
        match null {
            Scalar::U8(_) if ty == Type::Bool => Scalar::U8((seed & 1) as u8),
            Scalar::U8(_) => Scalar::U8(seed.unsigned_abs() as u8),
            Scalar::I16(_) => Scalar::I16(seed),
            // Months of years that have four digits.
            Scalar::I32(_) if ty == Type::Month => Scalar::I32(i32::from(seed) / 2),
            Scalar::I32(_) => Scalar::I32(i32::from(seed)),
            Scalar::I64(_) => Scalar::I64(i64::from(seed) * 1_000_003),
            Scalar::F32(_) => Scalar::F32(f32::from(seed) / 4.0),
            Scalar::F64(_) => Scalar::F64(f64::from(seed) / 8.0),
            Scalar::Sym(_) => Scalar::Sym(format!("s{seed}").as_str().into()),
            Scalar::Guid(_) => Scalar::Guid([seed as u8; 16]),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn columns_are_computed_as_their_items(
        pairs in prop::collection::vec((any::<i16>(), -3i16..4), 1..6),
    ) {
        for a in TYPES {
            for b in TYPES {
                let left = K::collapse(pairs.iter().map(|p| atom(a, p.0)).collect());
                let right = K::collapse(pairs.iter().map(|p| atom(b, p.1)).collect());
                let each = |f: &dyn Fn(&K, &K) -> crate::Result| {
                    let items = left.items().zip(right.items()).map(|(x, y)| f(&x, &y));
                    items.collect::<crate::Result<Vec<_>>>().map(K::collapse)
                };
                for op in ARITH {
                    let whole = arith(op, &left, &right);
                    prop_assert_eq!(&whole, &each(&|x, y| arith(op, x, y)), "{:?} {:?} {:?}", a, op, b);
                    let first = left.at(0);
                    let side = arith(op, &first, &right);
                    let items = right.items().map(|y| arith(op, &first, &y));
                    let items = items.collect::<crate::Result<Vec<_>>>();
                    prop_assert_eq!(side, items.map(K::collapse));
                }
                for op in ARITH {
                    let last = right.at(0);
                    let items = left.items().map(|x| arith(op, &x, &last));
                    let items = items.collect::<crate::Result<Vec<_>>>();
                    prop_assert_eq!(arith(op, &left, &last), items.map(K::collapse));
                }
                for op in COMPARE {
                    let last = right.at(0);
                    let items = left.items().map(|x| compare(op, &x, &last));
                    let items = items.collect::<crate::Result<Vec<_>>>();
                    prop_assert_eq!(compare(op, &left, &last), items.map(K::collapse));
                    let whole = compare(op, &left, &right);
                    prop_assert_eq!(&whole, &each(&|x, y| compare(op, x, y)), "{:?} {:?} {:?}", a, op, b);
                }
            }
        }
    }

    #[test]
    fn atoms_are_shown_so_that_they_read_back(seed in any::<i16>()) {
        let mut session = Session::new(Options::default());
        for ty in TYPES.into_iter().filter(|t| !matches!(t, Type::Guid | Type::Symbol)) {
            let value = K::collapse(vec![atom(ty, seed), atom(ty, 5)]);
            let text = crate::display::text(&value);
            let back = session.eval(&text, "test");
            prop_assert_eq!(back.ok(), Some(value), "{}", text);
        }
    }
}

#[test]
fn lists_pair_by_position() {
    let mut cx = Session::new(Options::default());
    let list = K::list(vec![K::longs(vec![1, 2]), K::long(3)]);
    let add = |x: &K, y: &K| arith(Arith::Add, x, y);
    let sum = dyad(&mut cx, &list, &K::longs(vec![10, 20]), &add).unwrap();
    assert_eq!(sum, K::list(vec![K::longs(vec![11, 12]), K::long(23)]));
}

#[test]
fn an_empty_list_is_a_dictionary_without_keys() {
    let mut cx = Session::new(Options::default());
    let mut shown = |text: &str| crate::display::text(&cx.eval(text, "test").unwrap());
    assert_eq!(shown("()+`a`b!1 2"), "`a`b!1 2");
    assert_eq!(shown("(`a`b!1 2)-()"), "`a`b!1 2");
    assert_eq!(shown("(();1)+(`a`b!1 2;1)"), "(`a`b!1 2;2)");
    assert!(cx.eval("(1#())+`a`b!1 2", "test").is_err());
    assert!(cx.eval("(`long$())+`a`b!1 2", "test").is_err(), "it has a type");
}
