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
mod checks;
mod codec;
mod console;
mod feed;
pub(crate) mod files;
mod filter;
pub(crate) mod kept;
pub(crate) mod key;
mod key_by;
mod lifecycle;
mod map;
mod merge;
mod options;
mod parallel;
mod pieces;
pub(crate) mod process;
mod readers;
mod reduce;
mod rolling;
pub(crate) mod run;
mod split;
mod sql;
pub(crate) mod stage;
mod state;
mod stats;
mod string;
#[cfg(test)]
mod testing;
mod timers;
mod trace;
mod transform;
pub(crate) mod trigger;
mod union;
pub(crate) mod variable;
mod window;
mod writers;

pub use build::{Kind, Node, Pipeline, load};

pub(crate) use build::State;
#[cfg(test)]
pub(crate) use build::{NODES_MAX, PUSHED_MAX, TRACKED_MAX};
pub(crate) use stage::Output;
#[cfg(test)]
pub(crate) use state::KEYS_MAX;
#[cfg(test)]
pub(crate) use window::HELD_MAX;

use crate::verbs::Verb;

/// Whether a name is one of the documentation that is not there.
pub(crate) fn is_absent(name: &str) -> bool {
    let all = [codec::ABSENT, lifecycle::ABSENT, readers::ABSENT, writers::ABSENT];
    name.starts_with(".qsp.") && all.iter().any(|names| names.contains(&name))
}

/// The `.qsp` functions, by family.
pub(crate) const VERBS: &[&[Verb]] = &[
    accumulate::VERBS,
    apply::VERBS,
    build::VERBS,
    codec::VERBS,
    filter::VERBS,
    key_by::VERBS,
    lifecycle::VERBS,
    map::VERBS,
    merge::VERBS,
    parallel::VERBS,
    readers::VERBS,
    reduce::VERBS,
    rolling::VERBS,
    split::VERBS,
    sql::VERBS,
    state::VERBS,
    stats::VERBS,
    string::VERBS,
    timers::VERBS,
    trace::VERBS,
    transform::VERBS,
    trigger::VERBS,
    union::VERBS,
    window::VERBS,
    writers::VERBS,
];
