//! Prometheus's text format, version 0.0.4.

use std::fmt::Write;

use config::service::metrics::Prometheus;
use engine::{Metric, MetricValue};
use hdrhistogram::Histogram;

use super::metrics::{SeriesKey, labels_text};

/// Upper bounds of buckets in seconds where a configuration names none.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const NS_PER_S: f64 = 1e9;

/// Writes series, which are in the order of their names. Names and labels that this format has no
/// room for get underscores; series of one name that are of another kind than the first are left
/// out, because a name has one type.
pub(super) fn write(metrics: &[Metric], config: &Prometheus) -> String {
    let mut all: Vec<(SeriesKey, &MetricValue)> =
        metrics.iter().map(|m| ((name_of(&m.name, ":_"), labels_of(m)), &m.value)).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut text = String::new();
    let mut last: Option<(&str, &str)> = None;
    let mut labels_before = None;
    for ((name, labels), value) in &all {
        let kind = match value {
            MetricValue::Counter(_) => "counter",
            MetricValue::Gauge(_) => "gauge",
            MetricValue::Timing(_) if config.use_histogram_timing => "histogram",
            MetricValue::Timing(_) => "summary",
        };
        match last {
            Some((before, was)) if before == name => {
                if was != kind || labels_before == Some(labels) {
                    continue;
                }
            }
            _ => {
                let _ = writeln!(text, "# TYPE {name} {kind}");
                last = Some((name, kind));
            }
        }
        labels_before = Some(labels);
        match value {
            MetricValue::Counter(n) => line(&mut text, name, labels, None, *n as f64),
            MetricValue::Gauge(value) => line(&mut text, name, labels, None, *value),
            MetricValue::Timing(times) if config.use_histogram_timing => {
                histogram(&mut text, name, labels, times, &config.histogram_buckets);
            }
            MetricValue::Timing(times) => summary(&mut text, name, labels, times, config),
        }
    }
    text
}

/// A name with underscores for what may not stand in it.
fn name_of(name: &str, more: &str) -> String {
    let fits = |(at, c): (usize, char)| {
        let fits = c.is_ascii_alphabetic() || more.contains(c) || at > 0 && c.is_ascii_digit();
        if fits { c } else { '_' }
    };
    if name.is_empty() { "_".to_owned() } else { name.chars().enumerate().map(fits).collect() }
}

/// The labels of a series; of labels that come to one name the first counts.
fn labels_of(metric: &Metric) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for (key, value) in &metric.labels {
        let key = name_of(key, "_");
        if !labels.iter().any(|(known, _)| *known == key) {
            labels.push((key, value.clone()));
        }
    }
    labels
}

fn line(
    text: &mut String,
    name: &str,
    labels: &[(String, String)],
    extra: Option<(&str, &str)>,
    value: f64,
) {
    let labels = labels_text(labels, extra);
    let _ = match labels.is_empty() {
        true => writeln!(text, "{name} {value}"),
        false => writeln!(text, "{name}{{{labels}}} {value}"),
    };
}

/// Sum and count of durations, the sum in `unit` nanoseconds.
fn sum_and_count(
    text: &mut String,
    name: &str,
    labels: &[(String, String)],
    times: &Histogram<u64>,
    unit: f64,
) {
    // The mean of a histogram is as exact as its buckets.
    let sum = times.mean() * times.len() as f64 / unit;
    line(text, &format!("{name}_sum"), labels, None, sum);
    line(text, &format!("{name}_count"), labels, None, times.len() as f64);
}

fn summary(
    text: &mut String,
    name: &str,
    labels: &[(String, String)],
    times: &Histogram<u64>,
    config: &Prometheus,
) {
    for objective in config.summary_quantiles_objectives.iter().filter(|_| !times.is_empty()) {
        let value = times.value_at_quantile(objective.quantile);
        let quantile = objective.quantile.to_string();
        line(text, name, labels, Some(("quantile", &quantile)), value as f64);
    }
    sum_and_count(text, name, labels, times, 1.0);
}

fn histogram(
    text: &mut String,
    name: &str,
    labels: &[(String, String)],
    times: &Histogram<u64>,
    buckets: &[f64],
) {
    let buckets = if buckets.is_empty() { &BUCKETS } else { buckets };
    let bucket = format!("{name}_bucket");
    for bound in buckets {
        let bound_ns = (bound * NS_PER_S).clamp(0.0, u64::MAX as f64) as u64;
        let within = if times.is_empty() { 0 } else { times.count_between(0, bound_ns) };
        line(text, &bucket, labels, Some(("le", &bound.to_string())), within as f64);
    }
    line(text, &bucket, labels, Some(("le", "+Inf")), times.len() as f64);
    sum_and_count(text, name, labels, times, NS_PER_S);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(name: &str, labels: &[(&str, &str)], n: u64) -> Metric {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Metric { name: name.into(), labels, value: MetricValue::Counter(n) }
    }

    fn times(name: &str, ns: &[u64]) -> Metric {
        let mut histogram = Histogram::new(2).unwrap();
        ns.iter().for_each(|ns| histogram.record(*ns).unwrap());
        let value = MetricValue::Timing(Box::new(histogram));
        Metric { name: name.into(), labels: vec![("a".into(), "b".into())], value }
    }

    fn written(metrics: &[Metric], config: &Prometheus) -> String {
        write(metrics, config)
    }

    #[test]
    fn a_type_is_named_once_and_values_are_escaped() {
        let config = Prometheus::default();
        let hostile = "a\"b\\c\nd";
        let series = [
            counter("n", &[("label", hostile)], 1),
            counter("n", &[("label", "x")], 2),
            times("t", &[100]),
        ];
        assert_eq!(
            written(&series, &config),
            "# TYPE n counter\nn{label=\"a\\\"b\\\\c\\nd\"} 1\nn{label=\"x\"} 2\n\
             # TYPE t summary\nt{a=\"b\",quantile=\"0.5\"} 100\nt{a=\"b\",quantile=\"0.9\"} 100\n\
             t{a=\"b\",quantile=\"0.99\"} 100\nt_sum{a=\"b\"} 100\nt_count{a=\"b\"} 1\n"
        );
    }

    #[test]
    fn names_that_do_not_fit_are_made_to() {
        let series = [
            counter("1a b\n# TYPE x y", &[("x-y", "1"), ("x_y", "2"), ("", "3")], 5),
            counter("", &[], 1),
        ];
        let text = written(&series, &Prometheus::default());
        let want = "# TYPE _ counter\n_ 1\n# TYPE _a_b___TYPE_x_y counter\n\
                    _a_b___TYPE_x_y{x_y=\"1\",_=\"3\"} 5\n";
        assert_eq!(text, want);
    }

    #[test]
    fn a_name_has_one_type_and_a_series_one_line() {
        let series = [
            counter("n", &[("a", "b")], 1),
            times("n", &[5]),
            counter("n", &[("a", "c")], 2),
            counter("n.x", &[], 1),
            counter("n:x", &[], 1),
            counter("n-x", &[], 7),
        ];
        let text = written(&series, &Prometheus::default());
        let want = "# TYPE n counter\nn{a=\"b\"} 1\nn{a=\"c\"} 2\n# TYPE n:x counter\nn:x 1\n\
                    # TYPE n_x counter\nn_x 1\n";
        assert_eq!(text, want);
    }

    #[test]
    fn histograms_count_up_to_each_bound_in_seconds() {
        let buckets = vec![0.001, 0.5];
        let config = Prometheus {
            use_histogram_timing: true,
            histogram_buckets: buckets,
            ..Prometheus::default()
        };
        let text = written(&[times("t", &[1_000, 2_000, 100_000_000, 3_000_000_000])], &config);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "# TYPE t histogram",
                "t_bucket{a=\"b\",le=\"0.001\"} 2",
                "t_bucket{a=\"b\",le=\"0.5\"} 3",
                "t_bucket{a=\"b\",le=\"+Inf\"} 4",
            ]
        );
        let sum: f64 = lines[4].rsplit(' ').next().unwrap().parse().unwrap();
        assert!((sum - 3.1).abs() < 0.05, "{sum}");
        assert_eq!(lines[5], "t_count{a=\"b\"} 4");
        let defaults = Prometheus { use_histogram_timing: true, ..Prometheus::default() };
        assert!(written(&[times("t", &[])], &defaults).contains("t_bucket{a=\"b\",le=\"10\"} 0\n"));
    }
}
