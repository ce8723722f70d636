//! The functions that `fromCallback` defines in the spec itself: what they are called with waits
//! until the pipeline takes it in, behind the reader.

use super::build::Node;
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

    /// What waits.
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
    let calls = &mut cx.qsp.calls;
    if calls.live && !calls.open.contains(&callback.node) {
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

/// The readers whose functions a spec names besides defining them.
pub(super) fn used(spec: &str, nodes: &[Node]) -> Vec<usize> {
    let defined = |name: Sym| nodes.iter().filter(|n| named(n) == Some(name)).count();
    let is_used = |node: &&Node| {
        named(node).is_some_and(|name| {
            let (words, symbols) = mentions(spec, name.as_str());
            words > 0 || symbols > defined(name)
        })
    };
    nodes.iter().filter(is_used).map(|n| n.id).collect()
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

/// How often a name stands in a text, as a word and as a symbol.
fn mentions(text: &str, name: &str) -> (usize, usize) {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let (mut words, mut symbols) = (0, 0);
    for (at, _) in text.match_indices(name).filter(|_| !name.is_empty()) {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|t| t.chars().next());
        match before {
            _ if after.is_some_and(part) => {}
            Some('`') => symbols += 1,
            Some(c) if part(c) => {}
            _ => words += 1,
        }
    }
    (words, symbols)
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::Options;

    const RUN: &str = ".qsp.run .qsp.read.fromCallback[`publish] .qsp.write.toConsole[]\n";

    fn is_used(more: &str) -> bool {
        !load(&format!("{RUN}{more}")).unwrap().called.is_empty()
    }

    #[test]
    fn only_what_the_spec_names_is_used() {
        assert!(!is_used("a:1"));
        assert!(!is_used("republish:1;publish2:2;.a.publish:3"));
        assert!(is_used("publish 1 2 3"));
        assert!(is_used("upd:enlist[`trade]!enlist publish"));
        assert!(is_used("f:{value[`publish] x}"));
    }

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
