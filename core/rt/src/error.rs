//! What can go wrong before a reactor runs or around it. I/O itself fails with `std::io::Error`.

use std::io;

/// A reactor that could not be started or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text after `--io` names no mode.
    #[error("unknown io mode `{0}`: expected auto, uring or epoll")]
    UnknownMode(String),
    /// io_uring was asked for and the machine refuses it.
    #[error("io_uring was asked for, but this machine refuses it: {0}")]
    UringRefused(String),
    /// A reactor was started on a thread that runs one.
    #[error("reactor `{0}` cannot start inside another one")]
    Nested(String),
    /// The reactor's driver could not be built.
    #[error("cannot build the {driver} reactor `{name}`: {source}")]
    Build {
        /// `io_uring` or `epoll`.
        driver: &'static str,
        /// The reactor's name.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The thread could not be bound to its core.
    #[error("cannot pin reactor `{name}` to core {core}: {source}")]
    Pin {
        /// The reactor's name.
        name: String,
        /// The core that was asked for.
        core: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The operating system gave no thread.
    #[error("cannot start a thread for `{name}`: {source}")]
    Thread {
        /// The thread's name.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The executor's thread exists, but it did not report in.
    #[error("the executor of `{name}` did not start within {seconds} s")]
    NotRunning {
        /// The thread's name.
        name: String,
        /// How long it was given.
        seconds: u64,
    },
    /// The main future of a reactor panicked; its tasks were dropped.
    #[error("reactor `{name}` panicked: {message}")]
    Panicked {
        /// The reactor's name.
        name: String,
        /// The panic's text.
        message: String,
    },
    /// The thread ended without a result.
    #[error("the thread of `{0}` ended without a result")]
    Lost(String),
}

/// The text of a caught panic.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "no message".to_owned())
}
