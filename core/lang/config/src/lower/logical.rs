//! Batches as users see them.
//!
//! A source of lines emits a block of many lines at a time, while for users each line is a batch
//! of its own until something makes larger ones. Hardly any processor can tell the difference;
//! where one can, the blocks are cut into single messages first.

use crate::yaml::{Data, Node};

/// Components, and options of components, whose work depends on what is in a batch, or which hold
/// messages back one by one.
const NAMES: [&str; 11] = [
    "archive",
    "batch_as_multipart",
    "bounds_check",
    "command",
    "group_by",
    "group_by_value",
    "insert_part",
    "rate_limit",
    "select_parts",
    "sleep",
    "while",
];

/// A processor whose messages should not wait for each other; it has a field that the section of a
/// service with the same name has not.
const HTTP: (&str, &str) = ("http", "url");

/// Code whose result depends on what is in a batch.
const CODE: [&str; 4] = ["batch_index(", "batch_size(", ".from(", ".from_all("];

/// Components that compare the number of messages before and after.
const COUNTING: [&str; 2] = ["branch", "branches"];
/// Code that changes that number.
const DELETING: &str = "deleted()";
/// Components that change that number.
const DROPPING: [&str; 3] = ["dedupe", "jq", "unarchive"];

/// Components that use a cache. What one of several writes for a message the others read for the
/// next, so that each message goes through all of them before the next one does.
const CACHING: [&str; 3] = ["cache", "cached", "dedupe"];

#[derive(Default)]
struct Seen {
    /// How many use a cache.
    caching: usize,
    sensitive: bool,
    counting: bool,
    deleting: bool,
}

/// Whether anything in a document can tell one batch from another. Too much caution only costs
/// time.
pub(crate) fn depends_on_batches(document: &Node) -> bool {
    let mut seen = Seen::default();
    look(document, &mut seen);
    seen.sensitive || seen.caching > 1 || (seen.counting && seen.deleting)
}

/// The same of something that may stand in several places.
pub(crate) fn may_depend_on_batches(document: &Node) -> bool {
    let mut seen = Seen::default();
    look(document, &mut seen);
    depends_on_batches(document) || seen.caching > 0
}

/// Whether what a template's mapping makes could tell one batch from another.
pub(crate) fn makes_dependent(mapping: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| mapping.contains(word));
    has(&NAMES) || has(&[HTTP.0]) || has(&CODE) || has(&COUNTING) || has(&CACHING)
}

fn look(node: &Node, seen: &mut Seen) {
    match &node.data {
        Data::Scalar(scalar) => {
            seen.sensitive |= CODE.iter().any(|code| scalar.text.contains(code));
            seen.deleting |= scalar.text.contains(DELETING);
        }
        Data::Seq(items) => items.iter().for_each(|item| look(&item.node, seen)),
        Data::Map(entries) => {
            for entry in entries {
                let is_http = &*entry.key == HTTP.0 && entry.value.node.get(HTTP.1).is_some();
                seen.sensitive |= is_http || NAMES.contains(&&*entry.key);
                seen.counting |= COUNTING.contains(&&*entry.key);
                seen.deleting |= DROPPING.contains(&&*entry.key);
                // Not the field of that name, which holds a label.
                let component = matches!(entry.value.node.data, Data::Map(_));
                seen.caching += usize::from(component && CACHING.contains(&&*entry.key));
                look(&entry.value.node, seen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::load;

    #[test]
    fn only_what_can_tell_is_found() {
        for (text, want) in [
            ("pipeline: {processors: [{mapping: 'root = this'}, {try: [{noop: {}}]}]}", false),
            ("pipeline: {processors: [{try: [{archive: {format: lines}}]}]}", true),
            ("pipeline: {processors: [{mapping: 'root = batch_index()'}]}", true),
            ("pipeline: {processors: [{branch: {processors: [{noop: {}}]}}]}", false),
            ("pipeline: {processors: [{branch: {request_map: 'root = deleted()'}}]}", true),
            ("pipeline: {processors: [{branch: {processors: [{jq: {query: '.[]'}}]}}]}", true),
            ("pipeline: {processors: [{mapping: 'root = deleted()'}, {jq: {query: .}}]}", false),
            ("pipeline: {processors: [{mapping: 'root = deleted()'}]}", false),
            ("pipeline: {processors: [{dedupe: {cache: a, key: b}}]}", false),
            ("pipeline: {processors: [{cache: {key: a}}]}\noutput: {cache: {key: b}}", true),
            ("pipeline: {processors: [{try: [{cache: {}}, {cached: {cache: a}}]}]}", true),
            ("http: {enabled: false}", false),
            ("pipeline: {processors: [{http: {url: 'http://x'}}]}", true),
        ] {
            assert_eq!(depends_on_batches(&load(text).unwrap()), want, "{text}");
        }
    }
}
