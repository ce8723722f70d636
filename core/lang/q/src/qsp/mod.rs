//! Stream-processor specs (spec/kdb-qsp.md): operators as values, connected by juxtaposition.
//!
//! It is:
//! - `build`: what `.qsp` calls make while a spec is loaded, and the [`Pipeline`] that results;
//! - a file for each operator: its definition and the [`stage::Stage`] that runs it;
//! - `run`: what runs the stages of a pipeline on a shard.

mod accumulate;
mod apply;
pub(crate) mod batch;
mod build;
mod called;
mod codec;
mod console;
pub(crate) mod files;
mod filter;
mod lifecycle;
mod map;
mod merge;
pub(crate) mod process;
mod readers;
mod reduce;
pub(crate) mod run;
mod split;
pub(crate) mod stage;
mod state;
mod transform;
mod union;
mod variable;
mod window;
mod writers;

pub use build::{Kind, Node, Pipeline, load};

pub(crate) use build::State;
pub(crate) use merge::Merge;
pub(crate) use stage::Output;

use crate::verbs::Verb;

/// The `.qsp` functions, by family.
pub(crate) const VERBS: &[&[Verb]] = &[
    accumulate::VERBS,
    apply::VERBS,
    build::VERBS,
    codec::VERBS,
    filter::VERBS,
    lifecycle::VERBS,
    map::VERBS,
    merge::VERBS,
    readers::VERBS,
    reduce::VERBS,
    split::VERBS,
    state::VERBS,
    transform::VERBS,
    union::VERBS,
    window::VERBS,
    writers::VERBS,
];
