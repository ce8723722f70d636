//! From the tree of a stream to a plan.
//!
//! Reading a configuration has two kinds of errors, and they have different answers: one that
//! concerns its structure (which component stands where) refuses the request; one of a single
//! component's configuration is the failure to construct that component.

mod component;
mod logical;
mod resources;
mod stream;
mod value;
pub(crate) use component::Lower;

use plan::BuildError;

use crate::catalog::Kind;

pub use resources::Resources;
pub(crate) use stream::check_structure;

/// Something that stands where it cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct StructureError {
    /// Line of it, from 1; 0 when there is no text.
    pub(crate) line: u32,
    /// What is wrong, as users see it.
    pub(crate) text: String,
}

/// A component that could not be constructed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to init {} {} path {path}: {text}", kind.name(), labelled(label))]
pub struct InitError {
    /// What it is.
    pub kind: Kind,
    /// Its label; may be empty.
    pub label: String,
    /// Its path.
    pub path: String,
    /// What is wrong with it.
    pub text: String,
}

fn labelled(label: &str) -> String {
    if label.is_empty() { "<no label>".to_owned() } else { format!("'{label}'") }
}

impl InitError {
    /// The error of an instance that the engine could not build.
    #[must_use]
    pub fn of_build(error: &BuildError) -> Self {
        InitError {
            kind: kind_at(&error.path),
            label: error.label.clone(),
            path: error.path.clone(),
            text: error.text.clone(),
        }
    }
}

/// What stands at a path of a configuration, by the last word in it that names a kind.
fn kind_at(path: &str) -> Kind {
    for word in path.rsplit('.') {
        let word = word.strip_suffix("_resources").unwrap_or(word);
        match word {
            "child" => continue,
            "inputs" => return Kind::Input,
            "outputs" => return Kind::Output,
            _ if path.starts_with("root.pipeline") => return Kind::Processor,
            "processors" => return Kind::Processor,
            other => {
                if let Some(kind) = Kind::of(other) {
                    return kind;
                }
            }
        }
    }
    Kind::Processor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_errors_name_their_component() {
        for (path, label, text) in [
            ("root.input", "", "failed to init input <no label> path root.input: no"),
            (
                "root.output.broker.outputs.1",
                "x",
                "failed to init output 'x' path root.output.broker.outputs.1: no",
            ),
            (
                "root.pipeline.processors.0",
                "pm",
                "failed to init processor 'pm' path root.pipeline.processors.0: no",
            ),
            (
                "root.input.processors.2",
                "",
                "failed to init processor <no label> path root.input.processors.2: no",
            ),
            (
                "root.cache_resources",
                "",
                "failed to init cache <no label> path root.cache_resources: no",
            ),
        ] {
            let error =
                BuildError { path: path.into(), label: label.into(), ..BuildError::new("no") };
            assert_eq!(InitError::of_build(&error).to_string(), text);
        }
    }
}
