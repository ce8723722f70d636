//! `java_udf`: calls a function that is written in Java for each row.
//!
//! The function runs in a process of its own, which is this program again under another name of
//! command: it loads a Java virtual machine where it finds one. Whatever the function does there,
//! it takes down its own pipeline and nothing else. Each instance of the operator has a process and
//! a thread that talks to it, so that no shard ever waits.
//!
//! ```text
//! shard --columns--> thread --rows, in shared memory--> process --objects--> function
//! ```
//!
//! Both processes share a region of memory; what lies there, the lowest byte first:
//!
//! ```text
//! 0            8 bytes      how often the function got on, a number that changes with each row
//! INPUT_AT     AREA_BYTES   rows: their fields one after the other
//! OUTPUT_AT    AREA_BYTES   results: the number of its row in the input, 4 bytes, and its fields
//! ```
//!
//! A boolean is a byte; a text is its length, 4 bytes, and its bytes in UTF-8; the others have
//! their width. Besides there is a socket for short messages (`control.rs`), which say what lies in
//! the region. A batch goes over in as many pieces as it needs, and so do its results.

mod config;
mod control;
mod convert;
mod find;
mod host;
mod machine;
mod operator;
mod process;
mod rows;
mod setup;
#[cfg(test)]
mod tests;
mod thread;

pub use host::host;
pub use operator::SPEC;

/// Bytes of rows, or of results, that go over at once; a row is not larger.
pub const AREA_BYTES: usize = 16 << 20;
/// Where rows begin.
const INPUT_AT: usize = 4096;
/// Where results begin.
const OUTPUT_AT: usize = INPUT_AT + AREA_BYTES;
/// The whole region.
const REGION_BYTES: usize = OUTPUT_AT + AREA_BYTES;
/// Bytes that the results for one batch may have.
pub const OUTPUT_BYTES_MAX: usize = 256 << 20;
/// Processes that run functions, of all pipelines together.
pub const HOSTS_MAX: usize = 256;
/// Bytes of objects that a function may have at a time, unless it is told otherwise.
pub const HEAP_BYTES: u64 = 256 << 20;
/// Bytes that its process may take besides: code, stacks, buffers.
pub const NATIVE_BYTES_MAX: u64 = 768 << 20;
/// The subcommand under which this program runs functions.
pub const COMMAND: &str = "java-host";
