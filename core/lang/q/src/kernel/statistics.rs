//! Statistics of floats: of whole lists, and of the groups of a column. Nulls are left out, but for
//! the median, which counts them as less than any number.

use super::items::{Item, on_numbers};
use super::segments::{Grouped, Ids, Segments};
use formats::k::Data;

/// Statistics of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistic {
    Median,
    Variance,
    Deviation,
    SampleVariance,
    SampleDeviation,
}

/// Statistics of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    Covariance,
    SampleCovariance,
    Correlation,
    WeightedMean,
}

/// The statistic of each group. Segments are asked for where items of a group must be together.
pub(crate) fn of_one<'s>(
    op: Statistic,
    items: &[f64],
    ids: Ids<'_>,
    segments: impl FnOnce() -> &'s Segments,
) -> Vec<f64> {
    let of = |spread: fn(f64, f64) -> f64| {
        squares(items, ids).into_iter().map(|(n, squares)| spread(n, squares)).collect()
    };
    match op {
        Statistic::Median if matches!(ids, Ids::One) => {
            let mut present: Vec<f64> = items.iter().copied().filter(|x| !x.is_nan()).collect();
            let nulls = items.len() - present.len();
            vec![median(&mut present, nulls)]
        }
        Statistic::Median => medians(items, segments()),
        Statistic::Variance => of(|n, squares| squares / n),
        Statistic::Deviation => of(|n, squares| (squares / n).sqrt()),
        Statistic::SampleVariance => of(sample),
        Statistic::SampleDeviation => of(|n, squares| sample(n, squares).sqrt()),
    }
}

fn sample(n: f64, squares: f64) -> f64 {
    if n < 2.0 { f64::NAN } else { squares / (n - 1.0) }
}

/// How many items each group has, and the sum of the squares of their distances from the mean.
fn squares(items: &[f64], ids: Ids<'_>) -> Vec<(f64, f64)> {
    let sums = ids.fold(items, (0.0, 0.0), |(n, sum), x| {
        if !x.is_nan() {
            *n += 1.0;
            *sum += x;
        }
    });
    let mut out: Vec<(f64, f64)> = sums.iter().map(|(n, _)| (*n, 0.0)).collect();
    let means: Vec<f64> = sums.iter().map(|(n, sum)| sum / n).collect();
    let add = |at: usize, x: f64, out: &mut Vec<(f64, f64)>| {
        if let (Some(mean), Some((_, squares))) = (means.get(at), out.get_mut(at))
            && !x.is_nan()
        {
            *squares += (x - mean) * (x - mean);
        }
    };
    match ids {
        Ids::One => items.iter().for_each(|x| add(0, *x, &mut out)),
        Ids::Many(ids, _) => {
            items.iter().zip(ids).for_each(|(x, id)| add(*id as usize, *x, &mut out));
        }
    }
    out
}

/// The middle of items, which are reordered, behind a number of nulls; of an even number of all
/// the mean of the two, or the one that is no null.
fn median(items: &mut [f64], nulls: usize) -> f64 {
    let all = items.len() + nulls;
    let Some(middle) = (all / 2).checked_sub(nulls).filter(|middle| *middle < items.len()) else {
        return f64::NAN;
    };
    let (below, upper, _) = items.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if all % 2 == 1 {
        return (upper + upper) / 2.0;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    (lower + upper) / 2.0
}

fn medians(items: &[f64], segments: &Segments) -> Vec<f64> {
    let mut group = Vec::new();
    let mut of = |(start, end): (usize, usize)| {
        group.clear();
        let places = segments.places.get(start..end).unwrap_or_default();
        let item = |place: &i64| usize::try_from(*place).ok().and_then(|p| items.get(p)).copied();
        group.extend(places.iter().filter_map(item).filter(|x| !x.is_nan()));
        let nulls = places.len() - group.len();
        median(&mut group, nulls)
    };
    segments.ranges().map(&mut of).collect()
}

/// The means of the second items of each group weighted by the first ones, in one pass over both as
/// they are.
pub(crate) fn weighted<T: Item, U: Item>(pairs: &impl Grouped<(T, U)>) -> Vec<f64> {
    let sums = pairs.fold((0.0, 0.0), |(top, bottom), (x, y)| {
        let (x, y) = (x.float(), y.float());
        if !x.is_nan() && !y.is_nan() {
            *top += x * y;
            *bottom += x;
        }
    });
    sums.into_iter().map(|(top, bottom)| top / bottom).collect()
}

/// The weighted mean of each group of two columns of numbers; `None` for other columns.
pub(crate) fn weighted_means(x: &Data, y: &Data, ids: Ids<'_>) -> Option<Vec<f64>> {
    on_numbers!(x, x => {
        on_numbers!(y, y => Some(weighted(&(x.as_slice(), y.as_slice(), ids))), _ => None)
    }, _ => None)
}

/// Sums over the pairs of a group in which neither is null.
#[derive(Clone, Default)]
struct Sums {
    n: f64,
    x: f64,
    y: f64,
}

#[derive(Clone, Default)]
struct Joint {
    xy: f64,
    xx: f64,
    yy: f64,
}

/// The statistic of the pairs of each group; pairs with a null are left out.
pub(crate) fn of_pairs(op: Pairs, x: &[f64], y: &[f64], ids: Ids<'_>) -> Vec<f64> {
    if op == Pairs::WeightedMean {
        return weighted(&(x, y, ids));
    }
    let sums = ids.fold2((x, y), Sums::default(), |s, x, y| {
        if !x.is_nan() && !y.is_nan() {
            s.n += 1.0;
            s.x += x;
            s.y += y;
        }
    });
    let means: Vec<(f64, f64)> = sums.iter().map(|s| (s.x / s.n, s.y / s.n)).collect();
    let joint = joint(x, y, ids, &means);
    let of = |(s, j): (&Sums, &Joint)| match op {
        Pairs::Covariance | Pairs::WeightedMean => j.xy / s.n,
        Pairs::SampleCovariance => j.xy / (s.n - 1.0),
        Pairs::Correlation => j.xy / (j.xx * j.yy).sqrt(),
    };
    sums.iter().zip(&joint).map(of).collect()
}

fn joint(x: &[f64], y: &[f64], ids: Ids<'_>, means: &[(f64, f64)]) -> Vec<Joint> {
    let add = |j: &mut Joint, (mx, my): (f64, f64), x: f64, y: f64| {
        if !x.is_nan() && !y.is_nan() {
            j.xy += (x - mx) * (y - my);
            j.xx += (x - mx) * (x - mx);
            j.yy += (y - my) * (y - my);
        }
    };
    let mut out = vec![Joint::default(); means.len()];
    match ids {
        Ids::One => {
            if let (Some(j), Some(mean)) = (out.first_mut(), means.first()) {
                x.iter().zip(y).for_each(|(x, y)| add(j, *mean, *x, *y));
            }
        }
        Ids::Many(ids, _) => {
            for ((x, y), id) in x.iter().zip(y).zip(ids) {
                if let (Some(j), Some(mean)) = (out.get_mut(*id as usize), means.get(*id as usize))
                {
                    add(j, *mean, *x, *y);
                }
            }
        }
    }
    out
}
