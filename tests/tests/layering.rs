//! Dependencies between our crates run one way.

#![allow(clippy::expect_used)] // a test may give up where it stands

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use tests::tree::root;

/// What each crate may depend on of ours; everything not listed is refused.
const ALLOWED: &[(&str, &[&str])] = &[
    ("formats", &[]),
    ("plan", &["formats"]),
    ("rt", &["formats"]),
    ("wire", &["formats"]),
    ("bloblang", &["formats", "plan"]),
    ("config", &["formats", "plan"]),
    ("nes", &["formats", "plan"]),
    ("q", &["formats", "plan"]),
    ("ops", &["formats", "plan"]),
    ("engine", &["formats", "plan", "rt"]),
    ("connect", &["formats", "plan", "rt", "wire"]),
    ("server", &["config", "engine", "formats", "nes", "plan", "q", "rt", "wire"]),
    (
        "cli",
        &[
            "bloblang", "config", "connect", "engine", "formats", "nes", "ops", "plan", "q", "rt",
            "server", "wire",
        ],
    ),
];

/// Crates that only measure or test may depend on anything.
const FREE: &[&str] = &["benches", "perf", "tests"];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

#[test]
fn dependencies_run_one_way() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let packages = metadata["packages"].as_array().expect("packages");
    let ours: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        if FREE.contains(&name) {
            continue;
        }
        let Some(may) = allowed.get(name) else {
            problems.push(format!("{name}: not in the list of layers"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if ours.contains(&to) && !may.contains(&to) && !for_tests {
                problems.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn only_the_seam_names_a_reactor() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            if ["monoio", "glommio"].contains(&to) {
                assert_eq!(name, "rt", "{name} depends on {to}");
            }
        }
    }
}
