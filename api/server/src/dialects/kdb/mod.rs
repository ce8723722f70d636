//! The kdb dialect.
