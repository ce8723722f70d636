//! The budget of bytes that may be on the way in the whole process.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes a pipeline may have read and not yet had acknowledged. A single batch above it passes
/// when nothing else is on the way.
pub(crate) const PIPELINE_BYTES_MAX: usize = 8 << 20;
/// The same for all pipelines together, unless configured otherwise.
pub(crate) const PROCESS_BYTES_MAX: usize = 1 << 30;

/// Bytes on the way in this process; shared by all shards.
#[derive(Debug)]
pub(crate) struct ProcessBudget {
    used: AtomicUsize,
    max: usize,
}

impl ProcessBudget {
    pub(crate) fn new(max: usize) -> Self {
        ProcessBudget { used: AtomicUsize::new(0), max }
    }

    /// Takes `bytes` when they fit, or when `anyway` (the taker has nothing else on the way, so
    /// that every pipeline can always make progress).
    pub(crate) fn take(&self, bytes: usize, anyway: bool) -> bool {
        // Relaxed: the number guards nothing but itself.
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if anyway || before.saturating_add(bytes) <= self.max {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_does_not_fit_but_lets_everyone_progress() {
        let budget = ProcessBudget::new(100);
        assert!(budget.take(60, false));
        assert!(!budget.take(60, false));
        assert_eq!(budget.used(), 60);
        assert!(budget.take(60, true));
        budget.give_back(120);
        assert_eq!(budget.used(), 0);
    }
}
