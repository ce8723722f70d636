//! How queries are prepared for the fast path.

use std::collections::HashSet;
use std::rc::Rc;

use formats::json::{PathId, Paths};
use formats::value::Text;

use super::body::{Statement, Statements};
use super::bridge::Bridge;
use super::call::{EachCall, Query};
use super::compile::HEIGHT_MAX;
use super::eval::{Name, Quick};
use crate::args::{Arg, Args};
use crate::node::{ArgSource, Base, Case, Key, MatchExpr, MethodCall, Node, Path, Seg, Slot};
use crate::number::Num;
use crate::program::{self, Kind, Map, Program};
use crate::spec::Hook;
use crate::val::Val;

/// Calls of named maps in one mapping, each of which gets statements of its own.
const MAP_CALLS_MAX: u32 = 64;

/// What prepares the queries of a program.
pub(super) struct Compiler<'p> {
    pub(super) program: &'p Program,
    paths: &'p mut Paths,
    /// Variables that are set by queries of the fast path.
    pub(super) vars: HashSet<usize>,
    /// Slots so far.
    pub(super) locals: usize,
    /// First slot of the variables that are seen.
    frame: usize,
    /// Named maps around the query.
    depth: u32,
    map_calls: u32,
}

/// What `this` is while a query is compiled.
#[derive(Clone)]
enum This {
    /// What a path of the document leads to.
    Path(Vec<Seg>),
    /// A value that was computed, in a slot.
    Local(usize),
}

/// What a query sees: see [`crate::exec::Ctx`], which it repeats.
#[derive(Clone)]
pub(super) struct Scope {
    this: This,
    /// What `this` is again inside a lambda.
    next: Option<This>,
    /// What lambdas gave names, the innermost last.
    names: Vec<This>,
}

impl Scope {
    /// That of a whole message.
    pub(super) fn document() -> Scope {
        Scope { this: This::Path(Vec::new()), next: None, names: Vec::new() }
    }

    fn with(&self, this: This) -> Scope {
        Scope { this, next: Some(self.this.clone()), names: self.names.clone() }
    }

    fn lambda(&self, named: bool) -> Scope {
        let mut names = self.names.clone();
        if named {
            names.push(self.this.clone());
        }
        let this = self.next.clone().unwrap_or(This::Path(Vec::new()));
        Scope { this, next: None, names }
    }
}

impl<'p> Compiler<'p> {
    pub(super) fn new(program: &'p Program, paths: &'p mut Paths) -> Self {
        let locals = program.names.len();
        let vars = HashSet::new();
        Compiler { program, paths, vars, locals, frame: 0, depth: 0, map_calls: 0 }
    }

    fn slot(&mut self) -> usize {
        self.locals += 1;
        self.locals - 1
    }

    fn path(&mut self, segs: &[Seg]) -> Option<PathId> {
        let plain = segs.iter().all(Seg::is_plain);
        let keys: Vec<&[u8]> = segs.iter().map(|seg| seg.key.as_bytes()).collect();
        plain.then(|| self.paths.intern(&keys))
    }

    /// Prepares a query; `None` when some part of it has no form here.
    pub(super) fn node(&mut self, node: &Node, scope: &Scope) -> Option<Quick> {
        Some(match node {
            Node::Literal(val) => Quick::constant(val)?,
            Node::Folded(folded) => Quick::constant(&folded.val)?,
            Node::Path(path) => self.field(path, scope)?,
            Node::Var(slot, _) => {
                let slot = self.frame + slot;
                self.vars.contains(&slot).then_some(Quick::Local(slot))?
            }
            Node::Method(call) => self.method(call, scope)?,
            Node::Function(call) => match call.spec.name {
                "deleted" => Quick::Deleted,
                "nothing" => Quick::Nothing,
                "content" => Quick::Content,
                _ => return None,
            },
            Node::Arith(b) => {
                let by = b.right.literal().and_then(|val| match val {
                    Val::Data(value) => Num::of(value),
                    _ => None,
                });
                match by {
                    Some(by) => Quick::ArithBy(b.op, Box::new(self.node(&b.left, scope)?), by),
                    None => Quick::Arith(b.op, self.two(&b.left, &b.right, scope)?),
                }
            }
            Node::Compare(b) => Quick::Compare(b.op, self.two(&b.left, &b.right, scope)?),
            Node::Logic(b) => Quick::Logic(b.op, self.two(&b.left, &b.right, scope)?),
            Node::Coalesce(b) => Quick::Coalesce(self.two(&b.left, &b.right, scope)?),
            Node::Not(inner) => Quick::Not(Box::new(self.node(inner, scope)?)),
            Node::If(e) => {
                let mut cases = Vec::new();
                for (condition, result) in &e.cases {
                    cases.push((self.node(condition, scope)?, self.node(result, scope)?));
                }
                let otherwise = match &e.otherwise {
                    Some(node) => self.node(node, scope)?,
                    None => Quick::Nothing,
                };
                Quick::If(cases, Box::new(otherwise))
            }
            Node::Match(e) => self.match_expr(e, scope)?,
            Node::Lambda(name, body) => self.node(body, &scope.lambda(name.is_some()))?,
            Node::Within(parts) => {
                let target = self.node(&parts.0, scope)?;
                let slot = self.slot();
                let query = self.node(&parts.1, &scope.with(This::Local(slot)))?;
                Quick::Within(slot, Box::new((target, query)))
            }
            Node::Array(items) => {
                let items = items.iter().map(|item| self.node(item, scope));
                Quick::List(items.collect::<Option<_>>()?)
            }
            Node::Object(members) => {
                let member = |(key, value): &(Key, Node)| {
                    let key = match key {
                        Key::Static(text) => Name::Known(text.clone()),
                        Key::Dynamic(key) => Name::Query(self.node(key, scope)?),
                    };
                    Some((key, self.node(value, scope)?))
                };
                Quick::Map(members.iter().map(member).collect::<Option<_>>()?)
            }
            Node::Meta(_) => return None,
        })
    }

    fn two(&mut self, left: &Node, right: &Node, scope: &Scope) -> Option<Box<(Quick, Quick)>> {
        Some(Box::new((self.node(left, scope)?, self.node(right, scope)?)))
    }

    fn method(&mut self, call: &MethodCall, scope: &Scope) -> Option<Quick> {
        if let ArgSource::Fixed(args) = &call.args {
            match call.spec.name {
                // An error leaves the fast path, so that what `catch` gives is never needed.
                "catch" => return self.node(&call.target, scope),
                "or" => {
                    let target = self.node(&call.target, scope)?;
                    let fallback = self.node(args.opt_query(0)?.node(), scope)?;
                    return Some(Quick::Coalesce(Box::new((target, fallback))));
                }
                "apply" => return self.apply(&call.target, args, scope),
                _ => {}
            }
            if let Some(quick) = self.fused(call, args, scope) {
                return Some(quick);
            }
        }
        let target = Box::new(self.node(&call.target, scope)?);
        match (call.spec.quick, &call.args) {
            // What has a query argument beside its own form evaluates it only by the general way.
            (Hook::Fixed(quick), ArgSource::Fixed(args)) if !args.has_query() => {
                let (args, bridge) = (args.clone(), self.bridge(call, scope));
                return Some(Quick::Method { quick, args, target, bridge });
            }
            (Hook::Prepared(prepare), ArgSource::Fixed(args)) => {
                if let Some(quick) = prepare(args) {
                    let (quick, bridge) = (Rc::new(quick), self.bridge(call, scope));
                    return Some(Quick::Ready { quick, target, bridge });
                }
            }
            (Hook::Each(quick), ArgSource::Fixed(args)) => {
                let slot = self.slot();
                let query = args.opt_query(args.len().checked_sub(1)?)?;
                let body = self.node(query.node(), &scope.with(This::Local(slot)))?;
                let call = EachCall { args: args.clone(), query: Query { slot, body } };
                return Some(Quick::Each { quick, call: Rc::new(call), target });
            }
            (Hook::Items(quick), args) => {
                if let Some(args) = self.all(args, scope) {
                    let bridge = self.bridge(call, scope);
                    return Some(Quick::Items { quick, args, target, bridge });
                }
            }
            _ => {}
        }
        Some(Quick::Bridge(self.bridge(call, scope)?, target))
    }

    fn bridge(&mut self, call: &MethodCall, scope: &Scope) -> Option<Rc<Bridge>> {
        Bridge::new(call, |node| self.node(node, scope)).map(Rc::new)
    }

    /// Arguments that are all given, as queries.
    fn all(&mut self, args: &ArgSource, scope: &Scope) -> Option<Box<[Quick]>> {
        let val = |arg: &Arg| match arg {
            Arg::Val(val) => Quick::constant(val),
            Arg::Missing | Arg::Query(_) => None,
        };
        match args {
            ArgSource::Fixed(args) => args.items().iter().map(val).collect(),
            ArgSource::Dynamic(slots) => slots
                .iter()
                .map(|slot| match slot {
                    Slot::Fixed(arg) => val(arg),
                    Slot::Eval(_, node) => self.node(node, scope),
                })
                .collect(),
        }
    }

    /// Methods that have a form of their own, alone or together with their target.
    fn fused(&mut self, call: &MethodCall, args: &Args, scope: &Scope) -> Option<Quick> {
        match (call.spec.name, &call.target) {
            (name @ ("uppercase" | "lowercase"), target) => {
                Some(Quick::Case(name == "uppercase", Box::new(self.node(target, scope)?)))
            }
            ("index", Node::Method(split)) if split.spec.name == "split" => {
                let ArgSource::Fixed(split_args) = &split.args else { return None };
                let (delimiter, index) = (split_args.text(0), usize::try_from(args.int(0)).ok()?);
                if delimiter.is_empty() || split_args.bool(1) {
                    return None;
                }
                let target = Box::new(self.node(&split.target, scope)?);
                Some(Quick::Part { delimiter: Text::from(delimiter), index, target })
            }
            _ => None,
        }
    }

    fn field(&mut self, path: &Path, scope: &Scope) -> Option<Quick> {
        let base = match &path.base {
            Base::This => &scope.this,
            Base::Named(hops, _) => scope.names.get(scope.names.len().checked_sub(hops + 1)?)?,
            Base::Node(node) => {
                let target = self.node(node, scope)?;
                return of_value(target, &path.segs);
            }
            Base::Root => return None,
        };
        match base {
            This::Path(prefix) => {
                let segs = [prefix.as_slice(), &path.segs].concat();
                self.path(&segs).map(|id| Quick::Field(id, segs.into()))
            }
            This::Local(slot) => of_value(Quick::Local(*slot), &path.segs),
        }
    }

    fn match_expr(&mut self, e: &MatchExpr, scope: &Scope) -> Option<Quick> {
        let mut bind = None;
        let this = match (&e.subject, &scope.this) {
            (None, this) => this.clone(),
            (Some(Node::Path(path)), This::Path(prefix)) if matches!(path.base, Base::This) => {
                This::Path([prefix.as_slice(), &path.segs].concat())
            }
            (Some(subject), _) => {
                let quick = self.node(subject, scope)?;
                let slot = self.slot();
                bind = Some((slot, Box::new(quick)));
                This::Local(slot)
            }
        };
        let subject = match &this {
            This::Path(segs) => Quick::Field(self.path(segs)?, segs.as_slice().into()),
            This::Local(slot) => Quick::Local(*slot),
        };
        let inner = scope.with(this);
        let mut cases = Vec::new();
        for (case, result) in &e.cases {
            let test = match case {
                Case::Always => Quick::True,
                Case::Equals(val) => {
                    Quick::Equals(Box::new((subject.clone(), Quick::constant(val)?)))
                }
                Case::Holds(node) => Quick::Holds(Box::new(self.node(node, &inner)?)),
            };
            cases.push((test, self.node(result, &inner)?));
        }
        Some(Quick::Match { bind, cases })
    }

    fn apply(&mut self, target: &Node, args: &Args, scope: &Scope) -> Option<Quick> {
        let target = self.node(target, scope)?;
        let map = Rc::clone(self.program.maps.get(&*args.str(0))?);
        let slot = self.slot();
        let body = self.map(&map, slot)?;
        Some(Quick::Apply(slot, Box::new(target), Rc::new(body)))
    }

    /// The statements of a named map about the value in a slot.
    fn map(&mut self, map: &Map, slot: usize) -> Option<Statements> {
        self.map_calls += 1;
        // A map that calls itself ends here, too.
        if self.map_calls > MAP_CALLS_MAX || self.program.height * (self.depth + 2) > HEIGHT_MAX {
            return None;
        }
        let vars = self.locals..self.locals + map.names.len();
        self.locals = vars.end;
        let outer = std::mem::replace(&mut self.frame, vars.start);
        self.depth += 1;
        let scope = Scope { this: This::Local(slot), next: None, names: Vec::new() };
        let statements = self.statements(&map.statements, &scope);
        self.depth -= 1;
        self.frame = outer;
        Some(Statements::new(vars, statements?))
    }

    /// The whole program as statements that build the root.
    pub(super) fn body(&mut self) -> Option<Statements> {
        let program = self.program;
        let statements = self.statements(&program.statements, &Scope::document())?;
        Some(Statements::new(0..program.names.len(), statements))
    }

    fn statements(
        &mut self,
        statements: &[program::Statement],
        scope: &Scope,
    ) -> Option<Box<[Statement]>> {
        statements.iter().map(|statement| self.statement(&statement.kind, scope)).collect()
    }

    fn statement(&mut self, kind: &Kind, scope: &Scope) -> Option<Statement> {
        Some(match kind {
            Kind::Let { slot, query, .. } => {
                let slot = self.frame + slot;
                let query = self.node(query, scope)?;
                self.vars.insert(slot);
                Statement::Let(slot, query)
            }
            // A map has no metadata of its own.
            Kind::Meta { .. } if self.depth > 0 => return None,
            Kind::Meta { key, query } => Statement::Meta(key.clone(), self.node(query, scope)?),
            Kind::Assign { path, query } => {
                Statement::Assign(path.as_slice().into(), self.node(query, scope)?)
            }
            Kind::If(branches) => {
                let mut cases = Vec::new();
                for (condition, block) in &branches.cases {
                    cases.push((self.node(condition, scope)?, self.statements(block, scope)?));
                }
                let otherwise = match &branches.otherwise {
                    Some(block) => self.statements(block, scope)?,
                    None => Box::default(),
                };
                Statement::If(cases.into(), otherwise)
            }
        })
    }
}

fn of_value(target: Quick, segs: &[Seg]) -> Option<Quick> {
    match segs {
        [] => Some(target),
        segs if segs.iter().any(|seg| seg.star) => None,
        segs => Some(Quick::Get(Box::new(target), segs.into())),
    }
}
