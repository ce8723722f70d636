//! Results too large to be kept: the number of their rows and a checksum of them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::windows::plain_name;
use crate::check::for_lines;
use crate::error::{Error, Result};

/// Numbers are compared by millionths: a NebulaStream CSV sink writes floats with six decimals.
const PARTS: f64 = 1e6;
/// Multiplies what came before, so that the order of rows changes the sum.
const ORDER: u64 = 0x9E37_79B9_7F4A_7C15;

/// What the rows of a result amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    rows: u64,
    /// The sum of the hashes of all rows, which no order changes.
    sum: u64,
    /// The same where every row counts by its place.
    ordered: u64,
}

impl Digest {
    /// Adds a row, of which every field is its text.
    pub(crate) fn add<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) {
        let mut hasher = DefaultHasher::new();
        for field in fields {
            hash_field(field, &mut hasher);
        }
        let hash = hasher.finish();
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
        self.ordered = self.ordered.wrapping_mul(ORDER).wrapping_add(hash);
    }
}

/// Equal numbers count as equal however they are written, and texts with or without quotes.
fn hash_field(field: &str, hasher: &mut DefaultHasher) {
    if let Ok(whole) = field.parse::<i64>() {
        (i128::from(whole) * PARTS as i128).hash(hasher);
        return;
    }
    match field.parse::<f64>() {
        Ok(number) if number.is_finite() => ((number * PARTS).round() as i128).hash(hasher),
        _ => field.trim_matches('"').hash(hasher),
    }
}

/// The expected result of a workload.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Columns that count, by the names that results give them.
    pub(crate) columns: &'static [&'static str],
    pub(crate) digest: Digest,
}

impl Table {
    /// Compares a result: CSV with a header that names the columns, perhaps qualified and typed, in
    /// any order and among others. `in_order` says whether the order of rows counts too.
    ///
    /// # Errors
    /// The difference, an unreadable file, a missing column, a row that is too short.
    pub(crate) fn compare(&self, output: &Path, in_order: bool) -> Result<()> {
        let got = self.read(output)?;
        let want = self.digest;
        if got.rows != want.rows {
            return Err(Error(format!("{} rows instead of {}", got.rows, want.rows)));
        }
        if got.sum != want.sum {
            return Err(Error(format!("the checksum of the {} rows is another one", got.rows)));
        }
        match in_order && got.ordered != want.ordered {
            true => Err(Error("the rows are right but in another order".into())),
            false => Ok(()),
        }
    }

    fn read(&self, output: &Path) -> Result<Digest> {
        let (mut digest, mut places) = (Digest::default(), Vec::new());
        for_lines(output, |number, line| {
            let fields: Vec<&str> = line.split(',').collect();
            if number == 1 {
                places = self.places(&fields)?;
                return Ok(());
            }
            let short = || Error(format!("line {number} is too short: {line}"));
            if places.iter().any(|place| *place >= fields.len()) {
                return Err(short());
            }
            digest.add(places.iter().filter_map(|place| fields.get(*place).copied()));
            Ok(())
        })?;
        match places.is_empty() {
            true => Err(Error("the output is empty".into())),
            false => Ok(digest),
        }
    }

    /// Where the columns are.
    fn places(&self, header: &[&str]) -> Result<Vec<usize>> {
        let place = |name: &&str| {
            let found = header.iter().position(|column| plain_name(column) == *name);
            found.ok_or_else(|| {
                Error(format!("no column `{name}` in the header `{}`", header.join(",")))
            })
        };
        self.columns.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Table};

    fn verdict(name: &str, text: &str, in_order: bool) -> Option<String> {
        let mut digest = Digest::default();
        digest.add(["1", "x", "0.5"]);
        digest.add(["2", "y", "7"]);
        let table = Table { columns: &["id", "name", "v"], digest };
        let path = std::env::temp_dir().join(format!("perf-digest-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let result = table.compare(&path, in_order);
        std::fs::remove_file(path).unwrap();
        result.err().map(|e| e.0)
    }

    #[test]
    fn spelling_and_order_of_columns_do_not_count() {
        assert_eq!(verdict("a", "id,name,v\n1,x,0.5\n2,y,7\n", true), None);
        let text = "s$v:Float(64 bits),s$z:Text,s$name:Text,s$id:INTEGER(32 bits)\n\
                    0.500000,-,\"x\",1\n7.000000,-,y,2\n";
        assert_eq!(verdict("b", text, true), None);
    }

    #[test]
    fn everything_else_does() {
        let fails = |name, text, part: &str| {
            let reason = verdict(name, text, true).unwrap();
            assert!(reason.contains(part), "{reason}");
        };
        fails("c", "", "is empty");
        fails("d", "id,v\n1,0.5\n", "no column `name`");
        fails("e", "id,name,v\n1,x,0.5\n", "1 rows instead of 2");
        fails("f", "id,name,v\n1,x,0.5\n2,y\n", "line 3 is too short");
        fails("g", "id,name,v\n1,x,0.5\n2,y,7.000001\n", "checksum");
        fails("h", "id,name,v\n1,y,0.5\n2,x,7\n", "checksum");
        fails("i", "id,name,v\n2,y,7\n1,x,0.5\n", "another order");
        assert_eq!(verdict("j", "id,name,v\n2,y,7\n1,x,0.5\n", false), None);
    }
}
