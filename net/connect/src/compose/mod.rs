//! What connectors that hold other connectors share.

pub mod backoff;
pub mod chain;
pub mod child;
pub mod part;
pub mod records;

/// The category of components that only hold others; the engine gives them no series of their own.
pub const CATEGORY: &str = "composite";

/// Most children of one component, copies included.
pub const CHILDREN_MAX: usize = 1024;
