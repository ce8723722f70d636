//! Files: `file` as source, sink and cache.

pub mod cache;
pub mod input;
pub mod output;
mod watch;
