//! What is shown of a value on one line reads back as the same value.
//!
//! Not everything that q shows can be read by q, and these are left out or put right first: a list
//! of one item (`,1`) and a flip (`+`) are written in k, guids have no literals, symbols may hold
//! characters that end a name, and more digits than are shown are lost. The form of the console,
//! with rows under each other, is for people alone.

use super::text;
use crate::kernel::tests::{TYPES, atom};
use crate::session::{Options, Session};
use formats::k::{K, Scalar, Sym, Type};
use proptest::prelude::*;

fn readable() -> Vec<Type> {
    TYPES.into_iter().filter(|ty| *ty != Type::Guid).collect()
}

fn one() -> impl Strategy<Value = K> {
    (prop::sample::select(readable()), any::<i16>()).prop_map(|(ty, seed)| match ty {
        // The name of a symbol must not hold a minus.
        Type::Symbol => atom(ty, seed.saturating_abs()),
        ty => atom(ty, seed),
    })
}

/// A vector of so many items, two or more; null is among them now and then.
fn vector(count: usize) -> impl Strategy<Value = K> {
    let seeds = prop::collection::vec(-9i16..200, count);
    (prop::sample::select(readable()), seeds).prop_map(|(ty, seeds)| {
        let seed = |s: i16| if ty == Type::Symbol { s.abs() } else { s };
        K::collapse(seeds.into_iter().map(|s| atom(ty, seed(s))).collect())
    })
}

fn any_vector() -> impl Strategy<Value = K> {
    (2usize..5).prop_flat_map(vector)
}

fn list() -> impl Strategy<Value = K> {
    let leaf = prop_oneof![one(), any_vector(), "[ -~]{2,6}".prop_map(K::str)];
    leaf.prop_recursive(3, 24, 4, |inner| prop::collection::vec(inner, 2..5).prop_map(K::collapse))
}

/// A list of so many items of any kind.
fn items(count: usize) -> impl Strategy<Value = K> {
    prop_oneof![vector(count), prop::collection::vec(list(), count).prop_map(K::collapse)]
}

fn dictionary() -> impl Strategy<Value = K> {
    (2usize..5).prop_flat_map(|count| {
        let inner = (vector(count), items(count));
        let inner = inner.prop_map(|(keys, values)| K::dict(keys, values)).boxed();
        prop_oneof![
            inner.clone(),
            // A dictionary among other values.
            (vector(count + 1), items(count), inner).prop_map(|(keys, values, inner)| {
                K::dict(keys, K::list(values.items().chain([inner]).collect()))
            }),
        ]
    })
}

/// A table of two or more columns and so many rows.
fn table(first: char, rows: usize) -> impl Strategy<Value = K> {
    prop::collection::vec(vector(rows), 2..4).prop_map(move |columns| {
        let names = ('\0'..).take(columns.len()).map(|at| {
            let name = char::from(first as u8 + at as u8);
            Sym::new(&format!("{name}{name}"))
        });
        K::table(names.collect(), columns).unwrap()
    })
}

fn read(shown: &str) -> Option<K> {
    Session::new(Options::default()).eval(shown, "test").ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lists_read_back(value in list()) {
        let shown = text(&value);
        prop_assert_eq!(read(&shown), Some(value), "{}", shown);
    }

    #[test]
    fn dictionaries_read_back(value in dictionary()) {
        let shown = text(&value);
        prop_assert_eq!(read(&shown), Some(value), "{}", shown);
    }

    #[test]
    fn symbols_read_back(names in prop::collection::vec("[a-zA-Z][a-zA-Z0-9_]{0,8}|", 2..6)) {
        let value = K::syms(names.iter().map(|name| Sym::new(name)).collect());
        let shown = text(&value);
        prop_assert_eq!(read(&shown), Some(value), "{}", shown);
    }

    #[test]
    fn guids_read_back_from_texts(bytes in any::<[u8; 16]>()) {
        let value = K::Atom(Type::Guid, Scalar::Guid(bytes));
        let shown = text(&value);
        prop_assert_eq!(read(&format!("\"G\"$\"{shown}\"")), Some(value), "{}", shown);
    }

    #[test]
    fn tables_read_back_once_flip_is_written_in_q(
        value in (2usize..5).prop_flat_map(|n| table('a', n)),
    ) {
        let shown = text(&value).replacen('+', "flip ", 1);
        prop_assert_eq!(read(&shown), Some(value), "{}", shown);
    }

    #[test]
    fn keyed_tables_read_back_once_flip_is_written_in_q(
        value in (2usize..5).prop_flat_map(|n| (table('a', n), table('k', n)))
            .prop_map(|(keys, values)| K::dict(keys, values)),
    ) {
        let shown = text(&value).replacen("(+", "(flip ", 1).replacen(")!+", ")!flip ", 1);
        prop_assert_eq!(read(&shown), Some(value), "{}", shown);
    }
}
