//! Checks of the whole repository and of the program as its users meet it.

pub mod client;
pub mod program;
pub mod python;
pub mod tree;
pub mod usage;
