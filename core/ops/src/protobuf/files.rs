//! Definitions of messages from folders of `.proto` files.

use std::collections::BTreeMap;
use std::sync::Arc;

use plan::Services;
use prost_reflect::DescriptorPool;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// Files of all folders together.
pub(super) const FILES_MAX: usize = 10_000;

/// Texts of files by the names by which they import each other.
struct Texts(Arc<BTreeMap<String, String>>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// Reads all definitions in some folders and those below them. Hidden files do not count.
///
/// # Errors
/// When a file cannot be read, or is no definition.
pub(crate) fn load(services: &dyn Services, folders: &[String]) -> Result<DescriptorPool, String> {
    let mut texts = BTreeMap::new();
    for folder in folders {
        for path in services.files_below(folder)? {
            let hidden = path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
            if hidden || !path.ends_with(".proto") {
                continue;
            }
            let full = format!("{}/{path}", folder.trim_end_matches('/'));
            let bytes = services.read_file(&full);
            let bytes = bytes.map_err(|e| format!("reading import {full}: {e}"))?;
            texts.insert(path, String::from_utf8_lossy(&bytes).into_owned());
            if texts.len() > FILES_MAX {
                return Err(format!("there are more than {FILES_MAX} files"));
            }
        }
    }
    compile(texts)
}

/// Compiles some files.
///
/// # Errors
/// When one is no definition.
pub(crate) fn compile(texts: BTreeMap<String, String>) -> Result<DescriptorPool, String> {
    let texts = Arc::new(texts);
    let mut resolver = ChainFileResolver::new();
    resolver.add(Texts(Arc::clone(&texts)));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for name in texts.keys() {
        compiler.open_file(name).map_err(|e| e.to_string())?;
    }
    Ok(compiler.descriptor_pool())
}
