//! How much of the machine a run really had: a shared machine may lose a core for a while.

use std::fs;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc/stat`, fixed at 100 in Linux's interface to user space.
const TICKS_PER_S: f64 = 100.0;
/// Steps of the fixed work of one spin, about 20 ms.
const SPIN_STEPS: u64 = 20_000_000;
/// A spin this much slower than the fastest one marks its round.
const SPIN_SLOW: f64 = 1.3;
/// Cores lost to others on average over a run that mark its round.
const LOST_CORES: f64 = 0.25;
/// Loss below this is not told from the resolution of the kernel's counters.
const LOST_S_MIN: f64 = 0.1;

/// Counters of all CPUs together since boot, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    busy_s: f64,
    steal_s: f64,
}

/// Reads the counters; all zero where the system has none.
pub(crate) fn counters() -> Counters {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("cpu ")).unwrap_or_default();
    let field = |i: usize| {
        let text = line.split_whitespace().nth(i + 1);
        text.and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0) / TICKS_PER_S
    };
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy_s = field(0) + field(1) + field(2) + field(5) + field(6);
    Counters { busy_s, steal_s: field(7) }
}

/// Says what was lost between two readings around a run that used `cpu_s` in `wall_s`.
pub(crate) fn lost(before: Counters, after: Counters, cpu_s: f64, wall_s: f64) -> Option<String> {
    let stolen = after.steal_s - before.steal_s;
    let foreign = (after.busy_s - before.busy_s - cpu_s).max(0.0);
    let lost = stolen + foreign;
    (lost > LOST_S_MIN && lost / wall_s > LOST_CORES).then(|| {
        format!(
            "{:.2} cores lost (other processes {foreign:.2} s, stolen {stolen:.2} s)",
            lost / wall_s
        )
    })
}

/// Fixed work on every core at once; the time of the slowest tells whether all cores were free.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    best: Option<Duration>,
}

impl Spin {
    /// Spins once and says so when it took much longer than the best so far.
    pub(crate) fn check(&mut self) -> Option<String> {
        let took = spin_all();
        let best = self.best.map_or(took, |b| b.min(took));
        self.best = Some(best);
        let slow = took.as_secs_f64() / best.as_secs_f64();
        (slow > SPIN_SLOW).then(|| format!("spin {slow:.2} x its best"))
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn spin_all() -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        for seed in 0..cores() as u64 {
            scope.spawn(move || {
                let mut x = seed | 1;
                for _ in 0..SPIN_STEPS {
                    x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed));
                }
                black_box(x)
            });
        }
    });
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::{Counters, Spin, counters, lost};

    #[test]
    fn foreign_work_and_steal_are_told() {
        let before = Counters::default();
        let after = Counters { busy_s: 3.0, steal_s: 0.0 };
        assert!(lost(before, after, 2.95, 2.0).is_none());
        assert!(lost(before, after, 2.0, 2.0).is_some());
        assert!(lost(before, Counters { busy_s: 2.0, steal_s: 1.0 }, 2.0, 2.0).is_some());
        assert!(lost(before, Counters { busy_s: 0.05, steal_s: 0.0 }, 0.0, 0.1).is_none());
    }

    #[test]
    fn the_first_spin_is_the_best() {
        assert!(Spin::default().check().is_none());
        assert!(counters().busy_s >= 0.0);
    }
}
