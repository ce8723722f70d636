//! Configurations of streams: YAML with places, interpolation of the environment, lint, and the
//! lowering of a stream to a plan.

pub mod yaml;
