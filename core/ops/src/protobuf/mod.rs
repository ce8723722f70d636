//! Protobuf messages as documents, and back, by the texts of `.proto` files.

mod files;
mod known;
mod read;
mod shape;

pub(crate) use files::{compile, load};
pub(crate) use read::from_json;
pub(crate) use shape::{Shape, document};

#[cfg(test)]
mod tests;
