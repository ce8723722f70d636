//! How much state operators keep in memory, and where they put the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::LocalBoxFuture;

#[derive(Debug)]
struct Sums {
    /// Bytes that all shares hold.
    used: AtomicUsize,
    shares: AtomicUsize,
    max: usize,
}

/// Bytes of state that all operators of a process may keep in memory together. Clones share it.
#[derive(Clone, Debug)]
pub struct StateBudget(Arc<Sums>);

/// What one operator holds of a [`StateBudget`]; given back when it is dropped.
#[derive(Debug)]
pub struct StateShare {
    sums: Arc<Sums>,
    bytes: usize,
}

impl StateBudget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let (used, shares) = (AtomicUsize::new(0), AtomicUsize::new(0));
        StateBudget(Arc::new(Sums { used, shares, max }))
    }

    /// A share for one more operator, which holds nothing yet.
    #[must_use]
    pub fn share(&self) -> StateShare {
        self.0.shares.fetch_add(1, Ordering::Relaxed);
        StateShare { sums: Arc::clone(&self.0), bytes: 0 }
    }

    /// Bytes that all shares hold.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

impl StateShare {
    /// Says how many bytes the operator holds now; whether it is to put them to disk. Of operators
    /// that hold too much together at least one is always told so, and none that holds little.
    pub fn set(&mut self, bytes: usize) -> bool {
        // Relaxed: the numbers guard nothing but themselves.
        let sums = &*self.sums;
        let before = sums.used.fetch_add(bytes.wrapping_sub(self.bytes), Ordering::Relaxed);
        let used = before.wrapping_add(bytes).wrapping_sub(self.bytes);
        self.bytes = bytes;
        let fair = sums.max / sums.shares.load(Ordering::Relaxed).max(1);
        used > sums.max && bytes > fair / 2
    }
}

impl Drop for StateShare {
    fn drop(&mut self) {
        self.set(0);
        self.sums.shares.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stretch of a [`Scratch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its first byte.
    pub offset: u64,
    /// Number of bytes.
    pub len: usize,
}

/// Room on disk for the state of one operator. It is empty at the start and gone with the process.
pub trait Scratch {
    /// Writes bytes to a place that is free.
    ///
    /// # Errors
    /// What the system says, such as that the disk is full; or there is too much already.
    fn write(&self, bytes: Vec<u8>) -> LocalBoxFuture<'_, Result<Extent, String>>;

    /// Reads what was written.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, extent: Extent) -> LocalBoxFuture<'_, Result<Vec<u8>, String>>;

    /// What stands there is not needed any more.
    fn free(&self, extent: Extent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_much_is_told_when_all_hold_too_much() {
        let budget = StateBudget::new(100);
        let (mut large, mut small) = (budget.share(), budget.share());
        assert!(!large.set(90) && !small.set(10));
        assert!(!small.set(20), "a small one has nothing to give");
        assert!(large.set(90));
        assert!(!large.set(0) && !small.set(100) && small.set(101));
        drop(large);
        assert_eq!(budget.used(), 101);
        drop(small);
        assert_eq!(budget.used(), 0);
    }
}
