//! Unparsable configs, queries and specs; texts that are not UTF-8, cut off, empty or missing.

use serde_json::json;
use tests::program::http;

use super::{folder, post, query_body, refused, serve, spec_body};

const QUERY: &str = "/v1/nes/query/execute-query";

#[test]
fn an_unparsable_config_is_refused_over_rest_with_its_place() {
    let served = serve();
    let before = served.names();
    for target in ["/streams/bad", "/streams"] {
        let config = "input:\n  file:\n    paths: [a\noutput: ]\n";
        let answer = http(&served.benthos, "POST", target, config);
        assert_eq!(answer.status, 400, "{target}");
        let text = answer.text();
        assert!(text.starts_with("Error: yaml: line 4: "), "{target}: {text}");
        assert!(text.trim_end().ends_with("(column 7)"), "{target}: {text}");
    }
    let mapping = "input:\n  generate:\n    mapping: |\n      root = foo(\noutput:\n  drop: {}\n";
    let answer = http(&served.benthos, "POST", "/streams/bad", mapping);
    assert_eq!(answer.status, 400);
    let lint = "(5,15) required: expected function argument, but reached end of input";
    assert_eq!(answer.json()["lint_errors"], json!([lint]));
    let answer = http(&served.benthos, "PUT", "/streams/other", "input: [");
    assert_eq!(answer.status, 400, "{}", answer.text());
    let answer = http(&served.benthos, "POST", "/resources/cache/bad", "memory: {\n\n");
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("Error: yaml: line "), "{}", answer.text());
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn an_unparsable_query_is_refused_over_rest_with_its_place() {
    let served = serve();
    let before = served.names();
    let query = "Query::from(\"default_logical\")\n  .filter(Attribute(\"id\" > 2)\n";
    let answer = http(&served.nes, "POST", QUERY, &query_body(query));
    assert_eq!(answer.status, 400);
    let text = answer.json()["message"].as_str().expect("a text").to_owned();
    assert!(text.contains("expected ')', found '>' (line 2, column 26)"), "{text}");
    let schema = json!({"logicalSourceName": "bad", "schema": "Schema::create()->addField("});
    let target = "/v1/nes/sourceCatalog/addLogicalSource";
    let answer = http(&served.nes, "POST", target, &schema.to_string());
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("(line 1, column 28)"), "{}", answer.text());
    let sources = http(&served.nes, "GET", "/v1/nes/sourceCatalog/allLogicalSource", "");
    assert!(!sources.text().contains("bad"), "{}", sources.text());
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn a_spec_that_does_not_parse_has_line_column_and_caret_and_creates_nothing() {
    let served = serve();
    let before = served.names();
    let last = "2 | .qsp.run (1;2\n  |              ^";
    let specs = [
        ("a:1\n.qsp.run (1;2\n\n", (2, 14), "error: ')", last),
        ("f:{x+}]", (1, 7), "error: ']", "1 | f:{x+}]\n  |       ^"),
        ("f[", (1, 3), "error: ", "1 | f[\n  |   ^"),
    ];
    for (spec, (line, column), error, caret) in specs {
        let answer = http(&served.kdb, "POST", "/pipeline/create", &spec_body(spec));
        assert_eq!(answer.status, 400, "{spec}: {}", answer.text());
        let answer = answer.json();
        let text = answer["error"].as_str().expect("a text");
        assert!(text.starts_with(&format!("spec:{line}:{column}: {error}")), "{spec}: {text}");
        assert!(text.ends_with(&format!("\n{caret}")), "{spec}: {text}");
        assert_eq!((&answer["line"], &answer["column"]), (&json!(line), &json!(column)), "{spec}");
    }
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn unparsable_files_end_the_commands_with_file_line_column_and_a_caret() {
    let nes = "LOGICAL t Schema::create()->addField(\"v\", BasicType::UINT64)\nQuery::from(\n";
    let mapping = "input:\n  generate:\n    mapping: |\n      root.a = 1\n      root.b = nope(\n";
    let folder = folder(&[
        ("broken.yaml", b"input:\n  file:\n    paths: [a\noutput: ]\n"),
        ("mapping.yaml", mapping.as_bytes()),
        ("unknown.yaml", b"input:\n  stdin: {}\noutput:\n  nope: {}\n"),
        ("service.yaml", b"input:\n  stdin: {}\nhttp:\n  enabled: [1]\n"),
        ("broken.q", b"a:1\n.qsp.run (1;2\n"),
        ("broken.nes", nes.as_bytes()),
    ]);
    for (name, place, caret) in [
        ("broken.yaml", "4:7", "4 | output: ]\n  |       ^"),
        ("mapping.yaml", "6:7", "6 | \n  |       ^"),
        ("unknown.yaml", "4:1", "4 |   nope: {}\n  | ^"),
        ("service.yaml", "3:1", "3 | http:\n  | ^"),
        ("broken.q", "2:14", "2 | .qsp.run (1;2\n  |              ^"),
        ("broken.nes", "3:1", "3 | \n  | ^"),
    ] {
        let path = folder.path(name).display().to_string();
        for command in ["run", "plan", "lint"] {
            let text = refused(&[command, &path]);
            assert!(text.contains(&format!("{path}:{place}")), "{command} {name}: {text}");
            assert!(text.contains(caret), "{command} {name}: {text}");
        }
    }
    // What Benthos prints of such a file stands in front.
    let path = folder.path("mapping.yaml").display().to_string();
    let lint = refused(&["lint", &path]);
    assert!(lint.starts_with(&format!("{path}(6,15) ")), "{lint}");
    let text = refused(&["streams", &path]);
    assert!(text.contains(&format!("{path}(6,15) ")), "{text}");
}

#[test]
fn a_body_that_is_not_utf8_is_refused_with_its_place() {
    let served = serve();
    let before = served.names();
    for target in ["/streams/bad", "/streams", "/resources/cache/bad"] {
        let answer = post(&served.benthos, target, b"input:\n  stdin: {} # \xff\n");
        let text = "Error: yaml: line 2: invalid leading UTF-8 octet (column 15)\n";
        assert_eq!((answer.status, answer.text().as_str()), (400, text), "{target}");
    }
    for (address, target) in [(&served.kdb, "/pipeline/create"), (&served.nes, QUERY)] {
        let answer = post(address, target, b"{\"name\":\n\"\xff\"}");
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
        assert!(answer.text().contains("line 2 column 2"), "{target}: {}", answer.text());
    }
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn a_file_that_is_not_utf8_is_refused_with_its_place() {
    let folder = folder(&[
        ("bad.yaml", b"input:\n  stdin: {} # \xff\n"),
        ("bad.q", b"a:1\nb:\"\xff\"\n"),
        ("bad.nes", b"LOGICAL a\n\xff\n"),
    ]);
    for (name, place) in [("bad.yaml", "2:15"), ("bad.q", "2:4"), ("bad.nes", "2:1")] {
        let path = folder.path(name).display().to_string();
        for command in ["run", "plan", "lint"] {
            let text = refused(&[command, &path]);
            let wanted = format!("{path}:{place}: error: the text is not UTF-8");
            assert!(text.contains(&wanted) && text.contains('^'), "{command} {name}: {text}");
        }
    }
}

#[test]
fn a_truncated_json_body_is_refused_with_its_place() {
    let served = serve();
    let before = served.names();
    let answer = http(&served.benthos, "POST", "/streams/bad", "{\"input\":\n {\"generate\":");
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("Error: yaml: line 2: "), "{}", answer.text());
    for (address, target) in [(&served.kdb, "/pipeline/create"), (&served.nes, QUERY)] {
        let answer = http(address, "POST", target, "{\"name\":\n \"ab");
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
        assert!(answer.text().contains("line 2 column 4"), "{target}: {}", answer.text());
    }
    // The document's own form: a text that holds an object, here one that is cut off.
    let answer = http(&served.kdb, "POST", "/pipeline/create", "\"{\\\"name\\\":\"");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("the text in the body is not JSON"), "{}", answer.text());
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn an_empty_config_query_or_spec_is_refused() {
    let served = serve();
    let before = served.names();
    let answer = http(&served.benthos, "POST", "/streams/bad", "");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["lint_errors"], json!(["(0,1) expected object value, got !!null"]));
    for body in ["", &query_body("")] {
        let answer = http(&served.nes, "POST", QUERY, body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    let answer = http(&served.kdb, "POST", "/pipeline/create", "");
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(served.names(), before, "nothing is created");
    // An empty spec parses and runs nothing: it is there, in the state of an error.
    let id = served.spec("");
    let listed = http(&served.kdb, "GET", "/pipelines", "").json();
    let found = listed.as_array().expect("a list").iter().find(|p| p["id"] == json!(id));
    let found = found.expect("it is listed");
    assert_eq!(found["state"], "ERRORED");
    assert!(found["error"].as_str().is_some_and(|e| e.contains(".qsp.run")), "{found}");
    served.others_go_on();
}

#[test]
fn an_empty_or_missing_file_ends_the_commands_and_is_named() {
    let folder = folder(&[("empty.yaml", b""), ("empty.q", b""), ("empty.nes", b"")]);
    for command in ["run", "plan", "lint"] {
        for (name, why) in [
            ("empty.yaml", "expected object value, got !!null"),
            ("empty.q", "nothing runs"),
            ("empty.nes", "the file has no query"),
            ("missing.yaml", "o such file"),
            ("missing.q", "o such file"),
            ("missing.nes", "o such file"),
        ] {
            let path = folder.path(name).display().to_string();
            let text = refused(&[command, &path]);
            assert!(text.contains(&path) && text.contains(why), "{command} {name}: {text}");
        }
    }
    let missing = folder.path("missing").display().to_string();
    let config = format!("--configPath={missing}");
    let commands: [&[&str]; 3] =
        [&["streams", &missing], &["streams", "-o", &missing], &["nes", "coordinator", &config]];
    for args in commands {
        let text = refused(args);
        assert!(text.contains(&missing), "{args:?}: {text}");
    }
}
