//! Events, bytes and latency over the last ten seconds.

use crate::api::Rates;

/// The span that rates are a mean over.
pub(crate) const WINDOW_NS: u64 = 10_000_000_000;
/// Slots of a tenth of a second; one more than fit, for the one that is being filled.
const SLOTS: usize = 101;
const SLOT_NS: u64 = WINDOW_NS / (SLOTS as u64 - 1);

#[derive(Clone, Copy, Default)]
struct Slot {
    number: u64,
    events: u64,
    bytes: u64,
    latency_ns: u64,
    acked: u64,
}

/// What rates are computed from; those of several shards add up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateSums {
    events: u64,
    bytes: u64,
    latency_ns: u64,
    acked: u64,
    /// The span they are of.
    age_ns: u64,
}

impl std::ops::AddAssign for RateSums {
    fn add_assign(&mut self, other: RateSums) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.acked += other.acked;
        self.latency_ns = self.latency_ns.saturating_add(other.latency_ns);
        self.age_ns = self.age_ns.max(other.age_ns);
    }
}

impl RateSums {
    /// Events and bytes per second, and the mean latency of what was acknowledged.
    pub(crate) fn rates(&self) -> Rates {
        // The sums of no shard are those of a moment.
        let seconds = self.age_ns.max(1_000_000_000) as f64 / 1e9;
        let latency_ms = match self.acked {
            0 => 0.0,
            acked => self.latency_ns as f64 / acked as f64 / 1e6,
        };
        Rates {
            events_per_s: self.events as f64 / seconds,
            bytes_per_s: self.bytes as f64 / seconds,
            latency_ms,
        }
    }
}

/// A ring of counts by time. Allocated with the first count, so that an idle pipeline costs
/// nothing.
#[derive(Default)]
pub(crate) struct RateWindow {
    slots: Vec<Slot>,
    since_ns: u64,
}

impl RateWindow {
    /// Rates of something that began at `since_ns` (monotonic).
    pub(crate) fn new(since_ns: u64) -> Self {
        RateWindow { slots: Vec::new(), since_ns }
    }

    fn slot(&mut self, now_ns: u64) -> &mut Slot {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); SLOTS];
        }
        let number = now_ns / SLOT_NS;
        let slot = &mut self.slots[(number % SLOTS as u64) as usize];
        if slot.number != number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot
    }

    /// Events and payload bytes were read.
    pub(crate) fn read(&mut self, now_ns: u64, events: u64, bytes: u64) {
        let slot = self.slot(now_ns);
        slot.events += events;
        slot.bytes += bytes;
    }

    /// `events` were acknowledged `latency_ns` after they were read.
    pub(crate) fn acked(&mut self, now_ns: u64, events: u64, latency_ns: u64) {
        let slot = self.slot(now_ns);
        slot.acked += events;
        slot.latency_ns = slot.latency_ns.saturating_add(latency_ns.saturating_mul(events));
    }

    /// Sums of the last ten seconds, or of the time since the beginning when that is shorter,
    /// but at least one second.
    pub(crate) fn sums(&self, now_ns: u64) -> RateSums {
        let newest = now_ns / SLOT_NS;
        let oldest = (newest + 2).saturating_sub(SLOTS as u64);
        let age_ns = now_ns.saturating_sub(self.since_ns).clamp(1_000_000_000, WINDOW_NS);
        let mut sums = RateSums { age_ns, ..RateSums::default() };
        for slot in self.slots.iter().filter(|s| (oldest..=newest).contains(&s.number)) {
            let Slot { events, bytes, latency_ns, acked, .. } = *slot;
            sums += RateSums { events, bytes, latency_ns, acked, age_ns };
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn is_the_mean_of_the_last_ten_seconds() {
        let mut window = RateWindow::new(0);
        for second in 0..20 {
            window.read(second * S, 100, 1000);
            window.acked(second * S, 100, 5_000_000);
        }
        let rates = window.sums(20 * S - 1).rates();
        assert_eq!(rates, Rates { events_per_s: 100.0, bytes_per_s: 1000.0, latency_ms: 5.0 });
        let later = window.sums(60 * S).rates();
        assert_eq!(later, Rates::default(), "what is older than ten seconds is forgotten");
    }

    #[test]
    fn a_young_pipeline_is_measured_over_its_age() {
        let mut window = RateWindow::new(5 * S);
        window.read(6 * S, 50, 500);
        assert_eq!(window.sums(7 * S).rates().events_per_s, 25.0);
        assert_eq!(RateWindow::new(0).sums(0).rates(), Rates::default());
    }

    #[test]
    fn shards_add_up_and_latency_is_weighted_by_what_was_acked() {
        let (mut a, mut b) = (RateWindow::new(0), RateWindow::new(0));
        a.read(S, 300, 3000);
        a.acked(S, 300, 1_000_000);
        b.read(S, 100, 1000);
        b.acked(S, 100, 9_000_000);
        let mut sums = a.sums(2 * S);
        sums += b.sums(2 * S);
        let rates = sums.rates();
        assert_eq!(rates, Rates { events_per_s: 200.0, bytes_per_s: 2000.0, latency_ms: 3.0 });
    }
}
