//! What a coordinator knows: sources, queries, and its nodes. Plain state without I/O.

mod config;
mod fleet;
mod queries;
mod sinks;
mod sources;
mod topology;
mod worker;
mod yaml;

pub use config::{BUFFER_BYTES_DEFAULT, Coordinator, parse_coordinator};
pub use fleet::{Fleet, Hello, MEMBERS_MAX};
pub use queries::{HISTORY_MAX, QUERIES_MAX, Query, QueryCatalog, Status};
pub use sinks::{SINKS_MAX, SinkCatalog, SinkEntry};
pub use sources::{DEFAULT_LOGICAL, Physical, SourceCatalog, SourceError};
pub use topology::{NO_LOCATION, NODES_MAX, Node, ROOT, Topology, TopologyError};
pub use worker::{Worker, parse_worker};
