//! The kdb Insights Stream Processor coordinator (spec/kdb-rest.md §1), and what the Controller
//! and the Workers of its pipelines answer (§2, §3).

mod controller;
mod create;
mod graph;
mod routes;
mod views;
mod workers;

use std::sync::Arc;

use engine::EngineHandle;
use plan::{Diagnostic, Plan};

use crate::logs::Logs;

pub use graph::graph;
pub use routes::Kdb;
pub use workers::{Worker, workers};

/// Turns the text of a spec into a plan. A diagnostic with code [`PARSE_ERROR`] means that the
/// text is not q; any other that it is, and fails while it is loaded.
pub type Lower = Arc<dyn Fn(&str) -> Result<Plan, Vec<Diagnostic>> + Send + Sync>;

/// Code of diagnostics of a text that does not parse.
pub const PARSE_ERROR: &str = "parse";

/// The owner under which the engine knows this dialect's pipelines.
pub const OWNER: &str = "pipelines";

/// What the process has around the dialect.
#[derive(Clone, Default)]
pub struct Around {
    /// The last lines of the log about each pipeline.
    pub logs: Arc<Logs>,
    /// Where callbacks are called over kdb+ IPC; empty when they are not.
    pub ipc: String,
}

/// A new dialect on an engine.
#[must_use]
pub fn dialect(engine: EngineHandle, lower: Lower) -> Arc<Kdb> {
    dialect_with(engine, lower, Around::default())
}

/// The same with what is around it.
#[must_use]
pub fn dialect_with(engine: EngineHandle, lower: Lower, around: Around) -> Arc<Kdb> {
    Arc::new(Kdb::new(engine, lower, around))
}
