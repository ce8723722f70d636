//! Instances of a plan that run side by side and share what comes to its ports (ADR 13).
//!
//! Each is whole: an environment, operators and sinks of its own, on some shard. The first is the
//! pipeline's own instance. It has the ports, and a router that hands each request to the instances
//! that its pieces are for. The others take what they are handed and know nothing of ports.
//!
//! How many there are is decided by the router, which sees the load. The control thread builds what
//! it asks for, and tells it when an instance that got no more has come to its end.

/// Most instances of one plan; what wants more has as many.
const INSTANCES_MAX: usize = 256;

mod load;
mod ports;
mod router;
mod scale;
mod table;

pub(crate) use ports::{CrewPorts, Place};
pub(crate) use router::{News, Router, beside};
pub use table::WorkerView;
pub(crate) use table::{Members, Other, first, workers};
