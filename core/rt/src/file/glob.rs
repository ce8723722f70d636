//! Path patterns: `*` and `?` within one component, `[a-z]` and `[!a-z]`, `**` across components.

use std::io;
use std::path::{Path, PathBuf};

use crate::blocking;

/// The most paths one pattern may give.
pub const GLOB_MATCHES_MAX: usize = 100_000;

/// How many directories deep `**` looks.
const DEPTH_MAX: usize = 64;

/// True when a path holds any character that [`glob`] treats as a pattern.
#[must_use]
pub fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The existing paths that `pattern` matches, sorted by bytes. A path without pattern characters
/// gives itself when it exists. Directories that cannot be read are passed over; hidden names match
/// like others, as in Go's `filepath.Glob`; `**` does not follow symbolic links.
///
/// # Errors
/// `InvalidInput` for more than [`GLOB_MATCHES_MAX`] matches.
pub async fn glob(pattern: &str) -> io::Result<Vec<PathBuf>> {
    let pattern = pattern.to_owned();
    blocking(move || {
        let mut found = expand(&pattern)?;
        found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        found.dedup();
        Ok(found)
    })
    .await?
}

fn expand(pattern: &str) -> io::Result<Vec<PathBuf>> {
    if !is_glob(pattern) {
        let path = PathBuf::from(pattern);
        let exists = path.symlink_metadata().is_ok();
        return Ok(if exists { vec![path] } else { Vec::new() });
    }
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
    let mut level = vec![start];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for dir in &level {
            match part {
                "**" => below(dir, DEPTH_MAX, &mut next)?,
                _ if is_glob(part) => children(dir, part, &mut next)?,
                _ => {
                    let path = dir.join(part);
                    if path.symlink_metadata().is_ok() {
                        next.push(path);
                    }
                }
            }
        }
        level = next;
    }
    if pattern.ends_with("**") {
        // At the end it means every file below.
        let dirs = std::mem::take(&mut level);
        for dir in &dirs {
            children(dir, "*", &mut level)?;
        }
        level.retain(|path| !path.is_dir());
    }
    Ok(level)
}

fn limit(found: &[PathBuf]) -> io::Result<()> {
    if found.len() < GLOB_MATCHES_MAX {
        return Ok(());
    }
    let text = format!("the pattern matches more than {GLOB_MATCHES_MAX} paths");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn listing(dir: &Path) -> Option<std::fs::ReadDir> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    std::fs::read_dir(dir).ok()
}

fn children(dir: &Path, part: &str, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in listing(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if matches(part.as_bytes(), name.as_encoded_bytes()) {
            limit(found)?;
            found.push(dir.join(name));
        }
    }
    Ok(())
}

/// `dir` itself and all directories below it.
fn below(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    limit(found)?;
    found.push(dir.to_owned());
    if depth == 0 {
        return Ok(());
    }
    for entry in listing(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&dir.join(entry.file_name()), depth - 1, found)?;
        }
    }
    Ok(())
}

/// True when one component's `pattern` matches `name` from end to end.
#[must_use]
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // The usual two-pointer walk: on a mismatch the last star takes one byte more.
    let (mut p, mut n) = (pattern, name);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (p, n) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                retry = Some((rest, n));
                p = rest;
                continue;
            }
            (_, []) => return false,
            ([b'?', rest @ ..], [first, after @ ..]) => {
                let wide = char_len(*first).min(after.len() + 1);
                n.get(wide..).map(|after| (rest, after))
            }
            ([b'[', rest @ ..], [byte, after @ ..]) => class(rest, *byte).map(|rest| (rest, after)),
            ([b'\\', literal, rest @ ..], [byte, after @ ..])
            | ([literal, rest @ ..], [byte, after @ ..]) => {
                (literal == byte).then_some((rest, after))
            }
            ([], _) => None,
        };
        match (step, retry) {
            (Some((rest, after)), _) => (p, n) = (rest, after),
            (None, Some((after_star, [_, tail @ ..]))) => {
                retry = Some((after_star, tail));
                (p, n) = (after_star, tail);
            }
            (None, _) => return false,
        }
    }
}

fn char_len(first: u8) -> usize {
    match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

/// The pattern behind a class that `byte` belongs to. A class without its end matches nothing.
fn class(body: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match body {
        [b'^' | b'!', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut hit, mut first) = (false, true);
    loop {
        (hit, rest) = match rest {
            [b']', rest @ ..] if !first => return (hit != negated).then_some(rest),
            [low, b'-', high, rest @ ..] if *high != b']' => {
                (hit || (*low..=*high).contains(&byte), rest)
            }
            [single, rest @ ..] => (hit || *single == byte, rest),
            [] => return None,
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{GLOB_MATCHES_MAX, limit, matches};

    #[test]
    fn matches_are_limited() {
        let mut found = vec![std::path::PathBuf::new(); GLOB_MATCHES_MAX - 1];
        assert!(limit(&found).is_ok());
        found.push(std::path::PathBuf::new());
        let error = limit(&found).unwrap_err().to_string();
        assert!(error.contains("100000"), "{error}");
    }

    #[test]
    fn components_match_as_shells_do() {
        let cases: [(&str, &str, bool); 18] = [
            ("*", "a.txt", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.csv", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("?.txt", "a.txt", true),
            ("?.txt", "é.txt", true),
            ("?.txt", ".txt", false),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]x", "dx", true),
            ("[^a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[abc", "a", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("a", "", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_stay_quick() {
        let pattern = "*a".repeat(30);
        assert!(!matches(pattern.as_bytes(), "a".repeat(29).as_bytes()));
        assert!(matches(pattern.as_bytes(), "a".repeat(500).as_bytes()));
    }
}
