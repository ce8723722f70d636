//! Files and folders that belong to a configuration. They are read at once, on the thread that
//! asks: that is for what is read while something is built, never for data.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// Files that are looked at below one folder.
pub const BELOW_FILES_MAX: usize = 100_000;
/// Folders that may lie in one another.
pub const BELOW_DEPTH_MAX: usize = 64;

/// The content of a file, which must not be longer than `bytes_max`.
///
/// # Errors
/// What the system says, or that the file is longer.
pub fn load(path: impl AsRef<Path>, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let too_long = || io::Error::other(format!("the file is longer than {bytes_max} bytes"));
    let length = file.metadata()?.len();
    if length > bytes_max {
        return Err(too_long());
    }
    let mut content = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    // What is no regular file, or grows, has no length that could be trusted.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > bytes_max {
        return Err(too_long());
    }
    Ok(content)
}

/// The files of a folder and of those below it, in order, by their paths within it. Links to
/// folders are not followed. An empty path is where the program runs.
///
/// # Errors
/// What the system says, or that there are too many.
pub fn below(folder: &str) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    let root = Path::new(if folder.is_empty() { "." } else { folder });
    walk(root, "", BELOW_DEPTH_MAX, &mut files)?;
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, within: &str, depth: usize, files: &mut Vec<String>) -> io::Result<()> {
    let too_many = || io::Error::other("too many files or folders");
    let depth = depth.checked_sub(1).ok_or_else(too_many)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{within}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), depth, files)?;
        } else if files.len() < BELOW_FILES_MAX {
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
    fn a_file_is_read_up_to_its_limit() {
        let path = std::env::temp_dir().join(format!("mainstem-load-{}", std::process::id()));
        fs::write(&path, "content").unwrap();
        let (whole, longer) = (load(&path, 7), load(&path, 6));
        fs::remove_file(&path).unwrap();
        assert_eq!(whole.unwrap(), b"content");
        assert_eq!(longer.unwrap_err().to_string(), "the file is longer than 6 bytes");
        assert_eq!(load(&path, 7).unwrap_err().kind(), io::ErrorKind::NotFound);
        // It has no end, and says that it has no length.
        assert!(load("/dev/zero", 1 << 20).unwrap_err().to_string().contains("longer"));
        let host = load("/proc/sys/kernel/hostname", 1 << 20).unwrap();
        assert!(host.ends_with(b"\n"), "what says that it is empty is read, too");
    }

    #[test]
    fn files_of_all_folders_below_are_found_once() {
        let folder = std::env::temp_dir().join(format!("mainstem-folders-{}", std::process::id()));
        let inner = folder.join("a/b");
        fs::create_dir_all(&inner).unwrap();
        for path in ["z.txt", "a/y.txt", "a/b/x.txt"] {
            fs::write(folder.join(path), "").unwrap();
        }
        std::os::unix::fs::symlink(&folder, inner.join("loop")).unwrap();
        let name = folder.to_string_lossy();
        let found = below(&name);
        let missing = below(&format!("{name}/none"));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.unwrap(), ["a/b/loop", "a/b/x.txt", "a/y.txt", "z.txt"]);
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn folders_lie_so_deep_in_one_another_and_no_deeper() {
        let folder = std::env::temp_dir().join(format!("mainstem-deep-{}", std::process::id()));
        let name = folder.to_string_lossy().into_owned();
        let deepest = ["x"; BELOW_DEPTH_MAX - 1].join("/");
        fs::create_dir_all(folder.join(&deepest)).unwrap();
        let deep = below(&name);
        fs::create_dir(folder.join(&deepest).join("x")).unwrap();
        let deeper = below(&name);
        fs::remove_dir_all(&folder).unwrap();
        assert!(deep.is_ok());
        assert!(deeper.unwrap_err().to_string() == "too many files or folders");
    }
}
