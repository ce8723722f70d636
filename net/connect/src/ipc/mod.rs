//! kdb+ IPC: the listener of the process, and `callback`, the source that it calls.

mod call;
pub mod callback;
mod complaints;
mod connection;
pub mod listener;
mod replayed;

pub use listener::{Listening, Options, Router, serve, start};
