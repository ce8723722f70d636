//! Reads YAML into a tree whose nodes know their places.
//!
//! It is: the dialect that configurations are written in (YAML 1.2 with the habits of the Go
//! reader users know), of which JSON is a part; limits on size, depth and expansion by aliases.
//! It is not: typed; what a field wants is decided by the schema of its component.

mod load;
mod node;
mod scalar;
pub(crate) mod write;

pub use load::{DEPTH_MAX, NODES_MAX, TEXT_MAX, YamlError, load, text_of};
pub use node::{Data, Entry, Item, Node};
pub use scalar::{Scalar, Tag};
