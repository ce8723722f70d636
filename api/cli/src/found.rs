//! Paths of the command line that stand for several files: directories, patterns, and `DIR/...`
//! for everything below DIR.

use std::fs;
use std::path::{Path, PathBuf};

use crate::boot::wait;

/// How deep directories are looked into.
const DEPTH_MAX: usize = 64;

/// The files that paths stand for, each once, in the order of the paths. A directory stands for
/// the files below it that have one of these endings; a path that is not there for itself, so that
/// whoever reads it says so.
///
/// # Errors
/// A pattern that is none, or a directory that cannot be read.
pub(crate) fn files(paths: &[String], endings: &[&str]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        let dir = path.strip_suffix("...").map(|dir| if dir.is_empty() { "." } else { dir });
        let root = Path::new(dir.unwrap_or(path));
        if dir.is_some() || root.is_dir() {
            below(root, endings, DEPTH_MAX, &mut found)?;
        } else if rt::file::is_glob(path) && !root.exists() {
            found.extend(wait(rt::file::glob(path)).map_err(|e| format!("{path}: {e}"))?);
        } else {
            found.push(root.to_owned());
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn below(
    dir: &Path,
    endings: &[&str],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            // A link to a directory above would lead round in a circle.
            if depth > 0 && !path.is_symlink() {
                below(&path, endings, depth - 1, found)?;
            }
        } else if path.extension().is_some_and(|e| endings.iter().any(|known| e == *known)) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_patterns_and_everything_below() {
        let dir = std::env::temp_dir().join(format!("found-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).unwrap();
        for name in ["one.yaml", "sub/two.yml", "notes.txt"] {
            fs::write(dir.join(name), "{}").unwrap();
        }
        std::os::unix::fs::symlink(&dir, dir.join("sub/loop")).unwrap();
        let names = |paths: &[&str]| -> Vec<String> {
            let full = |path: &&str| dir.join(path).display().to_string();
            let paths: Vec<String> = paths.iter().map(full).collect();
            let found = files(&paths, &["yaml", "yml"]).unwrap();
            let name = |path: PathBuf| path.strip_prefix(&dir).unwrap().display().to_string();
            found.into_iter().map(name).collect()
        };
        let both = ["one.yaml", "sub/two.yml"];
        assert_eq!(names(&[""]), both);
        assert_eq!(names(&["..."]), both);
        assert_eq!(names(&["*/*.yml", "sub/two.yml"]), ["sub/two.yml"]);
        assert_eq!(names(&["notes.txt", "none.yaml"]), ["notes.txt", "none.yaml"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
