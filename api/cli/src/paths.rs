//! Paths as users give them: files, directories, patterns, and `DIR/...` for everything below a
//! directory.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::boot::wait;

/// How deep directories are looked into.
const DEPTH_MAX: usize = 64;
/// Most files that paths may stand for.
const FILES_MAX: usize = 100_000;
/// Longest file that is read whole, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 64 << 20;
/// Endings of the files that are looked for in directories.
const ENDINGS: [&str; 2] = ["yaml", "yml"];

/// The files that paths stand for, each once: first those below directories, then the others. A
/// path without a pattern stands for itself, whether it is there or not.
///
/// # Errors
/// A directory that cannot be read, or too many files.
pub(crate) fn expand(paths: &[String]) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    let (below, plain): (Vec<&String>, Vec<&String>) =
        paths.iter().partition(|path| path.ends_with("..."));
    for path in below {
        let root = path.trim_end_matches("...").trim_end_matches('/');
        let root = match root {
            "" if path.starts_with('/') => "/",
            "" | "." => ".",
            other => other,
        };
        walk(Path::new(root), DEPTH_MAX, FILES_MAX, &mut all)?;
    }
    all.extend(globs(plain.into_iter())?);
    let mut seen = std::collections::HashSet::new();
    all.retain(|path| seen.insert(path.clone()));
    Ok(all)
}

/// The files that paths stand for, each once, in the order of the paths. A directory stands for the
/// configs below it, as with `...`; a path that is not there for itself, so that whoever reads it
/// says so.
///
/// # Errors
/// A pattern that is none, a directory that cannot be read, or too many files.
pub(crate) fn files(paths: &[String]) -> Result<Vec<PathBuf>, String> {
    let mut all = Vec::new();
    for path in paths {
        let below = path.strip_suffix("...").map(|dir| if dir.is_empty() { "." } else { dir });
        let root = Path::new(below.unwrap_or(path));
        if below.is_some() || root.is_dir() {
            walk(root, DEPTH_MAX, FILES_MAX, &mut all)?;
        } else if root.exists() {
            all.push(path.clone());
        } else {
            all.extend(globs(std::iter::once(path))?);
        }
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|path| seen.insert(path.clone()));
    Ok(all.into_iter().map(PathBuf::from).collect())
}

/// All files below a directory that may be configs, in the order of their names.
///
/// # Errors
/// A directory that cannot be read, or too many files.
pub(crate) fn below(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut all = Vec::new();
    walk(dir, DEPTH_MAX, FILES_MAX, &mut all)?;
    Ok(all.into_iter().map(PathBuf::from).collect())
}

/// The files that patterns stand for.
///
/// # Errors
/// A pattern that is none.
pub(crate) fn globs<'p>(paths: impl Iterator<Item = &'p String>) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for path in paths {
        if rt::file::is_glob(path) {
            let found = wait(rt::file::glob(path)).map_err(|e| format!("{path}: {e}"))?;
            all.extend(found.into_iter().map(|path| path.display().to_string()));
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

/// All files below a directory that may be configs, in the order of their names. Links to
/// directories are not followed. It is an error when there are more than `most`.
fn walk(dir: &Path, depth: usize, most: usize, all: &mut Vec<String>) -> Result<(), String> {
    let unread = |e: std::io::Error| reason("open", dir, &e);
    let mut entries: Vec<_> =
        fs::read_dir(dir).map_err(unread)?.collect::<Result<_, _>>().map_err(unread)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().is_ok_and(|of| of.is_dir()) {
            if depth > 0 {
                walk(&path, depth - 1, most, all)?;
            }
        } else if path.extension().is_some_and(|e| ENDINGS.iter().any(|known| e == *known)) {
            if all.len() >= most {
                return Err(format!("{}: there are more than {most} files", dir.display()));
            }
            all.push(clean(&path));
        }
    }
    Ok(())
}

/// What the system says about a path, in the words of Go.
pub(crate) fn reason(verb: &str, path: &Path, error: &std::io::Error) -> String {
    let text = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    };
    format!("{verb} {}: {text}", path.display())
}

/// Reads a file whole. What is no plain file, such as a pipe or device, could have no end.
///
/// # Errors
/// What the system says, or that the file is too long.
pub(crate) fn read(path: &str) -> Result<Vec<u8>, String> {
    let at = Path::new(path);
    let meta = fs::metadata(at).map_err(|e| reason("open", at, &e))?;
    if meta.is_dir() {
        return Err(format!("read {path}: is a directory"));
    }
    if !meta.is_file() {
        return Err(format!("open {path}: this is no plain file"));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("open {path}: the file is longer than {FILE_BYTES_MAX} bytes"));
    }
    fs::read(at).map_err(|e| reason("open", at, &e))
}

/// Reads a text file whole.
///
/// # Errors
/// Those of [`read`], or that it is no text.
pub(crate) fn read_text(path: &str) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let (line, column) = plan::place_of(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("yaml: line {line}: invalid leading UTF-8 octet (column {column})")
    })
}

/// The path without detours: no `.`, no `..` behind a name.
pub(crate) fn clean(path: &Path) -> String {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => _ = out.pop(),
                Some(Component::RootDir) => {}
                _ => out.push(".."),
            },
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { ".".to_owned() } else { out.display().to_string() }
}

/// A path that is seen from the folder of a file.
pub(crate) fn beside(file: &str, path: &str) -> String {
    if Path::new(path).is_absolute() {
        return clean(Path::new(path));
    }
    clean(&Path::new(file).parent().unwrap_or(Path::new("")).join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detours_are_left_out() {
        for (path, want) in [
            ("./a/../b.yaml", "b.yaml"),
            ("a//b/./c", "a/b/c"),
            ("../a", "../a"),
            ("../../a/..", "../.."),
            ("/../a", "/a"),
            (".", "."),
        ] {
            assert_eq!(clean(Path::new(path)), want, "{path}");
        }
        assert_eq!(beside("a/b.yaml", "./c.json"), "a/c.json");
        assert_eq!(beside("a/b.yaml", "../c.json"), "c.json");
        assert_eq!(beside("b.yaml", "/c.json"), "/c.json");
    }

    #[test]
    fn what_is_no_plain_file_is_not_read() {
        assert_eq!(read("/nowhere/x").unwrap_err(), "open /nowhere/x: no such file or directory");
        assert_eq!(read("/dev/zero").unwrap_err(), "open /dev/zero: this is no plain file");
        assert_eq!(read("/").unwrap_err(), "read /: is a directory");
        let path = std::env::temp_dir().join(format!("long-{}", std::process::id()));
        let name = path.display().to_string();
        let file = fs::File::create(&path).unwrap();
        // Of a length without content, so it takes no room.
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        let long = format!("open {name}: the file is longer than {FILE_BYTES_MAX} bytes");
        assert_eq!(read(&name).unwrap_err(), long);
        file.set_len(FILE_BYTES_MAX).unwrap();
        assert_eq!(read(&name).map(|bytes| bytes.len() as u64), Ok(FILE_BYTES_MAX));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn files_are_found_below_directories_and_by_patterns() {
        let dir = std::env::temp_dir().join(format!("paths-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).unwrap();
        for name in ["b.yaml", "sub/a.yml", "notes.txt"] {
            fs::write(dir.join(name), "{}").unwrap();
        }
        let found = |paths: &[&str]| -> Vec<String> {
            let paths: Vec<String> =
                paths.iter().map(|p| dir.join(p).display().to_string()).collect();
            let all = expand(&paths).unwrap();
            let short = |p: String| p.strip_prefix(dir.to_str().unwrap()).unwrap().to_owned();
            all.into_iter().map(short).collect()
        };
        assert_eq!(found(&["..."]), ["/b.yaml", "/sub/a.yml"]);
        assert_eq!(found(&["*.txt", "...", "b.yaml"]), ["/b.yaml", "/sub/a.yml", "/notes.txt"]);
        assert_eq!(found(&["missing.yaml"]), ["/missing.yaml"]);
        assert_eq!(found(&["missing*"]), [""; 0]);
        let gone = expand(&["/nowhere/...".to_owned()]).unwrap_err();
        assert_eq!(gone, "open /nowhere: no such file or directory");
        let within = |most| walk(&dir, DEPTH_MAX, most, &mut Vec::new());
        assert_eq!(within(2), Ok(()));
        let sub = dir.join("sub").display().to_string();
        assert_eq!(within(1), Err(format!("{sub}: there are more than 1 files")));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn directories_stand_for_the_configs_below_them() {
        let dir = std::env::temp_dir().join(format!("files-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).unwrap();
        for name in ["one.yaml", "sub/two.yml", "notes.txt"] {
            fs::write(dir.join(name), "{}").unwrap();
        }
        std::os::unix::fs::symlink(&dir, dir.join("sub/loop")).unwrap();
        let names = |paths: &[&str]| -> Vec<String> {
            let full = |path: &&str| dir.join(path).display().to_string();
            let paths: Vec<String> = paths.iter().map(full).collect();
            let found = files(&paths).unwrap();
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
