//! Templates as files have them, and as streams use them.

use plan::serde_json::json;
use proptest::prelude::*;

use super::*;
use crate::fixture::catalog;
use crate::{Resources, Root, parse_file};

const PLAIN: &str = "
name: shout
type: processor
fields:
  - {name: word, type: string}
  - {name: times, type: int, default: 1}
mapping: |
  root.mapping = this.word
";

fn lints(text: &str) -> Vec<String> {
    parse_template(&catalog(), text).lints.iter().map(ToString::to_string).collect()
}

fn error(text: &str) -> String {
    match parse_template(&catalog(), text).template {
        Ok(_) => panic!("a template: {text}"),
        Err(e) => format!("{}:{} {}", e.line, e.column, e.text),
    }
}

#[test]
fn a_template_is_read() {
    assert_eq!(lints(PLAIN), [""; 0]);
    let template = parse_template(&catalog(), PLAIN).template.unwrap();
    assert_eq!((template.name.as_str(), template.kind), ("shout", Kind::Processor));
    assert_eq!(template.schema()["required"], json!(["word"]));
}

#[test]
fn files_are_linted() {
    let text = "name: a\ntype: wibble\nbogus: 5\nfields:\n  - name: s\n    type: strin\n    kind: \
                lst\nmapping: '@@1:2:bad'\ntests:\n  - name: x\n";
    assert_eq!(
        lints(text),
        [
            "(2,1) value wibble is not a valid option for this field",
            "(3,1) field bogus not recognised",
            "(6,1) value strin is not a valid option for this field",
            "(7,1) value lst is not a valid option for this field",
            "(8,12) bad",
            "(10,1) field config is required",
        ]
    );
}

#[test]
fn what_keeps_a_template_from_use_has_a_place() {
    for (text, want) in [
        ("[]", "1:1 expected object value, got !!seq"),
        ("a: [", "yaml: "),
        ("fields: 5", "1:9 field 'fields': expected array value"),
        ("fields:\n  - name: s", "2:5 field 0: missing type field"),
        ("fields: [{name: s, type: x}]", "1:10 field 0: unrecognised type: x"),
        ("fields: [{name: s, type: int, kind: x}]", "1:10 field 0: unrecognised kind: x"),
        (
            "fields: [{name: s, type: string_enum}]",
            "1:10 field 0: expected options to be an array, got: nothing",
        ),
        (
            "fields: [{name: s, type: string_enum, options: [a, a]}]",
            "1:10 field 0: duplicate options are not allowed",
        ),
        (
            "fields: [{name: s, type: string_annotated_enum, options: {a: 1}}]",
            "1:10 field 0: expected the annotation for option \"a\" to be a string, got: !!int",
        ),
        (
            "type: input\nmapping: |\n  root = @@1:8:no such thing",
            "3:8 parse mapping: line 1 char 8: no such thing\n  |\n1 | root = @@1:8:no such thing\n  \
             |        ^---",
        ),
        (
            "type: input\nmapping: ''\nmetrics_mapping: '@@1:1:bad'",
            "3:1 parse metrics mapping: line 1 char 1: bad",
        ),
        ("name: a\ntype: buffer", "1:1 unable to register template for component type buffer"),
        (
            "name: A b\ntype: cache",
            "1:1 component name 'A b' does not match the required regular expression",
        ),
    ] {
        let got = error(text);
        assert!(got.contains(want), "{text}: {got}");
    }
}

#[test]
fn values_of_fields_have_their_types() {
    let fields = "fields: [{name: s, type: string}, {name: i, type: int, kind: list}, {name: f, \
                  type: float}, {name: b, type: bool}, {name: m, type: unknown, kind: map}]";
    let text = format!("name: t\ntype: processor\nmapping: ''\n{fields}");
    let template = parse_template(&catalog(), &text).template.unwrap();
    let read = |config: &str| {
        let node = yaml::load(config).unwrap();
        let values: Result<Vec<Json>, String> = template
            .fields
            .iter()
            .filter_map(|f| node.get(&f.name).map(|value| f.value(value)))
            .collect();
        values.map(Json::from)
    };
    assert_eq!(
        read("{s: 5, i: [1, 2.9], f: 3, b: true, m: {z: [1], a: {}}}").unwrap(),
        json!(["5", [1, 2], 3.0, true, {"z": [1], "a": {}}])
    );
    for (config, want) in [
        ("s: []", "cannot unmarshal !!seq into string"),
        ("i: 5", "line 1: expected array value, got !!int"),
        ("i: [x]", "cannot unmarshal !!str `x` into int"),
        ("i: ['7']", "cannot unmarshal !!str `7` into int"),
        ("f: x", "cannot unmarshal !!str `x` into float64"),
        ("b: 7", "cannot unmarshal !!int `7` into bool"),
        ("m: []", "line 1: expected object value, got !!seq"),
    ] {
        let error = read(config).unwrap_err();
        assert!(error.contains(want), "{config}: {error}");
    }
}

#[test]
fn uses_are_linted_like_any_component() {
    let mut catalog = catalog();
    catalog.add_template(parse_template(&catalog, PLAIN).template.unwrap()).unwrap();
    let text = "pipeline:\n  processors:\n    - shout: {words: a}\n    - shout: {word: [a]}\n    \
                - shout: {word: a, times: 2}\n      bogus: {}\n";
    let doc = parse_file(&catalog, text, Root::Config, &|_| None).unwrap();
    let lints: Vec<String> = doc.lints.iter().map(ToString::to_string).collect();
    assert_eq!(
        lints,
        [
            "(3,1) field words not recognised",
            "(3,1) field word is required",
            "(4,1) expected string value",
            "(6,1) field bogus is invalid when the component type is shout (processor)",
        ]
    );
    // This registry's language evaluates nothing, which is an error with a place as well.
    let error = doc.lower(&catalog, &Resources::new()).unwrap_err().to_string();
    let want = "failed to init processor <no label> path root.pipeline.processors.0: template \
                'shout' (line 3, column 7): invalid config for template component: field 'word' is \
                required and was not present in the config";
    assert_eq!(error, want);
}

const FRAGMENTS: [&str; 14] = [
    "name: t\n",
    "type: processor\n",
    "type: cache\n",
    "fields:\n",
    "  - name: s\n",
    "    type: string_enum\n",
    "    options: [a, 1]\n",
    "    kind: list\n",
    "    default: {a: [1]}\n",
    "mapping: |\n  root = this\n",
    "mapping: '@@9:9:x'\n",
    "tests: [{name: x, config: {s: [a]}, expected: 5}]\n",
    "- ",
    "&a [*a]",
];

proptest! {
    #[test]
    fn no_file_panics(at in prop::collection::vec(0..FRAGMENTS.len(), 0..12)) {
        let text: String = at.into_iter().map(|at| FRAGMENTS[at]).collect();
        let catalog = catalog();
        if let Ok(template) = parse_template(&catalog, &text).template {
            let _ = template.test(&catalog);
        }
    }
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let nested = |levels: usize| {
        let (open, close) = ("{try: [".repeat(levels), "]}".repeat(levels));
        format!("{{label: a, try: [{open}{{resource: b}}{close}]}}")
    };
    let text = format!(
        "pipeline: {{processors: [{{resource: a}}]}}\nprocessor_resources: [{}, {{label: b, try: \
         [{}]}}]\n",
        nested(80),
        nested(80).replace("label: a, ", "").replace("resource: b", "noop: {}")
    );
    let catalog = catalog();
    let doc = parse_file(&catalog, &text, Root::Config, &|_| None).unwrap();
    let mut resources = Resources::new();
    doc.add_resources(&mut resources).unwrap();
    let error = doc.lower(&catalog, &resources).unwrap_err();
    assert_eq!(error.text, "components may be nested 128 deep at most");
}

#[test]
fn metrics_are_mapped_with_the_label_of_the_use() {
    let text = format!("{PLAIN}metrics_mapping: root = this\n");
    let template = parse_template(&catalog(), &text).template.unwrap();
    let code = template.metrics_of("a\"b").unwrap();
    assert_eq!(
        (code.lang.as_str(), &*code.text),
        (LANGUAGE, "let label = \"a\\\"b\"\nroot = this")
    );
    let plain = parse_template(&catalog(), PLAIN).template.unwrap();
    assert_eq!(plain.metrics_of("a"), None);
}

#[test]
fn there_are_so_many_templates_and_no_more() {
    let mut catalog = catalog();
    let template = parse_template(&catalog, PLAIN).template.expect("a template");
    let mut add = |name: String| catalog.add_template(Template { name, ..template.clone() });
    for n in 0..TEMPLATES_MAX {
        assert_eq!(add(format!("shout_{n}")), Ok(()));
    }
    let text = format!("there may be {TEMPLATES_MAX} templates at most");
    assert_eq!(add("one_more".to_owned()), Err(text));
}
