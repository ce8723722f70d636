use std::collections::BTreeMap;

use proptest::prelude::*;
use prost_reflect::MessageDescriptor;

use super::*;

fn pet() -> MessageDescriptor {
    let texts = [("pet.proto".to_owned(), include_str!("pet.proto").to_owned())];
    let pool = files::compile(BTreeMap::from(texts)).unwrap();
    pool.get_message_by_name("pets.Pet").unwrap()
}

fn shown(bytes: &[u8], shape: Shape) -> String {
    match document(&pet(), bytes, shape) {
        Err(error) => format!("! {error}"),
        Ok(value) => {
            let mut out = Vec::new();
            formats::json::write_value(&mut out, &value).unwrap();
            String::from_utf8(out).unwrap()
        }
    }
}

fn packed(json: &str) -> Vec<u8> {
    from_json(&pet(), json.as_bytes(), false).unwrap()
}

#[test]
fn messages_are_documents_and_back() {
    assert_eq!(packed(r#"{"firstName":"Rex","age":3}"#), b"\x0a\x03Rex\x10\x03");
    for json in [
        "{}",
        r#"{"firstName":"Rex"}"#,
        r#"{"chipNumber":"9007199254740993","steps":"18446744073709551615"}"#,
        r#"{"kind":"KIND_DOG","photo":"aGk=","tags":["a","b"],"weights":{"kg":1.5}}"#,
        r#"{"friend":{"friend":{"tame":false}}}"#,
        r#"{"born":"2026-01-02T03:04:05.120Z","nap":"-1.500s"}"#,
        r#"{"born":"1969-12-31T23:59:59.000001Z","nap":"3s"}"#,
        r#"{"notes":{"a":[1,"b",null,true],"c":{}},"rank":"7","shown":"firstName,chipNumber"}"#,
        r#"{"size":"NaN","speed":"-Infinity"}"#,
        r#"{"speed":0.1}"#,
        r#"{"extra":{"@type":"type.googleapis.com/pets.Pet","firstName":"Fido"}}"#,
        r#"{"extra":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#,
    ] {
        assert_eq!(shown(&packed(json), Shape::default()), json);
    }
    assert_eq!(packed(r#"{"first_name":"Rex"}"#), packed(r#"{"firstName":"Rex"}"#));
}

#[test]
fn shapes_differ_in_names_numbers_and_types() {
    let bytes = packed(
        r#"{"firstName":"Rex","chipNumber":"5","kind":"KIND_CAT","born":"2026-01-02T03:04:05Z",
        "speed":0.5,"rank":"7"}"#,
    );
    let named = Shape { proto_names: true, enum_numbers: true, native: false };
    let want = r#"{"born":"2026-01-02T03:04:05Z","chip_number":"5","first_name":"Rex","kind":2,"#;
    assert_eq!(shown(&bytes, named), format!(r#"{want}"rank":"7","speed":0.5}}"#));
    let native = Shape { native: true, ..Shape::default() };
    let want = r#"{"born":"2026-01-02T03:04:05Z","chipNumber":5,"firstName":"Rex","#;
    let want = format!(r#"{want}"kind":"KIND_CAT","rank":"7","speed":0.5}}"#);
    assert_eq!(shown(&bytes, native), want);
    // A value that the enumeration does not have.
    assert_eq!(shown(b"\x20\x09", Shape::default()), r#"{"kind":9}"#);
    assert_eq!(shown(b"\x20\x09", native), r#"{"kind":"KIND_UNSPECIFIED"}"#);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let begin = "unmarshalling JSON message 'pets.Pet': proto: ";
    for (json, said) in [
        (r#"{"ageFoo":10}"#, r#"(line 1:9): unknown field "ageFoo""#),
        ("nope", "syntax error (line 1:2): expected ident"),
        (r#"{"firstName":5}"#, "(line 1:14): invalid type: integer `5`, expected a string"),
        ("{", "syntax error (line 1:1): EOF while parsing an object"),
        ("{} {}", "syntax error (line 1:4): trailing characters"),
        (r#"{"extra":{"@type":"a/b.C"}}"#, "(line 1:26): message 'b.C' not found"),
    ] {
        let error = from_json(&pet(), json.as_bytes(), false).unwrap_err();
        assert_eq!(error, format!("{begin}{said}"));
    }
    assert_eq!(from_json(&pet(), br#"{"ageFoo":10,"age":1}"#, true).unwrap(), b"\x10\x01");
    let begin = "! unmarshalling protobuf message: 'pets.Pet': ";
    for bytes in [&b"\x0a\x05ab"[..], b"\xff", b"\x0a\x01\xff", b"\x0d\x01"] {
        assert!(shown(bytes, Shape::default()).starts_with(begin), "{bytes:x?}");
    }
    let unknown = b"\x52\x05\x0a\x03a/b";
    let said = "! proto: google.protobuf.Any: unable to resolve \"a/b\": not found";
    assert_eq!(shown(unknown, Shape::default()), said);
    // A time with -1 nanoseconds, which is ten bytes.
    let wrong = [&b"\x4a\x0b\x10"[..], &[0xff; 9], b"\x01"].concat();
    let said = "! proto: google.protobuf.Timestamp: nanos out of range -1";
    assert_eq!(shown(&wrong, Shape::default()), said);
    // 2^41 seconds.
    let late = b"\x4a\x07\x08\x80\x80\x80\x80\x80\x40";
    let said = "! proto: google.protobuf.Timestamp: seconds out of range 2199023255552";
    assert_eq!(shown(late, Shape::default()), said);
    let nameless = b"\x52\x03\x12\x01x";
    let said = "! proto: google.protobuf.Any: empty type_url";
    assert_eq!(shown(nameless, Shape::default()), said);
}

#[test]
fn spans_out_of_range_are_refused() {
    let span = |seconds: i64, nanos: i32| {
        let mut inner = Vec::new();
        prost::encoding::int64::encode(1, &seconds, &mut inner);
        prost::encoding::int32::encode(2, &nanos, &mut inner);
        let nap = pet().get_field_by_name("nap").unwrap().number();
        let mut bytes = Vec::new();
        prost::encoding::bytes::encode(nap, &inner, &mut bytes);
        shown(&bytes, Shape::default())
    };
    assert_eq!(span(1, 500_000_000), r#"{"nap":"1.500s"}"#);
    let begin = "! proto: google.protobuf.Duration:";
    for seconds in [i64::MAX, i64::MIN] {
        assert_eq!(span(seconds, 0), format!("{begin} seconds out of range {seconds}"));
    }
    for (seconds, nanos) in [(1, -1), (-1, 1), (0, 1_000_000_000), (0, -1_000_000_000)] {
        assert_eq!(span(seconds, nanos), format!("{begin} nanos out of range"));
    }
}

#[test]
fn so_many_files_are_read_and_no_more() {
    let shard = crate::testing::Shard::default();
    let error = files::load(&shard, &["crowded".to_owned()]).unwrap_err();
    assert_eq!(error, format!("there are more than {} files", files::FILES_MAX));
}

#[test]
fn lengths_that_are_a_lie_take_no_memory() {
    // 2^41, as the length of a text, of bytes and of a message.
    for tag in [b"\x0a", b"\x2a", b"\x42"] {
        let bytes = [&tag[..], b"\x80\x80\x80\x80\x80\x40rest"].concat();
        assert!(shown(&bytes, Shape::default()).starts_with("! unmarshalling"), "{tag:x?}");
    }
}

/// A message within so many others.
fn nested(levels: usize, tag: u8, wrap: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    (0..levels).fold(Vec::new(), |inner, _| {
        let inner = wrap(inner);
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        [bytes, inner].concat()
    })
}

#[test]
fn messages_are_nested_so_deep_and_no_deeper() {
    assert!(!shown(&nested(99, 0x42, |inner| inner), Shape::default()).starts_with('!'));
    let deep = shown(&nested(200, 0x42, |inner| inner), Shape::default());
    assert!(deep.ends_with("recursion limit reached"), "{deep}");
    let any = |inner: Vec<u8>| {
        let mut bytes = b"\x0a\x0aa/pets.Pet\x12".to_vec();
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        [bytes, inner].concat()
    };
    assert!(!shown(&nested(100, 0x52, any), Shape::default()).starts_with('!'));
    let deep = shown(&nested(shape::DEPTH_MAX, 0x52, any), Shape::default());
    assert_eq!(deep, "! proto: exceeded max recursion depth");
    let deep = format!("{}{}", "{\"friend\":".repeat(100_000), "}".repeat(100_000));
    let error = from_json(&pet(), deep.as_bytes(), false).unwrap_err();
    assert!(error.contains("recursion limit exceeded"), "{error}");
}

proptest! {
    #[test]
    fn a_message_is_the_same_when_it_comes_back(
        first in ".*",
        age: i32,
        chip: i64,
        kind in 0..5,
        photo: Vec<u8>,
        tags in prop::collection::vec("[a-z]*", 0..4),
        weights in prop::collection::btree_map("[a-z]{1,3}", -1e9..1e9, 0..4),
        seconds in -62_135_596_800_i64..253_402_300_799,
        nanos in 0..1_000_000_000_i32,
        speed: f32,
        tame: Option<bool>,
    ) {
        use prost_reflect::{DynamicMessage, MapKey, Value};
        use prost::Message;
        let pet = pet();
        let mut message = DynamicMessage::new(pet.clone());
        message.set_field_by_name("first_name", Value::String(first));
        message.set_field_by_name("age", Value::I32(age));
        message.set_field_by_name("chip_number", Value::I64(chip));
        message.set_field_by_name("kind", Value::EnumNumber(kind));
        message.set_field_by_name("photo", Value::Bytes(photo.into()));
        message.set_field_by_name("tags", Value::List(tags.into_iter().map(Value::String).collect()));
        let weights = weights.into_iter().map(|(k, x)| (MapKey::String(k), Value::F64(x)));
        message.set_field_by_name("weights", Value::Map(weights.collect()));
        if !speed.is_nan() {
            message.set_field_by_name("speed", Value::F32(speed));
        }
        if let Some(tame) = tame {
            message.set_field_by_name("tame", Value::Bool(tame));
        }
        let mut born = DynamicMessage::new(pet.parent_pool()
            .get_message_by_name("google.protobuf.Timestamp").unwrap());
        born.set_field_by_name("seconds", Value::I64(seconds));
        born.set_field_by_name("nanos", Value::I32(nanos));
        message.set_field_by_name("born", Value::Message(born));
        let bytes = message.encode_to_vec();
        let json = shown(&bytes, Shape::default());
        let back = packed(&json);
        prop_assert_eq!(back.len(), bytes.len());
        for native in [false, true] {
            let shape = Shape { native, ..Shape::default() };
            prop_assert_eq!(shown(&back, shape), shown(&bytes, shape));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for native in [false, true] {
            let _ = document(&pet(), &bytes, Shape { native, ..Shape::default() });
        }
    }
}
