//! Moving averages that go on from batch to batch.

use super::columns;
use crate::convert::numeric::{Column, floats};
use crate::error::{QError, Result, domain_error, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::qsp::transform::{column, table};
use crate::session::Session;
use crate::verbs::join::with_column;
use crate::verbs::{self};
use formats::k::{K, Sym};
use std::collections::HashMap;

/// Records that one average may cover.
const WINDOW_MAX: i64 = 1 << 20;

fn numbers(k: &K) -> Result<Vec<f64>> {
    match floats(k) {
        Some(Column::Vec(v)) if k.ty().is_some_and(|ty| ty.is_numeric()) => Ok(v.into_owned()),
        _ => Err(type_error()),
    }
}

/// The number of records that an average covers.
fn width(node: &Node) -> Result<usize> {
    let n = node.number("n", 0)?;
    if !(1..=WINDOW_MAX).contains(&n) {
        return Err(QError::new(format!("n: from 1 to {WINDOW_MAX}")));
    }
    usize::try_from(n).map_err(|_| domain_error())
}

/// The last items.
fn last(items: &[f64], count: usize) -> Vec<f64> {
    items.get(items.len().saturating_sub(count)..).unwrap_or_default().to_vec()
}

/// The mean of each value and the `n-1` before it.
#[derive(Clone, Default)]
pub(in crate::qsp) struct Sma {
    before: HashMap<Sym, Vec<f64>>,
}

impl Stage for Sma {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let n = width(node)?;
        let from = table(&data)?;
        let mut changed = from.clone();
        for (get, set) in columns(node)? {
            let fresh = numbers(&column(from, get)?)?;
            let mut all = self.before.remove(&get).unwrap_or_default();
            let known = all.len();
            all.extend(fresh);
            let kept = last(&all, n - 1);
            let means = cx.call2(&verbs::value("mavg"), K::long(n as i64), K::floats(all))?;
            changed = with_column(&changed, set, means.slice(known, means.len()));
            self.before.insert(get, kept);
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let items = |items: &Vec<f64>| K::floats(items.clone());
        Some(kept::by_name(&self.before.iter().map(|(n, v)| (*n, items(v))).collect()))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let all = kept::named(&state)?.into_iter();
        self.before = all.map(|(n, k)| Ok((n, numbers(&k)?))).collect::<Result<_>>()?;
        Ok(())
    }
}

/// Each value weighed by `alpha`, and what the average was before by the rest.
#[derive(Clone, Default)]
pub(in crate::qsp) struct Ema {
    last: HashMap<Sym, f64>,
}

impl Stage for Ema {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let alpha = node.option("alpha").cloned().ok_or_else(type_error)?;
        let from = table(&data)?;
        let mut changed = from.clone();
        for (get, set) in columns(node)? {
            let mut all: Vec<f64> = self.last.get(&get).copied().into_iter().collect();
            let known = all.len();
            all.extend(numbers(&column(from, get)?)?);
            let means = cx.call2(&verbs::value("ema"), alpha.clone(), K::floats(all))?;
            let means = numbers(&means)?;
            if let Some(end) = means.last().filter(|x| !x.is_nan()) {
                self.last.insert(get, *end);
            }
            changed = with_column(&changed, set, K::floats(means).slice(known, usize::MAX));
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        Some(kept::by_name(&self.last.iter().map(|(n, x)| (*n, K::floats(vec![*x]))).collect()))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        for (name, last) in kept::named(&state)? {
            let last = numbers(&last)?.first().copied().ok_or_else(kept::foreign)?;
            self.last.insert(name, last);
        }
        Ok(())
    }
}

/// The mean of each value and the `n-1` before it, each weighed by the time until the next.
#[derive(Clone, Default)]
pub(in crate::qsp) struct Twa {
    before: HashMap<Sym, (Vec<f64>, Vec<f64>)>,
}

/// The mean of values over time; without any time between them their plain mean.
fn weighed(times: &[f64], values: &[f64]) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (pair, value) in times.windows(2).zip(values) {
        let [begin, end] = pair else { continue };
        let weight = end - begin;
        if weight.is_nan() || value.is_nan() {
            continue;
        }
        sum += weight * value;
        total += weight;
    }
    if total > 0.0 {
        return sum / total;
    }
    let present: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    present.iter().sum::<f64>() / present.len() as f64
}

impl Stage for Twa {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let n = width(node)?;
        let from = table(&data)?;
        let name = node.option("times").and_then(K::as_sym).ok_or_else(type_error)?;
        let fresh = numbers(&column(from, name)?)?;
        let mut changed = from.clone();
        for (get, set) in columns(node)? {
            let (mut times, mut values) = self.before.remove(&get).unwrap_or_default();
            let known = values.len();
            times.extend(&fresh);
            values.extend(numbers(&column(from, get)?)?);
            cx.charge(values.len().saturating_sub(known).saturating_mul(n))?;
            let mean = |end: usize| {
                let begin = (end + 1).saturating_sub(n);
                let part = |items: &[f64]| items.get(begin..=end).unwrap_or_default().to_vec();
                weighed(&part(&times), &part(&values))
            };
            let means: Vec<f64> = (known..values.len()).map(mean).collect();
            changed = with_column(&changed, set, K::floats(means));
            self.before.insert(get, (last(&times, n - 1), last(&values, n - 1)));
        }
        out.push((metadata, table_k(changed)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let pair = |(times, values): &(Vec<f64>, Vec<f64>)| {
            K::list(vec![K::floats(times.clone()), K::floats(values.clone())])
        };
        Some(kept::by_name(&self.before.iter().map(|(n, p)| (*n, pair(p))).collect()))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        for (name, pair) in kept::named(&state)? {
            let mut parts = Parts::of(&pair);
            let pair = (numbers(&parts.next()?)?, numbers(&parts.next()?)?);
            self.before.insert(name, pair);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;
    use formats::k::{K, Sym};
    use proptest::prelude::*;

    #[test]
    fn simple_means_go_on_from_batch_to_batch() {
        let mut line = Line::new(".qsp.stats.sma[`y; 2]");
        assert_eq!(line.give("([]x:1 2;y:1 3)"), ["+`x`y!(1 2;1 2f)"]);
        assert_eq!(line.give("([]x:enlist 3;y:enlist 7)"), ["+`x`y!(,3;,5f)"]);
        assert!(line.fails("([]x:1 2)"));
        assert!(Line::new(".qsp.stats.sma[`y; 0]").fails("([]y:1 2)"));
    }

    #[test]
    fn exponential_means_are_written_where_that_is_asked() {
        let mut line = Line::new(".qsp.stats.ema[`x`y; .5; `a`y]");
        assert_eq!(line.give("([]x:2 4;y:0 0)"), ["+`x`y`a!(2 4;0 0f;2 3f)"]);
        assert_eq!(line.give("([]x:enlist 5;y:enlist 8)"), ["+`x`y`a!(,5;,4f;,4f)"]);
        assert!(Line::new(".qsp.stats.ema[`x`y; .5; `a]").fails("([]x:2 4;y:0 0)"));
    }

    #[test]
    fn means_over_time_weigh_values_by_how_long_they_hold() {
        let mut line = Line::new(".qsp.stats.twa[`v; 3; `t; `m] .qsp.map[{x`m}]");
        assert_eq!(line.give("([]t:00:00:00 00:00:03 00:00:04;v:1 5 9)"), ["1 1 2f"]);
        // The one before last holds for a second, the last for five.
        assert_eq!(line.give("([]t:enlist 00:00:09;v:enlist 0)"), [",8.333333"]);
        assert_eq!(
            Line::new(".qsp.stats.twa[`v; 3; `t] .qsp.map[{x`v}]").give("([]t:3#00:01;v:1 2 6)"),
            ["1 1.5 3"]
        );
    }

    fn cut(operator: &str, batches: &[Vec<i64>]) -> Vec<f64> {
        let mut line = Line::new(operator);
        let mut got = Vec::new();
        for batch in batches {
            let times = K::longs(batch.clone());
            let table = K::table(["t", "v"].map(Sym::new).to_vec(), vec![times.clone(), times]);
            for out in line.value(table.unwrap()).unwrap() {
                let K::Table(t) = out else { panic!("no table") };
                got.extend(super::numbers(&t.columns[1]).unwrap());
            }
        }
        got
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn averages_do_not_see_how_the_stream_is_cut(
            batches in prop::collection::vec(prop::collection::vec(-9i64..9, 1..5), 1..8),
            n in 1i64..6,
        ) {
            for operator in [
                format!(".qsp.stats.sma[`v; {n}]"),
                ".qsp.stats.ema[`v; .3]".to_owned(),
                format!(".qsp.stats.twa[`v; {n}; `t]"),
            ] {
                let got = cut(&operator, &batches);
                let want = cut(&operator, &[batches.concat()]);
                prop_assert_eq!(got.len(), want.len());
                for (x, y) in got.iter().zip(&want) {
                    prop_assert!((x - y).abs() < 1e-9, "{} {} {}", operator, x, y);
                }
            }
        }
    }
}
