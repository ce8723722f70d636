//! What arrives: lines, told apart, with the time since their events were due.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::error::{Error, Result};

/// What stands in front of an event's number.
const ID: &[u8] = br#""id":"evt-"#;
const DIGITS: usize = 9;
/// Latencies up to this are told apart, longer ones count as this; an hour.
const LATENCY_MAX_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// Longest line; an event has 320 bytes.
const LINE_MAX: usize = 64 << 10;

/// The number of the event of a line.
pub(super) fn number_of(line: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(line, ID)? + ID.len();
    let digits = std::str::from_utf8(line.get(at..at + DIGITS)?).ok()?;
    digits.parse().ok()
}

/// Takes the bytes of a connection.
pub(super) struct Arrivals {
    /// The begin of a line that has not ended.
    begun: Vec<u8>,
    /// Arrivals after this were queued.
    end: Instant,
    latencies_us: Histogram<u64>,
    backlog: u64,
}

/// What was seen of a run.
pub(super) struct Seen {
    latencies_us: Histogram<u64>,
    /// Messages that had not arrived shortly after the last event was due.
    pub(super) backlog: u64,
}

impl Arrivals {
    /// Nothing has arrived yet; what arrives after `end` was queued.
    ///
    /// # Errors
    /// None that can be: the limits are fixed.
    pub(super) fn new(end: Instant) -> Result<Self> {
        let latencies_us = Histogram::new_with_bounds(1, LATENCY_MAX_US, SIGNIFICANT_DIGITS);
        let latencies_us = latencies_us.map_err(|e| Error(format!("histogram: {e}")))?;
        Ok(Self { begun: Vec::new(), end, latencies_us, backlog: 0 })
    }

    /// Takes bytes that arrived now. `due` is told the number of every event, and says when it
    /// was due and whether its latency counts.
    ///
    /// # Errors
    /// A line that is of no event.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        now: Instant,
        mut due: impl FnMut(u64) -> (Instant, bool),
    ) -> Result<()> {
        let mut rest = bytes;
        while let Some(length) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at_checked(length + 1).unwrap_or_default();
            rest = behind;
            let number = match self.begun.is_empty() {
                true => number_of(line),
                false => {
                    self.begun.extend_from_slice(line);
                    let number = number_of(&self.begun);
                    self.begun.clear();
                    number
                }
            };
            let number = number.ok_or_else(|| Error("a message of no event arrived".into()))?;
            let (due, counts) = due(number);
            self.backlog += u64::from(now > self.end);
            if counts {
                let us = now.saturating_duration_since(due).as_micros();
                self.latencies_us.saturating_record(u64::try_from(us).unwrap_or(u64::MAX).max(1));
            }
        }
        self.begun.extend_from_slice(rest);
        match self.begun.len() > LINE_MAX {
            true => Err(Error("a line without end arrived".into())),
            false => Ok(()),
        }
    }

    /// What was seen.
    ///
    /// # Errors
    /// No latency counted.
    pub(super) fn seen(self) -> Result<Seen> {
        match self.latencies_us.is_empty() {
            true => Err(Error("nothing was sent after warming up".into())),
            false => Ok(Seen { latencies_us: self.latencies_us, backlog: self.backlog }),
        }
    }
}

impl Seen {
    /// The latency that this part of all messages did not exceed.
    pub(super) fn latency_us(&self, part: f64) -> f64 {
        self.latencies_us.value_at_quantile(part) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(number: u64) -> String {
        format!("{{\"count\":1,\"id\":\"evt-{number:09}\",\"ok\":true}}\n")
    }

    #[test]
    fn numbers_of_lines() {
        assert_eq!(number_of(line(123).as_bytes()), Some(123));
        for bad in [r#"{"id":"evt-12"#, r#"{"id":"evt-00000000x"}"#, r#"{"no":1}"#] {
            assert_eq!(number_of(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn percentiles_are_of_what_counts_however_it_is_cut() {
        let start = Instant::now();
        let text: String = (0..1000).map(line).collect();
        for cut in [1, 7, 50, 100_000] {
            // All arrive at 1 s; event n is due at n ms, and the first hundred do not count.
            let mut arrivals = Arrivals::new(start + Duration::from_secs(2)).unwrap();
            let due = |number| (start + Duration::from_millis(number), number >= 100);
            for bytes in text.as_bytes().chunks(cut) {
                arrivals.take(bytes, start + Duration::from_secs(1), due).unwrap();
            }
            let seen = arrivals.seen().unwrap();
            let near = |part, ms: f64| (seen.latency_us(part) / 1000.0 - ms).abs() < 1.5;
            assert!(near(0.5, 450.0) && near(0.99, 891.0) && near(1.0, 900.0), "cut {cut}");
            assert_eq!(seen.backlog, 0);
        }
    }

    #[test]
    fn what_comes_after_the_end_is_backlog() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start).unwrap();
        let mut take = |number, ms| {
            let now = start + Duration::from_millis(ms);
            arrivals.take(line(number).as_bytes(), now, |_| (start, true)).unwrap();
        };
        take(0, 0);
        take(1, 1);
        take(2, 5);
        let seen = arrivals.seen().unwrap();
        assert_eq!((seen.backlog, seen.latency_us(0.0), seen.latency_us(1.0)), (2, 1.0, 5003.0));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let now = Instant::now();
        let due = |_| (now, true);
        let arrivals = || Arrivals::new(now).unwrap();
        assert!(arrivals().take(b"{}\n", now, due).is_err());
        assert!(arrivals().take(&[b'x'; LINE_MAX + 1], now, due).is_err());
        assert!(arrivals().take(&[b'x'; LINE_MAX], now, due).is_ok());
        assert!(arrivals().seen().is_err());
    }
}
