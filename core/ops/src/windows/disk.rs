//! Slices of windows that are on disk, and the windows that are made of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use plan::{Columns, DataType, Field, Schema};

use super::keys::Keys;
use crate::aggregates::{Kind, Layout, Partials};
use crate::spill::{PARTS, Room, Run};

/// Groups of a slice that take no more rows.
pub(super) enum Kept {
    /// Still in memory, to be written next; their keys have the numbers of the operator.
    Memory(Partials),
    Disk(Rc<Run>),
}

/// A slice has any number of pieces; a window shares those of its slices.
pub(super) type Piece = Rc<RefCell<Kept>>;

/// A window that has ended and is read from disk part by part.
pub(super) struct Due {
    pub(super) start: u64,
    pub(super) end: u64,
    pieces: Vec<Piece>,
    /// The part that comes next.
    part: usize,
}

/// What an operator has on disk.
#[derive(Default)]
pub(super) struct Disk {
    slices: BTreeMap<u64, Vec<Piece>>,
    /// Windows that have ended, in the order of their ends.
    due: VecDeque<Due>,
    /// Pieces that are to be written.
    fresh: Vec<Piece>,
}

impl Disk {
    /// Start of the first slice that has a piece here.
    pub(super) fn first(&self) -> Option<u64> {
        self.slices.first_key_value().map(|(start, _)| *start)
    }

    /// Whether a window over these slices has to wait for the disk.
    pub(super) fn delays(&self, slices: Range<u64>) -> bool {
        !self.due.is_empty() || self.slices.range(slices).next().is_some()
    }

    /// Adds groups to a slice.
    pub(super) fn put(&mut self, slice: u64, groups: Partials) {
        let piece = Rc::new(RefCell::new(Kept::Memory(groups)));
        self.fresh.push(Rc::clone(&piece));
        self.slices.entry(slice).or_default().push(piece);
    }

    /// A window has ended.
    pub(super) fn end(&mut self, start: u64, end: u64) {
        let pieces = self.slices.range(start..end).flat_map(|(_, pieces)| pieces.iter().cloned());
        self.due.push_back(Due { start, end, pieces: pieces.collect(), part: 0 });
    }

    /// Forgets slices that are part of no window any more.
    pub(super) fn drop_until(&mut self, is_over: impl Fn(u64) -> bool) {
        while let Some(first) = self.slices.first_entry().filter(|first| is_over(*first.key())) {
            first.remove();
        }
    }

    /// Whether there are pieces to be written.
    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Whether windows wait to be read.
    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// No row of the results to come is before this.
    pub(super) fn least(&self) -> u64 {
        self.due.front().map_or(u64::MAX, |due| due.start)
    }

    /// Writes what is to be written.
    pub(super) async fn write(
        &mut self,
        room: &Room,
        layout: &Layout,
        keys: &Keys,
    ) -> Result<(), String> {
        let schema = schema(layout, keys.types());
        for piece in std::mem::take(&mut self.fresh) {
            let kept = piece.replace(Kept::Memory(Partials::default()));
            let Kept::Memory(groups) = kept else { continue };
            let mut ids: Vec<Vec<u32>> = vec![Vec::new(); PARTS];
            for id in groups.touched() {
                if let Some(part) = ids.get_mut(keys.part(*id, PARTS)) {
                    part.push(*id);
                }
            }
            let parts = ids.iter().map(|ids| {
                let mut arrays = keys.columns(ids);
                arrays.extend(groups.export(layout, ids)?);
                let mut columns = Columns::new(Arc::clone(&schema), arrays);
                (columns.rows, columns.source_rows) = (ids.len(), ids.len());
                Ok(columns)
            });
            let run = room.write(parts).await?;
            piece.replace(Kept::Disk(run));
        }
        Ok(())
    }

    /// The groups of the next part of the window that ended first, with their keys. Nothing when
    /// no window waits; no groups when the window is complete.
    pub(super) async fn read(&mut self, layout: &Layout, none: &Keys) -> Result<Read, String> {
        let Some(due) = self.due.front_mut() else { return Ok(None) };
        let (start, end) = (due.start, due.end);
        if due.part >= PARTS {
            self.due.pop_front();
            return Ok(Some((start, end, None)));
        }
        let (mut keys, mut groups) = (none.none(), Partials::default());
        let mut ids = Vec::new();
        for piece in &due.pieces {
            let run = match &*piece.borrow() {
                Kept::Disk(run) => Rc::clone(run),
                Kept::Memory(_) => continue, // there is none: they are written first
            };
            let Some(columns) = run.part(due.part).await? else { continue };
            let (of_keys, cells) =
                columns.arrays.split_at(none.types().len().min(columns.arrays.len()));
            keys.number(of_keys, columns.rows, &mut ids)?;
            // Without key columns there is one group.
            ids.resize(columns.rows, 0);
            groups.absorb(layout, keys.len(), &ids, cells)?;
        }
        due.part += 1;
        Ok(Some((start, end, Some((keys, groups)))))
    }
}

/// Start and end of a window, and groups of it with their keys unless it is complete.
pub(super) type Read = Option<(u64, u64, Option<(Keys, Partials)>)>;

/// Names and types of the columns on disk: keys, and then the cells of the groups.
fn schema(layout: &Layout, keys: &[DataType]) -> Arc<Schema> {
    let lists = layout.cells.iter().map(|cell| cell.kind == Kind::List);
    let cell = |is_list| if is_list { DataType::Text } else { DataType::U64 };
    let cells = std::iter::once(false).chain(lists).map(cell);
    let fields = keys.iter().copied().chain(cells).zip(0..);
    let field = |(ty, at): (DataType, usize)| Field { name: at.to_string().into(), ty };
    Arc::new(Schema { fields: fields.map(field).collect() })
}
