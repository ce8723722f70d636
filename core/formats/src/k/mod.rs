//! Values of the q language: what kdb+ IPC carries and what q programs compute with.
//!
//! It is:
//! - columnar: a vector is one typed array, shared until written ([`std::sync::Arc::make_mut`]);
//! - honest about nulls: they are sentinels in the array, as on the wire, never a bitmap;
//! - free to cross shards, and dropped without recursion however deep it is nested.
//!
//! It is not an evaluator: functions are opaque here and belong to whoever made them.

mod data;
mod func;
pub mod ipc;
mod items;
mod list;
mod recent;
mod sym;
mod table;
mod ty;
mod value;
mod weight;

pub use data::{Data, Scalar, Vector};
pub use func::{Foreign, Function};
pub use items::{Items, unwind};
pub use sym::{SYMBOLS_MAX, Sym};
pub use table::{Dict, Table};
pub use ty::{Attr, Guid, Type};
pub use value::{K, ShapeError};
pub use weight::{Weight, bytes};
