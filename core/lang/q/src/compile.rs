//! Names to places: the pass between parser and evaluator, done once for every lambda.

use crate::ast::{Assign, Draft, Expr, Lambda, Node, Query, Source};
use crate::error::{QError, Result};
use crate::func::Fun;
use crate::verbs;
use formats::k::{K, Sym};
use std::sync::Arc;

/// Parameters that a function may have, as in q itself.
pub(crate) const PARAMS_MAX: usize = 8;

/// Completes a tree so that it can be evaluated; names without a dot belong to `context`. What
/// a program sets in the namespaces of q itself is `known`.
///
/// # Errors
/// A lambda with too many parameters, or a word that is known but not supported.
pub(crate) fn resolve(
    node: &mut Node,
    source: &Arc<Source>,
    context: Sym,
    known: &dyn Fn(Sym) -> bool,
) -> Result<()> {
    let mut resolver = Resolver { source, context, known, locals: None, query: 0 };
    resolver.node(node)
}

/// The names of variables with a dot that a tree sets, lambdas included.
pub(crate) fn dotted(node: &Node, names: &mut Vec<Sym>) {
    walk(node, &mut |n| match &n.expr {
        Expr::Assign(a) => {
            if let Expr::Name(name) = a.target.expr
                && name.as_str().starts_with('.')
            {
                names.push(name);
            }
        }
        Expr::Lambda(draft) => draft.body.iter().for_each(|n| dotted(n, names)),
        _ => {}
    });
}

/// Whether a name is in one of the namespaces of q itself, or of what comes with it.
fn is_ours(name: &str) -> bool {
    const SPACES: [&str; 9] =
        [".Q.", ".h.", ".j.", ".m.", ".z.", ".qsp.", ".tm.", ".kurl.", ".ml."];
    SPACES.iter().any(|space| name.starts_with(space))
}

/// What q calls when something happens, once a program has set it.
const HANDLERS: [&str; 19] = [
    ".z.ac", ".z.bm", ".z.exit", ".z.pc", ".z.pd", ".z.pg", ".z.ph", ".z.pi", ".z.pm", ".z.po",
    ".z.pp", ".z.pq", ".z.ps", ".z.pw", ".z.ts", ".z.vs", ".z.wc", ".z.wo", ".z.ws",
];

struct Resolver<'a> {
    source: &'a Arc<Source>,
    known: &'a dyn Fn(Sym) -> bool,
    context: Sym,
    /// Names of the lambda at hand; `None` at the top level.
    locals: Option<Vec<Sym>>,
    /// Queries around the node at hand, whose columns come before other names.
    query: usize,
}

impl Resolver<'_> {
    fn node(&mut self, node: &mut Node) -> Result<()> {
        let span = node.span;
        match &mut node.expr {
            Expr::Name(name) => {
                let name = *name;
                node.expr = self.name(name, span)?;
            }
            Expr::Apply(f, args) => {
                commands(f, args).map_or(Ok(()), |error| Err(error.at(span)))?;
                self.node(f)?;
                self.nodes(args)?;
            }
            Expr::Derived(_, f) | Expr::Return(f) | Expr::Signal(f) => self.node(f)?,
            Expr::List(n)
            | Expr::Cond(n)
            | Expr::If(n)
            | Expr::While(n)
            | Expr::Do(n)
            | Expr::Block(n) => self.nodes(n)?,
            Expr::Table(keys, columns) => {
                for (_, column) in keys.iter_mut().chain(columns) {
                    self.node(column)?;
                }
            }
            Expr::Assign(assign) => self.assign(assign)?,
            Expr::Match(m) => {
                m.pattern.each_node(&mut |n| self.node(n))?;
                self.node(&mut m.value)?;
            }
            Expr::Case(c) => {
                self.node(&mut c.value)?;
                for (pattern, result) in &mut c.arms {
                    pattern.each_node(&mut |n| self.node(n))?;
                    self.node(result)?;
                }
                c.otherwise.iter_mut().try_for_each(|n| self.node(n))?;
            }
            Expr::Query(query) => self.query(query)?,
            Expr::Lambda(draft) => {
                let lambda = self.lambda(draft, span)?;
                node.expr = Expr::Const(Fun::Lambda(lambda).into_k());
            }
            Expr::Const(_)
            | Expr::Local(_)
            | Expr::Global(_)
            | Expr::Column(..)
            | Expr::System(_)
            | Expr::Myself
            | Expr::Hole => {}
        }
        Ok(())
    }

    fn nodes(&mut self, nodes: &mut [Node]) -> Result<()> {
        nodes.iter_mut().try_for_each(|n| self.node(n))
    }

    fn local(&self, name: Sym) -> Option<usize> {
        self.locals.as_ref()?.iter().position(|n| *n == name)
    }

    /// A name that is used as a value.
    fn name(&mut self, name: Sym, span: (usize, usize)) -> Result<Expr> {
        let text = name.as_str();
        if let Some(at) = self.local(name)
            && self.query == 0
        {
            return Ok(Expr::Local(at));
        }
        if crate::qsp::is_absent(text) {
            return Err(QError::nyi(text).at(span));
        }
        if verbs::is_known(text) || verbs::find(text).is_some() {
            return match verbs::find(text) {
                Some(_) => Ok(verbs::constant(text)),
                None => Err(QError::nyi(text).at(span)),
            };
        }
        if let Some(word) = text.strip_prefix(".q.").filter(|word| verbs::find(word).is_some()) {
            return Ok(verbs::constant(word));
        }
        if text == ".z.s" {
            return Ok(Expr::Myself);
        }
        if is_ours(text) && !(self.known)(name) {
            if crate::eval::SYSTEM.contains(&text) {
                return Ok(Expr::System(name));
            }
            // A handler that nobody has set is a name without a value to who looks.
            if self.locals.is_some() || !HANDLERS.contains(&text) {
                return Err(QError::nyi(text).at(span));
            }
            return Ok(Expr::Global(name));
        }
        let further = self.outside(name, span)?;
        if self.query == 0 || text.starts_with('.') || text.contains('.') {
            return Ok(further);
        }
        Ok(Expr::Column(name, Box::new(Node::new(further, span))))
    }

    /// What a name means where there is no query, or when its table has no such column.
    fn outside(&mut self, name: Sym, span: (usize, usize)) -> Result<Expr> {
        if let Some(at) = self.local(name) {
            return Ok(Expr::Local(at));
        }
        let text = name.as_str();
        if !text.starts_with('.')
            && let Some((base, parts)) = text.split_once('.')
        {
            // `a.b.c` are the parts `b` and `c` of `a`.
            let mut node = Node::new(self.name(Sym::new(base), span)?, span);
            for part in parts.split('.') {
                let key = Node::new(Expr::Const(K::sym(part)), span);
                let dot = Node::new(verbs::constant(".part"), span);
                node = Node::new(Expr::Apply(Box::new(dot), vec![node, key]), span);
            }
            return Ok(node.expr);
        }
        Ok(Expr::Global(self.qualified(name)))
    }

    fn qualified(&self, name: Sym) -> Sym {
        if self.context.is_null() || name.as_str().starts_with('.') {
            return name;
        }
        Sym::new(&format!("{}.{name}", self.context))
    }

    fn assign(&mut self, assign: &mut Assign) -> Result<()> {
        if let Expr::Name(name) = assign.target.expr {
            let local = if assign.global { None } else { self.local(name) };
            // Two colons in a lambda still mean a local that has the name.
            let local = local.or_else(|| self.local(name));
            assign.target.expr = match local {
                Some(at) => Expr::Local(at),
                None => Expr::Global(self.qualified(name)),
            };
        }
        if let Some(index) = &mut assign.index {
            self.nodes(index)?;
        }
        if let Some(through) = &mut assign.through {
            self.node(through)?;
        }
        self.node(&mut assign.value)
    }

    fn query(&mut self, query: &mut Query) -> Result<()> {
        self.node(&mut query.from)?;
        for node in query.limit.iter_mut() {
            self.node(node)?;
        }
        self.query += 1;
        let columns = query.columns.iter_mut().chain(query.by.iter_mut().flatten());
        for (_, node) in columns {
            self.node(node)?;
        }
        for node in query.filters.iter_mut().chain(query.order.iter_mut().map(|(_, n)| n)) {
            self.node(node)?;
        }
        self.query -= 1;
        Ok(())
    }

    fn lambda(&mut self, draft: &mut Draft, span: (usize, usize)) -> Result<Lambda> {
        let params = match draft.params.take() {
            Some(params) => params,
            None => implicit(&draft.body),
        };
        if params.len() > PARAMS_MAX {
            return Err(QError::new("params").at(span));
        }
        let count = params.len();
        let mut locals = params;
        draft.body.iter().for_each(|node| assigned(node, &mut locals));
        let mut inner = Resolver { locals: Some(locals), query: 0, ..*self };
        let mut body = std::mem::take(&mut draft.body);
        inner.nodes(&mut body)?;
        Ok(Lambda {
            params: count,
            locals: inner.locals.unwrap_or_default(),
            body,
            source: Arc::clone(self.source),
            span,
            context: self.context,
        })
    }
}

/// The error of a command that a program gives as a text and that is not supported: it is told when
/// the program is loaded.
fn commands(f: &Node, args: &[Node]) -> Option<QError> {
    match (&f.expr, args) {
        (Expr::Name(name), [Node { expr: Expr::Const(text), .. }]) if name.as_str() == "system" => {
            verbs::unsupported(&String::from_utf8_lossy(text.as_text()?))
        }
        _ => None,
    }
}

/// Visits a tree but not the lambdas in it.
pub(crate) fn walk<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a Node)) {
    visit(node);
    match &node.expr {
        Expr::Query(q) => {
            let columns = q.columns.iter().chain(q.by.iter().flatten()).map(|(_, n)| n);
            let rest = q.filters.iter().chain([&q.from]).chain(&q.limit);
            let order = q.order.iter().map(|(_, n)| n);
            columns.chain(rest).chain(order).for_each(|n| walk(n, visit));
        }
        Expr::Assign(a) => {
            a.index.iter().flatten().chain(&a.through).for_each(|n| walk(n, visit));
            walk(&a.target, visit);
            walk(&a.value, visit);
        }
        _ => node.children().into_iter().for_each(|n| walk(n, visit)),
    }
}

/// The parameters of a lambda without brackets: as many of x, y, z as it mentions.
fn implicit(body: &[Node]) -> Vec<Sym> {
    let mut most = 1;
    let names = ["x", "y", "z"];
    for node in body {
        walk(node, &mut |n| {
            if let Expr::Name(name) = n.expr {
                let base = name.as_str().split('.').next().unwrap_or_default();
                if let Some(at) = names.iter().position(|n| *n == base) {
                    most = most.max(at + 1);
                }
            }
        });
    }
    names.iter().take(most).map(|n| Sym::new(n)).collect()
}

/// Adds the names that a body assigns with one colon.
fn assigned(node: &Node, locals: &mut Vec<Sym>) {
    walk(node, &mut |n| {
        if let Expr::Assign(a) = &n.expr
            && let Expr::Name(name) = a.target.expr
            && !a.global
            && a.through.is_none()
            && a.index.is_none()
            && !name.as_str().starts_with('.')
            && !locals.contains(&name)
        {
            locals.push(name);
        }
    });
}
