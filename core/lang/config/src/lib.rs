//! Configurations of streams: YAML with places, interpolation of the environment, lint by the
//! schemas of the components, and the lowering of a stream to a plan.
//!
//! It is: the dialect of stream files and of the streams API, as functions without state.
//! It is not: the API's routes or the table of streams.

pub mod cases;
pub mod catalog;
mod check;
mod create;
pub mod diff;
mod drafts;
mod editor;
pub mod env;
mod file;
mod infer;
mod lint;
mod lower;
mod normal;
mod offline;
mod overrides;
mod schema;
pub mod secrets;
pub mod service;
pub mod stream;
pub mod template;
pub mod yaml;

use plan::Plan;

pub use catalog::{Catalog, Kind};
pub use check::LANGUAGE;
pub use create::create;
pub use drafts::READER;
pub use editor::{component_schema, editor_schema};
pub use file::{FileDoc, Reading, parse_file};
pub use infer::{InferError, infer};
pub use lint::{LINTS_MAX, Lint, Root};
pub use lower::{InitError, Resources};
pub use overrides::Override;

use yaml::Node;

/// Lowers a stream whose structure is right to a plan.
///
/// # Errors
/// The first component whose configuration does not fit, or a resource that is not there.
pub fn lower_stream(
    catalog: &Catalog,
    resources: &Resources,
    stream: &Node,
) -> Result<Plan, InitError> {
    lower::Lower::new(catalog, resources).stream(stream)
}

/// Lowers a resource to see whether its configuration fits.
///
/// # Errors
/// What does not fit.
pub fn check_resource(
    catalog: &Catalog,
    resources: &Resources,
    kind: Kind,
    node: &Node,
) -> Result<(), InitError> {
    let path = format!("root.{}_resources", kind.name());
    let component = lower::Lower::new(catalog, resources).nested(kind, node, &path, 0)?;
    catalog.try_shared(kind, &component).map_err(|error| InitError {
        kind,
        label: component.label,
        path,
        text: error.text,
    })
}

/// Lowers a single component that stands at `path`, as its users write it.
///
/// # Errors
/// What does not fit.
pub fn lower_component(
    catalog: &Catalog,
    resources: &Resources,
    kind: Kind,
    node: &Node,
    path: &str,
) -> Result<plan::Component, InitError> {
    lower::Lower::new(catalog, resources).nested(kind, node, path, 0)
}

/// A document as YAML, as `echo` writes it.
#[must_use]
pub fn yaml_text(document: &plan::Json) -> String {
    yaml::write::write(&normal::verbatim(&Node::from_json(document)))
}

/// Complaints about a document, without reading it further.
#[must_use]
pub fn lint(catalog: &Catalog, root: Root, document: &Node, deprecated: bool) -> Vec<Lint> {
    let mut linter = lint::Linter::new(catalog).with_deprecated(deprecated);
    linter.root(root, document);
    linter.finish()
}

#[cfg(test)]
mod fixture;
