//! Pairs of rows with equal keys, or all pairs, a bounded number at a time.

use plan::DataType;

use super::side::Gathered;
use crate::windows::keys::Keys;

/// Most pairs of one window; a join of everything with everything has to end somewhere.
pub const PAIRS_MAX: u64 = if cfg!(test) { 1 << 17 } else { 1 << 28 };
/// Pairs that are made at a time.
pub(crate) const CHUNK: usize = 1 << 16;

const NONE: u32 = u32::MAX;

/// Hands out the pairs of left and right rows in chunks.
pub(crate) fn each_chunk(
    left: &Gathered,
    right: &Gathered,
    key_types: &[DataType],
    seed: u64,
    mut take: impl FnMut(&[u32], &[u32]) -> Result<(), String>,
) -> Result<(), String> {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    let mut total = 0u64;
    let mut pair = |l: u32, r: u32, lefts: &mut Vec<u32>, rights: &mut Vec<u32>| {
        lefts.push(l);
        rights.push(r);
        if lefts.len() < CHUNK {
            return Ok(());
        }
        total += lefts.len() as u64;
        if total > PAIRS_MAX {
            return Err(format!("a window of a join has more than {PAIRS_MAX} pairs"));
        }
        take(lefts, rights)?;
        lefts.clear();
        rights.clear();
        Ok(())
    };
    if key_types.is_empty() {
        for l in 0..left.rows as u32 {
            for r in 0..right.rows as u32 {
                pair(l, r, &mut lefts, &mut rights)?;
            }
        }
    } else {
        let mut keys = Keys::new(key_types, seed);
        let (mut right_ids, mut left_ids) = (Vec::new(), Vec::new());
        keys.number(&right.keys, right.rows, &mut right_ids)?;
        let known = keys.len();
        // Rows of one key form a chain, made from the back so that it runs in order.
        let mut heads = vec![NONE; known];
        let mut nexts = vec![NONE; right.rows];
        for (row, id) in right_ids.iter().enumerate().rev() {
            let (Some(head), Some(next)) = (heads.get_mut(*id as usize), nexts.get_mut(row)) else {
                continue;
            };
            *next = std::mem::replace(head, row as u32);
        }
        keys.number(&left.keys, left.rows, &mut left_ids)?;
        for (l, id) in (0u32..).zip(&left_ids) {
            let mut at = heads.get(*id as usize).copied().unwrap_or(NONE);
            while at != NONE {
                pair(l, at, &mut lefts, &mut rights)?;
                at = nexts.get(at as usize).copied().unwrap_or(NONE);
            }
        }
    }
    if lefts.is_empty() { Ok(()) } else { take(&lefts, &rights) }
}
