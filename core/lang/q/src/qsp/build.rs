//! What a spec builds: operators with identity, and the graph that juxtaposition makes of them.

use super::called::{self, Callback, Calls};
use super::checks;
use super::lifecycle::Handlers;
use super::options;
use super::timers::Timers;
use super::trace::Watch;
use super::trigger::Ring;
use crate::error::{QError, Result, rank_error, type_error};
use crate::session::{Options, Session};
use crate::verbs::{Class, Run, Verb};
use formats::k::{Function, K, Sym};
use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Operators that a spec may make.
pub(crate) const NODES_MAX: usize = 4096;

/// What an operator is, seen from the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Data comes from it.
    Reader,
    /// Data goes through it.
    Operator,
    /// Data ends in it.
    Writer,
}

/// How an operator is called and what for.
#[derive(Debug)]
pub(crate) struct Def {
    /// The name after `.qsp.`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Names of the positional arguments.
    pub(crate) params: &'static [&'static str],
    /// How many of them must be given.
    pub(crate) required: usize,
}

/// An operator of a pipeline.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its number within the spec.
    pub id: usize,
    /// What it is.
    pub kind: Kind,
    /// The function that made it, without `.qsp.`, such as `window.count`.
    pub op: &'static str,
    /// Its name, given or made.
    pub name: String,
    /// Positional arguments and options by name.
    pub options: Vec<(String, K)>,
    /// The user's function, if the operator takes one.
    pub func: Option<K>,
    /// The operators it reads from.
    pub inputs: Vec<usize>,
}

#[cfg(test)]
thread_local! {
    /// The options that somebody has asked for on this thread.
    pub(super) static READ: std::cell::RefCell<std::collections::BTreeSet<(&'static str, String)>> =
        const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

impl Node {
    /// An option or positional argument; the generic null counts as not given.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&K> {
        #[cfg(test)]
        READ.with_borrow_mut(|read| read.insert((self.op, name.to_owned())));
        let found = self.options.iter().find(|(n, _)| n == name).map(|(_, k)| k);
        found.filter(|k| !matches!(k, K::Null))
    }

    /// An option that is a number, or its default.
    pub(crate) fn number(&self, name: &str, default: i64) -> Result<i64> {
        match self.option(name) {
            Some(k) => k.as_long().ok_or_else(|| QError::new(format!("type: {name}"))),
            None => Ok(default),
        }
    }

    /// An option that is a flag; not set by default.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.number(name, 0)? != 0)
    }
}

/// What a spec runs.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    /// The operators, each after those it reads from.
    pub nodes: Vec<Node>,
    /// Old or misspelt names that were used, and the like.
    pub warnings: Vec<String>,
    /// What is called at moments of its life.
    pub(crate) handlers: Handlers,
    /// Readers that are called under further names.
    pub(crate) aliases: Vec<(usize, String)>,
    /// Whether the spec tears it down itself: it ends when it has done what there is to do.
    pub(crate) ends: bool,
}

impl Pipeline {
    /// Names under which a reader is called besides its own.
    pub(crate) fn aliases_of(&self, node: &Node) -> impl Iterator<Item = &str> {
        let id = node.id;
        self.aliases.iter().filter(move |(of, _)| *of == id).map(|(_, name)| name.as_str())
    }
}

/// A piece of a pipeline as a value: applying it to another connects the two.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// The value of `.qsp.use`.
#[derive(Clone, Debug)]
struct Use(K);

macro_rules! opaque {
    ($ty:ident, $text:literal) => {
        impl Function for $ty {
            fn code(&self) -> i8 {
                112
            }
            fn source(&self) -> Cow<'_, [u8]> {
                Cow::Borrowed($text)
            }
            fn as_any(&self) -> &dyn Any {
                self
            }
        }
    };
}
opaque!(Pipe, b".qsp operator");
opaque!(Use, b".qsp.use");

fn of<T: 'static>(k: &K) -> Option<&T> {
    match k {
        K::Func(f) => f.as_any().downcast_ref(),
        _ => None,
    }
}

/// What `.qsp` calls have made in a session.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
    /// The ends of the pipelines given to `.qsp.run`.
    run: Option<Vec<usize>>,
    warnings: Vec<String>,
    /// What the pieces of pushed data are: metadata and data, in order.
    pub(crate) pushed: Vec<(K, K)>,
    /// Names of variables and namespaces that checkpoints keep.
    pub(crate) tracked: Vec<Sym>,
    /// Values of operators, by operator and key.
    pub(crate) store: HashMap<(usize, Option<Vec<u8>>), K>,
    /// What is called at moments of the pipeline's life.
    pub(crate) handlers: Handlers,
    /// What the functions of readers were called with.
    pub(crate) calls: Calls,
    /// What is called when its time has come.
    pub(crate) timers: Timers,
    /// What a program watches of its pipeline.
    pub(crate) watch: Watch,
    /// What lets a reader of this name read.
    pub(crate) ring: Option<Ring>,
    /// What had been given to `.qsp.run` before a teardown.
    torn: Option<Box<State>>,
}

impl State {
    /// The operators that read from one.
    pub(super) fn targets(&self, from: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().filter(move |(f, _)| *f == from).map(|(_, to)| *to)
    }

    /// Forgets what was made: operators have no connections and names any more.
    pub(super) fn forget(&mut self) {
        let mut before = std::mem::take(self);
        let nameless = |node: &Node| Node { name: String::new(), ..node.clone() };
        self.nodes = before.nodes.iter().map(nameless).collect();
        self.ring = before.ring.take();
        let torn = before.torn.take();
        self.torn = if before.run.is_some() { Some(Box::new(before)) } else { torn };
    }

    /// Goes back to what ran before the last teardown, where that is all that the spec runs.
    fn revive(&mut self) -> bool {
        let Some(torn) = self.torn.take() else { return false };
        if self.run.is_none() && torn.nodes.len() == self.nodes.len() {
            let ring = self.ring.take();
            *self = State { ring, ..*torn };
            return true;
        }
        if torn.calls.any() {
            let text = "what readers were called with before .qsp.teardown is not taken in";
            self.warnings.push(text.to_owned());
        }
        false
    }
}

impl Session {
    /// A new operator as a value.
    pub(super) fn operator(&mut self, def: &'static Def, mut args: Vec<K>) -> Result {
        let id = self.qsp.nodes.len();
        if id >= NODES_MAX {
            return Err(QError::limit("limit"));
        }
        let mut given: Vec<(String, K)> = Vec::new();
        if let Some(Use(options)) = args.last().and_then(of::<Use>) {
            given = options::checked(self, def, named(options)?)?;
            args.pop();
        }
        if args.len() > def.params.len()
            && args.iter().skip(def.params.len()).any(|a| *a != K::Null)
        {
            return Err(rank_error());
        }
        let mut options: Vec<(String, K)> = Vec::new();
        for (name, value) in def.params.iter().zip(args) {
            if !matches!(value, K::Null) {
                options.push(((*name).to_owned(), value));
            }
        }
        for (name, value) in given {
            options.retain(|(n, _)| *n != name);
            options.push((name, value));
        }
        for name in def.params.iter().take(def.required) {
            if !options.iter().any(|(n, _)| n == name) {
                return Err(rank_error());
            }
        }
        let text = options.iter().find(|(n, _)| n == "name").and_then(|(_, k)| k.as_sym());
        let name = match text {
            Some(name) => name.as_str().to_owned(),
            None => made_name(def, id, &options),
        };
        if self.qsp.nodes.iter().any(|n| n.name == name) {
            return Err(QError::new(format!("duplicate operator name: {name}")));
        }
        let func = options.iter().find(|(n, _)| n == "fn").map(|(_, k)| k.clone());
        let (kind, op, inputs) = (def.kind, def.name, Vec::new());
        let node = Node { id, kind, op, name, options, func, inputs };
        checks::check(&node)?;
        self.qsp.nodes.push(node);
        Ok(K::Func(Arc::new(Pipe { first: id, last: id })))
    }

    /// Notes a warning once, and says whether it is new.
    pub(super) fn warn(&mut self, text: &str) -> bool {
        let is_new = !self.qsp.warnings.iter().any(|w| w == text);
        if is_new {
            self.qsp.warnings.push(text.to_owned());
        }
        is_new
    }

    /// The piece of pipeline in a value.
    pub(super) fn pipe(k: &K) -> Result<Pipe> {
        of::<Pipe>(k).cloned().ok_or_else(type_error)
    }

    /// Connects two operators.
    pub(super) fn connect(&mut self, from: usize, to: usize) -> Result<()> {
        if self.qsp.edges.contains(&(from, to)) {
            return Ok(());
        }
        let kind = |id: usize| self.qsp.nodes.get(id).map(|n| (n.kind, n.op, n.name.clone()));
        let (Some((from_kind, _, from_name)), Some((to_kind, op, to_name))) =
            (kind(from), kind(to))
        else {
            return Err(type_error());
        };
        if from_kind == Kind::Writer {
            return Err(QError::new(format!("nothing can read from writer {from_name}")));
        }
        if to_kind == Kind::Reader {
            return Err(QError::new(format!("reader {to_name} takes no input")));
        }
        let inputs = self.qsp.edges.iter().filter(|(_, t)| *t == to).count();
        let several = if matches!(op, "union" | "merge") { 2 } else { 1 };
        if inputs >= several {
            return Err(QError::new(format!("{to_name} has an input already; use union or merge")));
        }
        self.qsp.edges.push((from, to));
        Ok(())
    }

    /// Applies an operator value to another: data flows from the left to the right.
    pub(crate) fn qsp_apply(&mut self, f: &K, args: Vec<K>) -> Result {
        if let Some(callback) = of::<Callback>(f) {
            return called::call(self, &callback.clone(), args);
        }
        let left = Self::pipe(f)?;
        let [right] = args.as_slice() else { return Err(rank_error()) };
        let right = Self::pipe(right)?;
        self.connect(left.last, right.first)?;
        Ok(K::Func(Arc::new(Pipe { first: left.first, last: right.last })))
    }

    /// The pipelines that were given to `.qsp.run`.
    pub(crate) fn pipeline(&mut self) -> Result<Pipeline> {
        let torn_down = self.qsp.revive();
        let Some(ends) = &self.qsp.run else {
            return Err(QError::new("nothing runs: the spec does not call .qsp.run"));
        };
        let mut wanted = vec![false; self.qsp.nodes.len()];
        let mut work = ends.clone();
        while let Some(id) = work.pop() {
            if let Some(slot) = wanted.get_mut(id)
                && !std::mem::replace(slot, true)
            {
                work.extend(
                    self.qsp.edges.iter().filter(|(_, to)| *to == id).map(|(from, _)| from),
                );
            }
        }
        let mut nodes: Vec<Node> = Vec::new();
        let mut left: Vec<usize> =
            (0..wanted.len()).filter(|i| wanted.get(*i) == Some(&true)).collect();
        // Each node once all those before it are there; what never is goes in a circle.
        while !left.is_empty() {
            let ready = |id: &usize| {
                let mut inputs = self.qsp.edges.iter().filter(|(_, to)| to == id);
                inputs.all(|(from, _)| nodes.iter().any(|n| n.id == *from))
            };
            let Some(at) = left.iter().position(ready) else {
                return Err(QError::new("the pipeline goes in a circle"));
            };
            let id = left.remove(at);
            let Some(node) = self.qsp.nodes.get(id) else { continue };
            let inputs: Vec<usize> =
                self.qsp.edges.iter().filter(|(_, to)| *to == id).map(|(from, _)| *from).collect();
            if inputs.is_empty() && node.kind != Kind::Reader {
                return Err(QError::new(format!("{} has no input", node.name)));
            }
            nodes.push(Node { inputs, ..node.clone() });
        }
        let handlers = self.qsp.handlers.clone();
        if let Some((name, _)) =
            handlers.finish.iter().find(|(n, _)| !nodes.iter().any(|m| m.name == *n))
        {
            return Err(QError::new(format!("onFinish: there is no operator {name}")));
        }
        let (warnings, aliases) = (self.qsp.warnings.clone(), called::aliases(self)?);
        Ok(Pipeline { nodes, warnings, handlers, aliases, ends: torn_down })
    }
}

/// The entries of an options dictionary; the null key is there only to make a list of values.
fn named(options: &K) -> Result<Vec<(String, K)>> {
    let wrong = || QError::new("type: .qsp.use takes a dictionary of names");
    let K::Dict(d) = options else { return Err(wrong()) };
    if d.keys.is_empty() {
        return Ok(Vec::new());
    }
    let names = d.keys.as_syms().ok_or_else(wrong)?;
    let entries = names.iter().zip(d.values.items()).filter(|(n, _)| !n.is_null());
    Ok(entries.map(|(n, v)| (n.as_str().to_owned(), v)).collect())
}

/// A name such as `map-36be3506`: the same for the same place in the same spec.
fn made_name(def: &Def, id: usize, options: &[(String, K)]) -> String {
    let mut short = def.name.rsplit('.').next().unwrap_or(def.name).to_owned();
    match def.name {
        "read.fromCallback" => {
            let callback = options.iter().find(|(n, _)| n == "callback");
            let callback = callback.and_then(|(_, k)| k.as_sym()).unwrap_or_default();
            short = format!("callback-{callback}");
        }
        "read.fromExpr" => short = "expr".to_owned(),
        _ if def.name.starts_with("window.") => short.push_str("Window"),
        _ => {}
    }
    let hash = (id as u32 + 1).wrapping_mul(0x9e37_79b1) ^ (def.name.len() as u32) << 7;
    format!("{short}-{hash:08x}")
}

/// Loads a spec in a session of its own and returns the pipeline it runs.
///
/// # Errors
/// What is wrong with the spec, with its place.
pub fn load(spec: &str) -> Result<Pipeline> {
    let mut session = Session::new(Options { steps_max: LOAD_STEPS_MAX, ..Options::default() });
    session.load_script(spec)?;
    session.pipeline()
}

/// Steps that loading a spec may take: well below a second, because whoever asks waits for it, and
/// so do those behind.
const LOAD_STEPS_MAX: u64 = 10_000_000;

fn use_options(_: &mut Session, x: K) -> Result {
    named(&x)?;
    Ok(K::Func(Arc::new(Use(x))))
}

fn run(cx: &mut Session, x: K) -> Result {
    if cx.qsp.run.is_some() {
        return Err(QError::new(".qsp.run may be called once"));
    }
    let pipes = if x.is_atom() { vec![x] } else { x.items().collect() };
    let mut ends = Vec::with_capacity(pipes.len());
    for pipe in &pipes {
        ends.push(Session::pipe(pipe)?.last);
    }
    cx.qsp.run = Some(ends);
    called::define(cx);
    Ok(K::Null)
}

fn push(cx: &mut Session, args: Vec<K>) -> Result {
    let [_, metadata, data] = args.as_slice() else { return Err(rank_error()) };
    if cx.qsp.pushed.len() >= PUSHED_MAX {
        return Err(QError::limit("limit"));
    }
    cx.qsp.pushed.push((metadata.clone(), data.clone()));
    Ok(data.clone())
}

/// Pieces of data that one call of a function may push.
pub(crate) const PUSHED_MAX: usize = if cfg!(test) { 1000 } else { 1 << 20 };

/// Names that a spec may track.
pub(crate) const TRACKED_MAX: usize = 65_536;

fn track(cx: &mut Session, args: Vec<K>) -> Result {
    let names = args.first().ok_or_else(rank_error)?;
    let names = match (names.as_sym(), names.as_syms()) {
        (Some(name), _) => vec![name],
        (_, Some(names)) => names.to_vec(),
        _ => return Err(type_error()),
    };
    if cx.qsp.tracked.len() + names.len() > TRACKED_MAX {
        return Err(QError::limit("limit"));
    }
    cx.qsp.tracked.extend(names);
    Ok(K::Null)
}

/// The definition of a `.qsp` function that makes no operator.
const fn helper(name: &'static str, run: Run, summary: &'static str) -> Verb {
    Verb { name, infix: false, class: Class::Other, run, summary, example: "" }
}

pub(super) const VERBS: &[Verb] = &[
    helper(".qsp.use", Run::Monad(use_options), "Options of an operator."),
    helper(".qsp.run", Run::Monad(run), "Runs a pipeline or a list of them."),
    helper(
        ".qsp.push",
        Run::Many { min: 3, max: 3, run: push },
        "Hands data to the next operator.",
    ),
    helper(
        ".qsp.track",
        Run::Many { min: 1, max: 1, run: track },
        "Names variables that a checkpoint keeps.",
    ),
];

/// A function that makes an operator.
pub(super) const fn maker(name: &'static str, max: usize, run: crate::verbs::Polyad) -> Verb {
    let run = Run::Many { min: 1, max, run };
    let summary = "Makes an operator of a stream processor.";
    Verb { name, infix: false, class: Class::Other, run, summary, example: "" }
}

/// Makers that the documentation names and that are not there: each signals its name, and a
/// program that has the name is refused when it is loaded.
macro_rules! absent {
    ($($name:ident $text:literal),*) => {
        $(fn $name(_: &mut crate::session::Session, _: Vec<formats::k::K>) -> crate::error::Result {
            Err(crate::error::QError::nyi($text))
        })*

        /// What is not there.
        pub(super) const ABSENT: &[&str] = &[$($text),*];
    };
}
pub(super) use absent;
