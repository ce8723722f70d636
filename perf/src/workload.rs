//! The workloads: what each reads, how much, and what it must produce.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::{Expected, for_lines};
use crate::data::Store;
use crate::error::{At, Error, Result};
use crate::reference::windows::Rows;
use crate::reference::{mapping, projection, windows};

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
}

/// All workloads in the order of the report.
pub(crate) const ALL: [Workload; 6] =
    [Workload::W1, Workload::W2, Workload::W3, Workload::W4, Workload::W5Ndjson, Workload::W5Csv];

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
        }
    }

    /// Whether its records are ticks rather than events.
    pub(crate) fn is_windowed(self) -> bool {
        matches!(self, Self::W5Ndjson | Self::W5Csv)
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
    /// The input file and its length in bytes.
    pub(crate) input: PathBuf,
    pub(crate) bytes: u64,
    want: Want,
}

enum Want {
    File(PathBuf),
    Rows(Arc<Rows>),
}

impl Prepared {
    /// Generates what is missing of the input and of the expected output.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn new(workload: Workload, store: &Store, count: u64) -> Result<Self> {
        let (input, want) = if workload.is_windowed() {
            let ticks = store.ticks(count)?;
            let rows = Want::Rows(Arc::new(windows::aggregate(&ticks.csv)?));
            (if workload == Workload::W5Csv { ticks.csv } else { ticks.ndjson }, rows)
        } else {
            let events = store.events(count)?;
            let want = match workload {
                Workload::W1 => events.clone(),
                _ => expected_file(workload, store, &events, count)?,
            };
            (events, Want::File(want))
        };
        let bytes = std::fs::metadata(&input).at(&input)?.len();
        Ok(Self { workload, count, input, bytes, want })
    }

    /// What an output must be equal to; `by_file` says in which sense files are compared.
    pub(crate) fn expected(&self, by_file: fn(PathBuf) -> Expected) -> Expected {
        match &self.want {
            Want::File(path) => by_file(path.clone()),
            Want::Rows(rows) => Expected::Windows(rows.clone()),
        }
    }

    /// Reads the input once, so that no run pays for loading it into the page cache.
    ///
    /// # Errors
    /// An unreadable input.
    pub(crate) fn warm(&self) -> Result<()> {
        let mut file = std::fs::File::open(&self.input).at(&self.input)?;
        io::copy(&mut file, &mut io::sink()).at(&self.input).map(|_| ())
    }
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
