//! Which mappings take the fast path, and what they build.

use formats::json::{Paths, Splicer};

use super::body::Statements;
use super::build::Template;
use super::eval::Quick;
use super::query::{Compiler, Scope};
use crate::class;
use crate::node::{ArgSource, Base, Node, Seg, split_path};
use crate::program::{Kind, Program, Statement};
use crate::spec::Purity;

/// Height of expressions that the fast path takes: its evaluation has no growing stack.
pub(super) const HEIGHT_MAX: u32 = 200;

/// A mapping prepared for the fast path.
pub(crate) struct Plan {
    pub(super) shape: Shape,
    /// One for each statement.
    pub(super) steps: Vec<Step>,
    /// The steps of fields by their slots, where fields may be evaluated after everything else and
    /// in any order.
    pub(super) direct: Option<Box<[usize]>>,
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
    /// Whatever the statements build.
    Built(Statements),
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

impl Plan {
    /// Prepares a program; `None` when it must not take the fast path.
    pub(crate) fn of(program: &Program, paths: &mut Paths) -> Option<Plan> {
        if !is_fast(program) {
            return None;
        }
        let compiled = Plan::of_fields(program, paths);
        compiled.or_else(|| Plan::of_body(program, paths))
    }

    /// Prepares a program that changes the document of another message; `None` when it does more
    /// than assign fields, each once, or must not take the fast path.
    pub(super) fn of_overlay(program: &Program, paths: &mut Paths) -> Option<Plan> {
        let assigns = |statement: &Statement| match &statement.kind {
            Kind::Assign { path, .. } => !path.is_empty(),
            Kind::Let { .. } => true,
            Kind::Meta { .. } | Kind::If(_) => false,
        };
        if !is_fast(program) || !program.statements.iter().all(assigns) {
            return None;
        }
        let fields = fields(program, &[])?;
        let shape = Shape::Copy(Box::new(splicer(&fields)?));
        let mut compiler = Compiler::new(program, paths);
        let steps = steps(&mut compiler, &fields, false)?;
        let plan = Plan::new(compiler, shape, steps, 0, false);
        (!plan.general).then_some(plan)
    }

    /// A program that assigns fields, each once, or its whole root.
    fn of_fields(program: &Program, paths: &mut Paths) -> Option<Plan> {
        let first = program.statements.iter().find_map(|s| match &s.kind {
            Kind::Assign { path, query } => Some((path, query)),
            _ => None,
        });
        let without = first.and_then(|(path, query)| path.is_empty().then(|| start(query))?);
        let copies = without.is_some();
        let without = without.unwrap_or_default();
        let deleted = without.len();
        let fields = fields(program, &without)?;
        let keys = keys(&fields);
        let splicer = splicer(&fields)?;
        let shape = match (copies, fields.is_empty()) {
            (true, _) => Shape::Copy(Box::new(splicer)),
            (false, false) => {
                Shape::Fields(Template::new(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            }
            (false, true) => Shape::Whole,
        };
        let mut compiler = Compiler::new(program, paths);
        let steps = steps(&mut compiler, &fields, copies)?;
        Some(Plan::new(compiler, shape, steps, deleted, copies))
    }

    /// Any other program, if the fast path takes all of it.
    fn of_body(program: &Program, paths: &mut Paths) -> Option<Plan> {
        let mut compiler = Compiler::new(program, paths);
        let body = compiler.body()?;
        Some(Plan::new(compiler, Shape::Built(body), Vec::new(), 0, false))
    }

    /// `reads` says that the document is read whatever the queries do.
    fn new(
        compiler: Compiler<'_>,
        shape: Shape,
        steps: Vec<Step>,
        deleted: usize,
        mut reads: bool,
    ) -> Plan {
        class::every_in(compiler.program, &mut |node| match node {
            Node::Path(path) => reads |= matches!(path.base, Base::This),
            Node::Match(e) => reads |= e.subject.is_none(),
            Node::Lambda(..) => reads = true,
            _ => {}
        });
        let general = steps.iter().any(|s| s.quick.is_none() && s.target != Target::Start);
        let case = match (&shape, steps.as_slice()) {
            (Shape::Whole, [Step { quick: Some(Quick::Case(upper, target)), .. }]) => {
                matches!(**target, Quick::Content).then_some(*upper)
            }
            _ => None,
        };
        let direct = (!general).then(|| direct(&shape, &steps)).flatten();
        Plan { shape, steps, direct, general, reads, vars: compiler.locals, deleted, case }
    }
}

/// See [`Plan::direct`]: nothing filters the record, and fields are assigned when all variables
/// have their values.
fn direct(shape: &Shape, steps: &[Step]) -> Option<Box<[usize]>> {
    let Shape::Fields(template) = shape else { return None };
    let is_field = |step: &Step| matches!(step.target, Target::Field(_));
    let first = steps.iter().position(is_field)?;
    let late = |step: &Step| matches!(step.target, Target::Var(_));
    if steps.iter().any(|step| step.target == Target::Root) || steps.iter().skip(first).any(late) {
        return None;
    }
    let step_of = |slot| steps.iter().position(|step| step.target == Target::Field(slot));
    (0..template.slots()).map(step_of).collect()
}

/// Whether nothing in a program keeps it from the fast path as a whole: functions that must run
/// once a message and in order, the document being built, a great height.
fn is_fast(program: &Program) -> bool {
    let (mut repeatable, mut root_read) = (true, false);
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
    repeatable && !root_read && program.height <= HEIGHT_MAX
}

fn keys<'p>(fields: &[&'p [Seg]]) -> Vec<Vec<&'p [u8]>> {
    fields.iter().map(|f| f.iter().map(|seg| seg.key.as_bytes()).collect()).collect()
}

/// What puts fields into a copy; `None` for paths that lead into each other, which have an order.
fn splicer(fields: &[&[Seg]]) -> Option<Splicer> {
    let keys = keys(fields);
    Splicer::new(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>()).ok()
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

/// A step for each statement.
fn steps(compiler: &mut Compiler<'_>, fields: &[&[Seg]], copies: bool) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for statement in &compiler.program.statements {
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
            _ => compiler.node(query, &Scope::document()),
        };
        if let Target::Var(slot) = target {
            // Whoever sets a variable last has its value.
            match quick {
                Some(_) => compiler.vars.insert(slot),
                None => compiler.vars.remove(&slot),
            };
        }
        steps.push(Step { target, quick });
    }
    Some(steps)
}
