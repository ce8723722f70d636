//! What every language lowers to and every operator works on.
//!
//! It is: messages, batches, acks, the plan graph, the traits of sources, operators, sinks and
//! expressions, and the tables in which components are registered.
//! It is not: I/O, a runtime, or any particular language.

pub mod ack;
pub mod batch;
pub mod board;
pub mod columns;
pub mod component;
pub mod diagnostic;
pub mod drafts;
mod duration;
pub mod env;
pub mod examples;
pub mod expr;
pub mod fields;
pub mod graph;
pub mod meta;
pub mod operator;
pub mod print;
pub mod secret;
pub mod shared;
pub mod sink;
pub mod source;
pub mod state;
pub mod stored;

pub use ack::{Ack, AckPort, Acks};
pub use batch::{Batch, Body, Data, Fault, Origin, RawBlock, Record, Records};
pub use columns::{Columns, DataType, Field, Schema};
pub use component::{Component, Example, OperatorSpec, SinkSpec, SourceSpec, Spec, schema_of};
pub use diagnostic::{Diagnostic, Span, place_of};
pub use env::{BuildError, Env, Log, Meters, Registry, Services, Split};
pub use expr::{Code, Expr, Form, Language, Session};
pub use fields::Part;
pub use graph::{Class, Crew, Documents, MetricsMapping, Node, NodeId, Plan, Role};
pub use meta::Meta;
pub use operator::{End, Operator, OperatorError, STATE_BYTES_MAX, Step, run_chain};
pub use secret::Secret;
pub use shared::{Cache, CacheSpec, RateLimit, RateLimitSpec};
pub use sink::{Sink, SinkError};
pub use source::{Emitted, Outcome, Source, SourceContext, SourceError};
pub use state::{Extent, Scratch, StateBudget, StateShare};

pub use futures_util::future::LocalBoxFuture;
pub use serde_json::{self, Value as Json};
