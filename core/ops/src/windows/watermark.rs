//! Watermarks: per partition, and the least of them for the operator.
//!
//! A partition's watermark is the greatest time seen less the lateness that is allowed, and it
//! advances where a logical buffer of the source ends, whatever the physical batches are
//! (spec/nes-query-language.md §5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most partitions that one operator follows.
pub const ORIGINS_MAX: usize = 65_536;

/// A partition and the size of its logical buffers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginConfig {
    /// Number of the partition.
    pub id: u32,
    /// Rows of a logical buffer; without it each batch is one.
    #[serde(default)]
    pub buffer_rows: Option<u64>,
}

/// What is known of one partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Origin {
    id: u32,
    buffer_rows: Option<u64>,
    /// Rows of the current buffer that came already.
    filled: u64,
    /// Greatest time in the current buffer and those before it.
    newest: Option<u64>,
    watermark: u64,
    ended: bool,
}

/// The watermarks of an operator's partitions; milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Watermarks {
    origins: Vec<Origin>,
}

/// A partition's position in the tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

impl Watermarks {
    /// Follows these partitions: until each has spoken, the watermark is 0.
    ///
    /// # Errors
    /// More than [`ORIGINS_MAX`], or buffers without rows.
    pub fn new(origins: &[OriginConfig]) -> Result<Self, String> {
        if origins.len() > ORIGINS_MAX {
            return Err(format!("more than {ORIGINS_MAX} partitions"));
        }
        if origins.iter().any(|o| o.buffer_rows == Some(0)) {
            return Err("a logical buffer has at least one row".into());
        }
        let origins = origins.iter().map(|o| Origin::new(o.id, o.buffer_rows)).collect();
        Ok(Watermarks { origins })
    }

    /// The partition called `id`, which is followed from now on if it was not.
    ///
    /// # Errors
    /// More than [`ORIGINS_MAX`].
    pub fn slot(&mut self, id: u32) -> Result<Slot, String> {
        if let Some(at) = self.origins.iter().position(|o| o.id == id) {
            return Ok(Slot(at));
        }
        if self.origins.len() >= ORIGINS_MAX {
            return Err(format!("more than {ORIGINS_MAX} partitions"));
        }
        self.origins.push(Origin::new(id, None));
        Ok(Slot(self.origins.len() - 1))
    }

    /// Where, in rows of the source counted from the start of a batch, the current buffer ends,
    /// and how many rows a buffer has. Without logical buffers the batch of `rows` rows is one.
    #[must_use]
    pub fn buffers(&self, slot: Slot, rows: u64) -> (u64, u64) {
        let whole = rows.max(1);
        match self.origins.get(slot.0) {
            Some(Origin { buffer_rows: Some(size), filled, .. }) => (size - filled, *size),
            _ => (whole, whole),
        }
    }

    /// Notes a time of the current buffer.
    pub fn seen(&mut self, slot: Slot, newest: u64) {
        if let Some(origin) = self.origins.get_mut(slot.0) {
            origin.newest = Some(origin.newest.map_or(newest, |n| n.max(newest)));
        }
    }

    /// The current buffer ended.
    pub fn buffer_ended(&mut self, slot: Slot, lateness: u64) {
        if let Some(origin) = self.origins.get_mut(slot.0)
            && let Some(newest) = origin.newest
        {
            origin.watermark = origin.watermark.max(newest.saturating_sub(lateness));
        }
    }

    /// `rows` rows of the source have come.
    pub fn rows_came(&mut self, slot: Slot, rows: u64) {
        if let Some(origin) = self.origins.get_mut(slot.0)
            && let Some(size) = origin.buffer_rows
        {
            origin.filled = (origin.filled + rows) % size;
        }
    }

    /// The partition's watermark is at least this.
    pub fn advance(&mut self, slot: Slot, watermark: u64) {
        if let Some(origin) = self.origins.get_mut(slot.0) {
            origin.watermark = origin.watermark.max(watermark);
        }
    }

    /// The partition ended and holds nobody back any more.
    pub fn ended(&mut self, slot: Slot) {
        if let Some(origin) = self.origins.get_mut(slot.0) {
            origin.ended = true;
        }
    }

    /// The least watermark; beyond all time when every partition ended.
    #[must_use]
    pub fn least(&self) -> u64 {
        if self.origins.is_empty() {
            return 0;
        }
        let open = self.origins.iter().filter(|o| !o.ended);
        open.map(|o| o.watermark).min().unwrap_or(u64::MAX)
    }
}

impl Origin {
    fn new(id: u32, buffer_rows: Option<u64>) -> Self {
        Origin { id, buffer_rows, filled: 0, newest: None, watermark: 0, ended: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Watermarks {
        let origin = |id| OriginConfig { id, buffer_rows: Some(2) };
        Watermarks::new(&[origin(1), origin(2)]).unwrap()
    }

    #[test]
    fn the_least_of_all_counts_and_is_0_until_each_has_spoken() {
        let mut w = two();
        let (a, b) = (w.slot(1).unwrap(), w.slot(2).unwrap());
        w.seen(a, 100);
        w.buffer_ended(a, 10);
        assert_eq!(w.least(), 0);
        w.seen(b, 50);
        w.buffer_ended(b, 10);
        assert_eq!(w.least(), 40);
        w.ended(b);
        assert_eq!(w.least(), 90);
        w.ended(a);
        assert_eq!(w.least(), u64::MAX);
    }

    #[test]
    fn buffers_are_counted_in_rows_of_the_source() {
        let mut w = two();
        let a = w.slot(1).unwrap();
        assert_eq!(w.buffers(a, 3), (2, 2));
        w.rows_came(a, 3);
        assert_eq!(w.buffers(a, 3), (1, 2));
    }

    #[test]
    fn partitions_are_limited() {
        let many: Vec<_> =
            (0..=ORIGINS_MAX as u32).map(|id| OriginConfig { id, buffer_rows: None }).collect();
        assert!(Watermarks::new(&many).is_err());
        let mut w = Watermarks::new(&many[1..]).unwrap();
        assert!(w.slot(1).is_ok());
        assert!(w.slot(0).is_err());
        let empty = [OriginConfig { id: 0, buffer_rows: Some(0) }];
        assert!(Watermarks::new(&empty).is_err());
    }
}
