//! Redis, by way of a client that lives on a thread of its own.

pub mod cache;
mod client;
mod island;
#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod tests;
mod tls;
