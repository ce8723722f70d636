//! The plain reference of TICKS: the mean price by name of each second, weighted by size; each
//! second as a line of sums that would tell if one of its prices was wrong or in another place.

use crate::data::market::{NAMES, Trade};
use crate::error::{Error, Result};

/// Nanoseconds of a window.
const WINDOW_NS: i64 = 1_000_000_000;
/// What sums are multiplied by before they are rounded.
const DIGITS: f64 = 1e6;
/// How much a rounded sum may differ: by rounding, or relative to it.
const ABSOLUTE_MAX: f64 = 2.0;
const RELATIVE_MAX: f64 = 1e-9;

/// A window: how many names were traded, the sum of their prices, and the sum of each price times
/// its place in the order of names, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    names: u64,
    sum: f64,
    placed: f64,
}

/// The windows of trades that are in the order of their times.
pub(crate) fn windows(trades: impl Iterator<Item = Trade>) -> Vec<Window> {
    let mut all = Vec::new();
    let (mut open, mut totals) = (None, vec![(0.0, 0i64); NAMES as usize]);
    for trade in trades {
        let window = trade.time.div_euclid(WINDOW_NS);
        if open.is_some_and(|open| open != window) {
            all.push(close(&mut totals));
        }
        open = Some(window);
        if let Some((value, size)) = totals.get_mut(trade.name as usize) {
            *value += trade.price() * trade.size as f64;
            *size += trade.size;
        }
    }
    all.extend(open.map(|_| close(&mut totals)));
    all
}

fn close(totals: &mut [(f64, i64)]) -> Window {
    let mut window = Window { names: 0, sum: 0.0, placed: 0.0 };
    for (value, size) in totals.iter_mut().filter(|(_, size)| *size > 0) {
        let price = *value / *size as f64;
        window.names += 1;
        window.sum += price;
        window.placed += price * window.names as f64;
        (*value, *size) = (0.0, 0);
    }
    Window { sum: window.sum * DIGITS, placed: window.placed * DIGITS, ..window }
}

/// A line: the number of the window from 1 on, and what is in it.
fn parse(line: &str) -> Result<(usize, Window)> {
    let bad = || Error(format!("not a window: {line}"));
    let mut fields = line.split_ascii_whitespace();
    let mut next = || fields.next().ok_or_else(bad);
    let (number, names) = (next()?, next()?);
    let (sum, placed) = (next()?, next()?);
    let window = Window {
        names: names.parse().map_err(|_| bad())?,
        sum: sum.parse().map_err(|_| bad())?,
        placed: placed.parse().map_err(|_| bad())?,
    };
    Ok((number.parse().map_err(|_| bad())?, window))
}

/// Compares lines with the reference. There must be as many windows, and the lines of the last
/// `kept` of them at least. One more that is not over yet may follow, of one name.
///
/// # Errors
/// The first difference, as a sentence.
pub(crate) fn compare<'a>(
    want: &[Window],
    lines: impl Iterator<Item = &'a str>,
    kept: usize,
) -> Result<()> {
    let mut got = lines.map(parse).collect::<Result<Vec<_>>>()?;
    got.pop_if(|(number, window)| *number == want.len() + 1 && window.names == 1);
    let missing = want.len().saturating_sub(got.len());
    if missing > want.len().saturating_sub(kept) || got.len() > want.len() {
        return Err(Error(format!("{} windows instead of {}", got.len(), want.len())));
    }
    for ((place, want), (number, got)) in want.iter().enumerate().skip(missing).zip(&got) {
        let near = |a: f64, b: f64| (a - b).abs() <= (RELATIVE_MAX * a.abs()).max(ABSOLUTE_MAX);
        let same = want.names == got.names
            && near(want.sum, got.sum)
            && near(want.placed, got.placed)
            && *number == place + 1;
        if !same {
            return Err(Error(format!(
                "window {}: wanted {want:?}, got {got:?} as window {number}",
                place + 1
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(second: i64, name: u64, cents: u64, size: i64) -> Trade {
        Trade { time: second * WINDOW_NS + 5, name, cents, size }
    }

    fn two() -> Vec<Window> {
        let trades =
            [trade(7, 9, 100, 1), trade(7, 9, 400, 2), trade(7, 2, 500, 10), trade(8, 0, 25, 4)];
        windows(trades.into_iter())
    }

    #[test]
    fn prices_are_weighted_and_have_places() {
        let [first, second] = two()[..] else { panic!("two windows") };
        assert_eq!(first, Window { names: 2, sum: 8e6, placed: 11e6 });
        assert_eq!(second, Window { names: 1, sum: 0.25e6, placed: 0.25e6 });
    }

    #[test]
    fn lines_are_compared_from_the_last_one_on() {
        let is = |text: &str, kept| compare(&two(), text.lines(), kept).is_ok();
        let both = "1 2 8000000 11000000\n2 1 250000 250001";
        assert!(is(both, 2) && is("2 1 250000 250000", 1));
        assert!(is(&format!("{both}\n3 1 7 7"), 2), "one that is not over");
        assert!(!is(&format!("{both}\n3 2 7 7"), 2) && !is("2 1 250000 250000", 2));
        assert!(!is("1 2 8000000 11000000", 1), "the last is missing");
        assert!(!is("2 2 8000000 11000000\n2 1 250000 250000", 2), "a number");
        assert!(!is("1 2 8000000 11001000\n2 1 250000 250000", 2), "a sum");
        assert!(!is("1 3 8000000 11000000\n2 1 250000 250000", 2), "the names");
        assert!(!is("x", 0) && !is("", 1));
    }
}
