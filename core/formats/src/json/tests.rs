//! Laws between reading and writing, and the errors that users see.

use super::*;
use crate::value::{Object, Text, Value};
use proptest::prelude::*;

pub(super) fn canonical(text: &[u8]) -> Result<String, JsonError> {
    let mut out = Vec::new();
    write_value(&mut out, &parse(text)?).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

/// Any document that a text can hold: no computed numbers, no bytes.
pub(super) fn documents() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(|text| Value::Number(text.into())),
        any::<String>().prop_map(Value::text),
        "[a-zA-Z0-9 ]{0,70}".prop_map(Value::text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![4 => "[a-f]{0,3}", 1 => any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            prop::collection::vec((key.prop_map(Text::from), inner), 0..8)
                .prop_map(|members| Value::object(members.into_iter().collect::<Object>())),
        ]
    })
}

/// A valid text in any form: spaces, escapes, repeated and unsorted keys.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let space = || prop_oneof![9 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t")];
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false", "0", "-0", "1.50", "1e5", "[]", "{}"])
            .prop_map(String::from),
        r#""[a-z é€\u{2028}]{0,12}""#,
        r#""(a|\\n|\\/|\\\\|\\"|\\u0041|\\ud83d|\\ude00|\\u001f){0,5}""#,
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let key = prop_oneof![
            12 => "\"[a-d]\"",
            1 => Just("\"\\u0061\"".to_string()),
            1 => Just("\"é\"".to_string())
        ];
        let item = (space(), inner.clone(), space()).prop_map(|(a, v, b)| format!("{a}{v}{b}"));
        let member = (key, item.clone()).prop_map(|(key, item)| format!("{key}:{item}"));
        prop_oneof![
            1 => prop::collection::vec(item, 1..5).prop_map(|i| format!("[{}]", i.join(","))),
            3 => (space(), prop::collection::vec(member, 1..7))
                .prop_map(|(space, m)| format!("{space}{{{space}{}}}", m.join(","))),
        ]
    })
}

#[test]
fn fields_are_found_in_place() {
    let mut paths = Paths::new();
    let (b, deep, item, miss) = (
        paths.intern(&["b"]),
        paths.intern(&["n", "x"]),
        paths.intern(&["l", "01"]),
        paths.intern(&["l", "-1"]),
    );
    assert_eq!(paths.intern(&["b"]), b);
    let mut reader = Reader::new(paths);
    for text in [
        r#"{"b":1,"n":{"x":"y\n"},"l":[1,[2]],"b":2.0}"#,
        r#"{"b":7,"n":{"x":"yz\n"},"l":[1,[3]],"b":3.0}"#,
        r#" { "b" : 7 , "n" : { "\u0078" : "yz\n" } , "l" : [ 1 , [3] ] , "b" : 3.0 } "#,
    ] {
        let doc = reader.read(text.as_bytes()).unwrap();
        assert!(doc.get(b).unwrap().text.ends_with(b".0"));
        assert_eq!(doc.get(deep).unwrap().string().unwrap().last(), Some(&b'\n'));
        assert_eq!(doc.get(item).unwrap().kind, RawKind::Array);
        assert!(doc.get(miss).is_none());
        let list = doc.find(&["l"]).unwrap();
        assert_eq!(doc.elements(&list).next().unwrap().text, b"1");
        let names: Vec<_> = doc.members(&doc.root()).map(|m| m.name().into_owned()).collect();
        assert_eq!(names, [b"b", b"n", b"l", b"b"]);
        let value = doc.find(&["n"]).unwrap();
        let mut out = Vec::new();
        doc.write_value(&value, &mut out);
        let mut expected = Vec::new();
        write_value(&mut expected, &value.to_value()).unwrap();
        assert_eq!(out, expected);
        expected.clear();
        write_value(&mut expected, &doc.to_value(&value)).unwrap();
        assert_eq!(out, expected);
    }
}

#[test]
fn documents_become_canonical() {
    for (text, expected) in [
        (
            r#" {"b" : 1.0 , "a":[1e5, {"z":null,"y":true}],"b":2} "#,
            r#"{"a":[1e5,{"y":true,"z":null}],"b":2}"#,
        ),
        (r#""\u003c\/\u0041\ud83d\ude00\u2028""#, "\"</A😀\\u2028\""),
        (r#"{"b":1,"\u0061":2}"#, r#"{"a":2,"b":1}"#),
        ("[]", "[]"),
        ("-0", "-0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
        assert_eq!(canonical(text.as_bytes()).unwrap(), expected, "{text}");
    }
    assert_eq!(canonical(b"\"a\xff\"").unwrap(), "\"a\u{fffd}\"");
}

#[test]
fn errors_are_those_of_go() {
    for (text, error) in [
        ("", "EOF"),
        (" \n", "EOF"),
        ("not json", "invalid character 'o' in literal null (expecting 'u')"),
        ("tru", "unexpected EOF"),
        ("{\"a\":1", "unexpected EOF"),
        ("-", "unexpected EOF"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1e+x", "invalid character 'x' in exponent of numeric literal"),
        ("{bad", "invalid character 'b' looking for beginning of object key string"),
        ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{\"a\":01}", "invalid character '1' after object key:value pair"),
        ("{\"a\":NaN}", "invalid character 'N' looking for beginning of value"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1}", "invalid character '}' after array element"),
        ("\"tab\tinside\"", "invalid character '\\t' in string literal"),
        ("\"\\x\"", "invalid character 'x' in string escape code"),
        ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
        ("+1", "invalid character '+' looking for beginning of value"),
        ("123abc", "invalid character 'a' looking for beginning of value"),
        ("1 2", "message contains multiple valid documents"),
        ("01", "message contains multiple valid documents"),
        ("{\"a\":1}\n{\"b\":2}", "message contains multiple valid documents"),
        ("{\"a\":1} x", "invalid character 'x' looking for beginning of value"),
        ("1 2 x", "invalid character 'x' looking for beginning of value"),
        ("1 [", "unexpected EOF"),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert_eq!(parse(&nested(DEPTH_MAX + 1)).unwrap_err(), JsonError::TooDeep);
    let deepest = nested(DEPTH_MAX);
    assert_eq!(canonical(&deepest).unwrap().as_bytes(), deepest);
    assert_eq!(document_len(b" [1] x"), Ok(4));
}

proptest! {
    #[test]
    fn canonical_text_is_a_fixed_point(value in documents()) {
        let mut out = Vec::new();
        write_value(&mut out, &value).unwrap();
        prop_assert_eq!(canonical(&out).unwrap().into_bytes(), out);
    }

    #[test]
    fn the_index_accepts_what_the_parser_does(
        bytes: Vec<u8>,
        text in "[{}\\[\\]\",:0-9eE.tfn\\\\ u\n\x0c\x1a-]{0,20}",
        valid in texts(),
        at in 0usize..200,
        byte: u8,
    ) {
        let mut reader = Reader::new(Paths::new());
        let mut damaged = valid.into_bytes();
        let _ = reader.read(&damaged);
        if let Some(place) = damaged.get_mut(at) {
            *place = byte;
        }
        for text in [bytes.as_slice(), text.as_bytes(), &damaged] {
            let read = reader.read(text).map(|doc| {
                let mut out = Vec::new();
                doc.write_canonical(&mut out);
                String::from_utf8(out).unwrap()
            });
            prop_assert_eq!(&read, &canonical(text));
            let words = parse::parse_words(text).map(|value| {
                let mut out = Vec::new();
                write_value(&mut out, &value).unwrap();
                String::from_utf8(out).unwrap()
            });
            prop_assert_eq!(read, words);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>, text in "[{}\\[\\]\",:0-9eE.tfn\\\\ u-]{0,40}") {
        let _ = (parse(&bytes), parse(text.as_bytes()));
    }
}
