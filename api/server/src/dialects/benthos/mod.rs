//! The benthos dialect.
