//! When windows begin and end.

/// Nanoseconds from the first day of the year 1, on which windows are aligned, to 1970.
const YEAR_ONE_NS: i128 = 62_135_596_800 * 1_000_000_000;

/// A window, in nanoseconds since 1970; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i128,
    pub(super) end: i128,
}

/// Windows of one size, each of which begins some time after the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    /// Nanoseconds that each lasts.
    pub(super) size: i128,
    /// Nanoseconds between two beginnings.
    pub(super) step: i128,
    /// Nanoseconds by which they are moved.
    pub(super) offset: i128,
}

impl Windows {
    /// The window that ended last at a time, and the one that ends next.
    pub(super) fn around(&self, now: i128) -> (Window, Window) {
        // The first nanosecond belongs to the window that ends with it.
        let since = now + YEAR_ONE_NS - 1 - self.offset;
        let newest = now - since.rem_euclid(self.step);
        let start = newest + self.step - self.size;
        let next = Window { start, end: start + self.size - 1 };
        (Window { start: next.start - self.step, end: next.end - self.step }, next)
    }

    /// The window behind one.
    pub(super) fn behind(&self, window: Window) -> Window {
        Window { start: window.start + self.step, end: window.end + self.step }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i128 = 1_000_000_000;
    /// 2026-11-29T00:00:00Z
    const DAY: i128 = 1_795_910_400 * SECOND;

    fn windows(size: i128, step: i128, offset: i128) -> Windows {
        Windows { size, step, offset }
    }

    #[test]
    fn windows_are_aligned_with_the_clock() {
        let hour = windows(3600 * SECOND, 3600 * SECOND, 0);
        let (last, next) = hour.around(DAY + 90 * SECOND);
        assert_eq!(next, Window { start: DAY + 1, end: DAY + 3600 * SECOND });
        assert_eq!(last.end + 1, next.start);
        assert_eq!(hour.around(DAY).1.end, DAY, "its last moment belongs to a window");
        // A week begins with a Monday, because the year 1 did.
        let week = windows(7 * 86_400 * SECOND, 7 * 86_400 * SECOND, 0);
        assert_eq!(week.around(DAY + 1).1.end, DAY + 86_400 * SECOND);
    }

    #[test]
    fn an_offset_moves_them() {
        let one = windows(SECOND, SECOND, 300_000_000);
        assert_eq!(one.around(DAY + 78_000_000).1.end, DAY + 300_000_000);
        assert_eq!(one.around(DAY + 376_000_000).1.end, DAY + 1_300_000_000);
        let back = windows(SECOND, SECOND, -800_000_000);
        assert_eq!(back.around(DAY + 100_000_000).1.end, DAY + 200_000_000);
    }

    #[test]
    fn windows_that_slide_overlap() {
        let slide = windows(600_000_000, 200_000_000, 50_000_000);
        let (last, next) = slide.around(DAY + 202_000_000);
        assert_eq!((last.end, next.end), (DAY + 50_000_000, DAY + 250_000_000));
        assert_eq!(next.start, DAY - 350_000_000 + 1);
    }

    proptest! {
        /// Whatever the sizes, the window that ends next has not ended, and the last one has.
        #[test]
        fn the_next_one_ends_next(
            now in 0i128..4 * DAY,
            step in 1i128..1 << 62,
            more in 0i128..1 << 62,
            offset in -(1i128 << 62)..1 << 62,
        ) {
            let windows = windows(step + more, step, offset);
            let (last, next) = windows.around(now);
            prop_assert!(last.end < now && now <= next.end, "{last:?} {now} {next:?}");
            prop_assert_eq!(windows.behind(last), next);
            let moved = (next.end + YEAR_ONE_NS - offset).rem_euclid(step);
            prop_assert_eq!(moved, 0, "aligned");
        }
    }
}
