//! kdb+ IPC: the listener of the process, `callback`, the source that it calls, and `ipc`, the sink
//! that calls others.

mod call;
pub mod callback;
mod complaints;
mod connection;
mod flight;
mod gathered;
mod house;
pub mod listener;
pub mod output;
mod partitions;
mod replayed;
mod router;
#[cfg(test)]
mod testing;
mod users;

pub use call::give;
pub use flight::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX};
pub use gathered::{GATHERED_BYTES_MAX, GATHERED_MAX};
pub use listener::{Job, Listening, Options, Reactor, start};
pub use partitions::PARTITIONS_MAX;
pub use router::{Port, Router, Said};
pub use users::{USERS_MAX, Users};
