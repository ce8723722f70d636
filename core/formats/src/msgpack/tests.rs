use proptest::prelude::*;

use super::*;
use crate::json;
use crate::value::{Text, Timestamp, Value};

fn packed(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, &json::parse(text.as_bytes()).unwrap()).unwrap();
    out
}

fn shown(bytes: &[u8]) -> Result<String, MsgpackError> {
    let mut out = Vec::new();
    json::write_value(&mut out, &parse(bytes)?).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn documents_have_the_bytes_that_others_write() {
    assert_eq!(packed(r#"{"foo":"bar"}"#), b"\x81\xa3foo\xa3bar");
    for (text, bytes) in [
        ("13", &b"\x0d"[..]),
        ("254", b"\xcc\xfe"),
        ("-257", b"\xd1\xfe\xff"),
        ("65534", b"\xcd\xff\xfe"),
        ("-70123", b"\xd2\xff\xfe\xee\x15"),
        ("2147483648", b"\xce\x80\x00\x00\x00"),
        ("-9223372036854775808", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("45.5", b"\xcb\x40\x46\xc0\x00\x00\x00\x00\x00"),
        ("[null,true,false,-1]", b"\x94\xc0\xc3\xc2\xff"),
    ] {
        assert_eq!(packed(text), bytes, "{text}");
        assert_eq!(shown(bytes).as_deref(), Ok(text));
    }
    let mut out = Vec::new();
    write(&mut out, &Value::Int(5)).unwrap();
    assert_eq!(out, b"\xd3\0\0\0\0\0\0\0\x05", "a computed integer has its type's length");
    let huge = json::parse(b"1e400").unwrap();
    let error = write(&mut out, &huge).unwrap_err();
    assert_eq!(error.to_string(), "unable to parse 1e400 neither as int nor as float");
}

#[test]
fn what_json_does_not_have() {
    assert_eq!(shown(b"\xc4\x02hi").as_deref(), Ok("\"aGk=\""));
    assert_eq!(shown(b"\xca\x3d\xcc\xcc\xcd").as_deref(), Ok("0.1"));
    assert_eq!(shown(b"\xd6\xff\0\0\0\x01").as_deref(), Ok("\"1970-01-01T00:00:01Z\""));
    let last = i128::from(i64::MAX) * 1_000_000_000 + i128::from(u32::MAX);
    for unix_ns in [1_000_000_000, 1_500_000_000, -1, 1 << 65, last] {
        let at = Timestamp { unix_ns, offset_s: 0, zone: "UTC".into() };
        let mut out = Vec::new();
        write(&mut out, &Value::Timestamp(at.clone().into())).unwrap();
        assert!(matches!(parse(&out), Ok(Value::Timestamp(read)) if *read == at));
    }
    assert_eq!(shown(b"\x81\xc0\x01").as_deref(), Ok("{\"\":1}"));
    assert_eq!(shown(b"\x81\xc4\x01a\x01").as_deref(), Ok("{\"a\":1}"));
    assert_eq!(shown(b"\x01\x02").as_deref(), Ok("1"), "what follows does not count");
}

#[test]
fn what_is_wrong_is_said_in_known_words() {
    for (bytes, said) in [
        (&b""[..], "EOF"),
        (b"\xcd\x01", "unexpected EOF"),
        (b"\xcd", "EOF"),
        (b"\xa3ab", "unexpected EOF"),
        (b"\x81\x01\x01", "msgpack: invalid code=1 decoding string/bytes length"),
        (b"\x81\xcc\x01\x01", "msgpack: invalid code=cc decoding string/bytes length"),
        (b"\xc1", "msgpack: unknown code c1 decoding interface{}"),
        (b"\xd4\x05\x00", "msgpack: unknown ext id=5"),
        (b"\xd4\xff\x00", "msgpack: invalid ext len=1 decoding time"),
    ] {
        assert_eq!(parse(bytes).unwrap_err().to_string(), said, "{bytes:x?}");
    }
}

#[test]
fn lengths_that_are_a_lie_take_no_memory() {
    for head in [b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"] {
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(b"\xff\xff\xff\xff\xa1a");
        assert!(parse(&bytes).is_err(), "{head:x?}");
    }
}

#[test]
fn containers_are_nested_so_deep_and_no_deeper() {
    let nested = |depth: usize| {
        let mut bytes = vec![0x91; depth - 1];
        bytes.push(0x90);
        bytes
    };
    let deepest = parse(&nested(DEPTH_MAX)).unwrap();
    let mut again = Vec::new();
    write(&mut again, &deepest).unwrap();
    assert_eq!(again, nested(DEPTH_MAX));
    let mut deeper = vec![0x91; DEPTH_MAX];
    deeper.push(0x01);
    assert!(parse(&deeper).is_ok());
    deeper.insert(0, 0x91);
    assert_eq!(parse(&deeper).unwrap_err(), MsgpackError::TooDeep);
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::Uint),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(Value::Float32),
        any::<Vec<u8>>().prop_map(|bytes| Value::String(Text::from(&*bytes))),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::array),
            prop::collection::vec((".*", inner), 0..20).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.into(), value));
                Value::object(members.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_is_the_same_when_it_comes_back(document in documents()) {
        let mut bytes = Vec::new();
        write(&mut bytes, &document).unwrap();
        prop_assert_eq!(format!("{:?}", parse(&bytes).unwrap()), format!("{document:?}"));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(document) = parse(&bytes) {
            let mut again = Vec::new();
            write(&mut again, &document).unwrap();
            let read = parse(&again).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{document:?}"));
        }
    }
}
