//! Objects that are published, that lie, and that come back as they were.

use super::*;
use crate::k::ty::ATOMIC;
use crate::k::{Attr, Data, Foreign, K, Scalar, Sym, Type};
use proptest::prelude::*;
use std::sync::Arc;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn published_examples() {
    let encoded = |k: &K| {
        let mut out = Vec::new();
        encode(k, Endian::Little, &mut out).map(|()| out)
    };
    assert_eq!(encoded(&K::int(1)), Ok(hex("fa 01000000")));
    let lambda = K::Func(Arc::new(Foreign {
        code: 100,
        index: 0,
        context: vec![],
        source: b"{x+y}".to_vec(),
        items: vec![],
    }));
    assert_eq!(encoded(&lambda), Ok(hex("64 00 0a 00 05000000 7b782b797d")));
    assert_eq!(encoded(&K::Null), Ok(hex("65 00")));
    let table = K::table(vec![Sym::new("a")], vec![K::longs(vec![2])]).unwrap();
    let want = "62 00 63 0b00 01000000 6100 0000 01000000 0700 01000000 0200000000000000";
    assert_eq!(encoded(&table), Ok(hex(want)));
    assert_eq!(decode(&hex(want), Endian::Little), Ok(table));
}

#[test]
fn errors_are_a_body_of_their_own() {
    let mut out = Vec::new();
    encode_error("type", &mut out);
    assert_eq!(out, hex("80 7479706500"));
    assert_eq!(decode_body(&out, Endian::Little), Ok(Body::Error("type".into())));
}

#[test]
fn lying_lengths_and_deep_nesting_are_refused() {
    let little = |text: &str| decode(&hex(text), Endian::Little);
    assert_eq!(little("07 00 ffffff7f 00"), Err(IpcError::BadLength));
    assert_eq!(little("07 00 ffffffff"), Err(IpcError::BadLength));
    assert_eq!(little("00 00 ffffff7f 6500"), Err(IpcError::BadLength));
    assert_eq!(little("f9 0100"), Err(IpcError::Truncated));
    assert_eq!(little("6500 00"), Err(IpcError::Trailing));
    assert_eq!(decode_argument(&hex("6500 00"), Endian::Little), Err(IpcError::Trailing));
    assert_eq!(little("1e 00"), Err(IpcError::BadType(30)));
    assert_eq!(little("63 0700 01000000 0100000000000000 0700 00000000"), Err(IpcError::BadShape));
    let bomb = hex("00 00 01000000").repeat(DEPTH_MAX + 1);
    assert_eq!(decode(&bomb, Endian::Little), Err(IpcError::TooDeep));
}

#[test]
fn more_objects_than_there_may_be_are_refused_before_they_are_made() {
    // An identity has two bytes on the wire and many more as a value.
    let list = |count: usize, items: &[u8]| {
        let count = i32::try_from(count).unwrap().to_le_bytes();
        [&[0, 0], &count[..], items].concat()
    };
    let full = list(OBJECTS_MAX, &[101, 0].repeat(OBJECTS_MAX));
    assert_eq!(decode(&full, Endian::Little).map(|k| k.len()), Ok(OBJECTS_MAX));
    let over = list(OBJECTS_MAX + 1, &[101, 0].repeat(OBJECTS_MAX + 1));
    assert_eq!(decode(&over, Endian::Little), Err(IpcError::TooManyObjects));
    // Each level claims what could be true of the bytes that follow.
    let mut levels = [101, 0].repeat(OBJECTS_MAX / 2 + 100);
    for _ in 0..3 {
        levels = list(OBJECTS_MAX / 2, &levels);
    }
    assert_eq!(decode(&levels, Endian::Little), Err(IpcError::TooManyObjects));
    // Functions count for more, and so do dictionaries.
    let functions = OBJECTS_MAX / 4;
    let over = list(functions, &[101, 1].repeat(functions));
    assert_eq!(decode(&over, Endian::Little), Err(IpcError::TooManyObjects));
}

fn encoded(k: &K, endian: Endian) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(encode(k, endian, &mut out), Ok(()));
    out
}

/// A value comes back as it was, and so do its bytes: equality of values passes over attributes
/// and bits of nulls, that of bytes does not.
fn comes_back(k: &K) {
    for endian in [Endian::Little, Endian::Big] {
        let bytes = encoded(k, endian);
        let again = decode(&bytes, endian).unwrap();
        assert_eq!(again, *k);
        assert_eq!(again.code(), k.code());
        assert_eq!(encoded(&again, endian), bytes);
    }
}

const ATTRS: [Attr; 5] = [Attr::None, Attr::Sorted, Attr::Unique, Attr::Parted, Attr::Grouped];

#[test]
fn every_type_has_its_code_and_comes_back() {
    for ty in ATOMIC {
        let atom = K::null(ty);
        assert_eq!(encoded(&atom, Endian::Little)[0], ty.code().wrapping_neg().to_ne_bytes()[0]);
        comes_back(&atom);
        for attr in ATTRS {
            for count in [0, 1, 3] {
                let vector = K::repeat(ty, ty.null(), count).with_attr(attr);
                let bytes = encoded(&vector, Endian::Big);
                assert_eq!(bytes[..2], [ty as u8, attr.code()], "{ty:?}");
                comes_back(&vector);
            }
        }
    }
    for attr in ATTRS {
        let list = K::list(vec![K::long(1), K::Null]).with_attr(attr);
        assert_eq!(encoded(&list, Endian::Little)[..2], [0, attr.code()]);
        comes_back(&list);
    }
}

#[test]
fn a_sorted_dictionary_stays_one() {
    let bytes = hex("7f 0b01 02000000 6100 6200 0700 02000000 0100000000000000 0200000000000000");
    let dict = decode(&bytes, Endian::Little).unwrap();
    assert_eq!(dict.code(), 127);
    assert_eq!(encoded(&dict, Endian::Little), bytes);
    let plain = [&[99], &bytes[1..]].concat();
    let plain = decode(&plain, Endian::Little).unwrap();
    assert_eq!(plain.code(), 99);
    assert_eq!(plain, dict, "it holds the same");
}

/// An item of a type made of any bits.
fn scalar(ty: Type, bits: [u8; 16]) -> Scalar {
    let [a, b, c, d, e, f, g, h, ..] = bits;
    match ty.null() {
        Scalar::U8(_) if ty == Type::Bool => Scalar::U8(a & 1),
        Scalar::U8(_) => Scalar::U8(a),
        Scalar::I16(_) => Scalar::I16(i16::from_le_bytes([a, b])),
        Scalar::I32(_) => Scalar::I32(i32::from_le_bytes([a, b, c, d])),
        Scalar::I64(_) => Scalar::I64(i64::from_le_bytes([a, b, c, d, e, f, g, h])),
        Scalar::F32(_) => Scalar::F32(f32::from_le_bytes([a, b, c, d])),
        Scalar::F64(_) => Scalar::F64(f64::from_le_bytes([a, b, c, d, e, f, g, h])),
        Scalar::Sym(_) => {
            let text: Vec<u8> = [a, b].into_iter().filter(|b| *b != 0).collect();
            Scalar::Sym(Sym::intern(&text).unwrap())
        }
        Scalar::Guid(_) => Scalar::Guid(bits),
    }
}

/// Bits of an item; nulls and infinities of all widths are among them.
fn bits() -> impl Strategy<Value = [u8; 16]> {
    prop_oneof![
        4 => any::<[u8; 16]>(),
        1 => (1usize..4).prop_map(|n| {
            let mut null = [0; 16];
            null[(1 << n) - 1] = 0x80;
            null
        }),
        1 => (1usize..4).prop_map(|n| {
            let mut infinity = [0xff; 16];
            infinity[(1 << n) - 1] = 0x7f;
            infinity
        }),
    ]
}

/// A vector of a type with items of these bits.
fn of(ty: Type, items: &[[u8; 16]], attr: Attr) -> K {
    let mut data = Data::repeat(ty.null(), items.len());
    for (at, bits) in items.iter().enumerate() {
        assert!(data.set(at, scalar(ty, *bits)));
    }
    K::vec(ty, data).with_attr(attr)
}

fn vector(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = K> {
    let items = prop::collection::vec(bits(), count);
    let parts = (prop::sample::select(&ATOMIC[..]), items, prop::sample::select(&ATTRS[..]));
    parts.prop_map(|(ty, items, attr)| of(ty, &items, attr))
}

fn table(rows: usize) -> impl Strategy<Value = K> {
    prop::collection::vec(vector(rows), 1..4).prop_map(|columns| {
        let names = (0..columns.len()).map(|n| Sym::new(&format!("c{n}"))).collect();
        K::table(names, columns).unwrap()
    })
}

fn function(inner: impl Strategy<Value = K> + Clone + 'static) -> impl Strategy<Value = K> {
    let parts = prop::collection::vec(inner.clone(), 0..4);
    let lambda = ("[a-z]{0,3}", "[ -~]{0,9}");
    let new = |code, index, text: (String, String), items| Foreign {
        code,
        index,
        context: text.0.into_bytes(),
        source: text.1.into_bytes(),
        items,
    };
    let none = || (String::new(), String::new());
    prop_oneof![
        lambda.prop_map(move |text| new(100, 0, text, vec![])),
        // The first of the unary ones is the generic null.
        (101i8..=103, 1u8..).prop_map(move |(code, index)| new(code, index, none(), vec![])),
        (104i8..=105, parts).prop_map(move |(code, items)| new(code, 0, none(), items)),
        (106i8..=111, inner).prop_map(move |(code, item)| new(code, 0, none(), vec![item])),
    ]
    .prop_map(|func| K::Func(Arc::new(func)))
}

/// Values of all types of the wire.
fn value() -> impl Strategy<Value = K> {
    let atom = (prop::sample::select(&ATOMIC[..]), bits())
        .prop_map(|(ty, bits)| K::Atom(ty, scalar(ty, bits)));
    let leaf = prop_oneof![
        3 => atom,
        3 => vector(0..6),
        1 => Just(K::Null),
        1 => (0usize..4).prop_flat_map(table),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..4);
        let lists = (items.clone(), prop::sample::select(&ATTRS[..]));
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        let keyed = (0usize..4).prop_flat_map(|rows| (table(rows), table(rows), any::<bool>()));
        let dict = |keys, values, sorted: bool| {
            if sorted { K::sorted_dict(keys, values) } else { K::dict(keys, values) }
        };
        prop_oneof![
            lists.prop_map(|(items, attr)| K::list(items).with_attr(attr)),
            (pairs, any::<bool>()).prop_map(move |(pairs, sorted)| {
                let (keys, values) = pairs.into_iter().unzip();
                dict(K::list(keys), K::list(values), sorted)
            }),
            keyed.prop_map(move |(keys, values, sorted)| dict(keys, values, sorted)),
            items.prop_map(|column| K::table(vec![Sym::new("c")], vec![K::list(column)]).unwrap()),
            function(inner),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(k in value()) {
        comes_back(&k);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode_body(&bytes, Endian::Little);
        let _ = decode_body(&bytes, Endian::Big);
    }

    #[test]
    fn damaged_objects_do_no_harm(k in value(), at: prop::sample::Index, byte: u8) {
        let mut out = encoded(&k, Endian::Little);
        let at = at.index(out.len());
        out[at] = byte;
        // What is still an object is one that comes back, too.
        if let Ok(Body::Value(k)) = decode_body(&out, Endian::Little) {
            comes_back(&k);
        }
    }

    /// A call is read the same in two parts, also where it is damaged behind its head.
    #[test]
    fn an_argument_is_read_as_its_call_is(
        k in value(),
        texts: bool,
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let name = if texts { K::str("upd") } else { K::sym("upd") };
        for endian in [Endian::Little, Endian::Big] {
            let mut call = encoded(&K::list(vec![name.clone(), k.clone()]), endian);
            let head = head_bytes(&call, endian).unwrap();
            if let Some((at, byte)) = &damage {
                let at = head + at.index(call.len() - head);
                call[at] = *byte;
            }
            let whole = decode(&call, endian).map(|call| call.at(1));
            prop_assert_eq!(decode_argument(&call[head..], endian), whole);
        }
    }
}

#[test]
fn only_calls_with_one_argument_have_a_head() {
    let head = |k: &K| head_bytes(&encoded(k, Endian::Little), Endian::Little);
    let call = |first: K| K::list(vec![first, K::long(1)]);
    assert_eq!(head(&call(K::sym("upd"))), Some(6 + 5));
    assert_eq!(head(&call(K::str("upd"))), Some(6 + 6 + 3));
    assert_eq!(head(&call(K::long(7))), None);
    assert_eq!(head(&K::list(vec![K::sym("upd")])), None);
    assert_eq!(head(&K::list(vec![K::sym("upd"), K::long(1), K::long(2)])), None);
    assert_eq!(head(&K::syms(vec!["upd".into(), "x".into()])), None);
    for cut in 0..6 + 5 {
        assert_eq!(
            head_bytes(&encoded(&call(K::sym("upd")), Endian::Little)[..cut], Endian::Little),
            None
        );
    }
}

#[test]
fn objects_have_a_limit() {
    let bytes = |count: usize| K::vec(Type::Byte, vec![1u8; count]);
    let sent = |k: &K| {
        let mut out = vec![0; 100];
        encode(k, Endian::Little, &mut out).map(|()| out.len() - 100)
    };
    // Type, attribute and length come first.
    assert_eq!(sent(&bytes(BYTES_MAX - 6)), Ok(BYTES_MAX));
    assert_eq!(sent(&bytes(BYTES_MAX - 5)), Err(IpcError::TooLarge));
    let long = Sym::intern(&vec![b'x'; BYTES_MAX / 100]).unwrap();
    assert_eq!(sent(&K::syms(vec![long; 101])), Err(IpcError::TooLarge));
    // It takes no memory worth speaking of until it is written.
    let wide = (0..60).fold(bytes(1000), |k, _| K::list(vec![k.clone(), k]));
    assert_eq!(sent(&wide), Err(IpcError::TooLarge));
}
