//! Which mappings take the fast path, and how their queries are prepared for it.

use std::collections::HashSet;

use formats::json::{PathId, Paths, Splicer};
use formats::value::Text;

use super::build::Template;
use super::eval::Quick;
use crate::args::Args;
use crate::class;
use crate::node::{ArgSource, Base, Case, MethodCall, Node, Path, Seg, split_path};
use crate::program::{Kind, Program};
use crate::spec::Purity;
use crate::time::Layout;

/// Height of expressions that the fast path takes: its evaluation has no growing stack.
pub(super) const HEIGHT_MAX: u32 = 200;

/// A mapping prepared for the fast path.
pub(crate) struct Plan {
    pub(super) shape: Shape,
    /// One for each statement.
    pub(super) steps: Vec<Step>,
    /// Whether some query needs the general evaluator.
    pub(super) general: bool,
    /// Whether some query reads the document.
    pub(super) reads: bool,
    pub(super) vars: usize,
    /// Number of fields, the first ones, that the copy of the document leaves out.
    pub(super) deleted: usize,
    /// When the mapping is only `content().uppercase()` (true) or `content().lowercase()`.
    pub(super) case: Option<bool>,
}

/// What is built.
pub(super) enum Shape {
    /// The record with changes.
    Copy(Box<Splicer>),
    /// An object of its own.
    Fields(Template),
    /// One value, or nothing: every assignment is of the whole root.
    Whole,
}

impl Shape {
    /// Number of results that are gathered before they are written.
    pub(super) fn slots(&self) -> usize {
        match self {
            Shape::Fields(template) => template.slots(),
            _ => 0,
        }
    }
}

/// A statement.
pub(super) struct Step {
    pub(super) target: Target,
    /// The query; `None` where the general evaluator takes it.
    pub(super) quick: Option<Quick>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// `root = this`, which the shape stands for.
    Start,
    /// A field, by its slot.
    Field(usize),
    /// The whole root.
    Root,
    Var(usize),
    Meta,
}

/// What the queries of a program read, gathered while they are compiled.
struct Compiler<'p> {
    paths: &'p mut Paths,
    /// Variables that are set by queries of the fast path.
    vars: HashSet<usize>,
    locals: usize,
}

/// What `this` is while a query is compiled.
#[derive(Clone)]
enum This {
    /// What a path of the document leads to.
    Path(Vec<Seg>),
    /// A value that was computed, in a slot.
    Local(usize),
}

impl Plan {
    /// Prepares a program; `None` when it must not take the fast path.
    pub(crate) fn of(program: &Program, paths: &mut Paths) -> Option<Plan> {
        let mut repeatable = true;
        let mut root_read = false;
        class::every_in(program, &mut |node| {
            let purity = match node {
                Node::Method(call) => call.spec.purity,
                Node::Function(call) => call.spec.purity,
                Node::Path(path) => {
                    root_read |= matches!(path.base, Base::Root);
                    Purity::Pure
                }
                _ => Purity::Pure,
            };
            repeatable &= purity != Purity::Bound;
        });
        if !repeatable || root_read || program.height > HEIGHT_MAX {
            return None;
        }
        let first = program.statements.iter().find_map(|s| match &s.kind {
            Kind::Assign { path, query } => Some((path, query)),
            _ => None,
        });
        let without = first.and_then(|(path, query)| path.is_empty().then(|| start(query))?);
        let copies = without.is_some();
        let without = without.unwrap_or_default();
        let deleted = without.len();
        let fields = fields(program, &without)?;
        let keys: Vec<Vec<&[u8]>> =
            fields.iter().map(|f| f.iter().map(|seg| seg.key.as_bytes()).collect()).collect();
        let keys: Vec<&[&[u8]]> = keys.iter().map(Vec::as_slice).collect();
        // Paths that lead into each other are left to the general evaluator.
        let splicer = Splicer::new(&keys).ok()?;
        let shape = match (copies, fields.is_empty()) {
            (true, _) => Shape::Copy(Box::new(splicer)),
            (false, false) => Shape::Fields(Template::new(&keys)),
            (false, true) => Shape::Whole,
        };
        let vars = program.names.len();
        let compiler = Compiler { paths, vars: HashSet::new(), locals: vars };
        compiler.program(program, &fields, shape, deleted)
    }
}

fn is_this(node: &Node) -> bool {
    matches!(node, Node::Path(p) if matches!(p.base, Base::This) && p.segs.is_empty())
}

/// What a copy of the document leaves out: nothing for `this`, paths for `this.without(...)`;
/// `None` for what is no copy.
fn start(query: &Node) -> Option<Vec<Vec<Seg>>> {
    if is_this(query) {
        return Some(Vec::new());
    }
    let Node::Method(call) = query else { return None };
    let ArgSource::Fixed(args) = &call.args else { return None };
    if call.spec.name != "without" || !is_this(&call.target) {
        return None;
    }
    let mut paths: Vec<Vec<Seg>> = Vec::new();
    for val in args.vals() {
        let path = split_path(val.as_text().ok()?);
        // A path that is left out twice, or within another, is for the general evaluator.
        if path.is_empty() || paths.contains(&path) {
            return None;
        }
        paths.push(path);
    }
    Some(paths)
}

/// The fields that are assigned, each once and by names only.
fn fields<'p>(program: &'p Program, without: &'p [Vec<Seg>]) -> Option<Vec<&'p [Seg]>> {
    let mut fields: Vec<&[Seg]> = without.iter().map(Vec::as_slice).collect();
    let mut assigned: Vec<&[Seg]> = Vec::new();
    let mut whole = 0;
    let count = program.statements.len();
    for (i, statement) in program.statements.iter().enumerate() {
        match &statement.kind {
            Kind::Assign { path, query } if path.is_empty() => {
                whole += 1;
                let first = assigned.is_empty() && whole == 1;
                // The root may be copied first, and the record may be filtered last.
                if !(first && start(query).is_some()) && i + 1 != count {
                    return None;
                }
            }
            Kind::Assign { path, .. } => {
                if assigned.contains(&path.as_slice()) {
                    return None;
                }
                assigned.push(path);
                if !fields.contains(&path.as_slice()) {
                    fields.push(path);
                }
            }
            Kind::Let { .. } | Kind::Meta { .. } => {}
            Kind::If(_) => return None,
        }
    }
    Some(fields)
}

impl Compiler<'_> {
    fn program(
        mut self,
        program: &Program,
        fields: &[&[Seg]],
        shape: Shape,
        deleted: usize,
    ) -> Option<Plan> {
        let mut steps = Vec::new();
        let (mut general, mut reads) = (false, false);
        let copies = matches!(shape, Shape::Copy(_));
        for statement in &program.statements {
            let (target, query) = match &statement.kind {
                Kind::Let { slot, query, .. } => (Target::Var(*slot), query),
                Kind::Meta { query, .. } => (Target::Meta, query),
                Kind::Assign { path, query } if path.is_empty() => {
                    let started = steps.iter().any(|s: &Step| s.target == Target::Start);
                    match copies && !started && start(query).is_some() {
                        true => (Target::Start, query),
                        false => (Target::Root, query),
                    }
                }
                Kind::Assign { path, query } => {
                    let slot = fields.iter().position(|f| *f == path.as_slice())?;
                    (Target::Field(slot), query)
                }
                Kind::If(_) => return None,
            };
            let quick = match target {
                Target::Start => None,
                _ => self.node(query, &This::Path(Vec::new())),
            };
            if let (Target::Var(slot), Some(_)) = (target, &quick) {
                self.vars.insert(slot);
            }
            general |= quick.is_none() && target != Target::Start;
            steps.push(Step { target, quick });
        }
        class::every_in(program, &mut |node| match node {
            Node::Path(path) => reads |= self.intern(path),
            Node::Match(e) => reads |= e.subject.is_none(),
            Node::Lambda(..) => reads = true,
            _ => {}
        });
        reads |= copies;
        let case = match (&shape, steps.as_slice()) {
            (Shape::Whole, [Step { quick: Some(Quick::Case(upper, target)), .. }]) => {
                matches!(**target, Quick::Content).then_some(*upper)
            }
            _ => None,
        };
        Some(Plan { shape, steps, general, reads, vars: self.locals, deleted, case })
    }

    /// Numbers a path of the document, so that it is found without a search. Whether it is one.
    fn intern(&mut self, path: &Path) -> bool {
        if !matches!(path.base, Base::This) {
            return false;
        }
        if let Some(id) = self.path(&path.segs) {
            path.slot.set(Some(id));
        }
        true
    }

    fn path(&mut self, segs: &[Seg]) -> Option<PathId> {
        let plain = segs.iter().all(|seg| !seg.star && seg.is_canonical());
        let keys: Vec<&[u8]> = segs.iter().map(|seg| seg.key.as_bytes()).collect();
        plain.then(|| self.paths.intern(&keys))
    }

    /// Prepares a query; `None` when some part of it has no form here.
    fn node(&mut self, node: &Node, this: &This) -> Option<Quick> {
        Some(match node {
            Node::Literal(val) => Quick::constant(val)?,
            Node::Folded(folded) => Quick::constant(&folded.val)?,
            Node::Path(path) => self.field(path, this)?,
            Node::Var(slot, _) if self.vars.contains(slot) => Quick::Local(*slot),
            Node::Method(call) => self.method(call, this)?,
            Node::Function(call) => match call.spec.name {
                "deleted" => Quick::Deleted,
                "nothing" => Quick::Nothing,
                "content" => Quick::Content,
                _ => return None,
            },
            Node::Arith(b) => Quick::Arith(
                b.op,
                Box::new((self.node(&b.left, this)?, self.node(&b.right, this)?)),
            ),
            Node::Compare(b) => {
                let parts = (self.node(&b.left, this)?, self.node(&b.right, this)?);
                Quick::Compare(b.op, Box::new(parts))
            }
            Node::Logic(b) => Quick::Logic(
                b.op,
                Box::new((self.node(&b.left, this)?, self.node(&b.right, this)?)),
            ),
            Node::Coalesce(b) => {
                let parts = (self.node(&b.left, this)?, self.node(&b.right, this)?);
                Quick::Coalesce(Box::new(parts))
            }
            Node::Not(inner) => Quick::Not(Box::new(self.node(inner, this)?)),
            Node::If(e) => {
                let mut cases = Vec::new();
                for (condition, result) in &e.cases {
                    cases.push((self.node(condition, this)?, self.node(result, this)?));
                }
                let otherwise = match &e.otherwise {
                    Some(node) => self.node(node, this)?,
                    None => Quick::Nothing,
                };
                Quick::If(cases, Box::new(otherwise))
            }
            Node::Match(e) => self.match_expr(e, this)?,
            _ => return None,
        })
    }

    fn method(&mut self, call: &MethodCall, this: &This) -> Option<Quick> {
        let ArgSource::Fixed(args) = &call.args else { return None };
        match call.spec.name {
            // An error leaves the fast path, so that what `catch` gives instead is never needed.
            "catch" => return self.node(&call.target, this),
            "or" => {
                let target = self.node(&call.target, this)?;
                let fallback = self.node(args.opt_query(0)?.node(), this)?;
                return Some(Quick::Coalesce(Box::new((target, fallback))));
            }
            _ => {}
        }
        if let Some(quick) = self.fused(call, args, this) {
            return Some(quick);
        }
        let quick = call.spec.quick?;
        let target = Box::new(self.node(&call.target, this)?);
        Some(Quick::Method { quick, args: args.clone(), target })
    }

    /// Methods that have a form of their own, alone or together with their target.
    fn fused(&mut self, call: &MethodCall, args: &Args, this: &This) -> Option<Quick> {
        match (call.spec.name, &call.target) {
            (name @ ("uppercase" | "lowercase"), target) => {
                Some(Quick::Case(name == "uppercase", Box::new(self.node(target, this)?)))
            }
            ("ts_format", target) if !args.given(1) => {
                let layout = Layout::new(&args.str(0));
                Some(Quick::Layout(Box::new((layout, self.node(target, this)?))))
            }
            ("index", Node::Method(split)) if split.spec.name == "split" => {
                let ArgSource::Fixed(split_args) = &split.args else { return None };
                let (delimiter, index) = (split_args.text(0), usize::try_from(args.int(0)).ok()?);
                if delimiter.is_empty() || split_args.bool(1) {
                    return None;
                }
                let target = Box::new(self.node(&split.target, this)?);
                Some(Quick::Part { delimiter: Text::from(delimiter), index, target })
            }
            _ => None,
        }
    }

    fn field(&mut self, path: &Path, this: &This) -> Option<Quick> {
        match (&path.base, this) {
            (Base::This, This::Path(prefix)) => {
                let segs = [prefix.as_slice(), &path.segs].concat();
                self.path(&segs).map(Quick::Field)
            }
            (Base::This, This::Local(slot)) if path.segs.is_empty() => Some(Quick::Local(*slot)),
            _ => None,
        }
    }

    fn match_expr(&mut self, e: &crate::node::MatchExpr, this: &This) -> Option<Quick> {
        let mut bind = None;
        let inner = match &e.subject {
            None => this.clone(),
            Some(Node::Path(path)) if matches!((&path.base, this), (Base::This, This::Path(_))) => {
                let This::Path(prefix) = this else { return None };
                This::Path([prefix.as_slice(), &path.segs].concat())
            }
            Some(subject) => {
                let quick = self.node(subject, this)?;
                let slot = self.locals;
                self.locals += 1;
                bind = Some((slot, Box::new(quick)));
                This::Local(slot)
            }
        };
        let subject = match &inner {
            This::Path(segs) => Quick::Field(self.path(segs)?),
            This::Local(slot) => Quick::Local(*slot),
        };
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
}
