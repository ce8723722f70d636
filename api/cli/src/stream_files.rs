//! Files that hold streams: which there are under the paths given, what their ids are, and what
//! they lower to (spec/benthos-streams-api.md §9).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use config::{FileDoc, Root};
use server::dialects::benthos::Streams;

use crate::boot::wait;
use crate::load::{self, Environment};
use crate::paths;

/// Files that end so hold tests of a stream and no stream.
const TEST_ENDINGS: [&str; 2] = ["_benthos_test.yaml", "_benthos_test.yml"];

/// The files of all streams under the paths given, by the streams' ids.
///
/// # Errors
/// A path that is not there, or two files for one id.
pub(crate) fn find(paths: &[String]) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut found = BTreeMap::new();
    for path in paths {
        for (id, file) in expand(path)? {
            if let Some(other) = found.insert(id.clone(), file.clone()) {
                let (one, two) = (other.display(), file.display());
                return Err(format!("stream id ({id}) of {one} and {two} collides"));
            }
        }
    }
    Ok(found)
}

/// The same where paths that are not there stand for nothing, because their files may be gone.
///
/// # Errors
/// A directory that cannot be read, or two files for one id.
pub(crate) fn find_present(paths: &[String]) -> Result<BTreeMap<String, PathBuf>, String> {
    let present = |path: &&String| {
        rt::file::is_glob(path) || Path::new(below_of(path).unwrap_or(path)).exists()
    };
    find(&paths.iter().filter(present).cloned().collect::<Vec<_>>())
}

/// The directory that `dir/...` names.
fn below_of(path: &str) -> Option<&str> {
    path.strip_suffix("...").map(|dir| if dir.is_empty() { "." } else { dir })
}

/// The files that one path stands for: a file, a directory, everything below a directory
/// (`dir/...`), or a pattern.
fn expand(path: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let single = |file: PathBuf| (id_of(Path::new(file.file_name().unwrap_or_default())), file);
    let root = Path::new(below_of(path).unwrap_or(path));
    if below_of(path).is_none() && rt::file::is_glob(path) {
        let files = wait(rt::file::glob(path)).map_err(|e| format!("{path}: {e}"))?;
        return Ok(files.into_iter().map(single).collect());
    }
    if !is_directory(root)? {
        return Ok(vec![single(root.to_owned())]);
    }
    let files = below(root)?.into_iter();
    if below_of(path).is_some() {
        return Ok(files.map(single).collect());
    }
    let root = paths::clean(root);
    let relative = |file: PathBuf| (id_of(file.strip_prefix(&root).unwrap_or(&file)), file.clone());
    Ok(files.map(relative).collect())
}

fn is_directory(path: &Path) -> Result<bool, String> {
    let meta = fs::metadata(path).map_err(|error| read_error(path, &error))?;
    Ok(meta.is_dir())
}

fn read_error(path: &Path, error: &std::io::Error) -> String {
    let text = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    format!("stream configuration file read error: stat {}: {text}", path.display())
}

/// All stream files below a directory, in the order of their names.
fn below(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let tests = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        TEST_ENDINGS.iter().any(|test| name.ends_with(test))
    };
    let files = paths::below(dir)?;
    Ok(files.into_iter().filter(|path| !tests(path)).collect())
}

/// The id of a stream: the file's path without its ending, its parts joined by underscores.
fn id_of(path: &Path) -> String {
    let bare = path.with_extension("");
    let parts = bare.iter().map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("_")
}

/// Reads the stream of a file.
///
/// # Errors
/// What is wrong with a file that cannot be read at all, with its name.
pub(crate) fn read(
    streams: &Streams,
    path: &Path,
    environment: &Environment,
) -> Result<FileDoc, String> {
    load::config(streams.catalog(), path, Root::Stream, environment).map(|(_, doc)| doc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_paths_without_their_ending() {
        assert_eq!(id_of(Path::new("one.yaml")), "one");
        assert_eq!(id_of(Path::new("sub/two.yml")), "sub_two");
        assert_eq!(id_of(Path::new("a.b.yaml")), "a.b");
    }

    #[test]
    fn files_are_found_in_every_way_they_can_be_named() {
        let dir = std::env::temp_dir().join(format!("streams-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).unwrap();
        for name in ["one.yaml", "sub/two.yml", "one_benthos_test.yaml", "notes.txt"] {
            fs::write(dir.join(name), "{}").unwrap();
        }
        let ids = |path: &str| -> Vec<String> {
            let path = dir.join(path).display().to_string();
            find(&[path]).unwrap().into_keys().collect()
        };
        assert_eq!(ids(""), ["one", "sub_two"]);
        assert_eq!(ids("..."), ["one", "two"]);
        assert_eq!(ids("one.yaml"), ["one"]);
        assert_eq!(ids("*/*.yml"), ["two"]);
        let path = |name: &str| dir.join(name).display().to_string();
        let missing = find(&[path("nowhere")]).unwrap_err();
        assert!(missing.ends_with("nowhere: no such file or directory"), "{missing}");
        let twice = find(&[path("one.yaml"), path("")]).unwrap_err();
        assert!(twice.starts_with("stream id (one)"), "{twice}");
        let there = find_present(&[path("nowhere"), path("none/..."), path("one.yaml")]).unwrap();
        assert_eq!(there.into_keys().collect::<Vec<_>>(), ["one"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
