//! The evaluator: walks resolved trees.

mod amend;
mod assign;
mod call;
mod entries;
mod index;
mod pattern;
#[cfg(test)]
mod tests;
mod undo;
mod variable;

pub(crate) use amend::Change;
pub(crate) use index::at;

use crate::ast::{Expr, Node};
use crate::error::{QError, Result};
use crate::func::Fun;
use crate::session::{DEPTH_MAX, Session};
use crate::sql::Scope;
use formats::k::{K, Sym, Table, Type};
use std::sync::Arc;

/// The variables of one call.
#[derive(Default)]
pub(crate) struct Frame {
    /// Values of parameters and locals, by place.
    pub(crate) locals: Vec<K>,
    /// The function that runs.
    pub(crate) myself: Option<K>,
    /// The tables that are queried, innermost last.
    pub(crate) scopes: Vec<Scope>,
}

/// The system values that there are.
pub(crate) const SYSTEM: [&str; 24] = [
    ".z.p", ".z.P", ".z.d", ".z.D", ".z.n", ".z.N", ".z.t", ".z.T", ".z.z", ".z.Z", ".z.K", ".z.k",
    ".z.o", ".z.h", ".z.u", ".z.x", ".z.X", ".z.w", ".z.i", ".z.a", ".z.f", ".z.c", ".z.q", ".z.b",
];

/// Why evaluation does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    Error(QError),
    /// `:x` was evaluated.
    Return(K),
}

impl From<QError> for Stop {
    fn from(error: QError) -> Self {
        Self::Error(error)
    }
}

/// The result of a node.
pub(crate) type Flow<T = K> = std::result::Result<T, Stop>;

/// Whether a condition holds.
///
/// # Errors
/// `type` unless it is an atom of a number.
pub(crate) fn truth(k: &K) -> Result<bool> {
    match k {
        K::Atom(Type::Bool, formats::k::Scalar::U8(x)) => Ok(*x != 0),
        K::Atom(ty, scalar) if ty.is_numeric() || *ty == Type::Char => Ok(match scalar {
            formats::k::Scalar::F32(x) => *x != 0.0,
            formats::k::Scalar::F64(x) => *x != 0.0,
            formats::k::Scalar::U8(x) => *x != 0,
            formats::k::Scalar::I16(x) => *x != 0,
            formats::k::Scalar::I32(x) => *x != 0,
            formats::k::Scalar::I64(x) => *x != 0,
            _ => false,
        }),
        _ => Err(QError::new("type")),
    }
}

impl Session {
    /// Runs `work` one level deeper.
    pub(crate) fn deeper<T, E: From<QError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        if self.depth >= DEPTH_MAX {
            return Err(QError::limit("stack").into());
        }
        self.bytes(0)?;
        self.depth += 1;
        let out = work(self);
        self.depth -= 1;
        out
    }

    /// The value of a node.
    pub(crate) fn node(&mut self, node: &Node, frame: &mut Frame) -> Flow {
        if self.steps == 0 {
            return Err(QError::limit("stop").at(node.span).into());
        }
        self.steps -= 1;
        match &node.expr {
            Expr::Const(k) => Ok(k.clone()),
            Expr::Local(at) => Ok(frame.locals.get(*at).cloned().unwrap_or_default()),
            Expr::Global(name) => match self.globals.get(name) {
                Some(k) if !self.views.is_stale(*name) => Ok(k.clone()),
                _ => self.made(*name, node),
            },
            Expr::Column(name, further) => {
                match frame.scopes.last().and_then(|s| s.column(*name)) {
                    Some(column) => Ok(column),
                    None => self.node(further, frame),
                }
            }
            Expr::Hole => Ok(K::Null),
            _ => self.deeper(|cx| cx.inner(node, frame)),
        }
    }

    /// The value of a variable that has to be made first: a view, a namespace.
    #[cold]
    #[inline(never)]
    fn made(&mut self, name: Sym, node: &Node) -> Flow {
        if self.views.is_stale(name) {
            self.refresh(name)?;
        }
        match self.globals.get(&name) {
            Some(k) => Ok(k.clone()),
            None => self.namespace(name).ok_or_else(|| unknown(name, node)),
        }
    }

    fn inner(&mut self, node: &Node, frame: &mut Frame) -> Flow {
        match &node.expr {
            Expr::Apply(f, args) => self.application(node, f, args, frame),
            Expr::Derived(adverb, f) => {
                let f = self.node(f, frame)?;
                Ok(Fun::Derived(*adverb, f).into_k())
            }
            Expr::List(items) => {
                let values = self.values(items, frame)?;
                Ok(K::collapse(values))
            }
            Expr::Table(keys, columns) => self.table(keys, columns, node, frame),
            Expr::Assign(assign) => self.assign(assign, node.span, frame),
            Expr::Match(m) => self.matching(m, node, frame),
            Expr::Case(case) => self.case(case, node, frame),
            Expr::Cond(parts) => self.cond(parts, frame),
            Expr::If(parts) => self.if_then(parts, frame),
            Expr::While(parts) => self.while_do(parts, frame),
            Expr::Do(parts) => self.do_times(parts, frame),
            Expr::Block(parts) => self.block(parts, frame),
            Expr::Return(value) => Err(Stop::Return(self.node(value, frame)?)),
            Expr::Signal(value) => {
                let value = self.node(value, frame)?;
                Err(signal(&value).at(node.span).into())
            }
            Expr::Query(query) => self.query(query, frame).map_err(|stop| placed(stop, node)),
            Expr::System(name) => Ok(self.system(*name).map_err(|e| e.at(node.span))?),
            Expr::Myself => Ok(frame.myself.clone().unwrap_or_default()),
            Expr::Name(name) => Err(unknown(*name, node)),
            _ => Ok(K::Null),
        }
    }

    /// The values of nodes, evaluated from the right as q does.
    fn values(&mut self, nodes: &[Node], frame: &mut Frame) -> Flow<Vec<K>> {
        let mut values = vec![K::Null; nodes.len()];
        for (slot, node) in values.iter_mut().zip(nodes).rev() {
            *slot = self.node(node, frame)?;
        }
        Ok(values)
    }

    fn application(&mut self, node: &Node, f: &Node, args: &[Node], frame: &mut Frame) -> Flow {
        let given = |node: &Node| !matches!(node.expr, Expr::Hole);
        match args {
            [x] if given(x) => self.apply_to_one(node, f, x, frame),
            [x, y] if given(x) && given(y) => self.apply_to_two(node, f, (x, y), frame),
            _ => self.apply_to_any(node, f, args, frame),
        }
    }

    #[inline(never)]
    fn apply_to_one(&mut self, node: &Node, f: &Node, x: &Node, frame: &mut Frame) -> Flow {
        let x = self.node(x, frame)?;
        let made;
        let f = match &f.expr {
            Expr::Const(f) if self.step() => f,
            _ => {
                made = self.node(f, frame)?;
                &made
            }
        };
        self.call_one(f, x).map_err(|e| e.at(node.span).into())
    }

    #[inline(never)]
    fn apply_to_two(
        &mut self,
        node: &Node,
        f: &Node,
        (x, y): (&Node, &Node),
        frame: &mut Frame,
    ) -> Flow {
        let y = self.node(y, frame)?;
        let x = self.node(x, frame)?;
        let made;
        let f = match &f.expr {
            Expr::Const(f) if self.step() => f,
            _ => {
                made = self.node(f, frame)?;
                &made
            }
        };
        self.call_two(f, x, y).map_err(|e| e.at(node.span).into())
    }

    /// Takes a step, if there is one left.
    fn step(&mut self) -> bool {
        let left = self.steps > 0;
        self.steps = self.steps.saturating_sub(1);
        left
    }

    #[inline(never)]
    fn apply_to_any(&mut self, node: &Node, f: &Node, args: &[Node], frame: &mut Frame) -> Flow {
        let holes = args.iter().any(|a| matches!(a.expr, Expr::Hole));
        let values = self.values(args, frame)?;
        let f = self.node(f, frame)?;
        if holes {
            return self.elided(node, args, f, values);
        }
        self.call(&f, values).map_err(|e| e.at(node.span).into())
    }

    /// An application some of whose arguments are not there. It has a frame of its own, so that the
    /// usual one is small.
    #[inline(never)]
    fn elided(&mut self, node: &Node, args: &[Node], mut f: K, values: Vec<K>) -> Flow {
        if let Some(name) = f.as_sym() {
            f = self.global(name).map_err(|e| e.at(node.span))?;
        }
        let infix = Fun::verb(&f).is_some_and(|v| v.infix);
        // An elided index of data selects everything; of a function it waits for a value.
        if (args.len() > 1 || infix) && matches!(f, K::Func(_)) {
            let given = args.iter().zip(values);
            let args = given
                .map(|(a, v)| if matches!(a.expr, Expr::Hole) { None } else { Some(v) })
                .collect();
            return self.project(f, args).map_err(|e| e.at(node.span).into());
        }
        self.call(&f, values).map_err(|e| e.at(node.span).into())
    }

    fn table(
        &mut self,
        keys: &[(Sym, Node)],
        columns: &[(Sym, Node)],
        node: &Node,
        frame: &mut Frame,
    ) -> Flow {
        let mut all = Vec::with_capacity(keys.len() + columns.len());
        for (name, column) in keys.iter().chain(columns).rev() {
            all.push((*name, self.node(column, frame)?));
        }
        all.reverse();
        let made = table_of(all, keys.len()).map_err(|e| e.at(node.span))?;
        Ok(made)
    }

    fn cond(&mut self, parts: &[Node], frame: &mut Frame) -> Flow {
        let mut rest = parts;
        loop {
            match rest {
                [] => return Ok(K::Null),
                [last] => return self.node(last, frame),
                [test, value, after @ ..] => {
                    let holds = self.node(test, frame)?;
                    if truth(&holds).map_err(|e| e.at(test.span))? {
                        return self.node(value, frame);
                    }
                    rest = after;
                }
            }
        }
    }

    fn test(&mut self, node: &Node, frame: &mut Frame) -> Flow<bool> {
        let value = self.node(node, frame)?;
        Ok(truth(&value).map_err(|e| e.at(node.span))?)
    }

    fn if_then(&mut self, parts: &[Node], frame: &mut Frame) -> Flow {
        if let [test, body @ ..] = parts
            && self.test(test, frame)?
        {
            self.block(body, frame)?;
        }
        Ok(K::Null)
    }

    fn while_do(&mut self, parts: &[Node], frame: &mut Frame) -> Flow {
        if let [test, body @ ..] = parts {
            while self.test(test, frame)? {
                self.block(body, frame)?;
            }
        }
        Ok(K::Null)
    }

    fn do_times(&mut self, parts: &[Node], frame: &mut Frame) -> Flow {
        if let [count, body @ ..] = parts {
            let times = self.node(count, frame)?;
            let times = times.as_long().ok_or_else(|| QError::new("type").at(count.span))?;
            for _ in 0..times {
                self.charge(1)?;
                self.block(body, frame)?;
            }
        }
        Ok(K::Null)
    }

    /// The value of the last of some statements.
    pub(crate) fn block(&mut self, parts: &[Node], frame: &mut Frame) -> Flow {
        let Some((last, rest)) = parts.split_last() else { return Ok(K::Null) };
        for part in rest {
            self.node(part, frame)?;
        }
        self.node(last, frame)
    }

    /// A system value, one of [`SYSTEM`].
    fn system(&mut self, name: Sym) -> Result {
        if let Some(value) = self.globals.get(&name) {
            return Ok(value.clone());
        }
        let epoch = crate::convert::calendar::EPOCH_DAYS * crate::convert::calendar::DAY;
        let utc = self.host.now() - epoch;
        let local = utc + self.host.offset();
        let of = |nanos: i64, ty: Type| crate::convert::cast::cast(ty, &K::timestamp(nanos));
        match name.as_str() {
            ".z.p" => Ok(K::timestamp(utc)),
            ".z.P" => Ok(K::timestamp(local)),
            ".z.d" => of(utc, Type::Date),
            ".z.D" => of(local, Type::Date),
            ".z.n" => of(utc, Type::Timespan),
            ".z.N" => of(local, Type::Timespan),
            ".z.t" => of(utc, Type::Time),
            ".z.T" => of(local, Type::Time),
            ".z.z" => of(utc, Type::Datetime),
            ".z.Z" => of(local, Type::Datetime),
            ".z.K" => Ok(K::float(4.0)),
            ".z.k" => of(0, Type::Date),
            ".z.o" => Ok(K::sym("l64")),
            ".z.h" => Ok(K::sym("localhost")),
            ".z.u" => Ok(K::sym("")),
            ".z.x" | ".z.X" => Ok(K::list(Vec::new())),
            ".z.w" | ".z.i" | ".z.a" => Ok(K::int(0)),
            ".z.c" => Ok(K::int(1)),
            ".z.f" => Ok(K::sym("")),
            ".z.q" => Ok(K::bool(false)),
            ".z.b" => Ok(self.views.dependents()),
            other => Err(QError::nyi(other)),
        }
    }

    /// The names of the namespaces: those of q, then those of the program.
    pub(crate) fn namespaces(&self) -> Vec<Sym> {
        let ours = ["q", "Q", "h", "j", "o"];
        let space = |name: &Sym| name.as_str().strip_prefix('.')?.split('.').next().map(Sym::new);
        let mut more: Vec<Sym> = self.globals.keys().filter_map(space).collect();
        more.retain(|n| !ours.contains(&n.as_str()));
        more.sort_by(|a, b| a.order(*b));
        more.dedup();
        ours.into_iter().map(Sym::new).chain(more).collect()
    }

    /// The variables without a namespace.
    fn root(&self) -> K {
        let plain = |name: &Sym| !name.as_str().starts_with('.') && name.as_str() != "csv";
        let mut inside: Vec<(Sym, &K)> =
            self.globals.iter().filter(|(n, _)| plain(n)).map(|(n, k)| (*n, k)).collect();
        inside.sort_by(|a, b| a.0.order(b.0));
        let (names, values): (Vec<Sym>, Vec<K>) =
            inside.into_iter().map(|(name, k)| (name, self.views.object(name, k))).unzip();
        K::dict(K::syms(names), K::list(values))
    }

    /// The variables of a namespace as a dictionary.
    pub(crate) fn namespace(&self, name: Sym) -> Option<K> {
        if name.as_str() == "." {
            return Some(self.root());
        }
        if name.as_str() == ".q" {
            let (names, values): (Vec<Sym>, Vec<K>) = crate::verbs::words()
                .map(|word| (Sym::new(word), crate::verbs::value(word)))
                .unzip();
            return Some(K::dict(K::syms(names), K::list(values)));
        }
        let prefix = format!("{name}.");
        if !name.as_str().starts_with('.') {
            return None;
        }
        let inside = self.globals.iter().filter_map(|(n, v)| {
            let rest = n.as_str().strip_prefix(&prefix)?;
            Some((rest, v))
        });
        let inside: Vec<(&str, &K)> = inside.collect();
        (!inside.is_empty()).then(|| space(inside, SPACES_MAX))
    }
}

/// Levels of namespaces within each other that are looked into.
const SPACES_MAX: usize = 32;

/// A namespace by the paths of its variables; of those with a dot it has a namespace.
fn space(mut inside: Vec<(&str, &K)>, levels: usize) -> K {
    let first = |path: &str| path.split('.').next().map_or(0, str::len);
    inside.sort_by(|a, b| a.0.get(..first(a.0)).cmp(&b.0.get(..first(b.0))));
    let mut names = vec![Sym::default()];
    let mut values = vec![K::Null];
    let same = |a: &(&str, &K), b: &(&str, &K)| a.0.get(..first(a.0)) == b.0.get(..first(b.0));
    for paths in inside.chunk_by(same) {
        let Some((path, _)) = paths.first() else { continue };
        let end = first(path);
        names.push(Sym::new(path.get(..end).unwrap_or_default()));
        let own = paths.iter().find(|(path, _)| path.len() == end);
        values.push(match own {
            Some((_, value)) => K::clone(value),
            None if levels == 0 => K::Null,
            None => {
                let below = paths
                    .iter()
                    .filter_map(|(path, value)| path.get(end + 1..).map(|rest| (rest, *value)));
                space(below.collect(), levels - 1)
            }
        });
    }
    K::dict(K::syms(names), K::list(values))
}

/// The error that `'x` raises.
pub(crate) fn signal(value: &K) -> QError {
    match (value.as_text().filter(|_| !value.is_atom()), value.as_sym()) {
        (Some(text), _) => QError::new(String::from_utf8_lossy(text)),
        (_, Some(name)) => QError::new(name.as_str()),
        _ => QError::new("stype"),
    }
}

fn unknown(name: Sym, node: &Node) -> Stop {
    QError::new(name.as_str()).at(node.span).into()
}

fn placed(stop: Stop, node: &Node) -> Stop {
    match stop {
        Stop::Error(e) => Stop::Error(e.at(node.span)),
        Stop::Return(k) => Stop::Return(k),
    }
}

/// A table, keyed by its first `keys` columns, of columns of which atoms are repeated.
///
/// # Errors
/// `length` when lengths differ, `type` for columns that are none.
pub(crate) fn table_of(columns: Vec<(Sym, K)>, keys: usize) -> Result {
    let rows = columns.iter().filter(|(_, c)| !c.is_atom()).map(|(_, c)| c.len()).next();
    let rows = rows.unwrap_or(1);
    let mut names = Vec::with_capacity(columns.len());
    let mut out = Vec::with_capacity(columns.len());
    for (name, column) in columns {
        names.push(name);
        out.push(match column {
            K::Atom(ty, scalar) => K::repeat(ty, scalar, rows),
            K::Func(_) | K::Null => K::list(vec![column; rows]),
            K::Dict(_) | K::Table(_) => K::list(column.items().collect()),
            list => list,
        });
    }
    if keys == 0 {
        return Ok(K::table(names, out)?);
    }
    let (key_names, names) = names.split_at(keys);
    let (key_columns, columns) = out.split_at(keys);
    let keys = K::table(key_names.to_vec(), key_columns.to_vec())?;
    let values = K::table(names.to_vec(), columns.to_vec())?;
    if !names.is_empty() && keys.len() != values.len() {
        return Err(QError::new("length"));
    }
    Ok(K::dict(keys, values))
}

/// A table as a value.
pub(crate) fn table_k(table: Table) -> K {
    K::Table(Arc::new(table))
}
