//! Kernels: what verbs do to whole columns.

pub(crate) mod aggregate;
pub(crate) mod arith;
pub(crate) mod atomic;
pub(crate) mod attribute;
pub(crate) mod compare;
pub(crate) mod find;
pub(crate) mod group;
pub(crate) mod order;
pub(crate) mod radix;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod types;
pub(crate) mod zip;
