//! Metric series: cells that one shard writes and anybody may ask for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hdrhistogram::Histogram;
use plan::env::Counter;

/// Most series a pipeline may have on one shard; further ones count but are not shown.
pub(crate) const SERIES_MAX: usize = 4096;
/// Digits kept by latency histograms.
const DIGITS: u8 = 2;

/// The value of a series.
#[derive(Clone, Debug)]
pub enum MetricValue {
    /// Something counted.
    Counter(u64),
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

/// Durations; the histogram is allocated with the first one.
#[derive(Clone, Default)]
pub(crate) struct Timing(Rc<RefCell<Option<Box<Histogram<u64>>>>>);

impl Timing {
    /// Adds `count` durations of `ns`.
    pub(crate) fn record(&self, ns: u64, count: u64) {
        let mut slot = self.0.borrow_mut();
        if slot.is_none() {
            *slot = Histogram::new(DIGITS).ok().map(Box::new);
        }
        if let Some(histogram) = slot.as_mut() {
            // Resizes by itself; what cannot be held is the largest value it can.
            let _ = histogram.record_n(ns.max(1), count);
        }
    }

    fn snapshot(&self) -> Box<Histogram<u64>> {
        let empty = || Histogram::new_with_bounds(1, 2, 1).ok().map(Box::new);
        match self.0.borrow().clone().or_else(empty) {
            Some(histogram) => histogram,
            // Both sets of bounds are valid constants.
            None => unreachable!("a histogram with constant bounds"),
        }
    }
}

enum Cell {
    Counter(Counter),
    Timing(Timing),
}

type SeriesKey = (String, Vec<(String, String)>);

/// The series of one instance on one shard.
#[derive(Clone, Default)]
pub(crate) struct Series(Rc<RefCell<BTreeMap<SeriesKey, Cell>>>);

fn key(name: &str, labels: &[(&str, &str)]) -> SeriesKey {
    let mut labels: Vec<(String, String)> =
        labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    labels.sort();
    (name.to_owned(), labels)
}

impl Series {
    /// The counter of this name and these labels, made with 0 when it is new.
    pub(crate) fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Counter {
        let key = key(name, labels);
        let mut series = self.0.borrow_mut();
        if let Some(Cell::Counter(counter)) = series.get(&key) {
            return counter.clone();
        }
        let counter = Counter::default();
        if series.len() < SERIES_MAX {
            series.insert(key, Cell::Counter(counter.clone()));
        }
        counter
    }

    /// The durations of this name and these labels.
    pub(crate) fn timing(&self, name: &str, labels: &[(&str, &str)]) -> Timing {
        let key = key(name, labels);
        let mut series = self.0.borrow_mut();
        if let Some(Cell::Timing(timing)) = series.get(&key) {
            return timing.clone();
        }
        let timing = Timing::default();
        if series.len() < SERIES_MAX {
            series.insert(key, Cell::Timing(timing.clone()));
        }
        timing
    }

    /// All series as they are now.
    pub(crate) fn snapshot(&self) -> Vec<Metric> {
        let value = |cell: &Cell| match cell {
            Cell::Counter(counter) => MetricValue::Counter(counter.0.get()),
            Cell::Timing(timing) => MetricValue::Timing(timing.snapshot()),
        };
        let series = self.0.borrow();
        series
            .iter()
            .map(|((name, labels), cell)| Metric {
                name: name.clone(),
                labels: labels.clone(),
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
                let _ = sum.add(&*h);
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
    fn the_number_of_series_is_bounded() {
        let series = Series::default();
        for i in 0..SERIES_MAX + 10 {
            series.counter(&i.to_string(), &[]).add(1);
        }
        assert_eq!(series.snapshot().len(), SERIES_MAX);
    }
}
