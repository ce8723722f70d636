//! kdb+ IPC: the listener of the process, `callback`, the source that it calls, and `ipc`, the sink
//! that calls others.

mod call;
pub mod callback;
mod complaints;
mod connection;
mod flight;
pub mod listener;
pub mod output;
mod partitions;
mod replayed;
mod router;
mod users;

pub use call::give;
pub use flight::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX};
pub use listener::{Listening, Options, start};
pub use partitions::PARTITIONS_MAX;
pub use router::{Router, Said};
pub use users::{USERS_MAX, Users};
