//! The control plane of Benthos's streams mode (spec/benthos-streams-api.md).
//!
//! It is: the paths, verbs, statuses and texts of that API, and the table of streams and
//! resources behind it, which the command line uses too.
//! It is not: the reading of stream documents, which is `config`'s.

mod answers;
mod auth;
mod cors;
mod debug;
mod filed;
mod metrics;
mod options;
mod process;
mod prometheus;
mod ready;
mod renames;
mod resources;
mod routes;
mod seen;
mod service;
mod set;
mod stats;
mod streams;
mod table;

use std::sync::Arc;

use engine::EngineHandle;

use crate::ports::Ports;

pub use filed::Applied;
pub use metrics::SeriesKey;
pub use options::{MetricsFormat, Options};
pub use renames::{Rename, Renames};
pub use routes::Benthos;
pub use table::{Failure, Streams};

/// The owner under which the engine knows this dialect's pipelines.
pub const OWNER: &str = "streams";

/// A new dialect on a table of streams. `ports` are those that streams opened, for `/endpoints`.
///
/// # Errors
/// An option of the HTTP service does not fit; the text names it.
pub fn dialect(
    streams: Arc<Streams>,
    ports: Arc<Ports>,
    options: Options,
) -> Result<Arc<Benthos>, String> {
    Benthos::new(streams, ports, options).map(Arc::new)
}

/// A table of streams on an engine, with the components that streams may name and the resources
/// they begin with.
#[must_use]
pub fn streams(
    engine: EngineHandle,
    catalog: Arc<config::Catalog>,
    resources: config::Resources,
) -> Arc<Streams> {
    Arc::new(Streams::new(engine, catalog, resources))
}
