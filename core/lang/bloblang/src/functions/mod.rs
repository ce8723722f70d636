//! The functions of the language, one a file. How to write one stands at the head of
//! [`crate::methods`].

mod batch_index;
mod batch_size;
mod bytes;
mod content;
mod count;
mod counter;
mod deleted;
mod env;
mod error;
mod error_source_label;
mod error_source_name;
mod error_source_path;
mod errored;
mod file;
mod file_rel;
mod hostname;
mod json;
mod ksuid;
mod meta;
mod metadata;
mod nanoid;
mod nothing;
mod now;
mod pi;
mod random_int;
mod range;
mod root_meta;
mod throw;
mod timestamp_unix;
mod timestamp_unix_micro;
mod timestamp_unix_milli;
mod timestamp_unix_nano;
mod tracing_id;
mod tracing_span;
mod uuid_v4;
mod uuid_v7;
mod var;

use std::path::Path;

use formats::value::{Object, Text, Value};
use plan::{Fault, Meta, Services};

use crate::args::Args;
use crate::exec::Ctx;
use crate::spec::Function;
use crate::text;
use crate::val::Val;

/// All functions, sorted by name.
pub static ALL: &[&Function] = &[
    &batch_index::SPEC,
    &batch_size::SPEC,
    &bytes::SPEC,
    &content::SPEC,
    &count::SPEC,
    &counter::SPEC,
    &deleted::SPEC,
    &env::SPEC,
    &error::SPEC,
    &error_source_label::SPEC,
    &error_source_name::SPEC,
    &error_source_path::SPEC,
    &errored::SPEC,
    &file::SPEC,
    &file_rel::SPEC,
    &hostname::SPEC,
    &json::SPEC,
    &ksuid::SPEC,
    &meta::SPEC,
    &metadata::SPEC,
    &nanoid::SPEC,
    &nothing::SPEC,
    &now::SPEC,
    &pi::SPEC,
    &random_int::SPEC,
    &range::SPEC,
    &root_meta::SPEC,
    &throw::SPEC,
    &timestamp_unix::SPEC,
    &timestamp_unix_micro::SPEC,
    &timestamp_unix_milli::SPEC,
    &timestamp_unix_nano::SPEC,
    &tracing_id::SPEC,
    &tracing_span::SPEC,
    &uuid_v4::SPEC,
    &uuid_v7::SPEC,
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
    read_file_as_named(services, Path::new(&normal(shown)))
}

/// The same with the path in error texts as it was given.
///
/// # Errors
/// `open PATH: no such file or directory` and the like.
pub fn read_file_as_named(services: &dyn Services, path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display().to_string();
    services.read_file(&shown).map_err(|why| {
        let why = why.split(" (os error").next().unwrap_or(&why).to_lowercase();
        let verb = if why.contains("is a directory") { "read" } else { "open" };
        match why.strip_prefix(&format!("{verb} ")) {
            Some(_) => why,
            None => format!("{verb} {shown}: {why}"),
        }
    })
}

/// A part of the fault of the message; null where no component is known that it came from.
fn error_source(cx: &Ctx<'_, '_>, part: fn(&Fault) -> &str) -> Val {
    let fault = cx.ex.fault().filter(|fault| !fault.name.is_empty());
    fault.map_or(Val::NULL, |fault| Val::text(part(fault)))
}

/// How errors name the result of a metadata function.
fn meta_annotation(function: &str, args: &Args) -> Option<String> {
    args.val(0)?;
    Some(match &*args.str(0) {
        "" => format!("{function} object"),
        key => format!("{function} field {key}"),
    })
}

/// Metadata as texts: of a key, null where it is missing or empty, or all of it.
fn meta_texts(meta: Option<&Meta>, key: &str) -> Val {
    let text_of = |value| {
        let mut out = Vec::new();
        text::push_value(&mut out, value);
        Text::from(out)
    };
    if key.is_empty() {
        let members = meta.into_iter().flat_map(Meta::iter);
        let members = members.map(|(key, value)| (Text::from(key), Value::String(text_of(value))));
        return Val::object(members.collect::<Object>());
    }
    let text = meta.and_then(|meta| meta.get(key)).map(text_of).unwrap_or_default();
    if text.as_bytes().is_empty() { Val::NULL } else { Val::text(text) }
}

/// The time since the start of 1970 in units of this many nanoseconds.
fn wall(cx: &Ctx<'_, '_>, unit_ns: i128) -> i64 {
    i64::try_from(cx.ex.services().wall_ns().div_euclid(unit_ns)).unwrap_or(i64::MAX)
}

/// 16 random bytes.
fn random_bytes(cx: &Ctx<'_, '_>) -> [u8; 16] {
    let services = cx.ex.services();
    let random = (u128::from(services.random()) << 64) | u128::from(services.random());
    random.to_be_bytes()
}

/// A path without `.` and `..`, as Go's `filepath.Clean` gives it.
pub(crate) fn normal(path: &str) -> String {
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
