//! Kernels: what verbs do to whole columns.

pub(crate) mod aggregate;
pub(crate) mod arith;
pub(crate) mod asof;
pub(crate) mod atomic;
pub(crate) mod attribute;
pub(crate) mod bin;
pub(crate) mod blocks;
pub(crate) mod compare;
pub(crate) mod dense;
pub(crate) mod divisor;
pub(crate) mod few;
pub(crate) mod find;
pub(crate) mod group;
pub(crate) mod hash;
pub(crate) mod index;
pub(crate) mod items;
pub(crate) mod limits;
pub(crate) mod member;
pub(crate) mod order;
pub(crate) mod overlay;
pub(crate) mod pieces;
pub(crate) mod places;
pub(crate) mod radix;
pub(crate) mod running;
pub(crate) mod segments;
pub(crate) mod statistics;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod types;
pub(crate) mod words;
pub(crate) mod zip;
