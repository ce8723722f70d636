//! The nebulastream dialect.
