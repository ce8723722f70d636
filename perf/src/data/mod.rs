//! The data of the workloads: generated once per size, the same bytes for the same count.

pub(crate) mod calendar;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod market;
pub(crate) mod nexmark;
pub(crate) mod sequence;
pub(crate) mod ticks;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{At, Result};

/// The time of the first record: 2026-01-01T00:00:00Z in ms since 1970.
pub(crate) const START_MS: i64 = 1_767_225_600_000;
/// Milliseconds of a day.
pub(crate) const MS_PER_DAY: i64 = 86_400_000;
/// Lines in each file of the pre-split events.
const SPLIT_LINES: usize = 10_000;
/// Keys among the ticks.
const KEYS: u64 = 1000;
const WRITE_BUFFER: usize = 1 << 20;

/// Where generated data lives.
pub(crate) struct Store {
    dir: PathBuf,
}

/// The two forms of the same ticks; the CSV has no header line.
pub(crate) struct Ticks {
    pub(crate) ndjson: PathBuf,
    pub(crate) csv: PathBuf,
}

/// The files of an auction house; they have no header lines.
pub(crate) struct Nexmark {
    pub(crate) persons: PathBuf,
    pub(crate) auctions: PathBuf,
    pub(crate) bids: PathBuf,
}

impl Store {
    /// Opens the folder, which is created when it is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).at(dir)?;
        Ok(Self { dir: dir.canonicalize().at(dir)? })
    }

    /// The first `count` events, one a line.
    pub(crate) fn events(&self, count: u64) -> Result<PathBuf> {
        self.file(&format!("events-{count}.ndjson"), |out| events::write(out, count))
    }

    /// The first `count` ticks in both forms.
    pub(crate) fn ticks(&self, count: u64) -> Result<Ticks> {
        let ndjson = self.file(&format!("ticks-{count}.ndjson"), |out| {
            ticks::write(out, &mut io::sink(), count, KEYS)
        })?;
        let csv = self.file(&format!("ticks-{count}.csv"), |out| {
            ticks::write(&mut io::sink(), out, count, KEYS)
        })?;
        Ok(Ticks { ndjson, csv })
    }

    /// An auction house until the last of `bids` bids, as CSV.
    pub(crate) fn nexmark(&self, bids: u64) -> Result<Nexmark> {
        let name = |kind: &str| format!("nexmark-{kind}-{bids}.csv");
        let (mut a, mut b) = (io::sink(), io::sink());
        let persons =
            self.file(&name("persons"), |out| nexmark::write(out, &mut a, &mut b, bids))?;
        let auctions =
            self.file(&name("auctions"), |out| nexmark::write(&mut a, out, &mut b, bids))?;
        let bids = self.file(&name("bids"), |out| nexmark::write(&mut a, &mut b, out, bids))?;
        Ok(Nexmark { persons, auctions, bids })
    }

    /// Two ticks for each of many keys, as CSV.
    pub(crate) fn keys(&self, keys: u64) -> Result<PathBuf> {
        self.file(&format!("keys-{keys}.csv"), |out| keys::write(out, keys))
    }

    /// The first `count` trades of a market with so many a second, as CSV.
    pub(crate) fn market(&self, count: u64, rate: u64) -> Result<PathBuf> {
        let name = format!("market-{count}-{rate}.csv");
        self.file(&name, |out| market::write(out, count, rate))
    }

    /// The first `count` events as files of ten thousand lines without a line break at their end
    /// (it would be one more, empty message to whoever splits them); returns a glob of them.
    pub(crate) fn split_events(&self, count: u64) -> Result<PathBuf> {
        let dir = self.dir.join(format!("events-{count}.files"));
        if !dir.exists() {
            let whole = self.events(count)?;
            let partial = self.dir.join(format!("events-{count}.files.part"));
            fs::create_dir_all(&partial).at(&partial)?;
            split(&whole, &partial)?;
            fs::rename(&partial, &dir).at(&dir)?;
        }
        Ok(dir.join("*.ndjson"))
    }

    /// A file of this name, written by `fill` unless it is there already. It appears under its
    /// name only when it is complete.
    pub(crate) fn file(
        &self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf> {
        let path = self.dir.join(name);
        if path.exists() {
            return Ok(path);
        }
        let partial = self.dir.join(format!("{name}.part"));
        write_file(&partial, fill)?;
        fs::rename(&partial, &path).at(&path)?;
        Ok(path)
    }
}

/// Creates or replaces one file.
pub(crate) fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(WRITE_BUFFER, File::create(path).at(path)?);
    fill(&mut out).and_then(|()| out.flush()).at(path)
}

/// Cuts a file into numbered files of [`SPLIT_LINES`] lines.
fn split(whole: &Path, dir: &Path) -> Result<()> {
    let mut lines = BufReader::with_capacity(WRITE_BUFFER, File::open(whole).at(whole)?);
    let mut line = Vec::new();
    for number in 0.. {
        if lines.fill_buf().at(whole)?.is_empty() {
            break;
        }
        write_file(&dir.join(format!("{number:06}.ndjson")), |out| {
            for nth in 0..SPLIT_LINES {
                line.clear();
                if lines.read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                if nth > 0 {
                    out.write_all(b"\n")?;
                }
                out.write_all(line.strip_suffix(b"\n").unwrap_or(&line))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
