//! What a piece of work may take: bytes of memory, and steps of walks over values.
//!
//! [`Metered`], as the global allocator of a program, tallies for each thread what it takes and
//! gives back. [`within`] runs a piece of work that may take so much more than there was when it
//! began. Whatever makes values asks here before it takes much, and looks here when it has taken
//! little. Who is over the limit unwinds to [`within`], without the hook of panics: values are made
//! in so many places, most of which cannot fail otherwise. Outside of [`within`] there is no limit,
//! and with another allocator no bytes are counted.
//!
//! What a thread frees that another has allocated counts as given back: the process has it again.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// An allocator that tallies, for each thread, what it takes and gives back.
#[derive(Debug)]
pub struct Metered<A>(pub A);

/// What a piece of work may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes more than there were when it began.
    pub bytes: u64,
    /// Items of nested values that are looked at where nothing else counts them.
    pub steps: u64,
}

/// What is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The bytes.
    Bytes,
    /// The steps.
    Steps,
}

/// The tally of a thread.
struct Meter {
    /// Bytes that it has taken and not given back; below zero where it gives back for others.
    live: Cell<i64>,
    /// What `live` must not pass.
    most: Cell<i64>,
    /// Steps that are left.
    steps: Cell<u64>,
}

const NO_LIMIT: i64 = i64::MAX;

thread_local! {
    static METER: Meter = const {
        Meter { live: Cell::new(0), most: Cell::new(NO_LIMIT), steps: Cell::new(u64::MAX) }
    };
}

/// Adds to the tally, below zero for what is given back.
#[inline]
fn tally(bytes: i64) {
    // Nothing here is ever dropped, so that it is there as long as the thread is.
    METER.with(|meter| meter.live.set(meter.live.get().wrapping_add(bytes)));
}

/// A size as the tally has it: none is larger than what an address can tell apart.
#[inline]
fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: everything is left to the allocator within; the tally takes no memory of its own.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Metered<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tally(signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        tally(signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        tally(-signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { self.0.dealloc(at, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        tally(signed(size) - signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { self.0.realloc(at, layout, size) }
    }
}

/// Bytes that this thread has taken and not given back; below zero where it gives back for others.
#[must_use]
pub fn live() -> i64 {
    METER.with(|meter| meter.live.get())
}

/// Steps that are left.
#[must_use]
pub fn steps() -> u64 {
    METER.with(|meter| meter.steps.get())
}

/// Whether there is a limit: this runs within [`within`].
#[must_use]
pub fn is_limited() -> bool {
    METER.with(|meter| meter.most.get() != NO_LIMIT)
}

/// Puts the limits back that there were before.
struct Before {
    most: i64,
    steps: u64,
}

impl Drop for Before {
    fn drop(&mut self) {
        METER.with(|meter| {
            meter.most.set(self.most);
            meter.steps.set(self.steps);
        });
    }
}

/// Runs `work` with limits. Within a piece of work that has limits already, those hold on.
///
/// # Errors
/// What was used up; whatever `work` had made is given back.
pub fn within<T>(limits: Limits, work: impl FnOnce() -> T) -> Result<T, Spent> {
    let before = (!is_limited()).then(|| {
        METER.with(|meter| {
            let before = Before { most: meter.most.get(), steps: meter.steps.get() };
            let bytes = i64::try_from(limits.bytes).unwrap_or(i64::MAX);
            meter.most.set(meter.live.get().saturating_add(bytes).min(NO_LIMIT - 1));
            meter.steps.set(limits.steps);
            before
        })
    });
    let done = caught(work);
    drop(before);
    done
}

/// Runs `work` with the limits that there are, for whoever has to put something right when it goes
/// no further.
///
/// # Errors
/// What was used up.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Spent> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| match payload.downcast::<Spent>() {
        Ok(spent) => *spent,
        Err(other) => resume_unwind(other),
    })
}

/// Whether there is room for so many bytes more.
#[inline]
#[must_use]
pub fn has_room(bytes: usize) -> bool {
    METER.with(|meter| meter.live.get().saturating_add(signed(bytes)) <= meter.most.get())
}

/// Asks for room for so many bytes, and goes no further where there is none.
#[inline]
pub fn ask(bytes: usize) {
    if !has_room(bytes) {
        leave(Spent::Bytes);
    }
}

/// Asks for room for so many items of a type.
#[inline]
pub fn ask_for<T>(items: usize) {
    ask(items.saturating_mul(size_of::<T>()));
}

/// Goes no further where more was taken than there may be.
#[inline]
pub fn check() {
    ask(0);
}

/// Counts steps, and goes no further where there are none left.
#[inline]
pub fn step(count: u64) {
    METER.with(|meter| match meter.steps.get().checked_sub(count) {
        Some(left) => meter.steps.set(left),
        None => leave(Spent::Steps),
    });
}

#[cold]
#[inline(never)]
fn leave(spent: Spent) {
    // Steps have no limit elsewhere, so that nobody else comes here; a thread that unwinds already
    // must not begin again.
    if is_limited() && !std::thread::panicking() {
        resume_unwind(Box::new(spent));
    }
}
