//! What a coordinator knows: sources, queries, and its one node. Plain state without I/O.

mod config;
mod queries;
mod sinks;
mod sources;
mod topology;
mod yaml;

pub use config::{BUFFER_BYTES_DEFAULT, Coordinator, parse_coordinator};
pub use queries::{HISTORY_MAX, QUERIES_MAX, Query, QueryCatalog, Status};
pub use sinks::{SINKS_MAX, SinkCatalog, SinkEntry};
pub use sources::{DEFAULT_LOGICAL, Physical, SourceCatalog, SourceError};
pub use topology::{Node, ROOT, Topology, TopologyError};
