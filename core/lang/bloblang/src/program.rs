//! Programs: statements and how they run (spec/bloblang.md §5).

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use formats::json::Paths;
use formats::value::{Object, Value};
use plan::Meta;

use crate::assign;
use crate::class;
use crate::error::Error;
use crate::eval::not_bool;
use crate::exec::{Ctx, Doc, Exec, MAP_DEPTH_MAX, Root};
use crate::fields;
use crate::node::{Node, Seg};
use crate::text::go_type;
use crate::val::Val;

/// Named maps.
pub(crate) type Maps = HashMap<Rc<str>, Rc<Map>>;

/// A named map.
pub(crate) struct Map {
    pub(crate) statements: Vec<Statement>,
    /// Slots of its variables.
    pub(crate) names: HashMap<Rc<str>, usize>,
}

/// A statement and the line it begins in.
pub(crate) struct Statement {
    pub(crate) line: u32,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Let { slot: usize, name: Rc<str>, query: Node },
    Meta { key: Option<Arc<str>>, query: Node },
    Assign { path: Vec<Seg>, query: Node },
    If(Box<IfStatement>),
}

pub(crate) struct IfStatement {
    pub(crate) cases: Vec<(Node, Vec<Statement>)>,
    pub(crate) otherwise: Option<Vec<Statement>>,
}

/// A parsed program.
pub(crate) struct Program {
    pub(crate) statements: Vec<Statement>,
    pub(crate) names: HashMap<Rc<str>, usize>,
    pub(crate) maps: Maps,
    /// Height of the tallest expression, which says how much stack a run may need.
    pub(crate) height: u32,
    /// The paths that its expressions have in the document.
    pub(crate) paths: Paths,
}

/// Native stack that one level of an expression may take, in bytes.
const LEVEL_BYTES: usize = 1 << 10;
/// Native stack that anything may take, in bytes.
const BASE_BYTES: usize = 128 << 10;

impl Program {
    pub(crate) fn new(
        statements: Vec<Statement>,
        names: HashMap<Rc<str>, usize>,
        maps: Maps,
        height: u32,
    ) -> Self {
        let program = Program { statements, names, maps, height, paths: Paths::new() };
        let paths = fields::numbered(|visit| class::every_in(&program, visit));
        Program { paths, ..program }
    }

    /// Runs the statements; the result is in the execution.
    pub(crate) fn run<'m>(&'m self, ex: &mut Exec<'m>) -> Result<(), Error> {
        self.begin(ex);
        with_stack(self.height, || run_all(&self.statements, &mut Ctx::new(ex)))
    }

    /// The same with something else than the document as `this`.
    pub(crate) fn run_on<'m>(&'m self, this: &Val, ex: &mut Exec<'m>) -> Result<(), Error> {
        self.begin(ex);
        with_stack(self.height, || run_all(&self.statements, &mut Ctx::over(ex, this)))
    }

    /// Makes an execution ready for the statements.
    pub(crate) fn begin<'m>(&'m self, ex: &mut Exec<'m>) {
        let mut vars = ex.vars.take().unwrap_or_default();
        vars.clear();
        vars.resize(self.names.len(), None);
        ex.vars = Some(vars);
        ex.names = Some(&self.names);
        ex.maps = Some(&self.maps);
        ex.height = self.height;
    }
}

/// Runs something that may need the stack of expressions of a height.
pub(crate) fn with_stack<T>(height: u32, run: impl FnOnce() -> T) -> T {
    let room = BASE_BYTES + height as usize * LEVEL_BYTES;
    stacker::maybe_grow(room, room.max(1 << 20) * 2, run)
}

/// Runs statements in order, to the first that fails.
fn run_all(statements: &[Statement], cx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    for statement in statements {
        if let Err(error) = statement.run(cx) {
            return Err(finish(error, statement.line, cx.ex));
        }
    }
    Ok(())
}

/// An error as a failed statement reports it. One that comes from a document that could not be
/// read says why.
fn finish(error: Error, line: u32, ex: &mut Exec<'_>) -> Error {
    let Some(field) = error.missing_context().map(str::to_owned) else {
        return error.in_statement(line, ex.depth > 0);
    };
    let Some(why) = ex.document_error() else {
        return error.in_statement(line, ex.depth > 0);
    };
    let dot = if field.is_empty() { "" } else { "." };
    Error::unread(format!(
        "unable to reference message as structured (with 'this{dot}{field}'): {why}"
    ))
    .in_statement(line, ex.depth > 0)
}

impl Statement {
    /// The query, where the statement has one.
    pub(crate) fn query(&self) -> Option<&Node> {
        match &self.kind {
            Kind::Let { query, .. } | Kind::Meta { query, .. } | Kind::Assign { query, .. } => {
                Some(query)
            }
            Kind::If(_) => None,
        }
    }

    /// The key that a metadata statement sets, or none for all of it; `None` for another statement.
    pub(crate) fn meta_key(&self) -> Option<Option<&Arc<str>>> {
        match &self.kind {
            Kind::Meta { key, .. } => Some(key.as_ref()),
            _ => None,
        }
    }

    pub(crate) fn run(&self, cx: &mut Ctx<'_, '_>) -> Result<(), Error> {
        match &self.kind {
            Kind::Let { slot, query, .. } => {
                let val = query.eval(cx)?;
                let at = cx.ex.frame + slot;
                if let Some(var) = cx.ex.vars.as_mut().and_then(|vars| vars.get_mut(at)) {
                    match val {
                        Val::Deleted => *var = None,
                        Val::Nothing => {}
                        val => *var = Some(val),
                    }
                }
                Ok(())
            }
            Kind::Meta { key, query } => {
                let val = query.eval(cx)?;
                cx.assigned(&val)?;
                set_meta(key.as_ref(), val, cx.ex.meta_mut()?)
            }
            Kind::Assign { path, query } => {
                let val = query.eval(cx)?;
                cx.assigned(&val)?;
                assign_root(path, val, cx.ex)
            }
            Kind::If(branches) => {
                for (i, (condition, block)) in branches.cases.iter().enumerate() {
                    let val = condition.eval(cx).map_err(|e| {
                        e.prefix(format_args!("failed to check if condition {}", i + 1))
                    })?;
                    match &val {
                        Val::Data(Value::Bool(true)) => return run_block(block, cx),
                        Val::Data(Value::Bool(false)) => {}
                        other => return Err(not_bool(condition, other)),
                    }
                }
                branches.otherwise.as_ref().map_or(Ok(()), |block| run_block(block, cx))
            }
        }
    }
}

/// Runs a block; its errors carry the line of the statement it belongs to.
fn run_block(statements: &[Statement], cx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    statements.iter().try_for_each(|statement| statement.run(cx))
}

pub(crate) fn set_meta(key: Option<&Arc<str>>, val: Val, meta: &mut Meta) -> Result<(), Error> {
    match (key, val) {
        (_, Val::Nothing) => {}
        (Some(key), Val::Deleted) => {
            meta.remove(key);
        }
        (Some(key), val) => {
            if let Some(value) = val.into_value() {
                meta.set(Arc::clone(key), value);
            }
        }
        (None, Val::Deleted) => *meta = Meta::new(),
        (None, Val::Data(Value::Object(object))) => {
            *meta = Meta::new();
            for (key, value) in object.iter() {
                meta.set(key.to_str_lossy().into_owned(), value.clone());
            }
        }
        (None, other) => {
            let got = go_type(&other);
            return Err(Error::new(format!(
                "setting root meta object requires object value, received: {got}"
            )));
        }
    }
    Ok(())
}

/// Stores a result in the document being built.
fn assign_root(path: &[Seg], val: Val, ex: &mut Exec<'_>) -> Result<(), Error> {
    let Root::Is(root) = &mut ex.root else {
        return Err(Error::new("there is no root to assign to"));
    };
    if matches!(val, Val::Nothing) {
        return Ok(());
    }
    ex.touched = true;
    if path.is_empty() {
        let val = match val {
            Val::Deleted => Val::Deleted,
            other => other.into_value().map_or(Val::Nothing, Val::Data),
        };
        let old = std::mem::replace(root, val);
        // The input document is no longer the one being built.
        if matches!(ex.doc, Doc::Root) {
            ex.doc = Doc::Is(old.into_value().unwrap_or_default());
        }
        return Ok(());
    }
    assign::set(root, path, val)
}

/// Applies a named map to a value.
pub(crate) fn apply(name: &str, target: Val, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let maps = cx.ex.maps.ok_or_else(|| Error::new("no maps were found"))?;
    let Some(map) = maps.get(name) else {
        return Err(Error::new(format!("map {name} was not found")));
    };
    if cx.ex.depth >= MAP_DEPTH_MAX {
        return Err(Error::new(format!(
            "entering map {name} exceeded maximum allowed stacks of {MAP_DEPTH_MAX}, \
             this could be due to unbounded recursion"
        )));
    }
    cx.ex.depth += 1;
    let outer = enter(map, cx.ex);
    let result = with_stack(cx.ex.height, || run_all(&map.statements, &mut cx.map_body(&target)));
    cx.ex.depth -= 1;
    let root = leave(outer, cx.ex);
    result.map(|()| root)
}

/// What a map hides of its caller.
struct Outer<'m> {
    root: Root,
    frame: usize,
    len: usize,
    names: Option<&'m HashMap<Rc<str>, usize>>,
    touched: bool,
}

fn enter<'m>(map: &'m Map, ex: &mut Exec<'m>) -> Outer<'m> {
    let vars = ex.vars.get_or_insert_default();
    let len = vars.len();
    vars.resize(len + map.names.len(), None);
    Outer {
        root: std::mem::replace(&mut ex.root, Root::Is(Val::Nothing)),
        frame: std::mem::replace(&mut ex.frame, len),
        len,
        names: ex.names.replace(&map.names),
        touched: ex.touched,
    }
}

fn leave<'m>(outer: Outer<'m>, ex: &mut Exec<'m>) -> Val {
    if let Some(vars) = &mut ex.vars {
        vars.truncate(outer.len);
    }
    (ex.frame, ex.names, ex.touched) = (outer.frame, outer.names, outer.touched);
    match std::mem::replace(&mut ex.root, outer.root) {
        Root::Is(val) => val,
        Root::Absent => Val::Nothing,
    }
}

/// An empty object, where the document being built has none yet.
pub(crate) fn empty_object() -> Value {
    Value::object(Object::new())
}
