//! Trades of a market, so many a second: each a time, one of the names, a price and a size.

use std::io::{self, Write};

use super::START_MS;
use super::sequence::Sequence;

/// Names that are traded.
pub(crate) const NAMES: u64 = 100;
/// 2000-01-01, from which q counts, in ms since 1970.
const EPOCH_MS: i64 = 946_684_800_000;
/// Trades that the first second lacks, so that seconds do not end where messages do.
const MISSING: u64 = 437;
const NS_PER_S: u64 = 1_000_000_000;

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trade {
    /// Nanoseconds since 2000-01-01.
    pub(crate) time: i64,
    /// Which of the names.
    pub(crate) name: u64,
    pub(crate) cents: u64,
    pub(crate) size: i64,
}

impl Trade {
    /// The double next to the price.
    pub(crate) fn price(&self) -> f64 {
        self.cents as f64 / 100.0
    }
}

/// How a name is spelt; in the order of their numbers they are in alphabetical order.
pub(crate) fn name(number: u64) -> String {
    format!("s{number:02}")
}

/// Trades without end at so many a second, which must be a divisor of 10^9.
pub(crate) fn trades(rate: u64) -> impl Iterator<Item = Trade> {
    let (mut sequence, step) = (Sequence::new(), NS_PER_S / rate);
    let start = (START_MS - EPOCH_MS) * 1_000_000;
    (MISSING..).map(move |number| Trade {
        time: start + (number * step) as i64,
        name: sequence.below(NAMES),
        cents: 1000 + sequence.below(99_000),
        size: 1 + sequence.below(1000) as i64,
    })
}

/// Writes the first `count` trades as CSV without a header.
pub(crate) fn write(out: &mut impl Write, count: u64, rate: u64) -> io::Result<()> {
    for trade in trades(rate).take(count as usize) {
        let Trade { time, cents, size, .. } = trade;
        let (whole, rest) = (cents / 100, cents % 100);
        writeln!(out, "{time},{},{whole}.{rest:02},{size}", name(trade.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_lines() {
        let mut text = Vec::new();
        write(&mut text, 2, 10_000).unwrap();
        let want = "820540800043700000,s57,935.72,141\n820540800043800000,s65,718.65,888\n";
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }

    #[test]
    fn prices_read_back_the_same() {
        let same = |trade: Trade| {
            let text = format!("{}.{:02}", trade.cents / 100, trade.cents % 100);
            text.parse::<f64>().unwrap().to_bits() == trade.price().to_bits()
        };
        assert!(trades(100_000).take(10_000).all(same));
    }
}
