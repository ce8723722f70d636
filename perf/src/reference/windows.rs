//! The plain reference of W5: sum, mean and count per key and ten seconds of event time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::error::{At, Error, Result};

/// Length of a window.
const WINDOW_MS: u64 = 10_000;
/// Relative difference allowed between sums that were added in different orders.
const RELATIVE_MAX: f64 = 1e-9;
/// Absolute difference allowed: half a unit of the sixth decimal, because a NebulaStream CSV sink
/// writes floats with six decimals (spec/nes-query-language.md §7), and a little for rounding.
const ABSOLUTE_MAX: f64 = 0.51e-6;

/// One result row without its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    total: f64,
    mean: f64,
    count: u64,
}

/// Result rows by start of window (ms) and key.
pub(crate) type Rows = HashMap<(u64, String), Row>;

/// Aggregates the ticks of a CSV file without header.
///
/// # Errors
/// An unreadable file or a line that is not a tick.
pub(crate) fn aggregate(ticks: &Path) -> Result<Rows> {
    let mut lines = BufReader::with_capacity(1 << 20, File::open(ticks).at(ticks)?);
    let mut rows = Rows::new();
    let mut line = String::new();
    while lines.read_line(&mut line).at(ticks)? > 0 {
        let mut fields = line.trim_end().split(',');
        let mut next = || fields.next().ok_or_else(|| Error(format!("not a tick: {line}")));
        let (ts, key, v): (u64, _, f64) =
            (next()?.parse().at(ticks)?, next()?.to_owned(), next()?.parse().at(ticks)?);
        let row = rows.entry((ts / WINDOW_MS * WINDOW_MS, key)).or_insert(Row {
            total: 0.0,
            mean: 0.0,
            count: 0,
        });
        row.total += v;
        row.count += 1;
        line.clear();
    }
    for row in rows.values_mut() {
        row.mean = row.total / row.count as f64;
    }
    Ok(rows)
}

/// Reads a result: CSV with a header that names `start`, `key`, `total`, `mean` and `n`, each
/// perhaps qualified (`ticks$start`) and typed (`start:INTEGER(64 bits)`), in any order.
///
/// # Errors
/// An unreadable file, a missing column, a row that does not fit, a window given twice.
pub(crate) fn read(path: &Path) -> Result<Rows> {
    let mut lines = BufReader::new(File::open(path).at(path)?).lines();
    let header = lines.next().ok_or_else(|| Error("the output is empty".into()))?.at(path)?;
    let names: Vec<&str> = header.split(',').map(plain_name).collect();
    let column = |name: &str| {
        names
            .iter()
            .position(|n| *n == name)
            .ok_or_else(|| Error(format!("no column `{name}` in the header `{header}`")))
    };
    let places =
        [column("start")?, column("key")?, column("total")?, column("mean")?, column("n")?];
    let mut rows = Rows::new();
    for line in lines {
        let line = line.at(path)?;
        let (place, row) = parse_row(&line, places)?;
        if rows.insert(place, row).is_some() {
            return Err(Error(format!("a window and key appear twice: {line}")));
        }
    }
    Ok(rows)
}

/// A column's name without qualifier and type.
pub(crate) fn plain_name(column: &str) -> &str {
    let name = column.split(':').next().unwrap_or(column);
    name.rsplit('$').next().unwrap_or(name).trim()
}

fn parse_row(line: &str, places: [usize; 5]) -> Result<((u64, String), Row)> {
    let fields: Vec<&str> = line.split(',').collect();
    let bad = || Error(format!("not a result row: {line}"));
    let at = |place: usize| fields.get(place).copied().ok_or_else(bad);
    let [start, key, total, mean, count] = places;
    let row = Row {
        total: at(total)?.parse().map_err(|_| bad())?,
        mean: at(mean)?.parse().map_err(|_| bad())?,
        count: at(count)?.parse().map_err(|_| bad())?,
    };
    let key = at(key)?.trim_matches('"').to_owned();
    Ok(((at(start)?.parse().map_err(|_| bad())?, key), row))
}

/// Compares a result with the reference.
///
/// # Errors
/// The first difference, as a sentence.
pub(crate) fn compare(want: &Rows, got: &Rows) -> Result<()> {
    let near = |a: f64, b: f64| (a - b).abs() <= (RELATIVE_MAX * a.abs()).max(ABSOLUTE_MAX);
    for (place, w) in want {
        let Some(g) = got.get(place) else {
            return Err(Error(format!("no row for {place:?} ({} of {})", got.len(), want.len())));
        };
        if w.count != g.count || !near(w.total, g.total) || !near(w.mean, g.mean) {
            return Err(Error(format!("{place:?}: wanted {w:?}, got {g:?}")));
        }
    }
    match got.len() - want.len() {
        0 => Ok(()),
        extra => Err(Error(format!("{extra} rows too many"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Rows, compare, plain_name};

    fn rows(total: f64, count: u64) -> Rows {
        Rows::from([((10_000, "k".to_owned()), Row { total, mean: total / count as f64, count })])
    }

    #[test]
    fn qualified_and_typed_names() {
        assert_eq!(plain_name("ticks$start:INTEGER(64 bits)"), "start");
        assert_eq!(plain_name("n"), "n");
    }

    #[test]
    fn tolerates_six_decimals_and_no_more() {
        assert!(compare(&rows(5_000.0, 100), &rows(5_000.000_000_4, 100)).is_ok());
        assert!(compare(&rows(5_000.0, 100), &rows(5_000.001, 100)).is_err());
        assert!(compare(&rows(5_000.0, 100), &rows(5_000.0, 101)).is_err());
        assert!(compare(&rows(5_000.0, 100), &Rows::new()).is_err());
        assert!(compare(&Rows::new(), &rows(1.0, 1)).is_err());
    }
}
