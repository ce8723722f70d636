//! What documentation and tools read of the functions and methods.

mod metadata;
mod page;

pub use metadata::{function_metadata, method_metadata};
pub use page::page;

use crate::spec::{Example, Function, Method, Params};

/// A function or method, as documentation shows it.
#[derive(Clone, Copy)]
struct Item {
    name: &'static str,
    category: &'static str,
    since: &'static str,
    summary: &'static str,
    params: &'static Params,
    examples: &'static [Example],
    deprecated: bool,
}

impl From<&'static Function> for Item {
    fn from(spec: &'static Function) -> Self {
        Item {
            name: spec.name,
            category: spec.category,
            since: spec.since,
            summary: spec.summary,
            params: &spec.params,
            examples: spec.examples,
            deprecated: spec.deprecated,
        }
    }
}

impl From<&'static Method> for Item {
    fn from(spec: &'static Method) -> Self {
        Item {
            name: spec.name,
            category: spec.category,
            since: spec.since,
            summary: spec.summary,
            params: &spec.params,
            examples: spec.examples,
            deprecated: spec.deprecated,
        }
    }
}

impl Item {
    /// The category as a heading; what is deprecated has one of its own.
    fn heading(&self) -> String {
        let category = if self.deprecated { "deprecated" } else { self.category };
        let mut chars = category.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
    }
}
