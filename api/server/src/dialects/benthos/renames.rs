//! What a mapping makes of the names and labels of series.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use engine::Metric;

use super::metrics::{HISTORY_MAX, SeriesKey, sum_up};

/// Most series of which is remembered what became of them; others are mapped each time.
const RENAMES_MAX: usize = 2 * HISTORY_MAX;

/// Gives a series of this name and these labels, which are sorted, its new name and labels;
/// nothing for one that is dropped.
pub type Rename = dyn Fn(&str, &[(String, String)]) -> Option<SeriesKey> + Send + Sync;

/// A mapping of series, and what it made of those it has seen: a series keeps its name for as long
/// as the process lives.
#[derive(Clone)]
pub struct Renames {
    rename: Arc<Rename>,
    seen: Arc<Mutex<BTreeMap<SeriesKey, Option<SeriesKey>>>>,
}

impl fmt::Debug for Renames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renames")
    }
}

impl Renames {
    /// Renames by a function.
    #[must_use]
    pub fn new(rename: Arc<Rename>) -> Self {
        Renames { rename, seen: Arc::default() }
    }

    /// The series under their new names, in order; those that meet under one name are added up.
    pub(super) fn apply(&self, metrics: Vec<Metric>) -> Vec<Metric> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::new();
        for metric in metrics {
            let key = (metric.name, metric.labels);
            let renamed = match seen.get(&key) {
                Some(known) => known.clone(),
                None => {
                    let mut renamed = (self.rename)(&key.0, &key.1);
                    if let Some((_, labels)) = &mut renamed {
                        labels.sort();
                    }
                    if seen.len() < RENAMES_MAX {
                        seen.insert(key, renamed.clone());
                    }
                    renamed
                }
            };
            let Some(key) = renamed.filter(|(name, _)| !name.is_empty()) else { continue };
            match all.get_mut(&key) {
                Some(sum) => sum_up(sum, metric.value),
                None => drop(all.insert(key, metric.value)),
            }
        }
        let metric = |((name, labels), value)| Metric { name, labels, value };
        all.into_iter().map(metric).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use engine::MetricValue;

    use super::*;

    fn counter(name: &str, path: &str, n: u64) -> Metric {
        let labels = vec![("path".to_owned(), path.to_owned())];
        Metric { name: name.into(), labels, value: MetricValue::Counter(n) }
    }

    #[test]
    fn series_are_renamed_dropped_and_added_up_once() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let renames = Renames::new(Arc::new(|name, labels| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            let new = vec![("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())];
            match (name, labels[0].1.as_str()) {
                ("drop", _) => None,
                ("empty", _) => Some((String::new(), Vec::new())),
                _ => Some((name.to_uppercase(), new)),
            }
        }));
        let series = || {
            let (a, b) = (counter("n", "x", 2), counter("n", "y", 3));
            vec![a, b, counter("drop", "x", 1), counter("empty", "x", 1)]
        };
        for _ in 0..2 {
            let got = renames.apply(series());
            assert_eq!(got.len(), 1);
            let labels: Vec<String> =
                got[0].labels.iter().map(|(k, v)| format!("{k}{v}")).collect();
            assert_eq!((got[0].name.as_str(), labels.join(" ").as_str()), ("N", "a1 b2"));
            assert!(matches!(got[0].value, MetricValue::Counter(5)));
        }
        assert_eq!(CALLS.load(Ordering::Relaxed), 4, "each series is mapped once");
    }
}
