//! TICKS, QROWS and QKERNELS: pipelines of q that are fed over kdb+ IPC, and what q does with
//! tables in memory.

mod client;
mod kernel_report;
mod kernels;
mod rows;
mod service;
mod ticks;

pub(crate) use kernels::measure as kernels;
pub(crate) use rows::measure as rows;
pub(crate) use ticks::measure as ticks;

use crate::serving::report::{Figure, rate, same};

/// The names for reports and `--only`.
pub(crate) const TICKS: &str = "TICKS";
pub(crate) const ROWS: &str = "QROWS";
pub(crate) const KERNELS: &str = "QKERNELS";

/// What one program did in one round with rows that came in messages.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    /// Microseconds of CPU time for a row.
    cpu_us: f64,
    /// Microseconds for a row; not known of what was published.
    wall_us: Option<f64>,
}

impl Sample {
    fn new(rows: u64, cpu_s: f64, wall_s: f64) -> Self {
        let per_row = 1e6 / rows as f64;
        Self { cpu_us: cpu_s * per_row, wall_us: Some(wall_s * per_row) }
    }
}

const FIGURES: [Figure<Sample>; 3] = [
    Figure {
        name: "cpu_us",
        head: "rows/CPU s",
        shown: rate,
        digits: 0,
        compared: true,
        of: |sample| Some(sample.cpu_us),
    },
    Figure {
        name: "cpu_us_per_row",
        head: "CPU us/row",
        shown: same,
        digits: 4,
        compared: false,
        of: |sample| Some(sample.cpu_us),
    },
    Figure {
        name: "wall_us",
        head: "rows/s",
        shown: rate,
        digits: 0,
        compared: true,
        of: |sample| sample.wall_us,
    },
];
