//! The journal's place on disk. Until the storage reactor is wired in, a state directory is refused.

/// The journal's file.
#[derive(Clone)]
pub(crate) struct Journal;

impl Journal {
    pub(crate) async fn append(&self, _: Vec<u8>) -> Result<(), String> {
        Err("there is no storage".to_owned())
    }
    pub(crate) async fn rewrite(&self, _: Vec<Vec<u8>>) -> Result<(), String> {
        Err("there is no storage".to_owned())
    }
}

pub(crate) struct StorageHandle;
pub(crate) struct Storage;

impl Storage {
    pub(crate) fn start(_: &std::path::Path, _: rt::IoMode) -> Result<StorageHandle, String> {
        Err("a state directory is not supported in this build".to_owned())
    }
}

impl StorageHandle {
    pub(crate) fn journal(&self, _: &str) -> Result<(Journal, Vec<Vec<u8>>), String> {
        Err("there is no storage".to_owned())
    }
}
