//! The order of the branches of a workflow.

use std::collections::{BTreeMap, BTreeSet};

use plan::expr::Place;

use super::Stage;
use crate::processors::branch::Branch;

/// The branches by name; a resource that is no branch is known, but nothing can be run with it.
pub(super) type Stages = BTreeMap<String, Option<Branch>>;

/// Whether an order that was given names every stage, and none twice.
pub(super) fn verify(order: &[Vec<String>], stages: &Stages) -> Result<(), String> {
    let mut missing: BTreeSet<&str> = stages.keys().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    for (at, tier) in order.iter().enumerate() {
        if tier.is_empty() {
            return Err(format!("explicit order tier '{at}' was empty"));
        }
        for name in tier {
            if !seen.insert(name) {
                return Err(format!("branch specified in order listed multiple times: {name}"));
            }
            missing.remove(name.as_str());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = Vec::from_iter(missing).join(" ");
    Err(format!("the following branches were missing from order: [{missing}]"))
}

/// The branches in an order that was given.
pub(super) fn arranged(stages: Stages, order: Vec<Vec<String>>) -> Result<Vec<Vec<Stage>>, String> {
    place(ready(stages)?, order)
}

/// The branches in the order that follows from what they read and assign.
pub(super) fn resolved(stages: Stages) -> Result<Vec<Vec<Stage>>, String> {
    let ready = ready(stages)?;
    let order = resolve(&ready)?;
    place(ready, order)
}

fn ready(stages: Stages) -> Result<BTreeMap<String, Branch>, String> {
    let ready = stages.into_iter().map(|(name, branch)| match branch {
        Some(branch) => Ok((name, branch)),
        None => Err(format!("missing branch resource: {name}")),
    });
    ready.collect()
}

fn place(
    mut ready: BTreeMap<String, Branch>,
    order: Vec<Vec<String>>,
) -> Result<Vec<Vec<Stage>>, String> {
    let places: BTreeMap<String, usize> = ready.keys().cloned().zip(0..).collect();
    let mut take =
        |name: String| Some(Stage { at: *places.get(&name)?, branch: ready.remove(&name)? });
    Ok(order.into_iter().map(|tier| tier.into_iter().filter_map(&mut take).collect()).collect())
}

/// Tiers in which every branch comes after those that it depends on.
fn resolve(branches: &BTreeMap<String, Branch>) -> Result<Vec<Vec<String>>, String> {
    let writes: Vec<(&String, Vec<Place>)> =
        branches.iter().map(|(name, branch)| (name, branch.writes())).collect();
    let mut left: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for (name, branch) in branches {
        let reads = branch.reads();
        let needs = |places: &[Place]| reads.iter().any(|r| places.iter().any(|w| is_in(r, w)));
        let providers = writes.iter().filter(|(other, places)| *other != name && needs(places));
        left.insert(name, providers.map(|(other, _)| *other).collect());
    }
    let mut order = Vec::new();
    while !left.is_empty() {
        let free = left.iter().filter(|(_, needs)| needs.is_empty()).map(|(name, _)| *name);
        let free: Vec<&String> = free.collect();
        if free.is_empty() {
            let all = branches.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
            return Err(format!(
                "failed to automatically resolve DAG, circular dependencies detected for \
                 branches: [{all}]"
            ));
        }
        left.retain(|name, _| !free.contains(name));
        left.values_mut().for_each(|needs| needs.retain(|name| !free.contains(name)));
        order.push(free.into_iter().cloned().collect());
    }
    Ok(order)
}

/// Whether one place is the other or lies in it.
fn is_in(inner: &Place, outer: &Place) -> bool {
    match (inner, outer) {
        (Place::Document(inner), Place::Document(outer))
        | (Place::Meta(inner), Place::Meta(outer)) => inner.starts_with(outer),
        _ => false,
    }
}
