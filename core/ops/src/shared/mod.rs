//! Caches and rate limits that work in memory.

pub mod local;
pub mod memory;

use plan::{CacheSpec, RateLimitSpec};

/// The caches.
pub const CACHES: &[&CacheSpec] = &[&memory::SPEC];
/// The rate limits.
pub const RATE_LIMITS: &[&RateLimitSpec] = &[&local::SPEC];
