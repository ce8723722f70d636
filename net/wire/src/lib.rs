//! Protocols without I/O: bytes in, events out.

pub mod http1;
pub mod kdb;
pub mod tls;
pub mod websocket;
