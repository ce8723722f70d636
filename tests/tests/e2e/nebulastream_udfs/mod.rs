//! Java UDFs, compiled here: what queries do with them, and what they cannot do to anybody else.

mod jdk;
mod rows;
mod trouble;
mod workers;
