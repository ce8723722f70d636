//! What every input and every output promises, asked of each by the same laws: delivered once and
//! in order, acknowledged when delivered and not before, replayed when refused, held up when the
//! other side is, ended without a loss or in time, connected again after a loss.
//!
//! `inputs` and `outputs` hold the laws, the files below them what stands on the other side of
//! each component; `every_component_is_asked` keeps the list complete.

#![allow(clippy::expect_used)] // a test may give up where it stands

mod buffers;
mod faults;
mod foreign;
mod inputs;
mod outputs;
mod peers;
mod secure;
mod service;

use tests::program::binary;

/// The names that `mainstem list` has of a kind of component.
fn listed(kind: &str) -> Vec<String> {
    let mut list = std::process::Command::new(binary());
    let output = list.args(["list", "--format", "json", kind]).output().expect("it lists");
    let names: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names = names[kind].as_array().expect("names").iter();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Panics unless the names of a kind are those that are asked.
fn complete(kind: &str, asked: &[&str]) {
    let missing: Vec<String> =
        listed(kind).into_iter().filter(|name| !asked.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "nobody asks {kind} {missing:?}");
}
