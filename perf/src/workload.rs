//! The workloads: what each reads, how much, and what it must produce.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::{Expected, for_lines};
use crate::cli::Size;
use crate::data::{Store, keys, nexmark};
use crate::error::{At, Error, Result};
use crate::reference::digest::Table;
use crate::reference::windows::Rows;
use crate::reference::{self, mapping, projection, windows};

/// A workload by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Event lines from file to file, untouched.
    W1,
    /// A copy with three assignments and a filter.
    W2,
    /// A projection of ten fields.
    W3,
    /// Upper case of the raw line.
    W4,
    /// Windowed aggregates by key from JSON lines.
    W5Ndjson,
    /// The same from CSV.
    W5Csv,
    /// Bids of an auction house, untouched.
    Q0,
    /// Bids in another currency.
    Q1,
    /// Bids on some auctions.
    Q2,
    /// The hottest auctions of sliding windows.
    Q5,
    /// New persons who open auctions.
    Q8,
    /// Bids on new auctions.
    Q8Bids,
    /// Q1 on one core, from memory to nowhere.
    Q1Memory,
    /// Q2 on one core, from memory to nowhere.
    Q2Memory,
    /// Windowed aggregates by very many keys.
    Keys,
}

/// All workloads in the order of the report.
pub(crate) const ALL: [Workload; 15] = [
    Workload::W1,
    Workload::W2,
    Workload::W3,
    Workload::W4,
    Workload::W5Ndjson,
    Workload::W5Csv,
    Workload::Q0,
    Workload::Q1,
    Workload::Q2,
    Workload::Q5,
    Workload::Q8,
    Workload::Q8Bids,
    Workload::Q1Memory,
    Workload::Q2Memory,
    Workload::Keys,
];

/// The memory, in MB, that ten million keys of window state may take.
const KEYS_MB_MAX: f64 = 2000.0;

impl Workload {
    /// The name for reports and `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5Ndjson => "W5-NDJSON",
            Self::W5Csv => "W5-CSV",
            Self::Q0 => "Q0",
            Self::Q1 => "Q1",
            Self::Q2 => "Q2",
            Self::Q5 => "Q5",
            Self::Q8 => "Q8",
            Self::Q8Bids => "Q8-BIDS",
            Self::Q1Memory => "Q1-MEMORY",
            Self::Q2Memory => "Q2-MEMORY",
            Self::Keys => "KEYS",
        }
    }

    /// One line on what it does.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::W1 => "event lines, file to file",
            Self::W2 => "copy, three assignments, half filtered, file to file",
            Self::W3 => "projection of ten fields, file to file",
            Self::W4 => "upper case of the raw line, file to file",
            Self::W5Ndjson => "sum, mean, count per key and 10 s of event time, from JSON lines",
            Self::W5Csv => "sum, mean, count per key and 10 s of event time, from CSV",
            Self::Q0 => "Nexmark, bids as they are, CSV to CSV",
            Self::Q1 => "Nexmark, prices in another currency, CSV to CSV",
            Self::Q2 => "Nexmark, bids on one auction of 123, CSV to CSV",
            Self::Q5 => "Nexmark, auctions with the most bids of 10 s, every 2 s, CSV to CSV",
            Self::Q8 => "Nexmark, new persons who open auctions within 10 s, CSV to CSV",
            Self::Q8Bids => "Nexmark, bids joined with the auctions of their 10 s, CSV to CSV",
            Self::Q1Memory => "Nexmark Q1, CSV in memory to nowhere, on one core",
            Self::Q2Memory => "Nexmark Q2, CSV in memory to nowhere, on one core",
            Self::Keys => "sum, mean, count of an hour, two ticks for each key, from CSV",
        }
    }

    /// How many records there are of a size.
    pub(crate) fn records(self, size: Size) -> u64 {
        let (events, ticks) = size.counts();
        match self {
            Self::W1 | Self::W2 | Self::W3 | Self::W4 => events,
            // Never more ticks than there is an hour for.
            Self::Keys => 2 * ticks.min(keys::KEYS_MAX),
            _ => ticks,
        }
    }

    /// Whether it runs on one core, from memory and without output.
    pub(crate) fn is_in_memory(self) -> bool {
        matches!(self, Self::Q1Memory | Self::Q2Memory)
    }

    /// Whether rows come out as they went in.
    fn keeps_order(self) -> bool {
        matches!(self, Self::Q0 | Self::Q1 | Self::Q2)
    }

    /// The peak memory in MB that the engine may take, where there is a limit.
    pub(crate) fn peak_mb_max(self) -> Option<f64> {
        (self == Self::Keys).then_some(KEYS_MB_MAX)
    }
}

/// Whether a user means the workload `own` by `name`: `W5` is all those that begin so.
pub(crate) fn is_called(own: &str, name: &str) -> bool {
    let first = own.split('-').next().unwrap_or_default();
    own.eq_ignore_ascii_case(name) || first.eq_ignore_ascii_case(name)
}

/// Raised with every change of a reference, so that no expected output of an older one is used.
const REFERENCE_VERSION: u32 = 1;

/// A workload with its data at hand.
pub(crate) struct Prepared {
    pub(crate) workload: Workload,
    /// Records in the input.
    pub(crate) count: u64,
    /// The input file, or the first of several.
    pub(crate) input: PathBuf,
    /// The second input file.
    pub(crate) other: Option<PathBuf>,
    /// The length of all of them in bytes.
    pub(crate) bytes: u64,
    want: Want,
}

enum Want {
    File(PathBuf),
    Rows(Arc<Rows>),
    Table(Arc<Table>),
    Nothing,
}

/// Files and the expected result of a workload.
struct Parts {
    input: PathBuf,
    other: Option<PathBuf>,
    count: u64,
    want: Want,
}

impl Prepared {
    /// Generates what is missing of the input and of the expected output. `count` is that of
    /// events, ticks or bids.
    ///
    /// # Errors
    /// A folder that cannot be written, or more ticks than the workload can have.
    pub(crate) fn new(workload: Workload, store: &Store, count: u64) -> Result<Self> {
        let Parts { input, other, count, want } = parts(workload, store, count)?;
        let mut bytes = 0;
        for path in std::iter::once(&input).chain(&other) {
            bytes += std::fs::metadata(path).at(path)?.len();
        }
        Ok(Self { workload, count, input, other, bytes, want })
    }

    /// Copies the input into a folder in memory and reads it from there.
    ///
    /// # Errors
    /// No space for the copy.
    pub(crate) fn move_to(&mut self, memory: &Path) -> Result<()> {
        let copy = memory.join("input");
        std::fs::copy(&self.input, &copy).at(&copy)?;
        self.input = copy;
        Ok(())
    }

    /// What an output must be equal to; `by_file` says in which sense files are compared.
    pub(crate) fn expected(&self, by_file: fn(PathBuf) -> Expected) -> Expected {
        match &self.want {
            Want::File(path) => by_file(path.clone()),
            Want::Rows(rows) => Expected::Windows(rows.clone()),
            Want::Table(table) => {
                let in_order = matches!(by_file(PathBuf::new()), Expected::Bytes(_));
                Expected::Table(table.clone(), in_order && self.workload.keeps_order())
            }
            Want::Nothing => Expected::Nothing,
        }
    }

    /// Reads the input once, so that no run pays for loading it into the page cache.
    ///
    /// # Errors
    /// An unreadable input.
    pub(crate) fn warm(&self) -> Result<()> {
        for path in std::iter::once(&self.input).chain(&self.other) {
            let mut file = std::fs::File::open(path).at(path)?;
            io::copy(&mut file, &mut io::sink()).at(path)?;
        }
        Ok(())
    }
}

fn parts(workload: Workload, store: &Store, count: u64) -> Result<Parts> {
    let one = |input, want| Parts { input, other: None, count, want };
    Ok(match workload {
        Workload::W1 => {
            let events = store.events(count)?;
            one(events.clone(), Want::File(events))
        }
        Workload::W2 | Workload::W3 | Workload::W4 => {
            let events = store.events(count)?;
            let want = expected_file(workload, store, &events, count)?;
            one(events, Want::File(want))
        }
        Workload::W5Ndjson | Workload::W5Csv => {
            let ticks = store.ticks(count)?;
            let rows = Want::Rows(Arc::new(windows::aggregate(&ticks.csv)?));
            one(if workload == Workload::W5Csv { ticks.csv } else { ticks.ndjson }, rows)
        }
        Workload::Keys => {
            let keys = count.div_ceil(2);
            if keys > keys::KEYS_MAX {
                let most = 2 * keys::KEYS_MAX;
                return Err(Error(format!("--events: {} has at most {most}", workload.name())));
            }
            let ticks = store.keys(keys)?;
            let want = table(reference::keys::totals(&ticks, keys)?);
            Parts { count: 2 * keys, ..one(ticks, want) }
        }
        _ => auction_house(workload, store, count)?,
    })
}

/// The workloads of Nexmark. What does not read bids counts persons and auctions.
fn auction_house(workload: Workload, store: &Store, count: u64) -> Result<Parts> {
    use reference::nexmark::{q0, q1, q2, q5, q8, q8_bids};
    let files = store.nexmark(count)?;
    let (bids, auctions, persons) = (files.bids, files.auctions, files.persons);
    let rows = nexmark::counts(count);
    let (input, other, count, want) = match workload {
        Workload::Q1 => (None, None, rows.bids, table(q1(&bids)?)),
        Workload::Q2 => (None, None, rows.bids, table(q2(&bids)?)),
        Workload::Q5 => (None, None, rows.bids, table(q5(&bids)?)),
        Workload::Q8 => {
            let want = table(q8(&persons, &auctions)?);
            (Some(persons), Some(auctions), rows.persons + rows.auctions, want)
        }
        Workload::Q8Bids => {
            let want = table(q8_bids(&bids, &auctions)?);
            (None, Some(auctions), rows.bids + rows.auctions, want)
        }
        Workload::Q1Memory | Workload::Q2Memory => (None, None, rows.bids, Want::Nothing),
        _ => (None, None, rows.bids, table(q0(&bids)?)),
    };
    Ok(Parts { input: input.unwrap_or(bids), other, count, want })
}

fn table(table: Table) -> Want {
    Want::Table(Arc::new(table))
}

/// The expected output of a mapping over the events, computed line by line.
fn expected_file(workload: Workload, store: &Store, input: &Path, count: u64) -> Result<PathBuf> {
    let name = workload.name().to_ascii_lowercase();
    let name = format!("expected-{REFERENCE_VERSION}-{name}-{count}.ndjson");
    store.file(&name, |out| {
        let mut line_out = String::new();
        for_lines(input, |_, line| {
            line_out.clear();
            let kept = match workload {
                Workload::W2 => mapping::map(line, &mut line_out)?,
                Workload::W3 => projection::project(line, &mut line_out).map(|()| true)?,
                _ => {
                    line_out.push_str(&line.to_uppercase());
                    true
                }
            };
            if kept {
                line_out.push('\n');
            }
            out.write_all(line_out.as_bytes()).map_err(text)
        })
        .map_err(|e| io::Error::other(e.0))
    })
}

fn text(e: impl Display) -> Error {
    Error(e.to_string())
}

#[cfg(test)]
mod tests {
    use super::is_called;

    #[test]
    fn names_as_users_write_them() {
        assert!(is_called("W5-CSV", "W5") && is_called("W5-CSV", "w5-csv"));
        assert!(!is_called("W5-CSV", "W5-NDJSON") && !is_called("W1", "W"));
    }
}
