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
mod codec;
mod console;
mod filter;
pub(crate) mod kept;
mod map;
mod merge;
mod readers;
mod reduce;
pub(crate) mod run;
mod split;
mod stage;
mod state;
mod transform;
mod union;
pub(crate) mod variable;
mod window;
mod writers;

pub use build::{Kind, Node, Pipeline, load};

pub(crate) use build::State;
pub(crate) use stage::Output;

use crate::verbs::Verb;

/// The `.qsp` functions, by family.
pub(crate) const VERBS: &[&[Verb]] = &[
    accumulate::VERBS,
    apply::VERBS,
    build::VERBS,
    codec::VERBS,
    filter::VERBS,
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
