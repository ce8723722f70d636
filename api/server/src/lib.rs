//! The REST front end: one thread, three dialects, one native API.
//!
//! It is: HTTP in and out, routing by port and path, and the translation of each dialect into
//! questions to the engine.
//! It is not: a place where pipelines run, or where anything waits for a shard's core. Handlers
//! hold the way to the engine and nothing else of it; a full mailbox is a 503.

pub mod dialects;
pub mod exchange;
mod handover;
mod http;
pub mod logs;
pub mod native;
pub mod ports;
mod routing;
mod tls;

pub use exchange::{Reply, Request};
pub use http::{BODY_BYTES_MAX, Server, ServerError};
pub use ports::Ports;
pub use routing::{App, Dialect, Listener};
pub use tls::Tls;
