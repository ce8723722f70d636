//! Metric series: cells that one shard writes and anybody may ask for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hdrhistogram::Histogram;
use plan::env::{Counter, Gauge};

use crate::names::Names;

/// Most series a pipeline may have on one shard; further ones count but are not shown.
pub(crate) const SERIES_MAX: usize = 4096;
/// Digits kept by latency histograms.
const DIGITS: u8 = 2;
/// Nanoseconds that latency histograms tell apart, about what the clock does; each smaller power
/// of two would cost a kilobyte.
const UNIT_NS: u64 = 64;
/// Durations that are kept one by one before a histogram is worth its memory.
const FEW_MAX: usize = 16;

/// The value of a series.
#[derive(Clone, Debug)]
pub enum MetricValue {
    /// Something counted.
    Counter(u64),
    /// Something that goes up and down.
    Gauge(f64),
    /// Durations in nanoseconds.
    Timing(Box<Histogram<u64>>),
}

/// One series of a pipeline.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Name, such as `input_received`.
    pub name: String,
    /// Labels by name.
    pub labels: Vec<(String, String)>,
    /// Value, summed over shards.
    pub value: MetricValue,
}

/// Durations. Of many pipelines most have seen little: the first few are kept as they came, and
/// the histogram is allocated when there are more.
#[derive(Clone, Default)]
pub(crate) struct Timing(Rc<RefCell<Durations>>);

enum Durations {
    /// Nanoseconds, and how often.
    Few(Vec<(u64, u64)>),
    Many(Box<Histogram<u64>>),
}

impl Default for Durations {
    fn default() -> Self {
        Durations::Few(Vec::new())
    }
}

/// A histogram of `durations` that grows as it must.
fn histogram(durations: &[(u64, u64)]) -> Box<Histogram<u64>> {
    let Ok(mut histogram) = Histogram::new_with_bounds(UNIT_NS, 2 * UNIT_NS, DIGITS) else {
        unreachable!("the bounds are valid constants");
    };
    histogram.auto(true);
    for (ns, count) in durations {
        add(&mut histogram, *ns, *count);
    }
    Box::new(histogram)
}

fn add(histogram: &mut Histogram<u64>, ns: u64, count: u64) {
    // Resizes by itself; what cannot be held is the largest value it can.
    let _ = histogram.record_n(ns.max(1), count);
}

impl Timing {
    /// Adds `count` durations of `ns`.
    pub(crate) fn record(&self, ns: u64, count: u64) {
        let mut durations = self.0.borrow_mut();
        match &mut *durations {
            Durations::Many(histogram) => add(histogram, ns, count),
            Durations::Few(few) => {
                few.push((ns, count));
                if few.len() > FEW_MAX {
                    let many = histogram(few);
                    *durations = Durations::Many(many);
                }
            }
        }
    }

    fn snapshot(&self) -> Box<Histogram<u64>> {
        match &*self.0.borrow() {
            Durations::Few(few) => histogram(few),
            Durations::Many(histogram) => histogram.clone(),
        }
    }
}

enum Cell {
    Counter(Counter),
    Gauge(Gauge),
    Timing(Timing),
}

/// Labels by name; all series of a component share one set.
type Labels = Rc<[(String, String)]>;
type SeriesKey = (Box<str>, Labels);

#[derive(Default)]
struct Inner {
    cells: BTreeMap<SeriesKey, Cell>,
    labels: BTreeSet<Labels>,
}

impl Inner {
    fn key(&mut self, name: &str, labels: &[(&str, &str)]) -> SeriesKey {
        let mut labels: Vec<(String, String)> =
            labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        labels.sort();
        let known = self.labels.get(labels.as_slice()).map(Rc::clone);
        let labels = known.unwrap_or_else(|| {
            let labels: Labels = labels.into();
            if self.cells.len() < SERIES_MAX {
                self.labels.insert(Rc::clone(&labels));
            }
            labels
        });
        (name.into(), labels)
    }
}

/// The series of one instance on one shard.
#[derive(Clone, Default)]
pub(crate) struct Series {
    inner: Rc<RefCell<Inner>>,
    /// Other names for some of them.
    names: Option<Rc<Names>>,
}

impl Series {
    /// Series of which some have other names.
    pub(crate) fn named(names: Option<Rc<Names>>) -> Self {
        Series { inner: Rc::default(), names }
    }

    /// The key of a series; nothing when it is not wanted.
    fn key(&self, name: &str, labels: &[(&str, &str)]) -> Option<SeriesKey> {
        let mut inner = self.inner.borrow_mut();
        let Some(names) = &self.names else { return Some(inner.key(name, labels)) };
        let (name, labels) = names.map(name, labels)?;
        let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (&**k, &**v)).collect();
        Some(inner.key(&name, &labels))
    }

    /// The cell of this name and these labels, made when there is none of its kind.
    fn cell<T: Clone + Default>(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        of: fn(&Cell) -> Option<&T>,
        cell: fn(T) -> Cell,
    ) -> T {
        let Some(key) = self.key(name, labels) else { return T::default() };
        let series = &mut self.inner.borrow_mut().cells;
        if let Some(known) = series.get(&key).and_then(of) {
            return known.clone();
        }
        let new = T::default();
        if series.len() < SERIES_MAX {
            series.insert(key, cell(new.clone()));
        }
        new
    }

    /// The counter of this name and these labels, made with 0 when it is new.
    pub(crate) fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Counter {
        fn of(cell: &Cell) -> Option<&Counter> {
            match cell {
                Cell::Counter(counter) => Some(counter),
                _ => None,
            }
        }
        self.cell(name, labels, of, Cell::Counter)
    }

    /// The value of this name and these labels that goes up and down.
    pub(crate) fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Gauge {
        fn of(cell: &Cell) -> Option<&Gauge> {
            match cell {
                Cell::Gauge(gauge) => Some(gauge),
                _ => None,
            }
        }
        self.cell(name, labels, of, Cell::Gauge)
    }

    /// The durations of this name and these labels.
    pub(crate) fn timing(&self, name: &str, labels: &[(&str, &str)]) -> Timing {
        fn of(cell: &Cell) -> Option<&Timing> {
            match cell {
                Cell::Timing(timing) => Some(timing),
                _ => None,
            }
        }
        self.cell(name, labels, of, Cell::Timing)
    }

    /// All series as they are now.
    pub(crate) fn snapshot(&self) -> Vec<Metric> {
        let value = |cell: &Cell| match cell {
            Cell::Counter(counter) => MetricValue::Counter(counter.0.get()),
            Cell::Gauge(gauge) => MetricValue::Gauge(gauge.0.get()),
            Cell::Timing(timing) => MetricValue::Timing(timing.snapshot()),
        };
        let inner = self.inner.borrow();
        let cells = inner.cells.iter();
        cells
            .map(|((name, labels), cell)| Metric {
                name: name.to_string(),
                labels: labels.to_vec(),
                value: value(cell),
            })
            .collect()
    }
}

/// Sums series of several shards by name and labels.
pub(crate) fn merge(into: &mut Vec<Metric>, from: Vec<Metric>) {
    for metric in from {
        let same = into.iter_mut().find(|m| m.name == metric.name && m.labels == metric.labels);
        match (same.map(|m| &mut m.value), metric) {
            (Some(MetricValue::Counter(sum)), Metric { value: MetricValue::Counter(n), .. }) => {
                *sum += n;
            }
            (Some(MetricValue::Timing(sum)), Metric { value: MetricValue::Timing(h), .. }) => {
                if sum.is_empty() {
                    *sum = h; // an empty one has no room for the durations of others
                } else {
                    let _ = sum.add(&*h);
                }
            }
            (Some(MetricValue::Gauge(last)), Metric { value: MetricValue::Gauge(now), .. }) => {
                *last = now;
            }
            (_, metric) => into.push(metric),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_two_shards_add_up() {
        let (a, b) = (Series::default(), Series::default());
        a.counter("n", &[("path", "root.input")]).add(2);
        b.counter("n", &[("path", "root.input")]).add(3);
        a.timing("t", &[]).record(1000, 1);
        b.timing("t", &[]).record(3000, 1);
        let mut all = a.snapshot();
        merge(&mut all, b.snapshot());
        assert_eq!(all.len(), 2);
        assert!(matches!(all[0].value, MetricValue::Counter(5)));
        assert!(matches!(&all[1].value, MetricValue::Timing(h) if h.len() == 2));
    }

    #[test]
    fn a_shard_that_saw_nothing_takes_in_what_another_saw() {
        let (idle, busy) = (Series::default(), Series::default());
        idle.timing("t", &[]);
        for ns in 1..=1000 {
            busy.timing("t", &[]).record(ns * 1000, 1);
        }
        let mut all = idle.snapshot();
        merge(&mut all, busy.snapshot());
        let MetricValue::Timing(sum) = &all[0].value else { panic!("durations") };
        assert_eq!(sum.len(), 1000);
        let median = sum.value_at_quantile(0.5);
        assert!(median.abs_diff(500_000) <= 5_000, "{median}");
    }

    #[test]
    fn few_durations_are_the_same_as_many() {
        let timing = Timing::default();
        for n in 1..=FEW_MAX as u64 + 1 {
            timing.record(n * 1000, 2);
            let snapshot = timing.snapshot();
            assert_eq!((snapshot.len(), snapshot.min() / 100), (2 * n, 9));
            assert!(snapshot.max().abs_diff(n * 1000) <= UNIT_NS.max(n * 10));
            let few = matches!(&*timing.0.borrow(), Durations::Few(_));
            assert_eq!(few, n <= FEW_MAX as u64);
        }
    }

    #[test]
    fn a_series_keeps_its_kind_and_a_gauge_its_last_value() {
        let (a, b) = (Series::default(), Series::default());
        a.gauge("g", &[]).set(2.0);
        b.gauge("g", &[]).set(1.5);
        let mut all = a.snapshot();
        merge(&mut all, b.snapshot());
        assert!(matches!(all[..], [Metric { value: MetricValue::Gauge(1.5), .. }]), "{all:?}");
        // Another kind under the same name takes its place.
        a.counter("g", &[]).add(1);
        a.counter("g", &[]).add(1);
        let all = a.snapshot();
        assert!(matches!(all[..], [Metric { value: MetricValue::Counter(2), .. }]), "{all:?}");
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let series = Series::default();
        for i in 0..SERIES_MAX + 10 {
            series.counter(&i.to_string(), &[]).add(1);
        }
        assert_eq!(series.snapshot().len(), SERIES_MAX);
    }
}
