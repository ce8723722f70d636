//! Documents in files: a stream with the service's settings and resources, or only these.

use std::sync::Arc;

use plan::Plan;
use plan::serde_json;
use serde::Deserialize;

use crate::catalog::Catalog;
use crate::env::{Lookup, interpolate};
use crate::lint::{Lint, Linter, Root};
use crate::lower::{InitError, Resources, check_structure};
use crate::overrides::Override;
use crate::service::{self, Service};
use crate::yaml::{self, Node};

/// A file that was read.
#[derive(Clone, Debug)]
pub struct FileDoc {
    /// The settings of the service in it; defaults for what it does not say.
    pub service: Service,
    /// Complaints.
    pub lints: Vec<Lint>,
    node: Arc<Node>,
}

/// How a file is read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// What may stand in it.
    pub root: Root,
    /// Where variables come from.
    pub lookup: Lookup<'a>,
    /// Fields that the command line sets.
    pub overrides: &'a [Override],
    /// Whether what is deprecated is a complaint.
    pub deprecated: bool,
    /// Whether a component without a label is a complaint.
    pub labels: bool,
}

impl<'a> Reading<'a> {
    /// Reading as the program runs files.
    #[must_use]
    pub fn new(root: Root, lookup: Lookup<'a>) -> Self {
        Reading { root, lookup, overrides: &[], deprecated: false, labels: false }
    }

    /// Reads a file. Complaints do not fail it: whoever reads decides what they mean.
    ///
    /// # Errors
    /// What is wrong with a text that cannot be read at all, and where.
    pub fn read(&self, catalog: &Catalog, text: &str) -> Result<FileDoc, Lint> {
        let root = self.root;
        let filled = interpolate(text, self.lookup);
        let mut node = yaml::load(&filled.text).map_err(|e| Lint {
            line: e.line,
            column: e.column,
            caret: e.column,
            text: e.to_string(),
        })?;
        for one in self.overrides {
            one.apply(catalog, root, &mut node).map_err(|text| Lint::line(0, text))?;
        }
        let mut lints: Vec<Lint> =
            filled.complaint().map(|text| Lint::line(1, text)).into_iter().collect();
        if !text.starts_with(LINT_DISABLE) {
            let mut linter =
                Linter::new(catalog).with_deprecated(self.deprecated).with_labels(self.labels);
            linter.root(root, &node);
            lints.extend(linter.finish());
        }
        if matches!(root, Root::Stream | Root::Config) {
            check_structure(catalog, &node).map_err(|e| {
                // The place stands in front of it already where it is shown over REST.
                let place = format!("({},1) ", e.line);
                Lint::line(e.line, e.text.strip_prefix(&place).unwrap_or(&e.text))
            })?;
        }
        let service = match root {
            Root::Config | Root::Service => service_of(&node)?,
            Root::Stream | Root::Resources => Service::default(),
        };
        Ok(FileDoc { service, lints, node: Arc::new(node) })
    }
}

/// A file that begins so is not linted.
const LINT_DISABLE: &str = "# BENTHOS LINT DISABLE";

/// Reads a file as the program runs files.
///
/// # Errors
/// What is wrong with a text that cannot be read at all, and where.
pub fn parse_file(
    catalog: &Catalog,
    text: &str,
    root: Root,
    lookup: Lookup<'_>,
) -> Result<FileDoc, Lint> {
    Reading::new(root, lookup).read(catalog, text)
}

/// The settings of the service in a document. What is no object has a complaint already.
fn service_of(node: &Node) -> Result<Service, Lint> {
    if node.entries().is_none() {
        return Ok(Service::default());
    }
    Service::deserialize(service::typed(node)).map_err(|error| {
        // The section that does not fit is found by reading each of them alone.
        let unfit = |entry: &&yaml::Entry| {
            let (key, value) = (entry.key.to_string(), entry.value.node.to_json());
            let alone = Node::from_json(&serde_json::json!({ key: value }));
            Service::deserialize(service::typed(&alone)).is_err()
        };
        let found = node.entries().unwrap_or_default().iter().find(unfit);
        match found {
            Some(entry) => Lint::line(entry.line, format!("field '{}': {error}", entry.key)),
            None => Lint::line(node.line, error.to_string()),
        }
    })
}

impl FileDoc {
    /// Adds the resources of the file to those that streams may use.
    ///
    /// # Errors
    /// A resource without a label, or a label that is taken.
    pub fn add_resources(&self, resources: &mut Resources) -> Result<(), String> {
        resources.add_document(&self.node)
    }

    /// Lowers the stream of the file to a plan.
    ///
    /// # Errors
    /// The first component whose configuration does not fit, or a resource that is not there.
    pub fn lower(&self, catalog: &Catalog, resources: &Resources) -> Result<Plan, InitError> {
        crate::lower_stream(catalog, resources, &self.node)
    }

    /// The document with every section and the defaults of what it leaves out, as YAML.
    #[must_use]
    pub fn normalised(&self, catalog: &Catalog) -> String {
        crate::normal::config(catalog, &self.node)
    }

    /// The document with its keys sorted, as the API shows a stream.
    #[must_use]
    pub fn config(&self) -> plan::Json {
        self.node.to_json()
    }
}
