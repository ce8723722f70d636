//! The tests that a template brings along.

use crate::catalog::Catalog;
use crate::diff::{self, Match};
use crate::lint::Linter;
use crate::template::Template;
use crate::yaml::Node;

/// What a test of a template found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Line of the test.
    pub line: u32,
    /// Column of the test.
    pub column: u32,
    /// What is wrong, with the name of the test.
    pub text: String,
}

impl Template {
    /// Runs the template's tests: each result is linted, and compared where a test says with what.
    #[must_use]
    pub fn test(&self, catalog: &Catalog) -> Vec<Mismatch> {
        let mut found = Vec::new();
        for case in &self.tests {
            let name = &case.name;
            let mut fail = |text: String| {
                let text = format!("test '{name}': {text}");
                found.push(Mismatch { line: case.line, column: case.column, text });
            };
            let rendered = match self.render(catalog, &case.config, &case.label) {
                Ok(rendered) => rendered,
                Err(text) => {
                    fail(text);
                    continue;
                }
            };
            let mut linter = Linter::new(catalog);
            linter.component_node(self.kind, &Node::from_json(&rendered));
            for lint in linter.finish() {
                fail(format!("lint error in resulting config: {lint}"));
            }
            let expected = case.expected.as_ref().filter(|node| !empty(node));
            if let Some(expected) = expected {
                let (found, shown) = diff::compare(&expected.to_json(), &rendered);
                if found != Match::Full {
                    fail(format!("mismatch between expected and actual resulting config: {shown}"));
                }
            }
        }
        found
    }
}

/// Whether a test expects nothing in particular.
fn empty(node: &Node) -> bool {
    node.entries().is_none_or(<[_]>::is_empty) && node.items().is_none_or(<[_]>::is_empty)
}
