//! The documents' own examples against the real binary, over raw HTTP and sockets; and what the
//! program promises: delivery, order, survival, an end in time.

#![allow(clippy::expect_used)] // a test may give up where it stands

mod bad_input;
mod benthos;
mod blobl;
mod blocked;
mod buffer;
mod churn;
mod configs;
mod delivery;
mod disk_buffer;
mod documents;
mod dynamic;
mod golden;
mod idle;
mod interleavings;
mod journal;
mod kdb;
mod kdb_clients;
mod kdb_ipc;
mod kdb_persistence;
mod kdb_readers;
mod kdb_rest;
mod kdb_workers;
mod kdb_writers;
mod kept;
mod launch;
mod list;
mod nebulastream;
mod nebulastream_checkpoints;
mod nebulastream_document;
mod nebulastream_language;
mod nebulastream_laws;
mod nebulastream_lives;
mod nebulastream_merging;
mod nebulastream_sinks;
mod nebulastream_udfs;
mod nebulastream_workers;
mod observability;
mod order;
mod q;
mod reference;
mod secured;
mod shared;
mod sockets;
mod stop;
mod templates;
mod test;
mod watch;
mod websocket;
