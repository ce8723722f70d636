//! Schemas and values, with what is wrong with them.

use formats::json;

use super::pool::DOCUMENTS_MAX;
use super::{CHECKS_MAX, DEPTH_MAX, Schema};
use crate::local::Local;

fn outcome(schema: &str, value: &str) -> String {
    let value = json::parse(value.as_bytes()).unwrap();
    let services = Local::setup().services;
    match Schema::parse(schema.as_bytes(), &*services).map(|schema| schema.check(&value)) {
        Ok(Ok(())) => "ok".into(),
        Ok(Err(why)) => why,
        Err(why) => format!("no schema: {why}"),
    }
}

fn hold(cases: &[(&str, &str, &str)]) {
    for (schema, value, expected) in cases {
        assert_eq!(outcome(schema, value), *expected, "{schema} {value}");
    }
}

#[test]
fn values_by_schemas() {
    hold(&[
        (r#"{"type":"object"}"#, "null", "(root) invalid type. expected: object, given: null"),
        (
            r#"{"type":["string","null"]}"#,
            "1.0",
            "(root) invalid type. expected: [string,null], given: integer",
        ),
        (r#"{"type":"number"}"#, "5", "ok"),
        (
            r#"{"properties":{"s":{"enum":["a","b"]}}}"#,
            r#"{"s":"c"}"#,
            r#"s s must be one of the following: "a", "b""#,
        ),
        (r#"{"enum":[1,{"a":1.0}]}"#, r#"{"a":1}"#, "ok"),
        (
            r#"{"additionalProperties":false,"properties":{"a":{}}}"#,
            r#"{"a":1,"Extra":2}"#,
            "(root) Extraadditional property extra is not allowed",
        ),
        (r#"{"required":["Name"]}"#, "{}", "(root) Name is required"),
        (r#"{"multipleOf":0.1}"#, "0.3", "ok"),
        (r#"{"maximum":3,"exclusiveMaximum":true}"#, "3", "(root) must be less than 3"),
        (r#"{"exclusiveMinimum":3}"#, "3", "(root) must be greater than 3"),
    ]);
}

#[test]
fn containers_by_schemas() {
    hold(&[
        (
            r#"{"items":[{"type":"string"}],"additionalItems":false}"#,
            r#"["a",1]"#,
            "(root) no additional items allowed on array",
        ),
        (
            r#"{"items":{"type":"string"}}"#,
            r#"["a",1]"#,
            "1 invalid type. expected: string, given: integer",
        ),
        (r#"{"uniqueItems":true}"#, "[1,2,1.0]", "(root) array items[0,2] must be unique"),
        (r#"{"contains":{"const":2}}"#, "[1,2]", "ok"),
        (r#"{"not":{"type":"string"}}"#, "\"a\"", "(root) must not validate the schema (not)"),
        (r#"{"if":{"type":"string"},"then":{"minLength":2},"else":{"const":1}}"#, "1", "ok"),
        (
            r#"{"oneOf":[{"minimum":1},{"maximum":3}]}"#,
            "2",
            "(root) must validate one and only one schema (oneof)",
        ),
        (
            r##"{"definitions":{"n":{"type":"null"}},"properties":{"a":{"$ref":"#/definitions/n"}}}"##,
            r#"{"a":1}"#,
            "a invalid type. expected: null, given: integer",
        ),
        (
            r##"{"properties":{"next":{"$ref":"#"}},"required":["v"]}"##,
            r#"{"v":1,"next":{}}"#,
            "next v is required",
        ),
        (r##"{"allOf":[{"$ref":"#x"}],"definitions":{"a":{"$id":"#x","const":1}}}"##, "1", "ok"),
        (r#"{"dependencies":{"a":["b"]}}"#, r#"{"a":1}"#, "(root) has a dependency on b"),
        (
            r#"{"patternProperties":{"^x":{"type":"null"}},"propertyNames":{"maxLength":2}}"#,
            r#"{"xy":null}"#,
            "ok",
        ),
        (r#"{"format":"ipv4"}"#, "\"1.2.3\"", "(root) does not match format 'ipv4'"),
        ("false", "1", "(root) false always fails validation"),
    ]);
}

#[test]
fn what_is_no_schema() {
    hold(&[
        (
            r#"{"type":"nosuch"}"#,
            "1",
            "no schema: has a primitive type that is NOT VALID -- given: /nosuch/ Expected valid values are:[array boolean integer number null object string]",
        ),
        (
            r#"{"$ref":"http://elsewhere/x"}"#,
            "1",
            "no schema: Get \"http://elsewhere/x\": documents are fetched only while a pipeline is built",
        ),
        (r#"{"minLength":-1}"#, "1", "no schema: minLength must be greater than or equal to 0"),
        ("{", "1", "no schema: unexpected EOF"),
        ("5", "1", "no schema: schema is invalid"),
    ]);
}

#[test]
fn depth_and_work_are_limited() {
    let circle = r##"{"$ref":"#"}"##;
    assert!(outcome(circle, "1").contains(&format!("deeper than {DEPTH_MAX} levels")));
    let deep = r#"{"not":"#.repeat(DEPTH_MAX) + "{}" + &"}".repeat(DEPTH_MAX);
    assert!(outcome(&deep, "1").contains("nested deeper"));
    let wide = r##"{"allOf":[{"$ref":"#/definitions/a0"}],"definitions":{"##.to_owned()
        + &(0..25)
            .map(|i| {
                let next = format!(r##"{{"$ref":"#/definitions/a{}"}}"##, i + 1);
                format!(r#""a{i}":{{"allOf":[{next},{next}]}},"#)
            })
            .collect::<String>()
        + r#""a25":{}}}"#;
    assert!(outcome(&wide, "1").contains(&format!("more than {CHECKS_MAX} checks")));
}

/// Files of a folder that goes with the test.
struct Files(std::path::PathBuf);

impl Files {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = format!("mainstem-schemas-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        Files(folder)
    }

    /// What a schema that stands for a file makes of a value.
    fn outcome(&self, file: &str, value: &str) -> String {
        let folder = self.0.display();
        let schema = format!(r#"{{"$ref":"file://{folder}/{file}"}}"#);
        outcome(&schema, value).replace(&folder.to_string(), "$DIR")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn references_lead_to_other_files() {
    let files = Files::new(
        "references",
        &[
            ("a.json", r#"{"properties":{"b":{"$ref":"inner/b.json"},"n":{"$ref":"c.json#/n"}}}"#),
            ("inner/b.json", r##"{"properties":{"c":{"$ref":"../c.json"},"b":{"$ref":"#"}}}"##),
            ("c.json", r#"{"type":"null","n":{"minimum":2}}"#),
            (
                "id.json",
                r##"{"$id":"http://h/x.json","items":{"$ref":"y.json"},
            "definitions":{"y":{"$id":"y.json","type":"null"}}}"##,
            ),
            ("old.json", r#"{"$schema":"http://json-schema.org/draft-04/schema#","const":1}"#),
            ("newer.json", r#"{"allOf":[{"$ref":"old.json"},{"const":2}]}"#),
            ("missing.json", r#"{"items":{"$ref":"none.json"}}"#),
            ("text.json", "{\"a"),
            ("way.json", r##"{"items":{"$ref":"#/definitions/none"}}"##),
            ("number.json", "5"),
            ("const.json", r#"{"const":{"$ref":"none.json"}}"#),
            ("named.json", r#"{"properties":{"$ref":{"type":"null"}}}"#),
        ],
    );
    for (file, value, expected) in [
        ("a.json", r#"{"b":{"c":1}}"#, "b.c invalid type. expected: null, given: integer"),
        ("a.json", r#"{"b":{"b":{"c":1}}}"#, "b.b.c invalid type. expected: null, given: integer"),
        ("a.json", r#"{"n":1}"#, "n must be greater than or equal to 2"),
        ("a.json#/properties/n", "1", "(root) must be greater than or equal to 2"),
        ("a.json", r#"{"n":2,"b":{"c":null}}"#, "ok"),
        ("inner/../c.json", "null", "ok"),
        ("id.json", "[1]", "0 invalid type. expected: null, given: integer"),
        ("old.json", "5", "ok"),
        ("newer.json", "2", "ok"),
        (
            "newer.json",
            "1",
            "(root) (root) does not match: 2\n(root) must validate all the schemas (allof)",
        ),
        ("missing.json", "1", "no schema: open $DIR/none.json: no such file or directory"),
        ("text.json", "1", "no schema: unexpected EOF"),
        ("way.json", "1", "no schema: Object has no key 'definitions'"),
        ("number.json", "1", "no schema: valid schema must be of type object"),
        ("const.json", r#"{"$ref":"none.json"}"#, "ok"),
        ("named.json", r#"{"$ref":1}"#, "$ref invalid type. expected: null, given: integer"),
    ] {
        assert_eq!(files.outcome(file, value), expected, "{file} {value}");
    }
    hold(&[(r#"{"$ref":"a.json"}"#, "1", "no schema: Reference /a.json must be canonical")]);
}

#[test]
fn documents_are_limited() {
    let next = |number: usize| format!(r#"{{"not":{{"$ref":"{number}.json"}}}}"#);
    let all: Vec<_> = (0..=DOCUMENTS_MAX).map(|n| (format!("{n}.json"), next(n + 1))).collect();
    let mut many: Vec<_> = all.iter().map(|(name, text)| (&**name, &**text)).collect();
    let any = (0..=DOCUMENTS_MAX).map(|n| format!(r#"{{"$ref":"f{n}.json"}}"#));
    let any = format!(r#"{{"anyOf":[{}]}}"#, any.collect::<Vec<_>>().join(","));
    let plain: Vec<_> = (0..=DOCUMENTS_MAX).map(|n| format!("f{n}.json")).collect();
    many.extend(plain.iter().map(|name| (&**name, "{}")));
    many.push(("any.json", &any));
    let files = Files::new("limit", &many);
    let wide = files.outcome("any.json", "1");
    assert!(wide.contains(&format!("more than {DOCUMENTS_MAX} documents")), "{wide}");
    let deep = files.outcome("0.json", "1");
    assert!(deep.contains("nested deeper"), "{deep}");
}
