use formats::json;
use formats::value::Value;
use proptest::prelude::*;

use super::*;

const IDENTITY: &str = r#"{"namespace":"foo.namespace.com","type":"record","name":"identity",
    "fields":[{"name":"Name","type":"string"},{"name":"Address","type":["null",
    {"namespace":"my.namespace.com","type":"record","name":"address","fields":[
    {"name":"City","type":"string"},{"name":"State","type":"string"}]}],"default":null}]}"#;

const LIST: &str = r#"{"type":"record","name":"List","fields":[
    {"name":"next","type":["null","List"]}]}"#;

fn schema(text: &str) -> Schema {
    Schema::parse(text).map_err(|e| format!("{text}: {e}")).unwrap()
}

fn parsed(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn shown(value: Result<Value, Error>) -> String {
    match value {
        Err(error) => format!("! {error}"),
        Ok(value) => {
            let mut out = Vec::new();
            json::write_value(&mut out, &value).unwrap();
            String::from_utf8(out).unwrap()
        }
    }
}

fn binary(schema: &Schema, value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Binary::default();
    write(schema, value, &mut out).map(|()| out.0).map_err(|e| e.to_string())
}

fn textual(schema: &Schema, value: &Value) -> Result<String, String> {
    let mut out = Textual::default();
    let written = write(schema, value, &mut out).map_err(|e| e.to_string());
    written.map(|()| String::from_utf8(out.0).unwrap())
}

#[test]
fn records_and_unions_have_known_forms() {
    let schema = schema(IDENTITY);
    let tagged =
        r#"{"Address":{"my.namespace.com.address":{"City":"foo","State":"bar"}},"Name":"foo"}"#;
    let plain = r#"{"Address":{"City":"foo","State":"bar"},"Name":"foo"}"#;
    let bytes = b"\x06foo\x02\x06foo\x06bar";
    assert_eq!(shown(read(&schema, bytes)), tagged);
    for text in [tagged, plain] {
        assert_eq!(binary(&schema, &parsed(text)).unwrap(), bytes);
        assert_eq!(shown(read_textual(&schema, &parsed(text))), tagged);
        let want =
            r#"{"Name":"foo","Address":{"my.namespace.com.address":{"City":"foo","State":"bar"}}}"#;
        assert_eq!(textual(&schema, &parsed(text)).unwrap(), want);
    }
    let none = parsed(r#"{"Name":"foo"}"#);
    assert_eq!(binary(&schema, &none).unwrap(), b"\x06foo\x00", "a field has its default");
    assert_eq!(textual(&schema, &none).unwrap(), r#"{"Name":"foo","Address":null}"#);
    assert_eq!(shown(read(&schema, b"\x06foo\x00")), r#"{"Address":null,"Name":"foo"}"#);
}

#[test]
fn every_type_has_its_form() {
    for (ty, bytes, text) in [
        (r#""null""#, &b""[..], "null"),
        (r#""boolean""#, b"\x01", "true"),
        (r#""int""#, b"\x7f", "-64"),
        (r#""long""#, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "9223372036854775807"),
        (r#""float""#, b"\x00\x00\xc0\x3f", "1.5"),
        (r#""double""#, b"\x00\x00\x00\x00\x00\x00\xf8\x3f", "1.5"),
        (r#""string""#, b"\x02a", r#""a""#),
        (r#"{"type":"enum","name":"e","symbols":["A","B"]}"#, b"\x02", r#""B""#),
        (r#"{"type":"array","items":"int"}"#, b"\x04\x02\x04\x00", "[1,2]"),
        (r#"{"type":"array","items":"int"}"#, b"\x00", "[]"),
        (r#"{"type":"map","values":"int"}"#, b"\x02\x02a\x02\x00", r#"{"a":1}"#),
        (r#"["int","string"]"#, b"\x02\x02a", r#"{"string":"a"}"#),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#,
            b"\x02\x85",
            "-1.23",
        ),
        (
            r#"{"type":"long","logicalType":"timestamp-millis"}"#,
            b"\xd0\x0f",
            r#""1970-01-01T00:00:01Z""#,
        ),
        (r#"{"type":"int","logicalType":"date"}"#, b"\x02", r#""1970-01-02T00:00:00Z""#),
        (
            r#"["null",{"type":"long","logicalType":"timestamp-micros"}]"#,
            b"\x02\x80\x89\x7a",
            r#"{"long.timestamp-micros":"1970-01-01T00:00:01Z"}"#,
        ),
    ] {
        let schema = schema(ty);
        assert_eq!(shown(read(&schema, bytes)), text, "{ty}");
        assert_eq!(binary(&schema, &parsed(text)).as_deref(), Ok(bytes), "{ty}");
    }
    let bytes = schema(r#""bytes""#);
    assert_eq!(shown(read(&bytes, b"\x02\xff")), r#""/w==""#);
    assert_eq!(
        textual(&bytes, &Value::Bytes([0xff, 10, 34].as_slice().into())).unwrap(),
        r#""\u00FF\n\"""#
    );
    assert_eq!(shown(read_textual(&bytes, &parsed(r#""\u00ff""#))), r#""/w==""#);
    let floats = schema(r#""double""#);
    assert_eq!(shown(read(&floats, &f64::NAN.to_le_bytes())), r#""NaN""#);
    assert_eq!(textual(&floats, &parsed(r#""-Infinity""#)).unwrap(), "-1e999");
}

#[test]
fn times_that_json_cannot_write_are_refused() {
    let instant = schema(r#"{"type":"long","logicalType":"timestamp-millis"}"#);
    let endless = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let error = read(&instant, &endless).unwrap_err();
    assert!(error.to_string().contains("outside of the years 0 to 9999"), "{error}");
    assert_eq!(shown(read(&instant, &[0])), r#""1970-01-01T00:00:00Z""#);
}

#[test]
fn single_objects_have_a_mark() {
    let schema = schema(r#""int""#);
    let mut bytes = schema.mark.to_vec();
    bytes.push(2);
    assert_eq!(schema.mark[..2], [0xc3, 0x01]);
    assert_eq!(schema.mark[2..], 0x7275_d51a_3f39_5c8f_u64.to_le_bytes(), "as the standard says");
    assert_eq!(shown(read_single(&schema, &bytes)), "1");
    for (bytes, said) in [
        (&bytes[..9], "single-object encoding too short: need at least 10 bytes, have 9"),
        (
            b"0123456789",
            "invalid single-object encoding magic: got [0x30, 0x31], want [0xc3, 0x01]",
        ),
        (b"\xc3\x0123456789", "single-object encoding fingerprint mismatch"),
    ] {
        assert_eq!(shown(read_single(&schema, bytes)), format!("! avro: {said}"));
    }
}

#[test]
fn what_is_wrong_is_said_in_known_words() {
    let wrong =
        "! avro: unsupported Avro type record: avro: short buffer for string: need 3, have 1";
    assert_eq!(shown(read(&schema(IDENTITY), b"\x06f")), wrong);
    for (ty, bytes, said) in [
        (r#""int""#, &b""[..], "avro: short buffer for uvarint"),
        (r#""int""#, b"\xff\xff\xff\xff\xff\x01", "uvarint overflows 32 bits"),
        (r#""int""#, b"\xff\xff\xff\xff\x10", "uvarint overflows 32 bits"),
        (r#""string""#, b"\x01", "invalid negative string length -1"),
        (r#""boolean""#, b"", "avro: short buffer for boolean"),
        (r#"["int"]"#, b"\x02", "union index 1 out of range [0, 1)"),
        (
            r#"{"type":"enum","name":"e","symbols":["A"]}"#,
            b"\x04",
            "enum index 2 out of range [0, 1)",
        ),
    ] {
        assert_eq!(shown(read(&schema(ty), bytes)), format!("! {said}"));
    }
    let inner = parsed(r#"{"Name":"a","Address":{"City":1,"State":""}}"#);
    let identity = schema(IDENTITY);
    let said = "avro: field Address.City: cannot use json.Number with Avro type string";
    assert_eq!(binary(&identity, &inner).unwrap_err(), said);
    let said = "avro json: expected string, got json.Number";
    assert_eq!(textual(&identity, &inner).unwrap_err(), said);
    for (ty, text, said) in [
        (
            r#""int""#,
            "1.5",
            "avro: cannot use json.Number with Avro type int: value 1.5 is not a whole number",
        ),
        (
            r#""int""#,
            "2147483648",
            "avro: cannot use json.Number with Avro type int: value 2147483648 overflows int32",
        ),
        (r#""string""#, "null", "avro: unsupported Avro type string: cannot encode nil"),
        (
            r#"["int","string"]"#,
            "[]",
            "avro: cannot use []any with Avro type union: no matching branch",
        ),
    ] {
        assert_eq!(binary(&schema(ty), &parsed(text)).unwrap_err(), said);
    }
    let half = textual(&schema(r#""int""#), &parsed("1.5")).unwrap_err();
    assert_eq!(half, "avro json: value 1.5 is not a whole number");
    let missing =
        "! avro json: record \"foo.namespace.com.identity\" missing required field \"Name\"";
    assert_eq!(shown(read_textual(&identity, &parsed("{}"))), missing);
    assert!(Schema::parse("{").is_err());
    assert!(Schema::parse(r#""nope""#).is_err());
}

#[test]
fn numbers_and_bytes_that_do_not_fit_are_refused() {
    let fixed = r#"{"type":"fixed","name":"f","size":2}"#;
    for (ty, text, said) in [
        (r#""long""#, "1e300", "overflows int64"),
        (r#""float""#, "1.5e300", "overflows float32"),
        (fixed, "\"abc\"", "got 3 bytes, need 2"),
    ] {
        let error = binary(&schema(ty), &parsed(text)).unwrap_err();
        assert!(error.contains(said), "{ty}: {error}");
    }
    assert_eq!(decimal::bytes_of("1.5", 1), Some(vec![15]));
    let long = format!("1e{}", decimal::DIGITS_MAX);
    for text in ["", "-", "1x", "0x1", long.as_str()] {
        assert_eq!(decimal::bytes_of(text, 1), None, "{text}");
    }
}

#[test]
fn lengths_that_are_a_lie_take_no_memory() {
    // 2^40, as a length and as a count.
    let huge = b"\x80\x80\x80\x80\x80\x40rest";
    let have = "need 1099511627776, have 4";
    assert_eq!(
        shown(read(&schema(r#""bytes""#), huge)),
        format!("! avro: short buffer for bytes: {have}")
    );
    assert_eq!(
        shown(read(&schema(r#""string""#), huge)),
        format!("! avro: short buffer for string: {have}")
    );
    for (ty, what) in [
        (r#"{"type":"array","items":"null"}"#, "array"),
        (r#"{"type":"map","values":"null"}"#, "map"),
    ] {
        let said = format!("! {what} block count 1099511627776 exceeds remaining buffer length 4");
        assert_eq!(shown(read(&schema(ty), huge)), said);
    }
    let negative = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00";
    let said = "! invalid array block count";
    assert_eq!(shown(read(&schema(r#"{"type":"array","items":"int"}"#), negative)), said);
    assert!(read(&schema(r#"{"type":"fixed","name":"f","size":1099511627776}"#), b"x").is_err());
}

#[test]
fn values_are_nested_so_deep_and_no_deeper() {
    let schema = schema(LIST);
    // A record and its union are two values.
    let nested = |links: usize| [vec![2; links], vec![0]].concat();
    assert!(read(&schema, &nested(DEPTH_MAX / 2 - 2)).is_ok());
    let error = read(&schema, &nested(DEPTH_MAX)).unwrap_err().to_string();
    assert!(error.contains("exceeded max depth"), "{error}");
    let endless =
        Schema::parse(r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#);
    if let Ok(endless) = endless {
        assert!(read(&endless, b"").is_err());
    }
}

#[test]
fn what_may_be_many_things_is_tried_so_often_and_no_more() {
    // Each level may be either record, and none fits at the end.
    let two = r#"[{"type":"record","name":"A","fields":[{"name":"x","type":["A",
        {"type":"record","name":"B","fields":[{"name":"x","type":["A","B","int"]}]},"int"]}]},"B"]"#;
    let schema = schema(two);
    let deep = format!("{}\"no\"{}", "{\"x\":".repeat(40), "}".repeat(40));
    let said = binary(&schema, &parsed(&deep)).unwrap_err();
    assert!(said.contains("too many steps"), "{said}");
    assert!(shown(read_textual(&schema, &parsed(&deep))).contains("too many steps"));
}

/// A schema and a value of it, in the form in which it is read.
fn cases() -> impl Strategy<Value = (String, String)> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|b| (r#""boolean""#.to_owned(), b.to_string())),
        any::<i32>().prop_map(|n| (r#""int""#.to_owned(), n.to_string())),
        any::<i64>().prop_map(|n| (r#""long""#.to_owned(), n.to_string())),
        "[a-z\"\\\\é]{0,9}".prop_map(|s| (r#""string""#.to_owned(), format!("{s:?}"))),
        (-1_000_000_i32..1_000_000)
            .prop_map(|n| { (r#""double""#.to_owned(), format!("{}", f64::from(n) + 0.5)) }),
        prop::option::of(any::<i32>()).prop_map(|n| {
            let value = n.map_or("null".to_owned(), |n| format!(r#"{{"int":{n}}}"#));
            (r#"["null","int"]"#.to_owned(), value)
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0_usize..4).prop_map(|((ty, value), count)| {
                let items = vec![value; count].join(",");
                (format!(r#"{{"type":"array","items":{ty}}}"#), format!("[{items}]"))
            }),
            inner.clone().prop_map(|(ty, value)| {
                (format!(r#"{{"type":"map","values":{ty}}}"#), format!(r#"{{"k":{value}}}"#))
            }),
            (inner.clone(), inner, any::<u64>()).prop_map(|((a, x), (b, y), id)| {
                let fields = format!(r#"[{{"name":"a","type":{a}}},{{"name":"b","type":{b}}}]"#);
                let ty = format!(r#"{{"type":"record","name":"r{id}","fields":{fields}}}"#);
                (ty, format!(r#"{{"a":{x},"b":{y}}}"#))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_is_the_same_when_it_comes_back((ty, text) in cases()) {
        let Ok(schema) = Schema::parse(&ty) else { return Ok(()) };
        let value = parsed(&text);
        let want = shown(Ok(value.clone()));
        let bytes = binary(&schema, &value).unwrap();
        prop_assert_eq!(shown(read(&schema, &bytes)), want.clone());
        let again = textual(&schema, &value).unwrap();
        prop_assert_eq!(shown(read_textual(&schema, &parsed(&again))), want);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for ty in [IDENTITY, LIST, r#"{"type":"array","items":{"type":"map","values":["null","bytes"]}}"#] {
            let schema = schema(ty);
            if let Ok(value) = read(&schema, &bytes) {
                let again = binary(&schema, &value).unwrap();
                prop_assert_eq!(shown(read(&schema, &again)), shown(Ok(value)));
            }
        }
    }
}
