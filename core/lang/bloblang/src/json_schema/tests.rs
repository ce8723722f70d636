//! Schemas and values, with what is wrong with them.

use formats::json;

use super::{CHECKS_MAX, DEPTH_MAX, Schema};

fn outcome(schema: &str, value: &str) -> String {
    let value = json::parse(value.as_bytes()).unwrap();
    match Schema::parse(schema.as_bytes()).map(|schema| schema.check(&value)) {
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
            "no schema: the reference http://elsewhere/x leads out of the schema",
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
