//! What a program remembers as bytes: version 2, then one object as kdb+ IPC writes it, a list of
//! - the variables that are tracked or written to: name and value of each,
//! - the values of `.qsp.set`: operator, key and value of each,
//! - the states of the operators: name and state of each,
//! - what the spec has called its readers with and has not been taken in,
//! - what the handler of checkpoints gave, if there is one.

use crate::error::{QError, Result};
use crate::qsp::kept::{Parts, foreign, held};
use crate::qsp::run::Runner;
use crate::qsp::variable;
use crate::session::Session;
use formats::k::ipc::{Endian, decode_own, encode};
use formats::k::{K, Sym};
use plan::OperatorError;
use std::collections::HashMap;

const VERSION: u8 = 2;

/// The state of a session and its operators.
///
/// # Errors
/// It has a value that has no form outside of the process, and which.
pub(super) fn write<'a>(
    session: &Session,
    runners: impl Iterator<Item = &'a Runner>,
    own: Option<&K>,
) -> std::result::Result<Vec<u8>, OperatorError> {
    let (mut states, mut written, mut names) = (Vec::new(), Vec::new(), HashMap::new());
    for runner in runners {
        written.extend(variable::of(&runner.node).map(Sym::new));
        names.insert(runner.node.id, runner.node.name.as_str());
        if let Some(state) = runner.state() {
            states.push(K::list(vec![K::sym(runner.node.name.as_str()), state]));
        }
    }
    let entries = session.qsp.store.iter().map(|((id, key), value)| {
        let key = key.as_ref().map(K::str);
        let value = K::list(vec![value.clone()]);
        K::list(vec![K::long(*id as i64), held(key.as_ref()), value])
    });
    let entries = K::list(entries.collect());
    let (variables, states) = (variables(session, &written), K::list(states));
    let all = K::list(vec![variables, entries, states, session.qsp.calls.state(), held(own)]);
    let mut out = vec![VERSION];
    match encode(&all, Endian::Little, &mut out) {
        Ok(()) => Ok(out),
        Err(error) => {
            let what = culprit(&all, &names);
            Err(OperatorError::new(format!("the state cannot be kept: {what}: {error}")))
        }
    }
}

/// What the first part of a state is that cannot be written.
fn culprit(all: &K, names: &HashMap<usize, &str>) -> String {
    // As deep as it is in the whole.
    let fails = |k: K, levels: usize| {
        let whole = (0..levels).fold(k, |k, _| K::list(vec![k]));
        encode(&whole, Endian::Little, &mut Vec::new()).is_err()
    };
    let mut kinds = all.items();
    let mut next = || kinds.next().unwrap_or_default();
    let bad = |kind: K| kind.items().find(|entry| fails(entry.clone(), 2));
    let first = |entry: &K| entry.items().next().unwrap_or_default();
    let name = |entry: &K| first(entry).as_sym().unwrap_or_default();
    if let Some(entry) = bad(next()) {
        return format!("the variable {}", name(&entry));
    }
    if let Some(entry) = bad(next()) {
        let id = first(&entry).as_long().and_then(|id| usize::try_from(id).ok());
        let operator = id.and_then(|id| names.get(&id)).copied().unwrap_or("the pipeline");
        return format!("what .qsp.set has for {operator}");
    }
    if let Some(entry) = bad(next()) {
        return format!("what {} holds", name(&entry));
    }
    if fails(next(), 1) {
        return "what a reader was called with".to_owned();
    }
    "what onCheckpoint gave".to_owned()
}

/// Whether a name is tracked, or in a namespace that is.
fn is_tracked(session: &Session, name: Sym) -> bool {
    session.qsp.tracked.iter().any(|tracked| {
        let rest = name.as_str().strip_prefix(tracked.as_str());
        *tracked == name
            || tracked.as_str().starts_with('.') && rest.is_some_and(|r| r.starts_with('.'))
    })
}

fn variables(session: &Session, written: &[Sym]) -> K {
    let kept = session.globals.iter().filter(|(name, value)| {
        // Functions are there again when the spec is loaded.
        !matches!(value, K::Func(_)) && (written.contains(name) || is_tracked(session, **name))
    });
    let entry =
        |(name, value): (&Sym, &K)| K::list(vec![K::sym(*name), K::list(vec![value.clone()])]);
    K::list(kept.map(entry).collect())
}

/// Goes on from what [`write`] has written, and returns what the spec itself has kept.
///
/// # Errors
/// It is of another version or of another spec. The session is of no use then.
pub(super) fn read(
    session: &mut Session,
    runners: Vec<&mut Runner>,
    state: &[u8],
) -> std::result::Result<Option<K>, OperatorError> {
    let refused = |text: String| OperatorError::new(text);
    let Some((version, body)) = state.split_first() else {
        return Err(refused("the state is empty".to_owned()));
    };
    if *version != VERSION {
        let text = format!("the state is of version {version}, and this program reads {VERSION}");
        return Err(refused(text));
    }
    let all = decode_own(body, Endian::Little).map_err(|e| refused(format!("the state: {e}")))?;
    resume(session, runners, &all).map_err(|e| refused(format!("the state: '{e}")))
}

fn resume(session: &mut Session, mut runners: Vec<&mut Runner>, all: &K) -> Result<Option<K>> {
    let mut all = Parts::of(all);
    for entry in all.next()?.items() {
        let mut parts = Parts::of(&entry);
        let name = parts.next()?.as_sym().ok_or_else(foreign)?;
        let value = parts.held()?.ok_or_else(foreign)?;
        session.globals.insert(name, value);
    }
    for entry in all.next()?.items() {
        let mut parts = Parts::of(&entry);
        let id = usize::try_from(parts.long()?).map_err(|_| foreign())?;
        let key = parts.held()?.map(|key| key.as_text().map(<[u8]>::to_vec).ok_or_else(foreign));
        let value = parts.held()?.ok_or_else(foreign)?;
        session.qsp.store.insert((id, key.transpose()?), value);
    }
    for entry in all.next()?.items() {
        let mut parts = Parts::of(&entry);
        let name = parts.next()?.as_sym().ok_or_else(foreign)?;
        let runner = runners.iter_mut().find(|runner| runner.node.name == name.as_str());
        let runner = runner.ok_or_else(|| QError::new(format!("there is no operator {name}")))?;
        runner.resume(parts.next()?)?;
    }
    session.qsp.calls.resume(&all.next()?)?;
    all.held()
}
