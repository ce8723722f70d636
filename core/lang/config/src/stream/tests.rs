use super::*;
use crate::fixture::catalog;

fn lookup(name: &str) -> Option<String> {
    (name == "SET").then(|| "hello".to_owned())
}

const STRICT: Options<'static> = Options { chilled: false, env: Some(&lookup) };
const CHILLED: Options<'static> = Options { chilled: true, env: Some(&lookup) };

fn refused(body: &str) -> BodyError {
    parse_body(&catalog(), body.as_bytes(), &STRICT).expect_err(body)
}

fn lints(body: &str) -> Vec<String> {
    let error = refused(body);
    assert_eq!((error.status, error.content_type), (400, JSON), "{body}: {}", error.body);
    let both: Json = serde_json::from_str(&error.body).unwrap();
    assert_eq!(both["lint_errors"], both["linting_errors"]);
    serde_json::from_value(both["lint_errors"].clone()).unwrap()
}

fn text(body: &str) -> String {
    let error = refused(body);
    assert_eq!((error.status, error.content_type), (400, TEXT), "{body}: {}", error.body);
    error.body
}

#[test]
fn documents_that_are_no_objects() {
    for (body, lint) in [
        ("", "(0,1) expected object value, got !!null"),
        ("# nothing\n", "(0,1) expected object value, got !!null"),
        ("~", "(1,1) expected object value, got !!null"),
        ("[]", "(1,1) expected object value, got !!seq"),
        ("word", "(1,1) expected object value, got !!str"),
        ("7", "(1,1) expected object value, got !!int"),
    ] {
        assert_eq!(lints(body), [lint], "{body:?}");
    }
    for body in ["{bad", "input: [", "\tinput: {}", "a: b: c", "input: *x"] {
        assert!(text(body).starts_with("Error: yaml: line "), "{body}");
    }
}

#[test]
fn components_that_cannot_be_found() {
    for (body, answer) in [
        ("input: {}", "(1,1) an explicit input type must be specified"),
        ("input: ~\n", "(1,1) invalid type !!null, expected object"),
        ("input: x", "(1,1) invalid type !!str, expected object"),
        ("output:\n  b: 1\n  a: 1\n", "(2,1) unable to infer output type from candidates: [a b]"),
        ("buffer:\n  zzz: {}\n", "(2,1) unable to infer buffer type from candidates: [zzz]"),
        ("input:\n  type: zzz\n", "(2,1) input type 'zzz' was not recognised"),
        (
            "output:\n  stdout: {}\n  drop: {}\n",
            "(2,1) unable to infer output type, multiple candidates 'drop' and 'stdout'",
        ),
        (
            "output:\n  drop: {}\n  drop: {}\n",
            "(2,1) unable to infer output type, multiple candidates 'drop' and 'drop'",
        ),
        (
            "pipeline:\n  processors:\n    - zzz: {}\n",
            "(3,1) unable to infer processor type from candidates: [zzz]",
        ),
        (
            "pipeline:\n  processors: {}\n",
            "field 'pipeline': field 'processors': line 2: expected array value, got !!map",
        ),
        (
            "pipeline:\n  threads: abc\n",
            "field 'pipeline': field 'threads': yaml: unmarshal errors:\n  line 2: \
             cannot unmarshal !!str `abc` into int",
        ),
    ] {
        assert_eq!(text(body), format!("Error: {answer}\n"), "{body}");
    }
}

#[test]
fn lint_by_schema() {
    for (body, expected) in [
        (
            "nope: 1\nhttp: {}\n",
            vec!["(1,1) field nope not recognised", "(2,1) field http not recognised"],
        ),
        (
            "input:\n  generate:\n    aa: 1\n",
            vec!["(3,1) field aa not recognised", "(3,1) field mapping is required"],
        ),
        ("input:\n  generate: {}\n", vec!["(2,1) field mapping is required"]),
        ("input:\n  generate: x\n", vec!["(2,1) expected object value, got !!str"]),
        (
            "input:\n  generate:\noutput: {drop: {}}\n",
            vec!["(2,1) expected object value, got !!null"],
        ),
        ("input:\n  file:\n    paths: x\n", vec!["(3,1) expected array value"]),
        (
            "input:\n  file:\n    scanner: {zzz: {}}\n",
            vec!["(3,1) unable to infer component type: zzz"],
        ),
        ("input: {generate: {mapping: [a]}}", vec!["(1,1) expected string value"]),
        (
            "input:\n  generate:\n    mapping: a\n    count: {a: 1}\n",
            vec!["(4,1) expected int value"],
        ),
        (
            "output: {broker: {pattern: zzz, outputs: []}}",
            vec!["(1,1) value zzz is not a valid option for this field"],
        ),
        (
            "input:\n  type: stdin\n  file: {}\n",
            vec!["(3,1) field file is invalid when the component type is stdin (input)"],
        ),
        ("pipeline:\n  thread: 1\n", vec!["(2,1) field thread not recognised"]),
        ("pipeline:\n  processors:\n    - try: {}\n", vec!["(3,1) expected array value"]),
        (
            "pipeline:\n  processors:\n    - try:\n      - zzz: {}\n      - dedupe: {}\n",
            vec!["(4,1) unable to infer component type: zzz", "(5,1) field cache is required"],
        ),
        (
            "{\n\"input\": {\n\"generate\": {\n\"mapping\": \"x\",\n\"b\": 1}}}",
            vec!["(5,1) field b not recognised"],
        ),
    ] {
        assert_eq!(lints(body), expected, "{body}");
    }
}

#[test]
fn labels() {
    let rule = "should match the regular expression /^[a-z0-9_\\-]+$/ and must not start with \
        an underscore";
    for (body, expected) in [
        ("input:\n  label: A\n  stdin: {}\n", format!("(2,1) invalid label 'A': {rule}")),
        ("input:\n  label: _a\n  stdin: {}\n", format!("(2,1) invalid label '_a': {rule}")),
        (
            "input: {label: a, stdin: {}}\noutput:\n  label: a\n  drop: {}\n",
            "(3,1) label 'a' collides with a previously defined label at line 1".to_owned(),
        ),
        (
            "output:\n  label: a\n  resource: b\n",
            "(2,1) label field should be omitted when pointing to a resource".to_owned(),
        ),
    ] {
        assert_eq!(lints(body), [expected]);
    }
    assert!(parse_body(&catalog(), b"output: {label: '', drop: {}}", &STRICT).is_ok());
}

#[test]
fn code_is_checked_where_it_stands() {
    for (body, lint) in [
        ("input:\n  generate:\n    mapping: 'x @@1:8:bad'\n", "(3,22) bad"),
        (
            "pipeline:\n  processors:\n    - mapping: |\n        a\n        @@2:3:bad\n",
            "(5,19) bad",
        ),
        ("output:\n  file:\n    path: 'x @@1:4:bad'\n", "(3,15) bad"),
    ] {
        assert_eq!(lints(body).first().map(|l| l.trim_end()), Some(lint), "{body}");
    }
}

#[test]
fn a_switch_that_retries_must_not_reject() {
    let body = "output:\n  switch:\n    retry_until_success: true\n    cases:\n      \
        - output: {reject: x}\n";
    assert!(lints(body)[0].starts_with("(3,1) a 'switch' output with a 'reject' case"), "{body}");
    assert!(parse_body(&catalog(), body.replace("true", "false").as_bytes(), &STRICT).is_ok());
}

#[test]
fn what_is_accepted() {
    for body in [
        "{}",
        "{}{}",
        "input: {stdin: {}}\ninput: {stdin: {}}\n",
        "input: {generate: {mapping: x, count: 1.5}}",
        "input: {file: {}}",
        "output: {type: drop}",
        "output: {drop: }",
        "output: {drop: {anything: 1}}",
        "pipeline: {threads: -1, processors: [{try: []}, {noop: {}}]}",
    ] {
        let got = parse_body(&catalog(), body.as_bytes(), &STRICT);
        assert!(got.is_ok(), "{body}: {got:?}");
    }
}

#[test]
fn chilled_lets_complaints_pass_and_nothing_else() {
    let catalog = catalog();
    let body = b"input: {generate: {mapping: '${UNSET}', b: 1}}";
    let doc = parse_body(&catalog, body, &CHILLED).unwrap();
    assert_eq!(doc.lints.len(), 1);
    assert_eq!(doc.config, json!({"input": {"generate": {"b": 1, "mapping": ""}}}));
    let plan = doc.lower(&catalog, &Resources::new()).unwrap();
    assert_eq!(plan.nodes[0].component.config["b"], Json::Null);
    for body in ["{bad", "input: {zzz: {}}"] {
        assert!(parse_body(&catalog, body.as_bytes(), &CHILLED).is_err());
    }
}

#[test]
fn variables_are_filled_in() {
    let catalog = catalog();
    let body = b"input: {generate: {mapping: '${SET}', interval: '${UNSET:a:b}', count: 0x10}}";
    let doc = parse_body(&catalog, body, &STRICT).unwrap();
    let want = json!({"input": {"generate": {"count": 16, "interval": "a:b", "mapping": "hello"}}});
    assert_eq!(doc.config, want);
    let missing = text("input: {generate: {mapping: '${A} ${B}'}}");
    assert_eq!(missing, "Error: required environment variables were not set: [A B]\n");
}

#[test]
fn components_that_do_not_fit_are_502() {
    let catalog = catalog();
    let failure = |body: &str| {
        let doc = parse_body(&catalog, body.as_bytes(), &STRICT).expect(body);
        let error = doc.lower(&catalog, &Resources::new()).expect_err(body);
        let answer = BodyError::init(&error);
        assert_eq!(answer.status, 502);
        answer.body
    };
    assert_eq!(
        failure("input:\n  generate:\n    mapping: x\n    count: abc\n"),
        "Error: failed to init input <no label> path root.input: field 'count': yaml: unmarshal \
         errors:\n  line 4: cannot unmarshal !!str `abc` into int\n"
    );
    assert_eq!(
        failure(
            "pipeline: {processors: [{label: a, resource: b}]}".replace("label: a, ", "").as_str()
        ),
        "Error: failed to init processor <no label> path root.pipeline.processors.0: processor \
         resource 'b' was not found\n"
    );
    assert!(failure("input: {generate: {mapping: x, auto_replay_nacks: maybe}}").contains("bool"));
}

#[test]
fn patches_merge() {
    let catalog = catalog();
    let start = json!({"input": {"generate": {"interval": "1h", "mapping": "x"}},
        "pipeline": {"processors": [{"noop": {}}, {"noop": {}}]}});
    let patched = |body: &str| patch(&catalog, &start, body.as_bytes()).map(|doc| doc.config);
    let got = patched("input: {generate: {interval: null, b: '${SET}'}}\nnope: 1\n").unwrap();
    let want = json!({"interval": null, "mapping": "x", "b": "${SET}"});
    assert_eq!(got["input"]["generate"], want);
    assert_eq!(got["nope"], 1);
    let got = patched("pipeline: {processors: [{try: []}]}").unwrap();
    assert_eq!(got["pipeline"], json!({"processors": [{"try": []}]}));
    for same in ["", "{}", "[]", "5"] {
        assert_eq!(patched(same).unwrap(), start);
    }
    let error = patched("input: {stdin: {}}").unwrap_err();
    let text = "unable to infer input type, multiple candidates 'generate' and 'stdin'";
    assert_eq!((error.status, error.body), (400, format!("Error: (0,1) {text}\n")));
}

#[test]
fn sets_of_streams() {
    let catalog = catalog();
    let set = |body: &str| parse_set(&catalog, body.as_bytes(), &STRICT);
    assert!(set("").unwrap().is_empty() && set("{}").unwrap().is_empty());
    let two = set("a: {output: {drop: {}}}\nb: {}\n").unwrap();
    assert_eq!(two.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let text = "Error: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into \
                map[string]yaml.Node\n";
    assert_eq!(set("[]").unwrap_err().body, text);
    let error = set("one:\n  input:\n    generate:\n      mapping: x\n      b: 1\n").unwrap_err();
    assert!(error.body.contains("stream 'one': (5,1) field b not recognised"), "{}", error.body);
}

#[test]
fn resources() {
    let catalog = catalog();
    let resource =
        |kind: &str, body: &str| parse_resource(&catalog, kind, body.as_bytes(), &STRICT);
    let error = |kind: &str, body: &str| resource(kind, body).expect_err(body).body;
    assert!(error("buffer", "{}").starts_with("Var `type` must be set to one of `cache`, `input`"));
    assert_eq!(error("cache", ""), "Error: (0,1) invalid type !!null, expected object\n");
    assert_eq!(error("cache", "{}"), "Error: (1,1) an explicit cache type must be specified\n");
    assert!(error("input", "zzz: {}").contains("(1,1) unable to infer component type: zzz"));
    assert!(error("cache", "memory: {}").contains("(1,1) field path is required"));
    let mut known = Resources::new();
    let doc = resource("processor", "mapping: 'x'").unwrap();
    doc.add(&catalog, "shout", &mut known).unwrap();
    let stream = parse_body(&catalog, b"pipeline: {processors: [{resource: shout}]}", &STRICT);
    let plan = stream.unwrap().lower(&catalog, &known).unwrap();
    let node = &plan.nodes[2].component;
    assert_eq!((node.name.as_str(), node.label.as_str()), ("mapping", "shout"));
}

#[test]
fn resources_that_refer_in_a_circle_are_refused() {
    let catalog = catalog();
    let mut known = Resources::new();
    let node = |label: &str| Arc::new(Node::from_json(&json!({"resource": label})));
    known.set(Kind::Processor, "a", node("b")).unwrap();
    known.set(Kind::Processor, "b", node("a")).unwrap();
    let stream = parse_body(&catalog, b"pipeline: {processors: [{resource: a}]}", &STRICT).unwrap();
    assert!(stream.lower(&catalog, &known).unwrap_err().text.contains("refer to each other"));
}

#[test]
fn a_stream_becomes_a_plan() {
    let catalog = catalog();
    let body = include_str!("stream.yaml");
    let doc = parse_body(&catalog, body.as_bytes(), &STRICT).unwrap();
    let plan = doc.lower(&catalog, &Resources::new()).unwrap();
    assert_eq!(plan.check(), Ok(()));
    assert_eq!(plan.shards_max, Some(2));
    assert_eq!(plan.to_string(), include_str!("stream.plan"));
}

#[test]
fn nothing_said_means_standard_input_and_output() {
    let catalog = catalog();
    let plan = parse_body(&catalog, b"{}", &STRICT).unwrap().lower(&catalog, &Resources::new());
    let text = plan.unwrap().to_string();
    assert_eq!(
        text,
        "0: source stdin {}\n1: operator split_lines <- 0 {}\n2: sink stdout <- 1 {}\n"
    );
}

#[test]
fn lines_come_one_by_one_where_batches_are_looked_at() {
    let catalog = catalog();
    let body =
        b"input: {file: {paths: [a]}}\npipeline: {processors: [{mapping: 'root = batch_size()'}]}";
    let doc = parse_body(&catalog, body, &STRICT).unwrap();
    let plan = doc.lower(&catalog, &Resources::new()).unwrap().to_string();
    assert!(plan.contains("2: operator split <- 1 {\"size\":1}"), "{plan}");
    // So do messages that are made.
    let body =
        b"input: {generate: {mapping: root = 1}}\npipeline: {processors: [{mapping: 'root = batch_size()'}]}";
    let doc = parse_body(&catalog, body, &CHILLED).unwrap();
    let plan = doc.lower(&catalog, &Resources::new()).unwrap().to_string();
    assert!(plan.contains("1: operator split <- 0 {\"size\":1}"), "{plan}");
}

#[test]
fn a_request_sets_so_many_streams_and_no_more() {
    let set = |count: usize| {
        let body: String = (0..count).map(|n| format!("s{n}: {{}}\n")).collect();
        parse_set(&catalog(), body.as_bytes(), &CHILLED).map(|streams| streams.len())
    };
    assert_eq!(set(SET_MAX).ok(), Some(SET_MAX));
    let more = set(SET_MAX + 1).err().map(|error| error.body);
    assert_eq!(more, Some(format!("Error: there may be {SET_MAX} streams at most\n")));
}
