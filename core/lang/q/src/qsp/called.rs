//! The functions that `fromCallback` defines in the spec itself: what they are called with waits
//! until the pipeline takes it in, behind the reader.

use super::build::Node;
use super::kept::{Parts, foreign};
use crate::error::{QError, Result, rank_error};
use crate::session::Session;
use formats::k::{Function, K, Sym};
use std::any::Any;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Values that wait for one reader.
pub(crate) const CALLED_MAX: usize = 65_536;

/// Keys of dictionaries under which the readers of a spec are called from outside.
const ALIASES_MAX: usize = 1000;

/// The function of a reader.
#[derive(Clone, Debug)]
pub(super) struct Callback {
    node: usize,
    name: String,
}

impl Function for Callback {
    fn code(&self) -> i8 {
        112
    }
    fn source(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.name.as_bytes())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What waits, by the reader's number.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: HashMap<usize, VecDeque<K>>,
    /// Readers behind which somebody takes what waits.
    open: HashSet<usize>,
    /// Whether all operators are there.
    pub(crate) live: bool,
}

impl Calls {
    /// Somebody takes what waits from now on.
    pub(crate) fn open(&mut self, node: usize) {
        self.open.insert(node);
    }

    /// Nobody takes it any more.
    pub(crate) fn close(&mut self, node: usize) {
        self.open.remove(&node);
    }

    /// Whether something waits.
    pub(crate) fn pending(&self, node: usize) -> bool {
        self.waiting.get(&node).is_some_and(|waiting| !waiting.is_empty())
    }

    /// Whether something waits at all.
    pub(crate) fn any(&self) -> bool {
        self.waiting.keys().any(|node| self.pending(*node))
    }

    /// Whether something waits that somebody takes.
    pub(crate) fn due(&self) -> bool {
        self.open.iter().any(|node| self.pending(*node))
    }

    /// All values that wait.
    pub(crate) fn values(&self) -> impl Iterator<Item = &K> {
        self.waiting.values().flatten()
    }

    /// What waits, for [`Calls::resume`].
    pub(crate) fn state(&self) -> K {
        let waiting = self.waiting.iter().filter(|(_, values)| !values.is_empty());
        let each = waiting.map(|(node, values)| {
            let values = K::list(values.iter().cloned().collect());
            K::list(vec![K::long(*node as i64), K::list(vec![values])])
        });
        K::list(each.collect())
    }

    /// Goes on from what [`Calls::state`] gave; what the script called when it was
    /// loaded again is in that state already.
    ///
    /// # Errors
    /// It is no such thing.
    pub(crate) fn resume(&mut self, state: &K) -> Result<()> {
        self.waiting.clear();
        for entry in state.items() {
            let mut parts = Parts::of(&entry);
            let node = usize::try_from(parts.long()?).map_err(|_| foreign())?;
            let values = parts.held()?.ok_or_else(foreign)?;
            self.waiting.insert(node, values.items().collect());
        }
        Ok(())
    }

    /// What waits for a reader.
    pub(crate) fn take(&mut self, node: usize) -> VecDeque<K> {
        self.waiting.get_mut(&node).map(std::mem::take).unwrap_or_default()
    }
}

fn named(node: &Node) -> Option<Sym> {
    (node.op == "read.fromCallback").then(|| node.option("callback")?.as_sym()).flatten()
}

/// Defines the functions of the readers that there are.
pub(super) fn define(cx: &mut Session) {
    for node in &cx.qsp.nodes {
        if let Some(name) = named(node).filter(|name| !name.is_null()) {
            let callback = Callback { node: node.id, name: name.as_str().to_owned() };
            cx.globals.insert(name, K::Func(Arc::new(callback)));
        }
    }
}

/// Calls a function of a reader.
pub(super) fn call(cx: &mut Session, callback: &Callback, args: Vec<K>) -> Result {
    let Ok([value]) = <[K; 1]>::try_from(args) else { return Err(rank_error()) };
    // Readers that were torn down have no names any more.
    let torn = cx.qsp.nodes.get(callback.node).is_none_or(|node| node.name.is_empty());
    let calls = &mut cx.qsp.calls;
    if torn || calls.live && !calls.open.contains(&callback.node) {
        return Err(QError::new(format!("{}: its reader takes nothing", callback.name)));
    }
    let waiting = calls.waiting.entry(callback.node).or_default();
    if waiting.len() >= CALLED_MAX {
        let text = format!("{}: {CALLED_MAX} values wait for its reader", callback.name);
        return Err(QError::new(text));
    }
    waiting.push_back(value);
    Ok(K::Null)
}

/// Names under which readers are called besides their own: a dictionary of their functions is
/// called with a key in front, and that is the name of the dictionary, a dot and the key.
///
/// # Errors
/// There are too many.
pub(super) fn aliases(cx: &Session) -> Result<Vec<(usize, String)>> {
    let mut found = Vec::new();
    for (name, value) in &cx.globals {
        let K::Dict(dict) = value else { continue };
        for (key, value) in dict.keys.items().zip(dict.values.items()) {
            let K::Func(function) = &value else { continue };
            let callback = function.as_any().downcast_ref::<Callback>();
            if let (Some(callback), Some(key)) = (callback, key.as_sym()) {
                found.push((callback.node, format!("{name}.{key}")));
            }
        }
    }
    found.sort();
    if found.len() > ALIASES_MAX {
        return Err(QError::new(format!("more than {ALIASES_MAX} keys lead to readers")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::Options;

    const RUN: &str = ".qsp.run .qsp.read.fromCallback[`publish] .qsp.write.toConsole[]\n";

    #[test]
    fn values_wait_in_order_and_have_a_limit() {
        let mut cx = Session::new(Options::default());
        cx.load_script(&format!("{RUN}publish 1;upd:enlist[`t]!enlist publish;upd[`t;`a]"))
            .unwrap();
        let node = cx.qsp.nodes.iter().find(|n| n.op == "read.fromCallback").unwrap().id;
        assert!(cx.qsp.calls.pending(node));
        assert_eq!(cx.qsp.calls.take(node), [K::long(1), K::sym("a")]);
        assert!(!cx.qsp.calls.pending(node));
        assert_eq!(cx.eval("publish[1;2]", "test").unwrap_err().text, "rank");
        cx.eval(&format!("do[{CALLED_MAX};publish 1]"), "test").unwrap();
        let error = cx.eval("publish 1", "test").unwrap_err();
        assert_eq!(error.text, format!("publish: {CALLED_MAX} values wait for its reader"));
    }

    #[test]
    fn keys_of_readers_have_a_limit() {
        let keys = |count: usize| {
            let upd = format!("upd:(`$string til {count})!{count}#publish");
            load(&format!("{RUN}{upd}")).map(|pipeline| pipeline.aliases.len())
        };
        assert_eq!(keys(ALIASES_MAX).unwrap(), ALIASES_MAX);
        let error = keys(ALIASES_MAX + 1).unwrap_err();
        assert_eq!(error.text, "more than 1000 keys lead to readers");
    }

    #[test]
    fn what_nobody_would_take_is_an_error() {
        let mut cx = Session::new(Options::default());
        cx.load_script(RUN).unwrap();
        cx.qsp.calls.live = true;
        let error = cx.eval("publish 1", "test").unwrap_err();
        assert_eq!(error.text, "publish: its reader takes nothing");
    }
}
