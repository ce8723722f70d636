//! Is an output the right one? No ratio is printed before this has said yes.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::canonical::{self, Numbers};
use crate::error::{At, Error, Result};
use crate::reference::digest::Table;
use crate::reference::windows::{self, Rows};

const READ_BUFFER: usize = 1 << 20;
/// Characters of a differing line that a message shows.
const SHOWN_MAX: usize = 200;

/// What an output must be equal to, and in which sense.
#[derive(Clone)]
pub(crate) enum Expected {
    /// The same bytes.
    Bytes(PathBuf),
    /// The same lines in any order.
    Lines(PathBuf),
    /// The same JSON documents in any order, numbers by value.
    Documents(PathBuf),
    /// The same windows and keys, sums and means within a tolerance.
    Windows(Arc<Rows>),
    /// Rows with the same checksum, in the same order if so asked.
    Table(Arc<Table>, bool),
    /// No output at all.
    Nothing,
}

/// Compares an output file.
///
/// # Errors
/// The first difference as a sentence, or an unreadable file.
pub(crate) fn check(output: &Path, expected: &Expected) -> Result<()> {
    if matches!(expected, Expected::Nothing) {
        return match output.exists() {
            true => Err(Error("there is an output where none was asked for".into())),
            false => Ok(()),
        };
    }
    if !output.exists() {
        return Err(Error("no output was written".into()));
    }
    match expected {
        Expected::Bytes(want) => same_bytes(want, output).map_err(|e| explain(e, want, output)),
        Expected::Lines(want) => same_set(want, output, |line| Ok(line.to_owned())),
        Expected::Documents(want) => same_set(want, output, |line| {
            let mut out = String::with_capacity(line.len());
            canonical::write(&mut out, line, Numbers::Value).map(|()| out)
        }),
        Expected::Windows(want) => windows::compare(want, &windows::read(output)?),
        Expected::Table(want, in_order) => want.compare(output, *in_order),
        Expected::Nothing => Ok(()),
    }
}

/// Makes one file with a header line of a folder of files without one, as some programs write
/// their results; says where it is.
///
/// # Errors
/// A missing folder, or one that cannot be read.
pub(crate) fn gather(folder: &Path, header: &str) -> Result<PathBuf> {
    let whole = folder.with_extension("gathered");
    let mut out = File::create(&whole).at(&whole)?;
    writeln!(out, "{header}").at(&whole)?;
    for entry in std::fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        let mut part = File::open(&path).at(&path)?;
        std::io::copy(&mut part, &mut out).at(&path)?;
    }
    Ok(whole)
}

/// Removes a result, be it a file or a folder, or nothing.
pub(crate) fn discard(output: &Path) {
    // What is left behind is overwritten, or told by the program that finds it.
    let _ = if output.is_dir() {
        std::fs::remove_dir_all(output)
    } else {
        std::fs::remove_file(output)
    };
}

fn open(path: &Path) -> Result<BufReader<File>> {
    Ok(BufReader::with_capacity(READ_BUFFER, File::open(path).at(path)?))
}

/// Equal files in one pass; the line of the first difference is counted on the way.
fn same_bytes(want: &Path, got: &Path) -> Result<()> {
    let (mut a, mut b) = (open(want)?, open(got)?);
    let mut line = 1;
    loop {
        let (x, y) = (a.fill_buf().at(want)?, b.fill_buf().at(got)?);
        let shared = x.len().min(y.len());
        let same = x.iter().zip(y).take_while(|(x, y)| x == y).count();
        line += x.iter().take(same).filter(|c| **c == b'\n').count();
        if same < shared {
            return Err(Error(format!("line {line} differs")));
        }
        match (x.is_empty(), y.is_empty()) {
            (true, true) => return Ok(()),
            (true, false) => return Err(Error(format!("goes on after line {}", line - 1))),
            (false, true) => return Err(Error(format!("ends before line {line}"))),
            _ => {}
        }
        a.consume(shared);
        b.consume(shared);
    }
}

/// Tells lines in another order from lines that are different.
fn explain(difference: Error, want: &Path, got: &Path) -> Error {
    match same_set(want, got, |line| Ok(line.to_owned())) {
        Ok(()) => Error(format!("{difference}; the lines are right but in another order")),
        Err(Error(set)) => Error(format!("{difference}; {set}")),
    }
}

/// Equal multisets of lines after `spell` has given each its comparable form.
fn same_set(want: &Path, got: &Path, spell: impl Fn(&str) -> Result<String>) -> Result<()> {
    let mut balance: HashMap<u64, i64> = HashMap::new();
    for_lines(want, |_, line| {
        *balance.entry(hash(&spell(line)?)).or_default() += 1;
        Ok(())
    })?;
    let (mut unexpected, mut first) = (0u64, None);
    for_lines(got, |number, line| {
        let spelt = spell(line).map_err(|e| Error(format!("line {number}: {e}")))?;
        let left = balance.entry(hash(&spelt)).or_default();
        *left -= 1;
        if *left < 0 {
            unexpected += 1;
            first.get_or_insert_with(|| {
                format!("line {number}: {}", line.chars().take(SHOWN_MAX).collect::<String>())
            });
        }
        Ok(())
    })?;
    let missing: i64 = balance.values().filter(|n| **n > 0).sum();
    match first {
        None if missing == 0 => Ok(()),
        None => Err(Error(format!("{missing} lines missing"))),
        Some(first) => {
            Err(Error(format!("{missing} lines missing, {unexpected} unexpected, first {first}")))
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Calls `each` with the number and the text of every line, without its end.
pub(crate) fn for_lines(path: &Path, mut each: impl FnMut(u64, &str) -> Result<()>) -> Result<()> {
    let mut lines = open(path)?;
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if lines.by_ref().read_line(&mut line).at(path)? == 0 {
            break;
        }
        each(number, line.trim_end_matches('\n'))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Expected, check, discard, gather};
    use std::path::PathBuf;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("perf-check-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn verdict(name: &str, got: &str, want: &str, how: fn(PathBuf) -> Expected) -> Option<String> {
        let (g, w) = (file(&format!("{name}-got"), got), file(&format!("{name}-want"), want));
        let result = check(&g, &how(w.clone()));
        for path in [g, w] {
            std::fs::remove_file(path).unwrap();
        }
        result.err().map(|e| e.0)
    }

    #[test]
    fn bytes_must_match_in_order() {
        let bytes = |n, got, want| verdict(n, got, want, Expected::Bytes);
        assert_eq!(bytes("b1", "a\nb\n", "a\nb\n"), None);
        assert_eq!(
            bytes("b2", "a\nc\n", "a\nb\n").as_deref(),
            Some("line 2 differs; 1 lines missing, 1 unexpected, first line 2: c")
        );
        assert_eq!(
            bytes("b3", "a\n", "a\nb\n").as_deref(),
            Some("ends before line 2; 1 lines missing")
        );
        assert_eq!(
            bytes("b4", "a\nb\nc\n", "a\nb\n").as_deref(),
            Some("goes on after line 2; 0 lines missing, 1 unexpected, first line 3: c")
        );
        assert_eq!(
            bytes("b5", "b\na\n", "a\nb\n").as_deref(),
            Some("line 1 differs; the lines are right but in another order")
        );
    }

    #[test]
    fn lines_may_be_reordered_but_not_repeated() {
        let lines = |n, got, want| verdict(n, got, want, Expected::Lines);
        assert_eq!(lines("l1", "b\na\n", "a\nb\n"), None);
        assert!(lines("l2", "a\na\n", "a\nb\n").is_some());
        assert_eq!(lines("l3", "a\n", "a\nb\n").as_deref(), Some("1 lines missing"));
    }

    #[test]
    fn a_folder_becomes_a_file() {
        let folder = std::env::temp_dir().join(format!("perf-gather-{}", std::process::id()));
        assert!(gather(&folder, "a,b").is_err());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("part-0"), "1,2\n").unwrap();
        std::fs::write(folder.join("part-1"), "").unwrap();
        let whole = gather(&folder, "a,b").unwrap();
        assert_eq!(std::fs::read_to_string(&whole).unwrap(), "a,b\n1,2\n");
        discard(&whole);
        discard(&folder);
        assert!(!whole.exists() && !folder.exists());
    }

    #[test]
    fn nothing_means_no_output() {
        let path = file("nothing", "x");
        assert!(check(&path, &Expected::Nothing).is_err());
        discard(&path);
        assert!(check(&path, &Expected::Nothing).is_ok());
        assert!(check(&path, &Expected::Bytes(path.clone())).is_err());
    }

    #[test]
    fn documents_compare_by_value() {
        let documents = |n, got, want| verdict(n, got, want, Expected::Documents);
        assert_eq!(documents("d1", "{\"b\":1.50,\"a\":2}\n", "{\"a\":2,\"b\":1.5}\n"), None);
        assert!(documents("d2", "{\"a\":2.1}\n", "{\"a\":2}\n").is_some());
        assert!(documents("d3", "nonsense\n", "{\"a\":2}\n").is_some());
    }
}
