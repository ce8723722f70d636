//! Waiting for the first of two things.

use std::rc::Rc;

use futures_util::future::{Either, select};
use plan::SourceContext;

/// What came first.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// The future was done.
    Done(T),
    /// The source must stop reading; the future was dropped.
    Stopping,
}

/// Waits for `future`, but no longer than the source may read.
pub async fn until_stopping<F: Future>(
    context: &Rc<dyn SourceContext>,
    future: F,
) -> Ended<F::Output> {
    let future = std::pin::pin!(future);
    match select(future, context.stopping()).await {
        Either::Left((value, _)) => Ended::Done(value),
        Either::Right(_) => Ended::Stopping,
    }
}
