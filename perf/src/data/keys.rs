//! Ticks over very many keys: every key comes twice, the second time half of the file later.

use std::io::{self, Write};

use super::START_MS;

/// Ticks that share one millisecond.
const PER_MS: u64 = 10;
/// A prime larger than any number of keys, whose multiples visit all of them in a wild order.
const STEP: u64 = 2_654_435_761;
/// The most keys: with more, the ticks would not fit into one hour.
pub(crate) const KEYS_MAX: u64 = 15_000_000;

/// Writes two ticks for each of `keys` keys as CSV without a header: time, key and value.
pub(crate) fn write(out: &mut impl Write, keys: u64) -> io::Result<()> {
    for number in 0..2 * keys {
        let ts = START_MS as u64 + number / PER_MS;
        let key = number % keys * STEP % keys;
        let value = number * STEP % 100_000;
        writeln!(out, "{ts},k{key:08},{}.{:03}", value / 1000, value % 1000)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    #[test]
    fn every_key_comes_twice() {
        let mut text = Vec::new();
        super::write(&mut text, 1000).unwrap();
        let text = String::from_utf8(text).unwrap();
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for line in text.lines() {
            *seen.entry(line.split(',').nth(1).unwrap()).or_default() += 1;
        }
        assert!(seen.len() == 1000 && seen.values().all(|n| *n == 2));
    }

    #[test]
    fn all_of_them_fit_into_an_hour() {
        const { assert!(2 * super::KEYS_MAX / super::PER_MS < 3_600_000) };
    }
}
