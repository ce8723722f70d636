//! Standard input and output of the process: `stdin` and `stdout`.

pub mod input;
pub mod output;
