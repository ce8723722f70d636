//! The q language: lexer, parser, evaluator over typed columns, and the console's display.
//!
//! It is:
//! - columnar: verbs are kernels over whole vectors, queries run on columns and groups;
//! - closed: a program reaches clock and chance only through the [`Host`] that its session was
//!   given, and neither files nor processes nor the network;
//! - bounded: nesting, steps, memory and the size of vectors have limits, so that no program can
//!   hang, overflow a thread or take what others need.
//!
//! It is not complete: a word that is known but not supported is an error when a program is
//! loaded, naming itself.

/// Counts what tests take, as the allocator of the program does.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: formats::budget::Metered<std::alloc::System> =
    formats::budget::Metered(std::alloc::System);

mod ast;
mod compile;
mod convert;
mod display;
mod error;
mod eval;
mod func;
mod input;
mod iterators;
mod kernel;
mod lang;
mod lex;
mod memory;
mod parse;
mod prelude;
pub mod qsp;
pub mod remote;
mod run;
mod session;
mod sql;
#[cfg(test)]
mod tests;
mod timed;
mod transcript;
mod verbs;
mod views;

pub use display::display;
pub use error::{Detail, QError, Result};
pub use input::Input;
pub use lang::{LANGUAGE, NAME, lower, publishes, together, workers_max};
pub use memory::MEMORY_MAX;
pub use run::{Console, LEAVE, run_expressions, run_expressions_with};

pub use session::{
    DEPTH_MAX, FixedHost, Host, ITEMS_MAX, Options, Printer, STEPS_MAX, Session, check_syntax,
};
