//! The processors that a test is about.

use std::sync::Arc;

use plan::Component;

use crate::cases::{Case, labels, path};
use crate::catalog::{Catalog, Kind};
use crate::env::{Lookup, interpolate};
use crate::infer::label_of;
use crate::lower::{Lower, Resources};
use crate::yaml::{self, Node};

/// Why there are no processors to test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

/// The processors that a test is about, ready to be built.
#[derive(Clone, Debug)]
pub struct Target {
    /// The processors, in order.
    pub components: Vec<Component>,
}

/// The file, from the folder of the test, and the place that a target names. Without a file it is
/// the test's own.
///
/// # Errors
/// When it is none of these.
pub fn file_of(target: &str) -> Result<(Option<&str>, &str), TargetError> {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if scheme.is_some_and(|scheme| scheme != "file") {
        let text = format!("target processors '{target}' contains non-path scheme value");
        return Err(TargetError(text));
    }
    let plain = target.strip_prefix("file:").unwrap_or(target);
    let plain = plain.strip_prefix("//").unwrap_or(plain);
    match plain.split_once('#') {
        Some((file, place)) if !place.is_empty() => {
            Ok((Some(file).filter(|f| !f.is_empty()), place))
        }
        _ => match plain.trim_end_matches('#') {
            "" => Err(TargetError(format!(
                "failed to target processors '{target}': reference URI must contain a path or \
                 fragment"
            ))),
            place => Ok((None, place)),
        },
    }
}

impl Target {
    /// Finds the processors of a test in the text of a file called `name`, with the test's mocks
    /// in place, and the resources of the files `extra`, which are names and texts.
    ///
    /// # Errors
    /// What is not there or does not fit.
    pub fn find(
        catalog: &Catalog,
        case: &Case,
        (name, text): (&str, &str),
        extra: &[(String, String)],
        lookup: Lookup<'_>,
    ) -> Result<Self, TargetError> {
        let (_, place) = file_of(&case.target)?;
        let unread = |e: String| TargetError(format!("failed to parse config file '{name}': {e}"));
        let root =
            yaml::load(&interpolate(text, lookup).text).map_err(|e| unread(e.to_string()))?;
        let root = mocked(catalog, Arc::new(root), &case.mocks).map_err(TargetError)?;
        let mut resources = Resources::new();
        resources.add_document(&root).map_err(unread)?;
        for (name, text) in extra {
            let fail = |e: String| {
                TargetError(format!("failed to parse resources config file '{name}': {e}"))
            };
            let filled = interpolate(text, lookup).text;
            let document = yaml::load(&filled).map_err(|e| fail(e.to_string()))?;
            resources.add_document(&document).map_err(fail)?;
        }
        let path = path_of(catalog, &root, place)?;
        let unresolved = |e: String| {
            TargetError(format!("failed to resolve case processors from '{name}': {e}"))
        };
        let found = path::get(&root, &path).map_err(unresolved)?;
        let dotted = format!("root.{}", path.join("."));
        let lower = Lower::new(catalog, &resources);
        let single = |node: &Node, path: &str, at: usize| {
            let lowered = lower.nested(Kind::Processor, node, path, 0);
            lowered.map_err(|e| {
                TargetError(format!("failed to initialise processor index '{at}': {e}"))
            })
        };
        let components = match found.items() {
            None => vec![single(found, &dotted, 0)?],
            Some(items) => {
                let each = items.iter().enumerate();
                each.map(|(at, item)| single(&item.node, &format!("{dotted}.{at}"), at))
                    .collect::<Result<_, _>>()?
            }
        };
        Ok(Target { components })
    }
}

fn path_of(catalog: &Catalog, root: &Node, place: &str) -> Result<Vec<String>, TargetError> {
    if place.starts_with('/') {
        return path::names(place).map_err(|e| {
            TargetError(format!("failed to parse case processors path '{place}': {e}"))
        });
    }
    labels::paths(catalog, root).remove(place).ok_or_else(|| {
        TargetError(format!(
            "target for label '{place}' failed as the label was not found in the test target \
             file, it is not currently possible to target resources imported separate to the test \
             file"
        ))
    })
}

/// The document with mocks in the place of what they stand in for: pointers first, then labels.
fn mocked(
    catalog: &Catalog,
    mut root: Arc<Node>,
    mocks: &[(String, Arc<Node>)],
) -> Result<Arc<Node>, String> {
    let (pointers, by_label): (Vec<_>, Vec<_>) =
        mocks.iter().partition(|(place, _)| place.starts_with('/'));
    for (place, mock) in pointers {
        let path =
            path::names(place).map_err(|e| format!("failed to parse mock path '{place}': {e}"))?;
        root = put(&root, &path, mock).map_err(|e| format!("failed to set mock '{place}': {e}"))?;
    }
    if by_label.is_empty() {
        return Ok(root);
    }
    let labels = labels::paths(catalog, &root);
    for (label, mock) in by_label {
        let path = labels.get(label).ok_or_else(|| {
            format!(
                "mock for label '{label}' could not be applied as the label was not found in the \
                 test target file, it is not currently possible to mock resources imported \
                 separate to the test file"
            )
        })?;
        root = put(&root, path, mock).map_err(|e| format!("failed to set mock '{label}': {e}"))?;
    }
    Ok(root)
}

/// Puts a mock in its place. One without a label has that of what stood there.
fn put(root: &Arc<Node>, path: &[String], mock: &Arc<Node>) -> Result<Arc<Node>, String> {
    let label = path::get(root, path).ok().and_then(|node| node.get("label").cloned());
    let mut mock = Arc::clone(mock);
    if let Some(label) = label.filter(|_| label_of(&mock).is_empty()) {
        mock = path::set(&mock, &["label".to_owned()], &label)?;
    }
    path::set(root, path, &mock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::read;
    use crate::fixture::catalog;

    const FILE: &str = "
pipeline:
  processors:
    - label: a
      mapping: root = 1
    - label: b
      try: [{label: c, noop: {}}, {resource: r}]
processor_resources:
  - label: r
    mapping: root = '${NAME:unset}'
";

    /// The names and labels of what a test is about.
    fn find(test: &str) -> Result<String, String> {
        let text = format!("{FILE}tests: [{{name: x, {test}}}]");
        let case = read(&catalog(), &text).unwrap().remove(0);
        let extra = [("r.yaml".to_owned(), "processor_resources: [{label: s, noop: {}}]".into())];
        let lookup = |name: &str| (name == "NAME").then(|| "set".to_owned());
        let target = Target::find(&catalog(), &case, ("f.yaml", &text), &extra, &lookup);
        let components = target.map_err(|e| e.0)?.components;
        let shown: Vec<String> = components
            .iter()
            .map(|c| format!("{} {} {} {}", c.path, c.label, c.name, c.config))
            .collect();
        Ok(shown.join("\n"))
    }

    #[test]
    fn processors_are_found_by_pointer_and_label() {
        let all = find("").unwrap();
        assert_eq!(all.lines().count(), 2, "{all}");
        assert!(all.contains("root = 'set'"), "{all}");
        assert!(find("target_processors: /pipeline/processors/0").unwrap().contains(" a mapping "));
        let label = find("target_processors: c").unwrap();
        assert!(label.starts_with("root.pipeline.processors.1.try.0 c noop"), "{label}");
        assert!(find("target_processors: r").unwrap().starts_with("root.processor_resources.0 r"));
    }

    #[test]
    fn mocks_stand_in_for_processors_and_keep_their_labels() {
        let mocked = find("mocks: {c: {mapping: root = 2}, /pipeline/processors/0: {noop: {}}}");
        let mocked = mocked.unwrap();
        assert!(mocked.starts_with("root.pipeline.processors.0 a noop"), "{mocked}");
        assert!(mocked.contains("root = 2") && mocked.contains("\"label\":\"c\""), "{mocked}");
        let named = find("mocks: {a: {label: z, noop: {}}}").unwrap();
        assert!(named.starts_with("root.pipeline.processors.0 z noop"), "{named}");
        assert!(find("mocks: {r: {mapping: root = 3}}").unwrap().contains("root = 3"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        for (test, want) in [
            (
                "target_processors: /nope/3",
                "failed to resolve case processors from 'f.yaml': nope: key not found in mapping",
            ),
            (
                "target_processors: nope",
                "target for label 'nope' failed as the label was not found",
            ),
            (
                "target_processors: http://a/b",
                "target processors 'http://a/b' contains non-path scheme value",
            ),
            ("target_processors: ''", "failed to target processors ''"),
            (
                "mocks: {/pipeline/processors/9: {noop: {}}}",
                "failed to set mock '/pipeline/processors/9': pipeline.processors.9: target index greater than array length",
            ),
            ("mocks: {s: {noop: {}}}", "mock for label 's' could not be applied"),
            (
                "mocks: {c: {bogus: {}}}",
                "failed to initialise processor index '1': failed to init processor",
            ),
            ("mocks: {c: 5}", "failed to set mock 'c': label: a single value has no fields"),
        ] {
            let error = find(test).unwrap_err();
            assert!(error.starts_with(want), "{test}: {error}");
        }
    }

    #[test]
    fn a_target_may_name_another_file() {
        for (target, want) in [
            ("/a/b", (None, "/a/b")),
            ("label", (None, "label")),
            ("f.yaml#/a", (Some("f.yaml"), "/a")),
            ("../f.yaml#label", (Some("../f.yaml"), "label")),
            ("file:f.yaml#/a", (Some("f.yaml"), "/a")),
            ("#/a", (None, "/a")),
        ] {
            assert_eq!(file_of(target), Ok(want), "{target}");
        }
    }
}
