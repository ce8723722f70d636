//! Files for state that does not fit in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plan::{Extent, LocalBoxFuture, Scratch, StateBudget};
use rt::file::{File, OpenOptions};

/// Most bytes that one operator puts to disk.
pub(crate) const SCRATCH_BYTES_MAX: u64 = 1 << 40;

/// What the operators of a process share for their state.
#[derive(Clone, Debug)]
pub(crate) struct StateRoom {
    pub(crate) budget: StateBudget,
    /// Where files are made that hold what is beyond the budget.
    pub(crate) dir: Arc<PathBuf>,
    /// Where sources keep what must not be lost, a directory for each pipeline.
    pub(crate) journals: Option<Arc<PathBuf>>,
}

/// The file of one operator. It is made by the first write and has no name, so that nothing is
/// left of it when the process is killed.
pub(crate) struct ScratchFile {
    dir: Arc<PathBuf>,
    file: RefCell<Option<Rc<File>>>,
    free: RefCell<Gaps>,
    /// Behind the last byte that is in use.
    end: Cell<u64>,
    max: u64,
}

/// Stretches below the end that are not in use, by their start; none touches another.
#[derive(Default)]
struct Gaps(BTreeMap<u64, u64>);

impl Gaps {
    /// The first gap that is long enough, of which the rest stays.
    fn take(&mut self, len: u64) -> Option<u64> {
        let (start, gap) = self.0.iter().find(|(_, gap)| **gap >= len).map(|(s, g)| (*s, *g))?;
        self.0.remove(&start);
        if gap > len {
            self.0.insert(start + len, gap - len);
        }
        Some(start)
    }

    /// Adds a gap, which grows together with its neighbours.
    fn put(&mut self, mut start: u64, mut len: u64) {
        if let Some((before, gap)) = self.0.range(..start).next_back().map(|(s, g)| (*s, *g))
            && before + gap == start
        {
            self.0.remove(&before);
            (start, len) = (before, gap + len);
        }
        if let Some(gap) = self.0.remove(&(start + len)) {
            len += gap;
        }
        self.0.insert(start, len);
    }

    /// Removes the gap that ends at `end`; where it starts.
    fn last(&mut self, end: u64) -> Option<u64> {
        let (start, len) = self.0.last_key_value().map(|(s, g)| (*s, *g))?;
        (start + len == end).then(|| {
            self.0.remove(&start);
            start
        })
    }
}

impl ScratchFile {
    pub(crate) fn new(dir: Arc<PathBuf>, max: u64) -> Self {
        let (file, free, end) = (RefCell::default(), RefCell::default(), Cell::new(0));
        ScratchFile { dir, file, free, end, max }
    }

    async fn file(&self) -> io::Result<Rc<File>> {
        if let Some(file) = &*self.file.borrow() {
            return Ok(Rc::clone(file));
        }
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("mainstem-state-{}-{number}", std::process::id()));
        rt::file::create_dir_all(&*self.dir).await?;
        let options = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600);
        let file = Rc::new(options.open(&path).await?);
        rt::file::remove(&path).await?;
        *self.file.borrow_mut() = Some(Rc::clone(&file));
        Ok(file)
    }

    fn place(&self, len: u64) -> Result<u64, String> {
        if let Some(start) = self.free.borrow_mut().take(len) {
            return Ok(start);
        }
        let start = self.end.get();
        let end = start.saturating_add(len);
        if end > self.max {
            return Err(format!("an operator keeps more than {} bytes of state", self.max));
        }
        self.end.set(end);
        Ok(start)
    }
}

impl Scratch for ScratchFile {
    fn write(&self, bytes: Vec<u8>) -> LocalBoxFuture<'_, Result<Extent, String>> {
        Box::pin(async move {
            let failed = |e: io::Error| format!("cannot put state to {}: {e}", self.dir.display());
            let file = self.file().await.map_err(failed)?;
            let len = bytes.len();
            let extent = Extent { offset: self.place(len as u64)?, len };
            let written = file.write_all_at(bytes, extent.offset).await.0;
            written.map(|()| extent).map_err(|error| {
                self.free(extent);
                failed(error)
            })
        })
    }

    fn read(&self, extent: Extent) -> LocalBoxFuture<'_, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let failed = |e: io::Error| format!("cannot read state in {}: {e}", self.dir.display());
            let file = self.file().await.map_err(failed)?;
            let mut bytes = Vec::with_capacity(extent.len);
            while bytes.len() < extent.len {
                let at = extent.offset + bytes.len() as u64;
                let (read, back) = file.read_at(bytes, at).await;
                bytes = back;
                if read.map_err(failed)? == 0 {
                    return Err(failed(io::ErrorKind::UnexpectedEof.into()));
                }
            }
            bytes.truncate(extent.len);
            Ok(bytes)
        })
    }

    fn free(&self, extent: Extent) {
        let mut free = self.free.borrow_mut();
        free.put(extent.offset, extent.len as u64);
        if let Some(end) = free.last(self.end.get()) {
            self.end.set(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rt::testing::TempDir;

    use super::*;

    /// Something that is done with a file.
    #[derive(Clone, Debug)]
    enum Act {
        Write(u8, usize),
        Free(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let write = (any::<u8>(), 1usize..300).prop_map(|(byte, len)| Act::Write(byte, len));
        prop::collection::vec(prop_oneof![write, any::<usize>().prop_map(Act::Free)], 0..60)
    }

    fn on_a_shard<F: Future<Output = ()>>(work: impl FnOnce() -> F) {
        let config = rt::ReactorConfig::new(rt::IoMode::Auto, "test");
        rt::run_reactor(config, work).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn what_is_written_is_read_until_it_is_free(acts in acts()) {
            on_a_shard(async move || {
                let dir = TempDir::new().unwrap();
                let scratch = ScratchFile::new(Arc::new(dir.path().join("new")), 1 << 20);
                let mut held: Vec<(Extent, Vec<u8>)> = Vec::new();
                for act in acts {
                    match act {
                        Act::Write(byte, len) => {
                            let bytes = vec![byte; len];
                            let extent = scratch.write(bytes.clone()).await.unwrap();
                            held.push((extent, bytes));
                        }
                        Act::Free(at) if !held.is_empty() => {
                            scratch.free(held.swap_remove(at % held.len()).0);
                        }
                        Act::Free(_) => {}
                    }
                    for (extent, bytes) in &held {
                        assert_eq!(&scratch.read(*extent).await.unwrap(), bytes);
                    }
                }
                held.drain(..).for_each(|(extent, _)| scratch.free(extent));
                assert_eq!(scratch.end.get(), 0, "all of it is free");
                assert!(scratch.free.borrow().0.is_empty());
                let left = std::fs::read_dir(dir.path().join("new")).map_or(0, Iterator::count);
                assert_eq!(left, 0, "the file has no name");
            });
        }
    }

    #[test]
    fn there_is_an_end_to_it_and_errors_name_the_folder() {
        on_a_shard(async move || {
            let dir = TempDir::new().unwrap();
            let scratch = ScratchFile::new(Arc::new(dir.path().to_owned()), 100);
            let extent = scratch.write(vec![1; 100]).await.unwrap();
            let refused = scratch.write(vec![2]).await.unwrap_err();
            assert_eq!(refused, "an operator keeps more than 100 bytes of state");
            scratch.free(extent);
            scratch.write(vec![2]).await.unwrap();
            let file = dir.path().join("file");
            std::fs::write(&file, "").unwrap();
            let scratch = ScratchFile::new(Arc::new(file.clone()), 100);
            let refused = scratch.write(vec![1]).await.unwrap_err();
            assert!(refused.starts_with(&format!("cannot put state to {}", file.display())));
        });
    }
}
