//! Ticks: ten a millisecond, each a time, one of the keys and a value, as JSON and as CSV.

use std::io::{self, Write};

use super::START_MS;
use super::sequence::Sequence;

/// Ticks that share one millisecond.
const PER_MS: u64 = 10;

/// The header of the CSV form.
pub(crate) const HEADER: &str = "ts,key,v\n";

/// Writes the first `count` ticks over `keys` keys to both forms, without the header of the CSV.
pub(crate) fn write(
    ndjson: &mut impl Write,
    csv: &mut impl Write,
    count: u64,
    keys: u64,
) -> io::Result<()> {
    let mut sequence = Sequence::new();
    for number in 0..count {
        let ts = START_MS as u64 + number / PER_MS;
        let key = sequence.below(keys);
        let value = sequence.below(100_000);
        let (whole, rest) = (value / 1000, value % 1000);
        writeln!(ndjson, r#"{{"ts":{ts},"key":"k{key:04}","v":{whole}.{rest:03}}}"#)?;
        writeln!(csv, "{ts},k{key:04},{whole}.{rest:03}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_recorded_lines() {
        let (mut ndjson, mut csv) = (Vec::new(), Vec::new());
        super::write(&mut ndjson, &mut csv, 2, 1000).unwrap();
        let want = "{\"ts\":1767225600000,\"key\":\"k0657\",\"v\":86.572}\n\
                    {\"ts\":1767225600000,\"key\":\"k0140\",\"v\":11.065}\n";
        assert_eq!(String::from_utf8(ndjson).unwrap(), want);
        let want = "1767225600000,k0657,86.572\n1767225600000,k0140,11.065\n";
        assert_eq!(String::from_utf8(csv).unwrap(), want);
    }
}
