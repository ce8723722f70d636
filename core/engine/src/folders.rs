//! Folders of files that belong to a configuration.

use std::path::Path;

/// Files that are looked at below one folder.
const FILES_MAX: usize = 100_000;
/// Folders that may lie in one another.
const DEPTH_MAX: usize = 64;

/// The files of a folder and of those below it, in order, by their paths within it. Links to
/// folders are not followed.
///
/// # Errors
/// What the system says, or that there are too many.
pub(crate) fn files_below(folder: &str) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    // An empty path is where the program runs.
    let root = if folder.is_empty() { "." } else { folder };
    walk(Path::new(root), "", DEPTH_MAX, &mut files)
        .map_err(|error| format!("open {folder}: {error}"))?;
    files.sort();
    Ok(files)
}

fn walk(
    folder: &Path,
    within: &str,
    depth: usize,
    files: &mut Vec<String>,
) -> Result<(), std::io::Error> {
    let too_many = || std::io::Error::other("too many files or folders");
    let depth = depth.checked_sub(1).ok_or_else(too_many)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{within}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), depth, files)?;
        } else if files.len() < FILES_MAX {
            files.push(path);
        } else {
            return Err(too_many());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_all_folders_below_are_found_once() {
        let folder = std::env::temp_dir().join(format!("mainstem-folders-{}", std::process::id()));
        let inner = folder.join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        for path in ["z.txt", "a/y.txt", "a/b/x.txt"] {
            std::fs::write(folder.join(path), "").unwrap();
        }
        std::os::unix::fs::symlink(&folder, inner.join("loop")).unwrap();
        let name = folder.to_string_lossy();
        let found = files_below(&name);
        let missing = files_below(&format!("{name}/none"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.unwrap(), ["a/b/loop", "a/b/x.txt", "a/y.txt", "z.txt"]);
        assert!(missing.unwrap_err().starts_with("open "));
    }

    #[test]
    fn folders_lie_so_deep_in_one_another_and_no_deeper() {
        let folder = std::env::temp_dir().join(format!("mainstem-deep-{}", std::process::id()));
        let name = folder.to_string_lossy().into_owned();
        let deepest = ["x"; DEPTH_MAX - 1].join("/");
        std::fs::create_dir_all(folder.join(&deepest)).unwrap();
        let deep = files_below(&name);
        std::fs::create_dir(folder.join(&deepest).join("x")).unwrap();
        let deeper = files_below(&name);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(deep.is_ok());
        assert!(deeper.unwrap_err().ends_with("too many files or folders"));
    }
}
