//! The repository as files: what the checks of layering and tidiness read.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository whose tests run: cargo says so anew for each run, as checkouts may
/// share what was built.
#[must_use]
pub fn root() -> PathBuf {
    let built_in = || env!("CARGO_MANIFEST_DIR").into();
    let here: PathBuf = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(built_in).into();
    here.parent().unwrap_or(&here).to_path_buf()
}

/// One source file.
pub struct SourceFile {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Folders of ours that hold code.
const FOLDERS: &[&str] = &["core", "net", "api", "benches", "perf", "tests"];

/// Every Rust file of the workspace, ordered by path.
///
/// # Panics
/// When there is none: a check that reads nothing holds for nothing.
#[must_use]
pub fn rust_files() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut files);
    }
    assert!(!files.is_empty(), "no source files below {}", root().display());
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(dir: &Path, files: &mut Vec<SourceFile>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "target";
        if path.is_dir() {
            if !hidden {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
            files.push(SourceFile { path, text });
        }
    }
}
