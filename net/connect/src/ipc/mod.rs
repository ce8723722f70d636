//! kdb+ IPC: the listener of the process, `callback`, the source that it calls, and `ipc`, the sink
//! that calls others.

mod call;
pub mod callback;
mod complaints;
mod connection;
pub mod listener;
pub mod output;

pub use listener::{Listening, Options, Router, serve, start};
