//! Processor `javascript`: runs a program for each message.
//!
//! An instance has one engine, which lives on a thread of its own: neither a program that computes
//! for long nor one that fetches something holds up a shard. What a program may take of time and
//! memory is limited.

mod console;
mod convert;
mod engine;
mod fetch;
mod functions;
mod message;
mod modules;
pub mod processor;
mod thread;

#[cfg(test)]
mod tests;
