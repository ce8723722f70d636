//! Owned I/O buffers.
//!
//! A buffer is given to an operation by value and comes back with its result. Reads *append*: they
//! fill the spare capacity behind the bytes that are there, so that the rest of a line read
//! earlier stays in front. Writes write all filled bytes.

use std::cell::Cell;
use std::sync::Arc;

use formats::block::{Block, BlockMut};

/// The most bytes one operation moves; the kernel's own bound is a little under 2 GiB.
pub(crate) const TRANSFER_MAX: usize = 1 << 30;

/// Bytes that the kernel may read.
///
/// # Safety
/// `ptr` must stay valid for `filled` bytes, at the same address, while the value is moved around
/// and not changed: the bytes live on the heap or are static, never inside the value.
pub unsafe trait IoBuf: Unpin + Send + 'static {
    /// The first byte.
    fn ptr(&self) -> *const u8;

    /// How many bytes are filled.
    fn filled(&self) -> usize;
}

/// Bytes that the kernel may write.
///
/// # Safety
/// As [`IoBuf`], and `ptr_mut` must be valid for writes of `capacity` bytes.
pub unsafe trait IoBufMut: IoBuf {
    /// The first byte, for writing.
    fn ptr_mut(&mut self) -> *mut u8;

    /// How many bytes fit.
    fn capacity(&self) -> usize;

    /// Says that the first `filled` bytes are valid.
    ///
    /// # Safety
    /// They must have been written, and `filled` must not exceed the capacity.
    unsafe fn set_filled(&mut self, filled: usize);
}

// SAFETY: a vector's bytes live on the heap; moving the vector does not move them.
unsafe impl IoBuf for Vec<u8> {
    fn ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn filled(&self) -> usize {
        self.len()
    }
}

// SAFETY: a vector may be written up to its capacity.
unsafe impl IoBufMut for Vec<u8> {
    fn ptr_mut(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }

    unsafe fn set_filled(&mut self, filled: usize) {
        // SAFETY: promised by the caller.
        unsafe { self.set_len(filled) };
    }
}

macro_rules! io_buf_of_bytes {
    ($($kind:ty),*) => {$(
        // SAFETY: the bytes live behind a pointer and do not move with the value.
        unsafe impl IoBuf for $kind {
            fn ptr(&self) -> *const u8 {
                AsRef::<[u8]>::as_ref(self).as_ptr()
            }

            fn filled(&self) -> usize {
                AsRef::<[u8]>::as_ref(self).len()
            }
        }
    )*};
}

// SAFETY: the bytes of a block are shared behind a pointer.
unsafe impl IoBuf for Block {
    fn ptr(&self) -> *const u8 {
        self.as_slice().as_ptr()
    }

    fn filled(&self) -> usize {
        self.as_slice().len()
    }
}

// SAFETY: the bytes of a block that is being filled are behind a pointer.
unsafe impl IoBuf for BlockMut {
    fn ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn filled(&self) -> usize {
        self.len()
    }
}

// SAFETY: a block may be written up to its capacity.
unsafe impl IoBufMut for BlockMut {
    fn ptr_mut(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }

    unsafe fn set_filled(&mut self, filled: usize) {
        self.set_len(filled);
    }
}

io_buf_of_bytes!(bytes::Bytes, Box<[u8]>, Arc<[u8]>, &'static [u8], &'static str, String);

thread_local! {
    static IN_FLIGHT: Cell<usize> = const { Cell::new(0) };
}

/// Buffers of this thread that the kernel may still touch.
pub(crate) fn in_flight() -> usize {
    IN_FLIGHT.with(Cell::get)
}

/// Part of a buffer, on its way through the kernel. It is counted from its making to its drop, so
/// that a reactor can wait for the kernel before it frees its ring.
pub(crate) struct Window<B> {
    buf: Option<B>,
    start: usize,
    end: usize,
}

impl<B> Window<B> {
    /// The bytes from `start` to `end` of `buf`, at most [`TRANSFER_MAX`]. The caller checks the
    /// bounds.
    pub(crate) fn new(buf: B, start: usize, end: usize) -> Self {
        let end = end.min(start.saturating_add(TRANSFER_MAX));
        IN_FLIGHT.with(|count| count.set(count.get() + 1));
        Self { buf: Some(buf), start, end }
    }

    /// Takes the buffer out.
    pub(crate) fn into_inner(mut self) -> B {
        match self.buf.take() {
            Some(buf) => buf,
            None => unreachable!("a window gives its buffer away only once"),
        }
    }
}

impl<B> Drop for Window<B> {
    fn drop(&mut self) {
        // The thread's locals may be gone when a thread ends; then nobody counts any more.
        let _ = IN_FLIGHT.try_with(|count| count.set(count.get().saturating_sub(1)));
    }
}

// SAFETY: the address is that of the inner buffer, which promises the same.
unsafe impl<B: IoBuf> monoio::buf::IoBuf for Window<B> {
    fn read_ptr(&self) -> *const u8 {
        match &self.buf {
            // SAFETY: `start` is within the filled bytes.
            Some(buf) => unsafe { buf.ptr().add(self.start) },
            None => std::ptr::null(),
        }
    }

    fn bytes_init(&self) -> usize {
        self.end - self.start
    }
}

/// The spare capacity of a buffer, on its way through the kernel.
pub(crate) struct Spare<B>(pub(crate) Window<B>);

// SAFETY: as for `Window`; the range is the spare capacity of the inner buffer.
unsafe impl<B: IoBufMut> monoio::buf::IoBufMut for Spare<B> {
    fn write_ptr(&mut self) -> *mut u8 {
        let start = self.0.start;
        match &mut self.0.buf {
            // SAFETY: `start` is within the capacity.
            Some(buf) => unsafe { buf.ptr_mut().add(start) },
            None => std::ptr::null_mut(),
        }
    }

    fn bytes_total(&mut self) -> usize {
        self.0.end - self.0.start
    }

    unsafe fn set_init(&mut self, count: usize) {
        let filled = self.0.start + count;
        if let Some(buf) = &mut self.0.buf {
            // SAFETY: the kernel wrote `count` bytes behind `start`.
            unsafe { buf.set_filled(filled) };
        }
    }
}

impl<B: IoBufMut> Spare<B> {
    /// The spare capacity of `buf`.
    pub(crate) fn of(buf: B) -> Self {
        let start = buf.filled();
        let end = buf.capacity().min(start.saturating_add(TRANSFER_MAX));
        Self(Window::new(buf, start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted() {
        assert_eq!(in_flight(), 0);
        let window = Window::new(vec![1_u8, 2, 3], 1, 3);
        assert_eq!(in_flight(), 1);
        assert_eq!(monoio::buf::IoBuf::bytes_init(&window), 2);
        assert_eq!(window.into_inner(), [1, 2, 3]);
        assert_eq!(in_flight(), 0);
    }
}
