//! `broker`: several connectors side by side.

pub mod input;
pub mod output;
