//! `mainstem list`: what is printed of components, functions and methods.

use std::process::Command;

use serde_json::Value;
use tests::program::binary;

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
    assert_eq!(got, "{\"buffers\":[\"none\"],\"tracers\":[\"none\"]}\n");
    let all: Value = serde_json::from_str(&printed(&["list", "--format", "json"])).expect("JSON");
    let functions = all["bloblang-functions"].as_array().expect("functions");
    assert!(functions.contains(&"uuid_v4".into()));
    assert!(!functions.contains(&"count".into()), "what is deprecated is not listed");
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
fn a_word_that_is_no_kind_is_refused() {
    for words in [&["list", "processers"][..], &["list", "--format", "jsonschema", "inputs"]] {
        let output = Command::new(binary()).args(words).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty() && text.contains("bloblang-methods"), "{text}");
        assert_eq!(output.status.code(), Some(1));
    }
}
