//! Complaints about a configuration that could be read: what is not known, missing or of the
//! wrong kind, by the schemas of the components (spec/benthos-streams-api.md §6).

mod component;
mod field;
mod root;
mod rules;

use std::collections::HashMap;
use std::fmt;

use crate::catalog::Catalog;
use crate::check::Checker;

pub use root::Root;
pub(crate) use root::{pipeline_schema, resource_kind as root_resource_kind};

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// Line, from 1; 0 when there is no text.
    pub line: u32,
    /// Column, from 1; always 1 except in code.
    pub column: u32,
    /// What is wrong.
    pub text: String,
    /// Where in the line it stands, from 1. Benthos counts columns of code in its own way.
    pub caret: u32,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{}) {}", self.line, self.column, self.text)
    }
}

impl Lint {
    /// A complaint about a whole line.
    #[must_use]
    pub fn line(line: u32, text: impl Into<String>) -> Self {
        Lint { line, column: 1, text: text.into(), caret: 1 }
    }
}

/// Most complaints about one document: beyond that more do not help.
pub const LINTS_MAX: usize = 1000;

/// One pass over one document.
pub(crate) struct Linter<'c> {
    catalog: &'c Catalog,
    checker: Checker,
    /// Labels seen so far and their lines.
    labels: HashMap<String, u32>,
    /// Whether the use of deprecated components and fields is a complaint.
    deprecated: bool,
    /// Whether a component without a label is a complaint.
    labelled: bool,
    lints: Vec<Lint>,
}

impl<'c> Linter<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        Linter {
            catalog,
            checker: catalog.checker(),
            labels: HashMap::new(),
            deprecated: false,
            labelled: false,
            lints: Vec::new(),
        }
    }

    pub(crate) fn with_deprecated(mut self, deprecated: bool) -> Self {
        self.deprecated = deprecated;
        self
    }

    pub(crate) fn with_labels(mut self, labelled: bool) -> Self {
        self.labelled = labelled;
        self
    }

    /// What was found, in the order of lines.
    pub(crate) fn finish(mut self) -> Vec<Lint> {
        self.lints.sort_by_key(|lint| (lint.line, lint.column));
        self.lints
    }

    fn complain(&mut self, line: u32, text: impl Into<String>) {
        self.push(Lint::line(line, text));
    }

    fn push(&mut self, lint: Lint) {
        if self.lints.len() < LINTS_MAX {
            self.lints.push(lint);
        }
    }
}
