//! Checks of the whole repository and of the program as its users meet it.

pub mod program;
pub mod tree;
