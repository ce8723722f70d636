//! kdb+ IPC objects: values to bytes and back (spec/kdb-ipc.md §3), in both byte orders.
//!
//! It is the body of a message only; headers, handshake and compression are a protocol's matter.
//! Bytes may come from anyone: lengths are checked before memory is taken, nesting has a limit,
//! and an object never costs more than a small multiple of its bytes.

mod read;
mod write;

pub use read::{Body, decode, decode_body};
pub use write::{encode, encode_error};

/// Levels of lists, dictionaries and functions that an object may have.
pub const DEPTH_MAX: usize = 128;

/// The order of the bytes in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first: what today's machines send.
    #[default]
    Little,
    /// Most significant byte first.
    Big,
}

/// Why bytes are no object, or a value has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpcError {
    /// The bytes end before the object does.
    Truncated,
    /// A count is negative or larger than the bytes that follow could hold.
    BadLength,
    /// No object has this type code.
    BadType(i8),
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Bytes follow the object.
    Trailing,
    /// A table whose columns differ in length, or a dictionary whose halves do.
    BadShape,
    /// The process holds as many symbols as it may.
    TooManySymbols,
    /// A list of more items than the wire can count.
    TooLong,
    /// A function that exists only in this process.
    NotPortable,
}

impl std::fmt::Display for IpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Truncated => "the object ends early",
            Self::BadLength => "a length does not fit the message",
            Self::BadType(code) => return write!(f, "no object has type {code}"),
            Self::TooDeep => "nested too deep",
            Self::Trailing => "bytes follow the object",
            Self::BadShape => "lengths within a table or dictionary differ",
            Self::TooManySymbols => "too many symbols",
            Self::TooLong => "too many items",
            Self::NotPortable => "a function that cannot leave this process",
        };
        f.write_str(text)
    }
}

impl std::error::Error for IpcError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k::{Attr, Foreign, K, Scalar, Sym, Type};
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
        assert_eq!(little("1e 00"), Err(IpcError::BadType(30)));
        assert_eq!(
            little("63 0700 01000000 0100000000000000 0700 00000000"),
            Err(IpcError::BadShape)
        );
        let bomb = hex("00 00 01000000").repeat(DEPTH_MAX + 1);
        assert_eq!(decode(&bomb, Endian::Little), Err(IpcError::TooDeep));
    }

    fn atom() -> impl Strategy<Value = K> {
        prop_oneof![
            any::<bool>().prop_map(K::bool),
            any::<i64>().prop_map(K::long),
            any::<i64>().prop_map(K::timestamp),
            any::<i32>().prop_map(|x| K::Atom(Type::Date, Scalar::I32(x))),
            any::<i16>().prop_map(|x| K::Atom(Type::Short, Scalar::I16(x))),
            any::<f64>().prop_map(K::float),
            any::<f32>().prop_map(|x| K::Atom(Type::Real, Scalar::F32(x))),
            any::<u8>().prop_map(K::char),
            any::<[u8; 16]>().prop_map(|x| K::Atom(Type::Guid, Scalar::Guid(x))),
            "[a-z]{0,3}".prop_map(|s| K::sym(s.as_str())),
            Just(K::Null),
        ]
    }

    fn value() -> impl Strategy<Value = K> {
        let vector = prop_oneof![
            prop::collection::vec(any::<i64>(), 0..5).prop_map(K::longs),
            prop::collection::vec(any::<i32>(), 0..5).prop_map(|v| K::vec(Type::Time, v)),
            prop::collection::vec(any::<f64>(), 0..5).prop_map(K::floats),
            prop::collection::vec("[a-z]{0,2}", 0..5)
                .prop_map(|v| K::syms(v.iter().map(|s| Sym::new(s)).collect())),
            "[ -~]{0,8}".prop_map(|s| K::str(s.as_bytes())),
        ];
        prop_oneof![atom(), vector].prop_recursive(3, 24, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4);
            let pair = prop::collection::vec((inner.clone(), inner), 1..4);
            prop_oneof![
                list.prop_map(K::list),
                pair.prop_map(|p| {
                    let (keys, values) = p.into_iter().unzip();
                    K::dict(K::list(keys), K::list(values))
                }),
                prop::collection::vec(any::<i64>(), 1..4).prop_map(|v| {
                    let column = K::longs(v).with_attr(Attr::Sorted);
                    K::table(vec![Sym::new("c")], vec![column]).unwrap()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(k in value()) {
            for endian in [Endian::Little, Endian::Big] {
                let mut out = Vec::new();
                prop_assert_eq!(encode(&k, endian, &mut out), Ok(()));
                prop_assert_eq!(decode(&out, endian), Ok(k.clone()));
            }
        }

        #[test]
        fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_body(&bytes, Endian::Little);
            let _ = decode_body(&bytes, Endian::Big);
        }

        #[test]
        fn damaged_objects_do_no_harm(k in value(), at: prop::sample::Index, byte: u8) {
            let mut out = Vec::new();
            prop_assert_eq!(encode(&k, Endian::Little, &mut out), Ok(()));
            let at = at.index(out.len());
            out[at] = byte;
            let _ = decode_body(&out, Endian::Little);
        }
    }
}
