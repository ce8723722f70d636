//! The plain reference of the workload with very many keys.

use std::path::Path;

use super::digest::{Digest, Table};
use crate::check::for_lines;
use crate::error::{Error, Result};

/// Sum, mean and count of every key over all ticks, which lie in one window. Keys are `k` and a
/// number below `keys`; values have three decimals.
///
/// # Errors
/// An unreadable file, or a line that is not such a tick.
pub(crate) fn totals(ticks: &Path, keys: u64) -> Result<Table> {
    let mut all = vec![(0u64, 0u64); keys as usize];
    for_lines(ticks, |number, line| {
        let bad = || Error(format!("{}: line {number} is no tick", ticks.display()));
        let (key, value) = parse(line).ok_or_else(bad)?;
        let (total, count) = all.get_mut(key).ok_or_else(bad)?;
        *total += value;
        *count += 1;
        Ok(())
    })?;
    let mut digest = Digest::default();
    for (key, (total, count)) in all.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
        let total = *total as f64 / 1000.0;
        let mean = total / *count as f64;
        let (key, count) = (format!("k{key:08}"), count.to_string());
        digest.add([&*key, &total.to_string(), &mean.to_string(), &count]);
    }
    Ok(Table { columns: &["key", "total", "mean", "n"], digest })
}

/// The number of the key, and the value in thousandths.
fn parse(line: &str) -> Option<(usize, u64)> {
    let mut fields = line.split(',').skip(1);
    let key = fields.next()?.strip_prefix('k')?.parse().ok()?;
    let (whole, rest) = fields.next()?.split_once('.')?;
    Some((key, whole.parse::<u64>().ok()? * 1000 + rest.parse::<u64>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Digest, totals};

    #[test]
    fn adds_up_by_key() {
        let path = std::env::temp_dir().join(format!("perf-keys-{}", std::process::id()));
        std::fs::write(&path, "1,k00000001,1.500\n2,k00000000,2.250\n3,k00000001,2.000\n").unwrap();
        let mut want = Digest::default();
        want.add(["k00000000", "2.25", "2.25", "1"]);
        want.add(["k00000001", "3.5", "1.75", "2"]);
        assert_eq!(totals(&path, 2).unwrap().digest, want);
        assert!(totals(&path, 1).unwrap_err().0.ends_with("line 1 is no tick"));
        std::fs::remove_file(path).unwrap();
    }
}
