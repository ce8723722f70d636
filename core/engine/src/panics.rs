//! A panic in an operator fails its pipeline, not the process.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The text of a panic.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.as_deref().unwrap_or("no text"))
}

/// Runs a closure; a panic becomes its text.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    // What a panicking instance leaves behind is dropped, never used again.
    catch_unwind(AssertUnwindSafe(run)).map_err(|p| text_of(&*p))
}

/// A future whose panic becomes its result.
pub(crate) struct Guarded<F>(pub(crate) Pin<Box<F>>);

impl<F: Future> Guarded<F> {
    pub(crate) fn new(future: F) -> Self {
        Guarded(Box::pin(future))
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(|| self.0.as_mut().poll(cx)) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(text) => Poll::Ready(Err(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_panic_is_a_result() {
        let got = Guarded::new(async { panic!("boom {}", 1) }).now_or_never();
        assert_eq!(got, Some(Err("panicked: boom 1".to_owned())) as Option<Result<(), _>>);
        assert_eq!(Guarded::new(async { 5 }).now_or_never(), Some(Ok(5)));
    }
}
