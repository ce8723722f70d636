use proptest::prelude::*;

use super::*;
use crate::json;

fn shown(text: &[u8], casts: bool) -> String {
    match parse(text, casts) {
        Err(error) => format!("! {error}"),
        Ok(document) => {
            let mut out = Vec::new();
            json::write_value(&mut out, &document).unwrap();
            String::from_utf8(out).unwrap()
        }
    }
}

#[test]
fn elements_are_members() {
    for (text, want) in [
        ("<root>\n  <next>foo1</next>\n</root>", r#"{"root":{"next":"foo1"}}"#),
        ("<r><n>foo&amp;bar</n></r>", r#"{"r":{"n":"foo&bar"}}"#),
        ("<r><n>a&lt;&ndash;&circ;&amp;b</n></r>", r#"{"r":{"n":"a<&ndash;&circ;&b"}}"#),
        ("<r><n>1</n><n>2</n><n>3</n></r>", r#"{"r":{"n":["1","2","3"]}}"#),
        (
            r#"<r t="b"><n>x</n><e id="1">foo1</e><e>foo3</e></r>"#,
            r##"{"r":{"-t":"b","e":[{"#text":"foo1","-id":"1"},"foo3"],"n":"x"}}"##,
        ),
        ("<a/>", r#"{"a":""}"#),
        ("<a> <b/> </a>", r#"{"a":{"b":""}}"#),
        ("<a b='1'/>", r#"{"a":{"-b":"1"}}"#),
        ("<a>text<b>x</b></a>", r##"{"a":{"#text":"text","b":"x"}}"##),
        ("<a><b>x</b>text</a>", r##"{"a":{"#text":"text","b":"x"}}"##),
        ("<a>one<!-- c -->two</a>", r#"{"a":"two"}"#),
        ("<a><![CDATA[x < y &amp; ]]></a>", r#"{"a":"x < y &amp;"}"#),
        (
            "stray <?pi x?><a xmlns:p='u' p:q='1'><p:b>y</p:b></a>",
            "{\"a\":{\"-p\":\"u\",\"-q\":\
            \"1\",\"b\":\"y\"}}",
        ),
        ("<a>&#65;&#x42;</a>", r#"{"a":"AB"}"#),
        ("<a>a\r\nb</a><c>", r#"{"a":"a\nb"}"#),
        ("<a><b>x</a>", r#"{"a":{"b":"x"}}"#),
        ("<a b=1>&</a>", r##"{"a":{"#text":"&","-b":"1"}}"##),
    ] {
        assert_eq!(shown(text.as_bytes(), false), want, "{text}");
    }
}

#[test]
fn what_is_no_text_can_become_what_it_is() {
    let text = br#"<r><n id="99">123</n><b>True</b><c>fool</c><d>NaN</d><e>1e3</e><f>x</f></r>"#;
    let want = concat!(
        r##"{"r":{"b":true,"c":"fool","d":"NaN","e":1000,"f":"x","##,
        r##""n":{"#text":123,"-id":99}}}"##
    );
    assert_eq!(shown(text, true), want);
    assert_eq!(shown(b"<r>infinity</r>", true), r#"{"r":"infinity"}"#);
}

#[test]
fn other_encodings_are_read() {
    let text = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<a><b>caf\xe9</b></a>";
    assert_eq!(shown(text, false), r#"{"a":{"b":"café"}}"#);
    let said = shown(b"<?xml version='1.0' encoding='nope'?><a/>", false);
    let want = "! xml.Decoder.Token() - xml: opening charset \"nope\": unsupported charset: \
        \"nope\"";
    assert_eq!(said, want);
    assert_eq!(shown(b"<?xml version='1.0' encoding='UTF-8'?><a/>", false), r#"{"a":""}"#);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, said) in [
        (&b""[..], "! EOF"),
        (b"  no xml ", "! EOF"),
        (b"<a>\n<b>", "! xml.Decoder.Token() - XML syntax error on line 2: unexpected EOF"),
        (b"<a", "! xml.Decoder.Token() - XML syntax error on line 1: unexpected EOF"),
        (
            b"\n</a>",
            "! xml.Decoder.Token() - XML syntax error on line 2: unexpected end element </a>",
        ),
        (
            b"<1/>",
            "! xml.Decoder.Token() - XML syntax error on line 1: expected element name after <",
        ),
        (
            b"<a>&#1;</a>",
            "! xml.Decoder.Token() - XML syntax error on line 1: illegal character code U+0001",
        ),
        (b"<a>\xff</a>", "! xml.Decoder.Token() - XML syntax error on line 1: invalid UTF-8"),
        (
            b"<a b='<'/>",
            "! xml.Decoder.Token() - XML syntax error on line 1: unescaped < inside quoted string",
        ),
        (
            b"<a b='&#1;'/>",
            "! xml.Decoder.Token() - XML syntax error on line 1: illegal character code U+0001",
        ),
    ] {
        assert_eq!(shown(text, false), said, "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn what_a_document_type_declares_is_not_put_in() {
    let text = "<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;\">]><l>&b;</l>";
    assert_eq!(shown(text.as_bytes(), false), r#"{"l":"&b;"}"#);
    let text = "<!DOCTYPE l [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><l>&f;</l>";
    assert_eq!(shown(text.as_bytes(), false), r#"{"l":"&f;"}"#);
}

#[test]
fn elements_are_nested_so_deep_and_no_deeper() {
    let nested = |depth: usize| format!("{}x{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(parse(nested(DEPTH_MAX).as_bytes(), false).is_ok());
    assert_eq!(parse(nested(DEPTH_MAX + 1).as_bytes(), false).err(), Some(XmlError::TooDeep));
}

fn printed(json: &str, indent: Option<&str>, root: Option<&str>, bytes_max: usize) -> String {
    let crate::value::Value::Object(document) = json::parse(json.as_bytes()).unwrap() else {
        panic!("{json}")
    };
    match write(&document, Layout { indent, root, bytes_max }) {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn documents_are_printed_and_read_again() {
    for (json, xml) in [
        (
            r#"{"foo":{"bar":{"baz":"foo bar baz"}}}"#,
            "<foo><bar><baz>foo bar baz</baz></bar></foo>",
        ),
        (
            r##"{"a":{"#text":"t","-x":"1 < 2","b":["x",{"-y":"\"","c":""}]}}"##,
            "<a x=\"1 &lt; 2\">t<b>x</b><b y=\"&quot;\"><c/></b></a>",
        ),
        (r#"{"a":"&<>'\""}"#, "<a>&amp;&lt;&gt;&apos;&quot;</a>"),
        (r#"{"doc":{"a":"1","b":"2"}}"#, "<doc><a>1</a><b>2</b></doc>"),
    ] {
        assert_eq!(printed(json, None, None, 1000), xml);
        assert_eq!(shown(xml.as_bytes(), false), json);
    }
    let deep = r#"{"foo":{"bar":{"baz":"foo bar baz"},"e":{},"l":[1,2],"n":null}}"#;
    let want = "<foo>\n  <bar>\n    <baz>foo bar baz</baz>\n  </bar>\n  <e/>\n  <l>1</l>\n  \
        <l>2</l>\n  <n/>\n</foo>";
    assert_eq!(printed(deep, Some("  "), None, 1000), want);
    assert_eq!(printed(r#"{"a":1,"b":true}"#, None, None, 99), "<doc><a>1</a><b>true</b></doc>");
    assert_eq!(printed(r#"{"a":[1]}"#, None, None, 99), "<doc><a>1</a></doc>");
    assert_eq!(printed(r#"{"a":1}"#, Some(""), Some("r"), 99), "<r>\n<a>1</a>\n</r>");
    let error = printed(r#"{"a":{"-b":{}}}"#, None, None, 99);
    assert_eq!(error, "! invalid attribute value for: -b:<map[string]interface {}>");
    assert_eq!(printed(deep, Some("    "), None, 20), "! the result is too large");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[<>/a!?\\-\\[\\]CDATA&;# x='\"\n]{0,60}") {
        let _ = parse(text.as_bytes(), true);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = parse(&bytes, true);
    }

    #[test]
    fn texts_and_attributes_come_as_they_are(text in "[ -~]{0,40}", value in "[ -~]{0,40}") {
        let escaped = |text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            text.replace('>', "&gt;").replace('"', "&quot;")
        };
        let xml = format!("<a b=\"{}\">.{}.</a>", escaped(&value), escaped(&text));
        let document = parse(xml.as_bytes(), false).unwrap();
        let crate::value::Value::Object(document) = document else { panic!("no object") };
        let Some(crate::value::Value::Object(a)) = document.get(b"a") else { panic!("no a") };
        let get = |name: &str| match a.get(name.as_bytes()) {
            Some(crate::value::Value::String(text)) => text.to_str_lossy().into_owned(),
            other => panic!("{name}: {other:?}"),
        };
        prop_assert_eq!(get("-b"), value);
        prop_assert_eq!(get("#text"), format!(".{text}."));
    }
}
