//! Protocols without I/O: bytes in, events out.

pub mod kdb;
