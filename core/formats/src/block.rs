//! Blocks: the pooled, aligned, reference-counted buffers that reads fill and records point into.
//!
//! A [`BlockMut`] has one owner and is written; [`BlockMut::freeze`] turns it into a [`Block`],
//! which is only read and whose handle moves freely between shards. When the last handle goes,
//! the memory returns to the pool of the thread that dropped it.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

/// Capacity of a block when nothing else is asked for, in bytes.
pub const BLOCK_BYTES_DEFAULT: usize = 1 << 20;
/// Largest block there can be, in bytes: positions within a block fit 32 bits with room to spare.
pub const BLOCK_BYTES_MAX: usize = 1 << 30;
/// Readable bytes behind the end of every block, so that a SIMD load may run over it.
pub const BLOCK_SLACK_BYTES: usize = 64;
/// Capacities that the pool keeps, in bytes; a request is rounded up to the next of them.
pub const POOLED_BYTES: [usize; 3] = [256 << 10, 512 << 10, 1 << 20];
/// Bytes that one thread's pool holds at most.
pub const POOL_BYTES_MAX: usize = 16 << 20;

/// Alignment of a block, in bytes: a cache line and the widest SIMD register.
const BLOCK_ALIGN: usize = 64;

/// A block was asked to be larger than [`BLOCK_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block of {0} bytes exceeds the maximum of {BLOCK_BYTES_MAX}")]
pub struct BlockTooLarge(pub usize);

/// Memory of a block: `capacity` bytes and the slack, all of them initialised from the start, so
/// that no read within it ever sees uninitialised memory.
struct Memory {
    start: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a `Memory` owns its allocation alone, as a `Box<[u8]>` would.
unsafe impl Send for Memory {}
// SAFETY: shared references only read the allocation.
unsafe impl Sync for Memory {}

impl Memory {
    fn layout(capacity: usize) -> Layout {
        // SAFETY: the alignment is a power of two, and the size is at most BLOCK_BYTES_MAX and a
        // little, which is far below isize::MAX.
        unsafe { Layout::from_size_align_unchecked(capacity + BLOCK_SLACK_BYTES, BLOCK_ALIGN) }
    }

    fn new(capacity: usize) -> Self {
        debug_assert!(capacity <= BLOCK_BYTES_MAX, "the caller checks the size");
        let layout = Self::layout(capacity);
        // SAFETY: the layout is never of size zero because of the slack.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Memory { start, capacity }
    }

    fn all(&self) -> &[u8] {
        // SAFETY: capacity + slack bytes are allocated and initialised.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr(), self.capacity + BLOCK_SLACK_BYTES)
        }
    }

    fn all_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `all`, and `self` is borrowed mutably.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr(), self.capacity + BLOCK_SLACK_BYTES)
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout, freed once.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.capacity)) }
    }
}

#[derive(Default)]
struct Pool {
    free: Vec<Memory>,
    bytes: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

fn take(capacity: usize) -> Memory {
    let Some(&pooled) = POOLED_BYTES.iter().find(|&&size| size >= capacity) else {
        return Memory::new(capacity);
    };
    // A thread that is ending has no pool any more; nor has a pool in use by a nested call.
    let reused = POOL.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        let at = pool.free.iter().rposition(|memory| memory.capacity == pooled)?;
        pool.bytes -= pooled;
        Some(pool.free.swap_remove(at))
    });
    reused.ok().flatten().unwrap_or_else(|| Memory::new(pooled))
}

fn give_back(memory: Memory) {
    if !POOLED_BYTES.contains(&memory.capacity) {
        return;
    }
    let _ = POOL.try_with(|pool| {
        if let Ok(mut pool) = pool.try_borrow_mut()
            && pool.bytes + memory.capacity <= POOL_BYTES_MAX
        {
            pool.bytes += memory.capacity;
            pool.free.push(memory);
        }
    });
}

/// Bytes that wait for reuse in this thread's pool.
#[must_use]
pub fn pooled_bytes() -> usize {
    POOL.try_with(|pool| pool.try_borrow().map_or(0, |pool| pool.bytes)).unwrap_or(0)
}

/// Frees what waits for reuse in this thread's pool.
pub fn empty_pool() {
    let _ = POOL.try_with(|pool| pool.try_borrow_mut().map(|mut pool| std::mem::take(&mut *pool)));
}

/// A block that is being filled, with one owner. It can serve as an owned I/O buffer: its memory
/// does not move when the handle does.
pub struct BlockMut {
    /// `None` only within `drop` and `freeze`.
    memory: Option<Memory>,
    len: usize,
}

impl Default for BlockMut {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockMut {
    /// An empty block of [`BLOCK_BYTES_DEFAULT`].
    #[must_use]
    pub fn new() -> Self {
        BlockMut { memory: Some(take(BLOCK_BYTES_DEFAULT)), len: 0 }
    }

    /// An empty block for at least `capacity` bytes. A request between the pooled sizes is rounded
    /// up to one, a small one is allocated as it is.
    ///
    /// # Errors
    /// When `capacity` exceeds [`BLOCK_BYTES_MAX`].
    pub fn with_capacity(capacity: usize) -> Result<Self, BlockTooLarge> {
        if capacity > BLOCK_BYTES_MAX {
            return Err(BlockTooLarge(capacity));
        }
        let small = capacity <= POOLED_BYTES[0] / 4;
        let memory = if small { Memory::new(capacity) } else { take(capacity) };
        Ok(BlockMut { memory: Some(memory), len: 0 })
    }

    fn all_mut(&mut self) -> &mut [u8] {
        self.memory.as_mut().map_or(&mut [], Memory::all_mut)
    }

    /// Bytes filled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was filled yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that fit without growing.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.capacity)
    }

    /// Start of the memory, for an I/O call that fills it.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.all_mut().as_mut_ptr()
    }

    /// Start of the memory, for an I/O call that reads it.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.memory.as_ref().map_or(std::ptr::null(), |memory| memory.start.as_ptr())
    }

    /// Sets how many bytes are filled. Safe, because all of the memory is initialised.
    ///
    /// # Panics
    /// When `len` exceeds the capacity, which is a bug of the caller.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.capacity(), "a block was filled beyond its capacity");
        self.len = len;
    }

    /// The unfilled part, to write into before [`BlockMut::set_len`].
    pub fn spare_mut(&mut self) -> &mut [u8] {
        let (from, to) = (self.len, self.capacity());
        self.all_mut().get_mut(from..to).unwrap_or(&mut [])
    }

    /// The filled bytes.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let len = self.len;
        self.all_mut().get_mut(..len).unwrap_or(&mut [])
    }

    /// Appends bytes, growing to twice the capacity when they do not fit.
    ///
    /// # Errors
    /// When the block would exceed [`BLOCK_BYTES_MAX`]; nothing is appended then.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), BlockTooLarge> {
        self.reserve(bytes.len())?;
        if let Some(spare) = self.spare_mut().get_mut(..bytes.len()) {
            spare.copy_from_slice(bytes);
            self.len += bytes.len();
        }
        Ok(())
    }

    /// Makes room for `additional` bytes.
    ///
    /// # Errors
    /// When the block would exceed [`BLOCK_BYTES_MAX`].
    pub fn reserve(&mut self, additional: usize) -> Result<(), BlockTooLarge> {
        let wanted = self.len.saturating_add(additional);
        if wanted <= self.capacity() {
            return Ok(());
        }
        let doubled = (self.capacity() * 2).min(BLOCK_BYTES_MAX);
        let mut grown = Self::with_capacity(wanted.max(doubled))?;
        grown.spare_mut()[..self.len].copy_from_slice(self);
        grown.len = self.len;
        *self = grown;
        Ok(())
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Ends the filling.
    #[must_use]
    pub fn freeze(mut self) -> Block {
        let memory = self.memory.take();
        Block(Arc::new(Shared { memory, len: self.len }))
    }
}

impl Deref for BlockMut {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.as_ref().and_then(|memory| memory.all().get(..self.len)).unwrap_or(&[])
    }
}

impl Drop for BlockMut {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            give_back(memory);
        }
    }
}

impl std::fmt::Debug for BlockMut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockMut({} of {} bytes)", self.len, self.capacity())
    }
}

struct Shared {
    /// `None` only within `drop`.
    memory: Option<Memory>,
    len: usize,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            give_back(memory);
        }
    }
}

/// A filled block: cheap to clone, read by anyone.
#[derive(Clone)]
pub struct Block(Arc<Shared>);

impl Block {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.all().get(..self.0.len).unwrap_or(&[])
    }

    /// The bytes and [`BLOCK_SLACK_BYTES`] or more of unspecified but readable content behind.
    #[must_use]
    pub fn as_padded_slice(&self) -> &[u8] {
        self.all()
    }

    fn all(&self) -> &[u8] {
        self.0.memory.as_ref().map_or(&[], Memory::all)
    }

    /// Bytes of memory that this block keeps alive, for budgets.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.memory.as_ref().map_or(0, |memory| memory.capacity + BLOCK_SLACK_BYTES)
    }

    /// Whether two handles are of the same block.
    #[must_use]
    pub fn is_same(&self, other: &Block) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl TryFrom<&[u8]> for Block {
    type Error = BlockTooLarge;

    /// Copies the bytes into a block of their size.
    fn try_from(bytes: &[u8]) -> Result<Self, BlockTooLarge> {
        let mut block = BlockMut::with_capacity(bytes.len())?;
        block.extend_from_slice(bytes)?;
        Ok(block.freeze())
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({} bytes)", self.0.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_freeze_and_read() {
        let mut block = BlockMut::new();
        assert_eq!(block.as_ptr() as usize % 64, 0);
        block.spare_mut()[..3].copy_from_slice(b"abc");
        block.set_len(3);
        block.extend_from_slice(b"def").unwrap();
        let block = block.freeze();
        let other = block.clone();
        assert!(block.is_same(&other));
        std::thread::spawn(move || assert_eq!(&*other, b"abcdef")).join().unwrap();
        assert!(block.as_padded_slice().len() >= block.len() + BLOCK_SLACK_BYTES);
    }

    #[test]
    fn growth_keeps_content_and_has_a_limit() {
        let mut block = BlockMut::with_capacity(10).unwrap();
        for i in 0..100_000u32 {
            block.extend_from_slice(&i.to_le_bytes()).unwrap();
        }
        assert_eq!(block.len(), 400_000);
        assert_eq!(block[4 * 777..][..4], 777u32.to_le_bytes());
        assert!(block.reserve(BLOCK_BYTES_MAX).is_err());
        assert_eq!(block.len(), 400_000);
    }

    #[test]
    fn the_pool_reuses_and_is_bounded() {
        let start = pooled_bytes();
        let blocks: Vec<_> = (0..40).map(|_| BlockMut::new().freeze()).collect();
        drop(blocks);
        assert_eq!(pooled_bytes(), POOL_BYTES_MAX);
        let first = BlockMut::new();
        assert_eq!(pooled_bytes(), POOL_BYTES_MAX - BLOCK_BYTES_DEFAULT);
        drop(first);
        assert!(pooled_bytes() >= start);
    }
}
