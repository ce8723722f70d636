//! The kdb Insights Stream Processor coordinator (spec/kdb-rest.md §1).

mod create;
mod routes;
mod views;

use std::sync::Arc;

use engine::EngineHandle;
use plan::{Diagnostic, Plan};

pub use routes::Kdb;

/// Turns the text of a spec into a plan. A diagnostic with code [`PARSE_ERROR`] means that the
/// text is not q; any other that it is, and fails while it is loaded.
pub type Lower = Arc<dyn Fn(&str) -> Result<Plan, Vec<Diagnostic>> + Send + Sync>;

/// Code of diagnostics of a text that does not parse.
pub const PARSE_ERROR: &str = "parse";

/// The owner under which the engine knows this dialect's pipelines.
pub const OWNER: &str = "pipelines";

/// A new dialect on an engine.
#[must_use]
pub fn dialect(engine: EngineHandle, lower: Lower) -> Arc<Kdb> {
    Arc::new(Kdb::new(engine, lower))
}
