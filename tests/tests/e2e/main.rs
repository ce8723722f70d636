//! The documents' own examples against the real binary, over raw HTTP and sockets.

mod benthos;
mod kdb;
mod nebulastream;
