//! HTTP clients: the processor `http`, the sink `http_client` and the source `http_client`.
//!
//! A component makes requests, and decides what to repeat, on its shard. What goes over the wire
//! is done by a library on one thread of its own, which all clients of the process share.

pub mod auth;
mod client;
pub mod config;
pub mod document;
mod failure;
#[cfg(test)]
mod http2_tests;
pub mod identity;
pub mod input;
mod locked_key;
mod message;
mod oauth2;
pub mod output;
pub mod processor;
mod request;
mod retry;
pub(crate) mod simple;
#[cfg(test)]
mod testing;
pub mod tls;
mod transport;
mod verifier;
