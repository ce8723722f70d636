//! Which stretch of time, called slice, a moment belongs to, and which windows a slice is part of.
//!
//! Windows start at the multiples of `slide` and are `size` long. The starts and ends of all
//! windows cut time into slices, so that a row enters one slice and a window is the sum of whole
//! slices (spec/nes-query-language.md §5).

use serde::{Deserialize, Serialize};

/// Most windows that one moment may belong to.
pub const WINDOWS_PER_ROW_MAX: u64 = 100_000;

/// Windows of one size at one distance; milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slicing {
    size: u64,
    slide: u64,
    /// Distance of window ends from the multiples of `slide`; 0 when they fall together.
    cut: u64,
}

/// A slice: from `start` (included) to `end` (excluded), milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First moment.
    pub start: u64,
    /// First moment after it.
    pub end: u64,
    /// Whether it lies between windows: with a slide greater than the size there are gaps.
    pub gap: bool,
}

impl Slicing {
    /// Windows of `size` milliseconds every `slide` milliseconds.
    ///
    /// # Errors
    /// A size or slide of 0, or more than [`WINDOWS_PER_ROW_MAX`] windows at a time.
    pub fn new(size: u64, slide: u64) -> Result<Slicing, String> {
        if size == 0 || slide == 0 {
            return Err("the size and the slide of a window must be greater than 0".into());
        }
        if size / slide > WINDOWS_PER_ROW_MAX {
            return Err(format!("a row would be in more than {WINDOWS_PER_ROW_MAX} windows"));
        }
        let cut = if size >= slide { size % slide } else { size };
        Ok(Slicing { size, slide, cut })
    }

    /// The slice of a moment.
    #[must_use]
    pub fn slice_of(&self, at: u64) -> Span {
        let base = at - at % self.slide;
        let cut = base.saturating_add(self.cut);
        let end = base.saturating_add(self.slide);
        if self.cut == 0 {
            Span { start: base, end, gap: false }
        } else if at < cut {
            Span { start: base, end: cut, gap: false }
        } else {
            Span { start: cut, end, gap: self.size < self.slide }
        }
    }

    /// Start of window `k`.
    #[must_use]
    pub fn start(&self, k: u64) -> u64 {
        k.saturating_mul(self.slide)
    }

    /// End of window `k`; never a moment that a row can have when it lies beyond all time.
    #[must_use]
    pub fn end(&self, k: u64) -> u64 {
        self.start(k).saturating_add(self.size)
    }

    /// The first window that the slice starting at `start` is part of.
    #[must_use]
    pub fn first_window(&self, start: u64) -> u64 {
        // Window k covers the moment when k * slide > start - size.
        if start < self.size { 0 } else { (start - self.size) / self.slide + 1 }
    }

    /// The last window that the slice starting at `start` is part of.
    #[must_use]
    pub fn last_window(&self, start: u64) -> u64 {
        start / self.slide
    }

    /// The first window that has not ended at `watermark`.
    #[must_use]
    pub fn open_window(&self, watermark: u64) -> u64 {
        self.first_window(watermark)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slice_is_in_the_windows_its_moments_are_in(
            size in 1u64..50, slide in 1u64..50, at in 0u64..1000,
        ) {
            let s = Slicing::new(size, slide).unwrap();
            let span = s.slice_of(at);
            prop_assert!(span.start <= at && at < span.end);
            let windows: Vec<u64> =
                (0..=at / slide).filter(|k| k * slide <= at && at < k * slide + size).collect();
            prop_assert_eq!(span.gap, windows.is_empty());
            if !span.gap {
                let of: Vec<u64> =
                    (s.first_window(span.start)..=s.last_window(span.start)).collect();
                prop_assert_eq!(&of, &windows);
                for k in windows {
                    prop_assert!(s.start(k) <= span.start && span.end <= s.end(k));
                }
            }
        }
    }

    #[test]
    fn the_end_of_time_is_no_harm() {
        let s = Slicing::new(1000, 300).unwrap();
        let span = s.slice_of(u64::MAX);
        assert!(span.start <= span.end);
        assert!(s.end(s.last_window(span.start)) == u64::MAX);
    }

    #[test]
    fn too_many_windows_per_row_are_refused() {
        assert!(Slicing::new(WINDOWS_PER_ROW_MAX, 1).is_ok());
        assert!(Slicing::new(WINDOWS_PER_ROW_MAX + 1, 1).is_err());
        assert!(Slicing::new(0, 1).is_err() && Slicing::new(1, 0).is_err());
    }
}
