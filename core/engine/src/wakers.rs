//! Wakers of those who wait for the same thing.

use std::task::{Context, Waker};

/// Whom to wake. Whoever looks again and again before it is woken stands in it once: a task that
/// waits for several things is polled for each of them.
#[derive(Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    /// Notes the task that waits.
    pub(crate) fn add(&mut self, cx: &Context<'_>) {
        if !self.0.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.0.push(cx.waker().clone());
        }
    }

    /// Wakes all who wait.
    pub(crate) fn wake(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_often_is_noted_once() {
        let mut wakers = Wakers::default();
        let cx = Context::from_waker(Waker::noop());
        (0..1000).for_each(|_| wakers.add(&cx));
        assert_eq!(wakers.0.len(), 1);
        wakers.wake();
        assert!(wakers.0.is_empty());
    }
}
