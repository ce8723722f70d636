//! `mainstem list`: what is printed of components, functions and methods.

use std::process::Command;

use serde_json::Value;
use tests::program::{Folder, binary};

use crate::golden::{compare, printed};

#[test]
fn names_are_listed_by_kind() {
    compare("list/all.txt", &printed(&["list"]));
    let got = printed(&["list", "rate-limits", "tracers"]);
    assert!(
        got.starts_with("Rate Limits:\n") && got.ends_with("\n\nTracers:\n  - none\n"),
        "{got}"
    );
    let got = printed(&["list", "--format", "json", "tracers", "buffers"]);
    let buffers = r#""buffers":["disk","memory","none","system_window"]"#;
    assert_eq!(got, format!("{{{buffers},\"tracers\":[\"none\"]}}\n"));
    let all: Value = serde_json::from_str(&printed(&["list", "--format", "json"])).expect("JSON");
    let functions = all["bloblang-functions"].as_array().expect("functions");
    assert!(functions.contains(&"uuid_v4".into()));
    assert!(!functions.contains(&"count".into()), "what is deprecated is not listed");
}

#[test]
fn names_are_listed_by_status() {
    let folder = Folder::new("list");
    let template = "name: new_thing\ntype: processor\nstatus: beta\nfields: []\nmapping: \
                    root.noop = {}\n";
    let template = folder.write("t.yaml", template);
    let list = |status: &str| {
        printed(&["list", "-t", &template, "--status", status, "processors", "bloblang-functions"])
    };
    assert_eq!(list("beta"), "Processors:\n  - new_thing\n\nBloblang Functions:\n");
    assert_eq!(list("experimental"), "Processors:\n\nBloblang Functions:\n");
    assert!(list("deprecated").ends_with("\n  - count\n  - meta\n  - root_meta\n"));
    let stable = list("stable");
    assert!(stable.contains("\n  - mapping\n") && !stable.contains("new_thing"), "{stable}");
    assert_eq!(stable, printed(&["list", "processors", "bloblang-functions"]));
}

#[test]
fn what_is_known_of_a_function_is_told() {
    let words = ["list", "--format", "jsonschema", "bloblang-functions", "range", "counter"];
    compare("list/functions.json", &printed(&words));
    let words = ["list", "--format", "jsonschema", "bloblang-methods", "zip", "replace_all"];
    compare("list/methods.json", &printed(&words));
    let all = printed(&["list", "--format", "jsonschema", "bloblang-methods"]);
    let all: Value = serde_json::from_str(&all).expect("JSON");
    let status = |spec: &&Value| spec["status"] == "deprecated";
    assert!(all["bloblang-methods"].as_array().expect("methods").iter().filter(status).count() > 0);
}

#[test]
fn editors_get_the_schema_of_whole_configs() {
    let schema: Value =
        serde_json::from_str(&printed(&["list", "--format", "jsonschema"])).expect("JSON");
    let field = |pointer: &str| schema.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(field("/properties/input/$ref"), "#/definitions/input");
    assert_eq!(field("/definitions/input/properties/generate/properties/mapping/type"), "string");
    let format = "/definitions/processor/properties/archive/properties/format/description";
    assert!(field(format).is_string());
    assert_eq!(field("/properties/http/$ref"), "#/definitions/service.Http");
    assert!(field("/definitions/service.Http/properties/address/description").is_string());
    assert!(field("/definitions/output/properties/console").is_null(), "it is not for users");
    let mut dangling = Vec::new();
    references(&schema, &mut |target| {
        if schema.pointer(target.trim_start_matches('#')).is_none() {
            dangling.push(target.to_owned());
        }
    });
    assert_eq!(dangling, Vec::<String>::new());
    let inputs = printed(&["list", "--format", "jsonschema", "inputs"]);
    let inputs: Value = serde_json::from_str(&inputs).expect("JSON");
    assert!(inputs["inputs"]["file"]["properties"]["paths"].is_object());
}

/// Names of components and fields of the original, one component a line (facts of its own list).
const FIELDS: &str = include_str!("../../golden/list/fields.txt");

#[test]
fn every_field_of_the_original_is_known() {
    let schema: Value =
        serde_json::from_str(&printed(&["list", "--format", "jsonschema"])).expect("JSON");
    let mut missing = Vec::new();
    for line in FIELDS.lines() {
        let (component, fields) = line.split_once(':').expect("a component");
        let (kind, name) = component.split_once(' ').expect("a kind and a name");
        let mut known = Vec::new();
        let spec =
            schema.pointer(&format!("/definitions/{kind}")).and_then(|kind| member(kind, name));
        assert!(spec.is_some(), "{component} is not known");
        fields_of(&schema, spec.unwrap_or(&Value::Null), "", 0, &mut known);
        let absent = fields.split_whitespace().filter(|field| !known.contains(&(*field).into()));
        missing.extend(absent.map(|field| format!("{component}: {field}")));
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// Ways in which a schema says that it is one of several.
const CHOICES: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// What a property of a schema, or of one of its choices, says.
fn member<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let choices = CHOICES.iter().filter_map(|key| schema[*key].as_array()).flatten();
    let own = schema["properties"].get(name);
    own.or_else(|| choices.into_iter().find_map(|choice| member(choice, name)))
}

/// The paths of all fields of a component; components inside of it are others.
fn fields_of(all: &Value, schema: &Value, prefix: &str, depth: usize, found: &mut Vec<String>) {
    if depth > 12 {
        return;
    }
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.trim_start_matches('#');
        let inside = FIELDS.lines().any(|line| {
            let kind = line.split(' ').next().unwrap_or_default();
            target.strip_prefix("/definitions/") == Some(kind)
        });
        if let Some(schema) = all.pointer(target).filter(|_| !inside) {
            fields_of(all, schema, prefix, depth + 1, found);
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        fields_of(all, field, &format!("{path}."), depth + 1, found);
        found.push(path);
    }
    for choice in CHOICES.iter().filter_map(|key| schema[*key].as_array()).flatten() {
        fields_of(all, choice, prefix, depth + 1, found);
    }
    if schema["items"].is_object() {
        fields_of(all, &schema["items"], &format!("{prefix}[]."), depth + 1, found);
    }
    let patterns = schema["patternProperties"].as_object().into_iter().flat_map(|map| map.values());
    for field in patterns.chain(schema.get("additionalProperties")) {
        fields_of(all, field, &format!("{prefix}{{}}."), depth + 1, found);
    }
}

/// Calls with every reference in a schema.
fn references(node: &Value, found: &mut impl FnMut(&str)) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found(target);
            }
            members.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

#[test]
fn a_format_that_is_not_supported_says_what_is() {
    let output = Command::new(binary()).args(["list", "--format", "cue"]).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty() && text.contains("jsonschema"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_word_that_is_no_kind_is_refused() {
    for words in [&["list", "processers"][..], &["list", "--format", "jsonschema", "inpus"]] {
        let output = Command::new(binary()).args(words).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty() && text.contains("bloblang-methods"), "{text}");
        assert_eq!(output.status.code(), Some(1));
    }
}
