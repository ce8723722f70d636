//! `dynamic`: children that are made, changed and removed over HTTP while the pipeline runs
//! (spec/benthos-streams-api.md §8).

mod desk;
pub mod input;
pub mod output;

use std::time::Duration as Time;

/// How long a child may take to end before it is ended by force.
const END_MAX: Time = Time::from_secs(5);
