//! What a component of a running pipeline complains about in the log: enough to see what is wrong,
//! however many messages it is wrong with.

use std::cell::Cell;
use std::time::Duration;

use plan::Component;

/// Complaints of one component that are logged within one period; the others are counted.
const BURST_MAX: u32 = 10;
/// The period.
const PERIOD: Duration = Duration::from_secs(1);

/// The complaints of one component.
pub(crate) struct Complaints {
    stream: String,
    path: String,
    label: String,
    /// When the period began.
    began: Cell<rt::Nanos>,
    said: Cell<u32>,
    left_out: Cell<u64>,
}

impl Complaints {
    pub(crate) fn of(component: &Component, stream: &str) -> Self {
        Complaints {
            stream: stream.to_owned(),
            path: component.path.clone(),
            label: component.label.clone(),
            began: Cell::new(rt::now()),
            said: Cell::new(0),
            left_out: Cell::new(0),
        }
    }

    /// Whether another complaint may be logged now, and how many were left out before it.
    fn admit(&self, now: rt::Nanos) -> Option<u64> {
        if now.since(self.began.get()) >= PERIOD {
            self.began.set(now);
            self.said.set(0);
        }
        if self.said.get() >= BURST_MAX {
            self.left_out.set(self.left_out.get() + 1);
            return None;
        }
        self.said.set(self.said.get() + 1);
        Some(self.left_out.take())
    }

    /// Logs a complaint, unless there were too many of late.
    pub(crate) fn say(&self, text: impl FnOnce() -> String) {
        let Some(left_out) = self.admit(rt::now()) else { return };
        let stream = Some(&*self.stream).filter(|stream| !stream.is_empty());
        let (path, label) = (&*self.path, &*self.label);
        if left_out > 0 {
            tracing::error!(stream, path, label, "{left_out} more errors were not logged");
        }
        tracing::error!(stream, path, label, "{}", text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_complaints_are_counted_and_not_said() {
        let complaints = Complaints::of(&Component::default(), "a");
        let began = complaints.began.get();
        let said = (0..25).filter(|_| complaints.admit(began).is_some()).count();
        assert_eq!(said, BURST_MAX as usize);
        assert_eq!(complaints.admit(began + PERIOD), Some(15), "and then it is told of them");
        assert_eq!(complaints.admit(began + PERIOD), Some(0));
    }
}
