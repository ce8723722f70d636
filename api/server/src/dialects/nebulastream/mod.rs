//! The NebulaStream coordinator (spec/nes-rest.md): queries, sources, topology, monitoring.

mod catalog;
mod maintenance;
mod monitoring;
mod openapi;
mod proto;
mod query;
mod routes;
mod schema;
mod sources;
mod sql;
mod state;
mod topology;
mod types;
mod udf;

use std::sync::Arc;

use engine::EngineHandle;
use nes::catalog::Coordinator;

pub use routes::NebulaStream;

/// The owner under which the engine knows this dialect's pipelines and documents.
pub const OWNER: &str = "queries";

/// A new dialect on an engine. What was stored is read with the first request.
#[must_use]
pub fn dialect(engine: EngineHandle, coordinator: Coordinator) -> Arc<NebulaStream> {
    Arc::new(NebulaStream::new(engine, coordinator))
}
