//! The documents' own examples against the real binary, over raw HTTP and sockets.

#![allow(clippy::expect_used)] // a test may give up where it stands

mod bad_input;
mod benthos;
mod golden;
mod kdb;
mod nebulastream;
