//! `.qsp.get` and `.qsp.set`: values that operators keep (spec/kdb-qsp.md §11).

use crate::error::{QError, Result, rank_error, type_error};
use crate::kernel::group::bytes;
use crate::session::Session;
use crate::verbs::{Class, Run, Verb};
use formats::k::{K, Sym};

/// Keys for which the operators of a session keep values.
pub(crate) const KEYS_MAX: usize = if cfg!(test) { 1000 } else { 10_000_000 };

/// What stands for the pipeline itself where a value is no operator's.
const PIPELINE: usize = usize::MAX >> 1;

/// Whose value it is: of an operator, or with `::` of the pipeline.
fn owner(cx: &Session, op: &K) -> Result<usize> {
    if matches!(op, K::Null) { Ok(PIPELINE) } else { operator(cx, op) }
}

/// The operator that a handle or a name means.
pub(super) fn operator(cx: &Session, op: &K) -> Result<usize> {
    if let Some(name) = op.as_sym() {
        let found = cx.qsp.nodes.iter().find(|n| n.name == name.as_str());
        return found.map(|n| n.id).ok_or_else(|| QError::new(name.as_str()));
    }
    let id = crate::eval::at(op, &K::sym("id"))?;
    id.as_long().and_then(|id| usize::try_from(id).ok()).ok_or_else(type_error)
}

/// The key of the metadata, if it has one.
fn key(metadata: &K) -> Result<Option<Vec<u8>>> {
    let K::Dict(d) = metadata else { return Ok(None) };
    let has = d.keys.as_syms().is_some_and(|k| k.contains(&Sym::new("key")));
    if !has {
        return Ok(None);
    }
    let key = crate::eval::at(metadata, &K::sym("key"))?;
    if matches!(key, K::Null) { Ok(None) } else { bytes(&key).map(Some) }
}

/// The state of an operator: what was set, or what its `state` option says.
fn get(cx: &mut Session, args: Vec<K>) -> Result {
    let [op, metadata] = args.as_slice() else { return Err(rank_error()) };
    let id = owner(cx, op)?;
    let key = key(metadata)?;
    if let Some(value) = cx.qsp.store.get(&(id, key.clone())) {
        return Ok(value.clone());
    }
    let initial = cx.qsp.nodes.get(id).and_then(|n| n.option("state"));
    match (initial, key) {
        (Some(initial), _) => Ok(initial.clone()),
        (None, Some(_)) => Ok(K::list(Vec::new())),
        (None, None) => Ok(K::Null),
    }
}

fn set(cx: &mut Session, args: Vec<K>) -> Result {
    let [op, metadata, value] = args.as_slice() else { return Err(rank_error()) };
    let id = owner(cx, op)?;
    let key = key(metadata)?;
    let place = (id, key);
    if cx.qsp.store.len() >= KEYS_MAX && !cx.qsp.store.contains_key(&place) {
        return Err(QError::limit("limit"));
    }
    cx.qsp.store.insert(place, value.clone());
    Ok(value.clone())
}

const fn function(name: &'static str, rank: usize, run: crate::verbs::Polyad) -> Verb {
    let run = Run::Many { min: rank, max: rank, run };
    let summary = "The state of an operator.";
    Verb { name, infix: false, class: Class::Other, run, summary, example: "" }
}

pub(super) const VERBS: &[Verb] = &[function(".qsp.get", 2, get), function(".qsp.set", 3, set)];

#[cfg(test)]
mod tests {
    use crate::session::{Options, Session};

    #[test]
    fn values_may_be_of_the_pipeline_and_not_of_an_operator() {
        let mut cx = Session::new(Options::default());
        cx.load_script(
            ".qsp.run .qsp.read.fromCallback[`p] .qsp.map[{x}; .qsp.use ``name!``m] \
             .qsp.write.toVariable[`v]",
        )
        .unwrap();
        let mut shown = |text: &str| {
            let value = cx.eval(text, "test").unwrap();
            crate::display::text(&value)
        };
        assert_eq!(shown(".qsp.get[::;::]"), "::");
        assert_eq!(shown(".qsp.set[::;::;5]"), "5");
        assert_eq!(shown(".qsp.get[::;::]"), "5");
        assert_eq!(shown(".qsp.set[::;enlist[`key]!enlist `k;6]"), "6");
        assert_eq!(shown("(.qsp.get[::;::];.qsp.get[::;enlist[`key]!enlist `k])"), "5 6");
        assert_eq!(shown(".qsp.get[`m;::]"), "::", "it is nobody else's");
    }
}
