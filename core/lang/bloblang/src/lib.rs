//! bloblang.
