use super::*;
use crate::testing::{Setup, faults, texts};

const DOCUMENT: &str =
    r#"{"n":5,"f":2.0,"name":"ada","l":[1,2,3],"o":{"b":2,"a":"x"},"big":12345678901234567890}"#;

/// What a query makes of a document, or the error.
pub(super) fn ask(query: &str, document: &str) -> String {
    let config = plan::serde_json::json!({"query": query}).to_string();
    let out = Setup::default().run(&SPEC, &config, &[document]);
    match faults(&out).first() {
        None => "nothing".to_owned(),
        Some(fault) if fault.is_empty() => texts(&out).concat(),
        Some(fault) => format!("error: {fault}"),
    }
}

fn hold(cases: &[(&str, &str)]) {
    for (query, want) in cases {
        assert_eq!(ask(query, DOCUMENT), *want, "{query}");
    }
}

#[test]
fn numbers_keep_their_digits_until_they_are_computed_with() {
    hold(&[
        (".f", "2.0"),
        (".big", "12345678901234567890"),
        (".f + 1", "3"),
        ("1.0", "1"),
        ("-.f", "-2.0"),
        (".n / 4", "1.25"),
        (".n / 5", "1"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("-5 % 3", "-2"),
        ("5.9 % 2", "1"),
        ("9223372036854775807 + 1", "9223372036854775808"),
        ("1 == 1.0, .f == 2", "[true,true]"),
        ("nan < nan, nan == nan", "[true,false]"),
    ]);
}

#[test]
fn arithmetic_has_its_own_words() {
    hold(&[
        (".name + 1", "error: cannot add: string (\"ada\") and number (1)"),
        (".n - \"x\"", "error: cannot subtract: number (5) and string (\"x\")"),
        (".n / 0", "error: cannot divide number (5) by: number (0)"),
        (".n % 0", "error: cannot modulo number (5) by: number (0)"),
        ("-.name", "error: cannot negate: string (\"ada\")"),
        (".o | add", "error: cannot add: string (\"x\") and number (2)"),
        (".n * \"ab\"", "\"ababababab\""),
        ("\"ab\" * 0, \"ab\" * -1", "[\"\",null]"),
        ("[1,2,2.0] - [2]", "[1]"),
        ("{a: {b: 1}} * {a: {c: 2}}", r#"{"a":{"b":1,"c":2}}"#),
        ("\"a,b\" / \",\", (\"\" / \",\")", r#"[["a","b"],[]]"#),
        ("[\"a\",1,null] | join(\"-\")", "\"a-1-\""),
    ]);
}

#[test]
fn values_are_reached_into() {
    hold(&[
        (".name[1:2], .l[-2:], .l[10], .nope.a", "[\"d\",[2,3],null,null]"),
        (".l[1.7], .l[-1]", "[2,3]"),
        (".name.x", "error: expected an object but got: string (\"ada\")"),
        (".n[0]", "error: expected an array but got: number (5)"),
        (".n[]", "error: cannot iterate over: number (5)"),
        (".n.x?", "nothing"),
        ("{(1): 2}", "error: expected a string for object key but got: number (1)"),
        (".l[5] = 1 | .l", "[1,2,3,null,null,1]"),
        (".l[1:2] = [7,8] | .l", "[1,7,8,3]"),
        (".a.b.c = 1 | .a", r#"{"b":{"c":1}}"#),
        ("del(.l[0,2], .o.a, .nope.x) | .l, .o", r#"[[2],{"b":2}]"#),
        ("[paths(type == \"number\")] | length", "7"),
        (".l |= map(select(. > 1)) | .l", "[2,3]"),
        ("(.l[] | select(. > 1)) |= . * 10 | .l", "[1,20,30]"),
        ("[range(3)] | .[1] |= empty", "[0,2]"),
        ("[tostream] | length, (fromstream(.[]) | .n)", "[12,5]"),
    ]);
}

#[test]
fn functions_name_themselves() {
    hold(&[
        (".n | keys", "error: keys cannot be applied to: number (5)"),
        (".n | sort", "error: sort cannot be applied to: number (5)"),
        ("true | length", "error: length cannot be applied to: boolean (true)"),
        ("1 | startswith(\"a\")", "error: startswith(\"a\") cannot be applied to: number (1)"),
        ("\"a\" | ltrimstr(1)", "error: ltrimstr(1) cannot be applied to: string (\"a\")"),
        ("\"x\" | tonumber", "error: tonumber cannot be applied to \"x\": invalid number"),
        (
            "\"{bad\" | fromjson",
            "error: fromjson cannot be applied to \"{bad\": invalid character 'b' looking for \
             beginning of object key string",
        ),
        (
            "test(\"a\")",
            concat!(
                "error: match(\"a\"; null) cannot be applied to: object ",
                r#"({"big":123456789012345678 ...})"#
            ),
        ),
        ("\"a\" | test(\"a\"; \"q\")", "error: unsupported regular expression flag: \"q\""),
        ("[[1]] | @csv", "error: @csv cannot format an array including: array ([1])"),
        ("[1] | flatten(-1)", "error: flatten depth should not be negative: -1"),
        ("error(\"x\")", "error: error: x"),
        ("error({a: 1})", "error: error: {\"a\":1}"),
        ("try error(\"x\") catch .", "\"x\""),
        ("try (.name + 1) catch .", r#""cannot add: string (\"ada\") and number (1)""#),
        ("\"x\" | halt_error", "error: halt error: x"),
        ("[limit(-1; 1)]", "error: error: limit doesn't support negative count"),
    ]);
}

#[test]
fn texts_and_patterns() {
    hold(&[
        ("\"aé€\" | length, utf8bytelength", "[3,6]"),
        ("\"aé€b\" | [match(\"€\").offset], sub(\"€\"; \"E\")", r#"[[2],"aéEb"]"#),
        ("\"xyz\" | capture(\"(?<a>x)(?<n>[0-9])?\")", r#"{"a":"x","n":null}"#),
        ("\"a1b22\" | [scan(\"([a-z])([0-9]+)\")]", r#"[["a","1"],["b","22"]]"#),
        ("\"abc\" | gsub(\"(?<l>[a-z])\"; \"<\\(.l)>\")", r#""<a><b><c>""#),
        ("\"a1b\" | [splits(\"[0-9]\")]", r#"["a","b"]"#),
        ("\"abc\" | [match(\"\"; \"g\").offset]", "[0,1,2,3]"),
        ("\"ABC\" | test(\"b\"; \"i\")", "true"),
        ("[\"a\\\"b\", 1, null] | @csv, @tsv", r#"["\"a\"\"b\",1,","a\"b\t1\t"]"#),
        ("1700000000 | todate", "\"2023-11-14T22:13:20Z\""),
        ("env, $ENV", "[{},{}]"),
    ]);
}

#[test]
fn the_content_may_be_text_on_both_sides() {
    let run = |config: &str, input: &str| texts(&Setup::default().run(&SPEC, config, &[input]));
    let raw = r#"{"query":"length","raw":true}"#;
    assert_eq!(run(raw, "no json"), ["7"]);
    let output = r#"{"query":".[]","output_raw":true}"#;
    assert_eq!(run(output, r#"["a",1,{"b":"<"}]"#), ["a1{\"b\":\"\\u003c\"}"]);
    assert_eq!(run(output, "[]"), [""; 0]);
    assert_eq!(run(output, "[\"\"]"), [""]);
    assert_eq!(run(r#"{"query":"."}"#, "\"text\""), ["\"text\""]);
    let out = Setup::default().run(&SPEC, r#"{"query":"."}"#, &["{"]);
    assert_eq!(
        (texts(&out), faults(&out)),
        (vec!["{".to_owned()], vec!["unexpected EOF".to_owned()])
    );
}

#[test]
fn what_is_no_query_is_refused() {
    for (query, why) in [
        ("{", "error parsing jq query: unexpected EOF"),
        (".a }", "error parsing jq query: unexpected token \"}\""),
        ("nope(1)", "error compiling jq query: function not defined: nope/1"),
        ("$x", "error compiling jq query: variable not defined: $x"),
        ("input", "error compiling jq query: input(s)/0 is not allowed"),
        ("debug", "error compiling jq query: function not defined: debug/0"),
        ("import \"a\" as a; 1", "error compiling jq query: cannot load module: \"a\""),
    ] {
        let config = plan::serde_json::json!({"query": query}).to_string();
        let error = Setup::default().try_build(&SPEC, &config).err().unwrap().to_string();
        assert!(error.ends_with(why), "{query}: {error}");
    }
}

#[test]
fn queries_without_end_are_ended() {
    let steps = format!("error: the query took more than {} steps", budget::STEPS_MAX);
    let depth = format!("error: values may be nested {} deep at most", val::DEPTH_MAX);
    for query in [
        "[range(1e12)]",
        "[repeat(1)]",
        "repeat(1)",
        "last(repeat(1))",
        "first(range(1e12) | select(false))",
        "def f: f; f",
        "reduce repeat(1) as $x (0; .)",
        "until(false; .)",
        "reduce range(100) as $i (\"x\"; . + .)",
        "reduce range(100) as $i ([0]; . + .)",
        "\"x\" * 2e9",
        "[limit(1e9; repeat(1))] | length",
    ] {
        assert_eq!(ask(query, "1"), steps, "{query}");
    }
    assert_eq!(ask("reduce range(1e9) as $i (null; [.])", "1"), depth);
    assert_eq!(ask("reduce range(1e9) as $i (null; {a: .})", "1"), depth);
    assert_eq!(ask("def f: 1 + f; f", "1"), "error: the query calls itself too deep");
    assert_eq!(ask(".[1e9] = 1", "[]"), "error: array index too large: 1000000000");
    let large = ask("test(\"(x{1000}){1000}\")", "\"x\"");
    assert!(large.starts_with("error: invalid regular expression"), "{large}");
    let long = ask("\"xy\" * 2e9", "1");
    assert!(long.starts_with("error: repeat string result too large"), "{long}");
    let deep = |levels: u32| "[".repeat(levels as usize) + &"]".repeat(levels as usize);
    assert_eq!(ask("length", &deep(val::DEPTH_MAX)), "1");
    assert_eq!(ask("length", &deep(val::DEPTH_MAX + 1)), depth);
}
