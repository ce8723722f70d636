//! Data for the benchmarks: the same shapes as the workloads of `perf/`, the same bytes each time.

use std::fmt::Write;

/// Milliseconds since the epoch at which all data starts: 2026-01-01T00:00:00Z.
pub const START_MS: u64 = 1_767_225_600_000;

/// A fixed sequence of numbers.
struct Sequence(u64);

impl Sequence {
    fn new() -> Self {
        Sequence(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        let at = self.below(choices.len() as u64) as usize;
        choices.get(at).copied().unwrap_or_default()
    }
}

/// `n` lines of about 320 bytes of nested JSON, keys unsorted.
#[must_use]
pub fn events(n: usize) -> String {
    let mut seq = Sequence::new();
    let mut out = String::with_capacity(n * 340);
    for i in 0..n {
        let _ = write!(
            out,
            "{{\"id\":\"evt-{i:09}\",\"ts\":\"2026-01-01T00:{:02}:{:02}.{:03}Z\",\
             \"host\":\"host-{:04}\",\"service\":\"svc-{:02}\",\"level\":\"{}\",\
             \"msg\":\"request handled path=/api/v1/items/{} user=u{}\",\"value\":{:.3},",
            i / 60_000 % 60,
            i / 1000 % 60,
            i % 1000,
            seq.below(1000),
            seq.below(40),
            seq.one_of(&["INFO", "WARN", "ERROR", "DEBUG"]),
            seq.below(10_000),
            seq.below(100_000),
            seq.below(100_000) as f64 / 1000.0,
        );
        let _ = writeln!(
            out,
            "\"count\":{},\"ok\":{},\"nested\":{{\"region\":\"{}\",\"zone\":\"{}\",\
             \"lat_ms\":{:.2},\"meta\":{{\"build\":\"{:06x}\",\"retries\":{}}}}},\
             \"tags\":[\"t{}\",\"prod\"]}}",
            seq.below(100),
            seq.below(2) == 0,
            seq.one_of(&["eu-west-1", "us-east-1", "ap-south-1", "eu-central-1"]),
            seq.one_of(&["a", "b", "c"]),
            seq.below(50_000) as f64 / 100.0,
            seq.below(0xff_ffff),
            seq.below(5),
            seq.below(10),
        );
    }
    out
}

/// `n` ticks of 1,000 keys, ten a millisecond, written by `line` from (ms, key, value).
fn ticks(n: usize, mut line: impl FnMut(&mut String, u64, u64, f64)) -> String {
    let mut seq = Sequence::new();
    let mut out = String::with_capacity(n * 50);
    for i in 0..n as u64 {
        let (key, value) = (seq.below(1000), seq.below(100_000) as f64 / 1000.0);
        line(&mut out, START_MS + i / 10, key, value);
    }
    out
}

/// Ticks as lines of JSON of 46 bytes.
#[must_use]
pub fn ticks_ndjson(n: usize) -> String {
    ticks(n, |out, ts, key, value| {
        let _ = writeln!(out, "{{\"ts\":{ts},\"key\":\"k{key:04}\",\"v\":{value:.3}}}");
    })
}

/// The same ticks as CSV without a header.
#[must_use]
pub fn ticks_csv(n: usize) -> String {
    ticks(n, |out, ts, key, value| {
        let _ = writeln!(out, "{ts},k{key:04},{value:.3}");
    })
}
