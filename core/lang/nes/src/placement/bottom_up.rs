//! `BottomUp`: every operator runs as near to its sources as possible.

use super::paths::Paths;
use super::{PlacementError, Slots, Step};

/// Walks from each source to the sink. A step with several inputs is placed by the walk that comes
/// last.
pub(super) fn place(
    paths: &Paths,
    steps: &[Step],
    slots: &mut Slots,
) -> Result<Vec<u64>, PlacementError> {
    let mut places: Vec<Option<u64>> = vec![None; steps.len()];
    for source in (0..steps.len()).filter(|at| steps.get(*at).is_some_and(is_source)) {
        let mut todo = vec![source];
        while let Some(at) = todo.pop() {
            let Some(step) = steps.get(at) else { continue };
            if places.get(at).copied().flatten().is_some() {
                continue;
            }
            let Some(place) = candidate(paths, step, &places)? else { continue };
            let place = with_room(paths, step, place, slots)?;
            if let Some(slot) = places.get_mut(at) {
                *slot = Some(place);
            }
            let next = steps.iter().enumerate().filter(|(_, other)| other.inputs.contains(&at));
            todo.extend(next.map(|(at, _)| at));
        }
    }
    places.into_iter().collect::<Option<_>>().ok_or(PlacementError::Full)
}

fn is_source(step: &Step) -> bool {
    step.inputs.is_empty()
}

/// Where a step goes if there is room; nothing while some of its inputs are not placed.
fn candidate(
    paths: &Paths,
    step: &Step,
    places: &[Option<u64>],
) -> Result<Option<u64>, PlacementError> {
    let of = |at: &usize| places.get(*at).copied().flatten();
    let Some(children) = step.inputs.iter().map(of).collect::<Option<Vec<u64>>>() else {
        return Ok(None);
    };
    let Some(pinned) = step.pinned else { return Ok(paths.meeting(&children)) };
    match children.iter().find(|child| !paths.above(**child).contains_key(&pinned)) {
        Some(from) => Err(PlacementError::Unreachable { from: *from, to: pinned }),
        None => Ok(Some(pinned)),
    }
}

/// The candidate, or the first node above it that has room. What is pinned stays.
fn with_room(
    paths: &Paths,
    step: &Step,
    mut place: u64,
    slots: &mut Slots,
) -> Result<u64, PlacementError> {
    while !slots.take(place) {
        match paths.parents(place).first() {
            Some(parent) if step.pinned.is_none() => place = *parent,
            _ => return Err(PlacementError::Full),
        }
    }
    Ok(place)
}
