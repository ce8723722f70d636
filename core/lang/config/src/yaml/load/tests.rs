use plan::serde_json::json;
use proptest::prelude::*;

use super::*;

fn json_of(text: &str) -> plan::Json {
    load(text).unwrap().to_json()
}

fn at<'n>(node: &'n Node, path: &[&str]) -> &'n Node {
    path.iter().fold(node, |node, key| match key.parse::<usize>() {
        Ok(index) => &node.items().unwrap()[index].node,
        Err(_) => node.get(key).unwrap(),
    })
}

#[test]
fn nodes_know_their_places() {
    let text =
        "input:\n  generate:\n    mapping: 'root = '\n  other:\nlist:\n  - a\n  -\n  - b: 1\n";
    let doc = load(text).unwrap();
    let place = |path: &[&str]| (at(&doc, path).line, at(&doc, path).column);
    assert_eq!(place(&[]), (1, 1));
    assert_eq!(place(&["input"]), (2, 3));
    assert_eq!(place(&["input", "generate"]), (3, 5));
    assert_eq!(place(&["input", "generate", "mapping"]), (3, 14));
    assert_eq!(place(&["input", "other"]).0, 4);
    assert_eq!(place(&["list"]), (6, 3));
    assert_eq!(place(&["list", "2"]), (8, 5));
    assert_eq!(at(&doc, &["list", "1"]).tag(), "!!null");
}

#[test]
fn a_block_begins_at_its_sign() {
    let doc =
        load("processors:\n    - mapping: |\n        root = this\n        root.a = 1\n").unwrap();
    let node = at(&doc, &["processors", "0", "mapping"]);
    assert_eq!((node.line, node.column), (2, 16));
    assert_eq!(node.scalar().unwrap().text, "root = this\nroot.a = 1\n");
    assert!(node.scalar().unwrap().literal);
}

#[test]
fn empty_documents_are_null() {
    for (text, line) in [("", 0), ("# only a comment\n", 0), ("null", 1), ("---\n---\n", 2)] {
        let doc = load(text).unwrap();
        assert_eq!((doc.tag(), doc.line), ("!!null", line), "{text:?}");
    }
}

#[test]
fn only_the_first_document_counts() {
    assert_eq!(json_of("{}{}"), json!({}));
    assert_eq!(json_of("a: 1\n---\nb: 2\n"), json!({"a": 1}));
}

#[test]
fn anchors_aliases_and_merges() {
    let text =
        "base: &b {x: 1, y: 2}\ncopy: *b\nmore:\n  <<: *b\n  y: 3\nboth:\n  <<: [*b, {z: 4}]\n";
    let want = json!({
        "base": {"x": 1, "y": 2}, "copy": {"x": 1, "y": 2},
        "more": {"y": 3, "x": 1}, "both": {"x": 1, "y": 2, "z": 4},
    });
    assert_eq!(json_of(text), want);
    assert!(load("a: *nope").is_err());
    assert!(load("a: &x [*x]").is_err());
    assert!(load("a:\n  <<: 5\n").is_err());
    // In quotes it is a key as any other.
    assert_eq!(
        json_of("a: {\"<<\": 5}\nb: {'<<': {x: 1}}\n"),
        json!({"a": {"<<": 5}, "b": {"<<": {"x": 1}}})
    );
}

#[test]
fn of_equal_keys_the_last_counts() {
    assert_eq!(json_of("a: 1\na: 2\n"), json!({"a": 2}));
    assert_eq!(load("a: 1\na: 2\n").unwrap().entries().unwrap().len(), 2);
}

#[test]
fn texts_keep_their_form() {
    let text =
        "a: |\n  one\n  two\nb: >\n  one\n  two\nc: \"x\\ny\"\nd: 'it''s'\ne: on\nf: !!str 5\n";
    let want = json!({
        "a": "one\ntwo\n", "b": "one two\n", "c": "x\ny", "d": "it's", "e": "on", "f": "5",
    });
    assert_eq!(json_of(text), want);
}

#[test]
fn json_is_yaml() {
    let text = "{\n \"a\": {\"b\": [1, 2.5, \"x\\u00e9\\/\", null, true]},\n\t\"c\":\"d\"}";
    assert_eq!(json_of(text), json!({"a": {"b": [1, 2.5, "xé/", null, true]}, "c": "d"}));
}

#[test]
fn broken_texts_are_refused_with_their_line() {
    for text in
        ["{bad", "input: [", "\tinput: {}", "a: b: c", "input:\n  stdin: {}\n input: {}\n", "a: 'x"]
    {
        let error = load(text).expect_err(text).to_string();
        assert!(error.starts_with("yaml: line "), "{error}");
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let list = vec![format!("*a{}", i - 1); 10].join(",");
        text.push_str(&format!("a{i}: &a{i} [{list}]\n"));
    }
    let error = load(&text).unwrap_err().to_string();
    assert!(error.contains("aliases expanded"), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(load(&deep(DEPTH_MAX)).is_ok());
    assert!(load(&deep(DEPTH_MAX + 1)).is_err());
    assert!(load(&"[".repeat(100_000)).is_err());
    assert!(load(&"- ".repeat(100_000)).is_err());
}

#[test]
fn a_long_text_is_refused() {
    assert!(load(&" ".repeat(TEXT_MAX + 1)).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-a-z0-9:{}\\[\\],&*!|>'\"#%@ \\n\\t<~.]{0,120}") {
        let _ = load(&text).map(|node| node.to_json());
    }

    #[test]
    fn no_characters_panic(text in any::<String>()) {
        let _ = load(&text).map(|node| node.to_json());
    }

    #[test]
    fn json_survives(ints in prop::collection::vec(any::<i64>(), 0..5), text in any::<String>()) {
        let doc = json!({"ints": ints, "text": text, "nested": {"a": [text, null, true]}});
        let read = load(&doc.to_string()).unwrap();
        prop_assert_eq!(&read.to_json(), &doc);
        prop_assert_eq!(Node::from_json(&doc).to_json(), doc);
    }
}

#[test]
fn a_block_ends_as_its_document_does() {
    for (text, want) in [
        ("a: |\n  x\n  y", "x\ny"),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: >\n  x\n  y", "x y"),
        ("a: |-\n  x", "x"),
        ("a: |+\n  x\n\n", "x\n\n"),
        ("a: |\n  x\nb: x", "x\n"),
    ] {
        let node = load(text).unwrap();
        assert_eq!(node.get("a").unwrap().scalar().unwrap().text, want, "{text:?}");
    }
}
