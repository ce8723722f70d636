//! The seam between mainstem and the machine: reactors, files, sockets, clocks, randomness, disks.
//!
//! It is:
//! - the only crate that names monoio or glommio; another backend (a simulator) is another file
//!   beside [`reactor`], [`net`] and [`file`];
//! - built on owned buffers: an operation takes its buffer and gives it back with its result
//!   (`read(buf) -> (io::Result<usize>, buf)`), because the kernel may write into it until the
//!   operation has really ended;
//! - single-threaded wherever it can be: a reactor, its tasks, files and sockets stay on the thread
//!   that made them. Only wakers cross threads.
//!
//! It is not a place for anything that knows records, plans or languages.
//!
//! Cancelling is dropping: whoever drops a future gets control back at once, and the buffer lives
//! on inside the reactor until the kernel lets go of it. A dropped *read* may have consumed bytes.

pub mod blocking;
pub mod buf;
pub mod clock;
mod error;
pub mod file;
pub mod memory;
pub mod net;
mod pollable;
pub mod probe;
pub mod process;
pub mod reactor;
pub mod region;
pub mod rng;
pub mod storage;
mod task;
pub mod testing;
mod timers;

pub use blocking::blocking;
pub use buf::{IoBuf, IoBufMut};
pub use clock::{Clock, Elapsed, Nanos, now, sleep, sleep_until, timeout, wall};
pub use error::Error;
pub use probe::{Driver, IoMode, Probe, probe};
pub use reactor::{ReactorConfig, ThreadHandle, block_on, run_reactor, start_thread};
pub use task::{JoinError, JoinHandle, Task, spawn, yield_now};
