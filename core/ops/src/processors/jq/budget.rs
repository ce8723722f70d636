//! What one query may cost for one message.
//!
//! The interpreter is lazy and knows no limits of its own, so that a query such as
//! `last(repeat(1))` would hold its shard for ever. Everything it does looks up a term of the
//! query or copies a value, and both are counted: when a query has had its share, the stack is
//! unwound to where the query was started. That is no panic: nothing is printed, and everything on
//! the way is dropped.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::val::DEPTH_MAX;

/// Steps that a query may take for one message: copies of values, and what is built of them.
pub(super) const STEPS_MAX: u64 = 20_000_000;
/// Bytes of a value that count as one step.
const STEP_BYTES: usize = 32;
/// Stack that is left when a query has called itself too deep, in bytes.
const STACK_LEFT_MIN: usize = 256 << 10;
/// Stack below which a query gets one of its own, in bytes, and how large that is.
const STACK_WANTED: usize = 768 << 10;
const STACK_BYTES: usize = 8 << 20;

thread_local! {
    /// Steps that are left for the running query; none outside of one.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Why a query was ended.
enum Spent {
    Steps,
    Stack,
    Depth,
}

fn end(why: Spent) {
    // Only a running query is ended, and only once.
    if LEFT.take().is_some() {
        resume_unwind(Box::new(why));
    }
}

/// Ends the running query because it builds a value that is nested too deep.
pub(super) fn too_deep() {
    end(Spent::Depth);
}

/// Takes steps from the running query.
pub(super) fn take(steps: usize) {
    let Some(left) = LEFT.get() else { return };
    match left.checked_sub(steps as u64) {
        Some(left) => LEFT.set(Some(left)),
        None => end(Spent::Steps),
    }
    if stacker::remaining_stack().is_some_and(|left| left < STACK_LEFT_MIN) {
        end(Spent::Stack);
    }
}

/// Takes as many steps as bytes that are built are worth.
pub(super) fn take_bytes(bytes: usize) {
    take(bytes / STEP_BYTES);
}

/// Runs a query within its limits.
///
/// # Errors
/// Why it was ended.
pub(super) fn within<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    LEFT.set(Some(STEPS_MAX));
    let run = || catch_unwind(AssertUnwindSafe(run));
    let result = stacker::maybe_grow(STACK_WANTED, STACK_BYTES, run);
    LEFT.set(None);
    result.map_err(|why| reason(&*why))
}

fn reason(why: &(dyn Any + Send)) -> String {
    match why.downcast_ref::<Spent>() {
        Some(Spent::Steps) => format!("the query took more than {STEPS_MAX} steps"),
        Some(Spent::Stack) => "the query calls itself too deep".to_owned(),
        Some(Spent::Depth) => format!("values may be nested {DEPTH_MAX} deep at most"),
        None => {
            let text = why.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| why.downcast_ref::<String>().cloned());
            format!("jq panic: {}", text.unwrap_or_default())
        }
    }
}
