//! The engine: shards, the pipeline table, delivery.
//!
//! A request for a change goes to the control thread, which owns the pipeline table and asks the
//! shards:
//! 1. the home shard of a pipeline builds an instance from its plan, which finds every error a
//!    plan can have before anything is opened;
//! 2. the old instance, if there is one, stops: its sources stop reading, what is on the way is
//!    drained, windows are flushed, sinks are closed, all within a deadline;
//! 3. the new instance opens: sources read, batches run through the operators, sinks write, acks
//!    go back to the sources.
//!
//! Stateless operators at the head of a plan with one ordered source run on all shards, block by
//! block; the home shard puts the blocks back in order. A source with partitions is read on all
//! shards, each with the head behind it, and sends its results to the home shard. Everything else
//! of a pipeline runs on its home shard.
//!
//! What the operators of a durable pipeline remember is kept in the state directory
//! (`checkpoint`).
//!
//! It is not: a place that knows any operator, connector or language by name.

mod acks;
pub mod api;
mod body;
mod budget;
mod build;
pub mod chain;
mod checkpoint;
mod checkpointing;
mod complaints;
mod connections;
mod context;
mod control;
mod crew;
mod driver;
mod graph;
mod inquire;
mod instance;
mod journal;
mod journals;
mod keeping;
mod lanes;
mod ledger;
mod meter;
mod metrics;
mod names;
mod panics;
mod parallel;
mod parts;
mod patience;
mod placing;
mod queue;
mod rates;
mod refusals;
mod roll;
mod scratch;
mod services;
mod several;
mod shard;
mod shared;
mod shared_meter;
mod sinks;
mod stop;
mod table;
mod views;
mod wakers;
mod workshop;

pub use api::{
    Ask, ConnectionView, EngineHandle, Key, PipelineSpec, PipelineView, PortEvent, PutError,
    PutMode, Rates, RemoveError, State,
};
pub use checkpointing::{CheckpointError, Checkpointing};
pub use control::{Engine, EngineConfig, StartError};
pub use crew::WorkerView;
pub use inquire::Inquiry;
pub use metrics::{Metric, MetricValue};
pub use patience::Patience;
pub use placing::Fetch;
pub use roll::PipelineState;
pub use shard::{Job, ShardHandle};
