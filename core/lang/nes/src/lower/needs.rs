//! Which columns are read: decoders parse no others.

use std::collections::{BTreeSet, HashMap};

use plan::serde_json::json;
use plan::{NodeId, Plan};

/// What a node needs of its input.
#[derive(Clone, Debug)]
pub(crate) enum Needs {
    /// What its users need, and these columns.
    Through(Vec<String>),
    /// What its users need except the column it makes, and these columns.
    Makes(String, Vec<String>),
    /// These columns and no others.
    Only(Vec<String>),
    /// Of these pairs of a column of its input and one of its result, those whose results are
    /// needed. Its configuration lists them under `columns`.
    Renames(Vec<(String, String)>),
    /// Everything.
    All,
    /// It is a decoder: what its users need is what it selects. These are the columns of its
    /// input and of its result.
    Decodes(Vec<(String, String)>),
}

/// What somebody needs: everything (`None`) or these columns.
type Wanted = Option<BTreeSet<String>>;

fn add(wanted: &mut Wanted, more: &Wanted) {
    match (wanted.as_mut(), more) {
        (Some(columns), Some(more)) => columns.extend(more.iter().cloned()),
        (_, None) => *wanted = None,
        (None, _) => {}
    }
}

/// Tells every decoder of the plan which columns are read.
pub(crate) fn select_columns(plan: &mut Plan, needs: &HashMap<NodeId, Needs>) {
    let mut wanted: Vec<Wanted> = vec![Some(BTreeSet::new()); plan.nodes.len()];
    for id in (0..plan.nodes.len()).rev() {
        let mine = wanted.get(id).cloned().flatten();
        let of_input: Wanted = match needs.get(&id).unwrap_or(&Needs::All) {
            Needs::All | Needs::Decodes(_) => None,
            Needs::Only(columns) => Some(columns.iter().cloned().collect()),
            Needs::Renames(pairs) => {
                let kept = kept(pairs, mine.as_ref());
                if let Some(node) = plan.nodes.get_mut(id) {
                    keep_columns(&mut node.component.config, pairs, &kept);
                }
                Some(kept.iter().filter_map(|at| Some(pairs.get(*at)?.0.clone())).collect())
            }
            Needs::Through(columns) => mine.clone().map(|mut all| {
                all.extend(columns.iter().cloned());
                all
            }),
            Needs::Makes(made, columns) => mine.clone().map(|mut all| {
                all.remove(made);
                all.extend(columns.iter().cloned());
                all
            }),
        };
        let Some(node) = plan.nodes.get_mut(id) else { continue };
        if let (Some(Needs::Decodes(columns)), Some(all)) = (needs.get(&id), &mine) {
            let mut read: Vec<&String> =
                columns.iter().filter(|(_, to)| all.contains(to)).map(|(from, _)| from).collect();
            // A field and where it has no value are read together.
            read.dedup();
            select(&mut node.component.config, &node.component.name, &read);
        }
        for input in node.inputs.clone() {
            if let Some(wanted) = wanted.get_mut(input) {
                add(wanted, &of_input);
            }
        }
    }
}

/// Positions of the pairs whose results are needed; one stays, because rows are counted by a
/// column.
fn kept(pairs: &[(String, String)], wanted: Option<&BTreeSet<String>>) -> Vec<usize> {
    let needed = |to: &String| wanted.is_none_or(|all| all.contains(to));
    let kept: Vec<usize> =
        pairs.iter().enumerate().filter(|(_, (_, to))| needed(to)).map(|(at, _)| at).collect();
    if kept.is_empty() { vec![0] } else { kept }
}

fn keep_columns(config: &mut plan::Json, pairs: &[(String, String)], kept: &[usize]) {
    let columns = config.get_mut("columns").and_then(|c| c.as_array_mut());
    let Some(columns) = columns.filter(|c| c.len() == pairs.len()) else { return };
    let all = std::mem::take(columns);
    let all = all.into_iter().enumerate();
    columns.extend(all.filter(|(at, _)| kept.contains(at)).map(|(_, column)| column));
}

fn select(config: &mut plan::Json, decoder: &str, read: &[&String]) {
    if matches!(decoder, "decode_binary" | "decode_csv") {
        config["select"] = json!(read);
        return;
    }
    // Rows are counted by a column, so that one always stays.
    let Some(fields) = config.get_mut("fields").and_then(|f| f.as_array_mut()) else { return };
    let first = fields.first().cloned();
    fields.retain(|f| {
        f.get("name").and_then(|n| n.as_str()).is_some_and(|n| read.iter().any(|r| *r == n))
    });
    if fields.is_empty() {
        fields.extend(first);
    }
}
