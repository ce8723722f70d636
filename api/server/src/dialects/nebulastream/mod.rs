//! The NebulaStream coordinator (spec/nes-rest.md): queries, sources, topology, monitoring.

mod buffers;
mod catalog;
mod coordinator;
#[cfg(test)]
mod coordinator_tests;
mod deployment;
mod lives;
mod maintenance;
mod merging;
#[cfg(test)]
mod merging_tests;
mod monitoring;
mod openapi;
mod placing;
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
mod worker;

use std::sync::Arc;

use engine::EngineHandle;
use nes::catalog::Coordinator;

pub use coordinator::Link;
pub use routes::NebulaStream;
pub use worker::{Working, work};

/// The owner under which the engine knows this dialect's pipelines and documents.
pub const OWNER: &str = "queries";

/// A new dialect on an engine. What was stored is read with the first request.
#[must_use]
pub fn dialect(engine: EngineHandle, coordinator: Coordinator) -> Arc<NebulaStream> {
    NebulaStream::new(engine, coordinator, None)
}

/// The same with a way to workers, which are attended to from now on.
///
/// # Errors
/// The system gives no thread.
pub fn with_workers(
    engine: EngineHandle,
    coordinator: Coordinator,
    link: Link,
) -> Result<Arc<NebulaStream>, String> {
    let Link { board, url } = link;
    let dialect = NebulaStream::new(engine, coordinator, Some(url));
    coordinator::attend(Arc::clone(&dialect), board)?;
    Ok(dialect)
}
