//! The functions of the language, one a file. How to write one stands at the head of
//! [`crate::methods`].

mod batch_index;
mod batch_size;
mod content;
mod counter;
mod deleted;
mod env;
mod error;
mod errored;
mod json;
mod nothing;
mod throw;
mod var;

use std::path::Path;

use plan::Services;

use crate::spec::Function;

/// All functions, sorted by name.
pub static ALL: &[&Function] = &[
    &batch_index::SPEC,
    &batch_size::SPEC,
    &content::SPEC,
    &counter::SPEC,
    &deleted::SPEC,
    &env::SPEC,
    &error::SPEC,
    &errored::SPEC,
    &json::SPEC,
    &nothing::SPEC,
    &throw::SPEC,
    &var::SPEC,
];

/// The function with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    ALL.binary_search_by(|spec| spec.name.cmp(name)).ok().map(|at| ALL[at])
}

/// Reads a whole file through the services, with the error texts of Go's `os` package.
///
/// # Errors
/// `open PATH: no such file or directory` and the like.
pub fn read_file(services: &dyn Services, path: &Path) -> Result<Vec<u8>, String> {
    // A trailing slash comes from joining an empty path.
    let shown = path.display().to_string();
    let shown = if shown.len() > 1 { shown.trim_end_matches('/') } else { &shown };
    let plain = normal(shown);
    services.read_file(&plain).map_err(|why| {
        let why = why.split(" (os error").next().unwrap_or(&why).to_lowercase();
        let verb = if why.contains("is a directory") { "read" } else { "open" };
        match why.strip_prefix(&format!("{verb} ")) {
            Some(_) => why,
            None => format!("{verb} {plain}: {why}"),
        }
    })
}

/// A path without `.` and `..`, as Go's `filepath.Clean` gives it.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (path.starts_with('/'), joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}
