//! Rows of a join that are on disk, and the windows that are made of them.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use plan::{Columns, DataType, Schema};

use super::side::{Gathered, Part, Side, gathered};
use crate::columns::select::take;
use crate::spill::{PARTS, Room, Run};
use crate::windows::keys::Keys;

/// Into how many parts the rows of each input are cut where they have no keys. All parts of one
/// meet all of the other.
const PARTS_WITHOUT_KEYS: usize = 8;

/// How rows are cut into parts: those with equal keys are in the same one.
pub(super) struct Cut {
    pub(super) types: Vec<DataType>,
    pub(super) seed: u64,
}

impl Cut {
    /// Into how many parts.
    fn parts(&self) -> usize {
        if self.types.is_empty() { PARTS_WITHOUT_KEYS } else { PARTS }
    }

    /// The rows of each part.
    fn rows(&self, (columns, keys): &Part) -> Result<Vec<Vec<u32>>, String> {
        let rows = columns.first().or(keys.first()).map_or(0, |array| array.len());
        let mut parts = vec![Vec::new(); self.parts()];
        let mut ids = Vec::new();
        let mut known = Keys::new(&self.types, self.seed);
        known.number(keys, rows, &mut ids)?;
        for row in 0..rows {
            let part = match ids.get(row) {
                Some(id) => known.part(*id, parts.len()),
                None => row % parts.len(),
            };
            if let Some(part) = parts.get_mut(part) {
                part.push(row as u32);
            }
        }
        Ok(parts)
    }

    /// Cuts rows into parts.
    ///
    /// # Errors
    /// There are too many keys.
    fn cut(&self, part: &Part) -> Result<Vec<Part>, String> {
        let pick =
            |arrays: &[ArrayRef], rows: &[u32]| arrays.iter().map(|a| take(a, rows)).collect();
        let rows = self.rows(part)?;
        Ok(rows.iter().map(|rows| (pick(&part.0, rows), pick(&part.1, rows))).collect())
    }
}

/// Rows of one input that a window is made of.
pub(super) struct Pieces {
    /// Those in memory, part by part.
    memory: Vec<Vec<Part>>,
    runs: Vec<Rc<Run>>,
}

impl Pieces {
    fn of(side: &Side, start: u64, end: u64, cut: &Cut) -> Result<Self, String> {
        let mut memory = vec![Vec::new(); cut.parts()];
        for part in side.parts(start, end) {
            for (parts, part) in memory.iter_mut().zip(cut.cut(part)?) {
                parts.push(part);
            }
        }
        Ok(Pieces { memory, runs: side.runs(start, end) })
    }

    async fn part(&self, part: usize, side: &Side) -> Result<Gathered, String> {
        let mut parts = self.memory.get(part).cloned().unwrap_or_default();
        for run in &self.runs {
            if let Some(columns) = run.part(part).await? {
                let (of_row, of_key) =
                    columns.arrays.split_at(side.width().min(columns.arrays.len()));
                parts.push((of_row.to_vec(), of_key.to_vec()));
            }
        }
        Ok(gathered(&parts.iter().collect::<Vec<_>>(), side.width(), side.keys_width()))
    }
}

/// A window that has ended and is joined part by part.
struct Due {
    start: u64,
    end: u64,
    left: Pieces,
    right: Pieces,
    next: usize,
}

/// Windows that have ended and have rows on disk, in the order of their ends.
#[derive(Default)]
pub(super) struct Waiting(VecDeque<Due>);

/// Start and end of a window, and rows of both inputs of which pairs are made.
pub(super) type Pair = (u64, u64, Gathered, Gathered);

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// No pair to come is before this.
    pub(super) fn least(&self) -> u64 {
        self.0.front().map_or(u64::MAX, |due| due.start)
    }

    /// A window has ended.
    ///
    /// # Errors
    /// There are too many keys.
    pub(super) fn end(
        &mut self,
        (start, end): (u64, u64),
        (left, right): (&Side, &Side),
        cut: &Cut,
    ) -> Result<(), String> {
        let left = Pieces::of(left, start, end, cut)?;
        let right = Pieces::of(right, start, end, cut)?;
        self.0.push_back(Due { start, end, left, right, next: 0 });
        Ok(())
    }

    /// What is joined next; none when no window waits.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) async fn next(
        &mut self,
        (left, right): (&Side, &Side),
        cut: &Cut,
    ) -> Result<Option<Pair>, String> {
        let parts = cut.parts();
        let Some(due) = self.0.front_mut() else { return Ok(None) };
        let (of_left, of_right, steps) = match cut.types.is_empty() {
            true => (due.next / parts, due.next % parts, parts * parts),
            false => (due.next, due.next, parts),
        };
        let lefts = due.left.part(of_left, left).await?;
        let rights = match lefts.rows {
            0 => Gathered::default(),
            _ => due.right.part(of_right, right).await?,
        };
        let pair = (due.start, due.end, lefts, rights);
        due.next += 1;
        if due.next >= steps {
            self.0.pop_front();
        }
        Ok(Some(pair))
    }
}

/// Puts all rows of an input to disk.
///
/// # Errors
/// The disk is full, or what else the system says; or there are too many keys.
pub(super) async fn spill(side: &mut Side, room: &Room, cut: &Cut) -> Result<(), String> {
    let schema = Arc::new(Schema { fields: side.stored_fields() });
    while let Some((slice, stored)) = side.pop_stored() {
        let all = gathered(&stored.iter().collect::<Vec<_>>(), side.width(), side.keys_width());
        let all: Part = (all.columns, all.keys);
        let rows = cut.rows(&all)?;
        let parts = rows.iter().map(|rows| {
            let arrays = all.0.iter().chain(&all.1).map(|array| take(array, rows)).collect();
            let mut columns = Columns::new(Arc::clone(&schema), arrays);
            (columns.rows, columns.source_rows) = (rows.len(), rows.len());
            Ok(columns)
        });
        let run = room.write(parts).await?;
        side.put_run(slice, run);
    }
    Ok(())
}
