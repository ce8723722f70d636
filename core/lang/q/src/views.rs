//! Views: variables whose values are made when they are looked at, `v::x+y` outside functions.

use crate::ast::{Expr, Node};
use crate::compile::walk;
use crate::error::{QError, Result};
use crate::eval::{Frame, Stop};
use crate::func::Fun;
use crate::parse::Statement;
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Sym};
use std::collections::HashMap;
use std::sync::Arc;

/// Views that a session may have.
const VIEWS_MAX: usize = 1000;

#[derive(Clone)]
struct View {
    value: Arc<Node>,
    text: String,
    /// The parse tree of the text.
    tree: K,
    /// The variables that the value is made of.
    parts: Vec<Sym>,
    /// Whether a part has changed since the value was made.
    stale: bool,
}

/// The views of a session.
#[derive(Clone, Default)]
pub(crate) struct Views(HashMap<Sym, View>);

impl Views {
    /// Whether the value of a name has to be made before it is used.
    pub(crate) fn is_stale(&self, name: Sym) -> bool {
        !self.0.is_empty() && self.0.get(&name).is_some_and(|view| view.stale)
    }

    /// A variable has changed: so have the views that it is a part of.
    pub(crate) fn changed(&mut self, name: Sym) {
        if self.0.is_empty() {
            return;
        }
        let mut changed = vec![name];
        while let Some(name) = changed.pop() {
            for (view, known) in &mut self.0 {
                if !known.stale && known.parts.contains(&name) {
                    known.stale = true;
                    changed.push(*view);
                }
            }
        }
    }

    /// A variable that was assigned is no view any more.
    pub(crate) fn assigned(&mut self, name: Sym) {
        if !self.0.is_empty() {
            self.0.remove(&name);
            self.changed(name);
        }
    }

    /// All views have to be made anew: what was being made was left half-way.
    pub(crate) fn all_stale(&mut self) {
        self.0.values_mut().for_each(|view| view.stale = true);
    }

    /// The names in order.
    pub(crate) fn names(&self) -> Vec<Sym> {
        let mut names: Vec<Sym> = self.0.keys().copied().collect();
        names.sort_by(|a, b| a.order(*b));
        names
    }

    /// The variables that views are made of, and these views.
    pub(crate) fn dependents(&self) -> K {
        let mut pairs: Vec<(Sym, Vec<Sym>)> = Vec::new();
        for view in self.names() {
            for part in self.0.get(&view).map_or(&[][..], |view| view.parts.as_slice()) {
                match pairs.iter_mut().find(|(name, _)| name == part) {
                    Some((_, views)) => views.push(view),
                    None => pairs.push((*part, vec![view])),
                }
            }
        }
        pairs.sort_by(|(a, _), (b, _)| a.order(*b));
        let (names, views): (Vec<Sym>, Vec<Vec<Sym>>) = pairs.into_iter().unzip();
        K::dict(K::syms(names), K::list(views.into_iter().map(K::syms).collect()))
    }

    /// The names of those whose values have to be made before they are used.
    pub(crate) fn pending(&self) -> Vec<Sym> {
        self.names().into_iter().filter(|name| self.is_stale(*name)).collect()
    }

    /// A view as its namespace has it, which is not its value, unless that is what it is.
    pub(crate) fn object(&self, name: Sym, value: &K) -> K {
        let Some(view) = self.0.get(&name) else { return value.clone() };
        let value = if view.stale { K::Null } else { value.clone() };
        let parts = K::syms(view.parts.clone());
        let parts = K::list(vec![value, view.tree.clone(), parts, K::str(&view.text)]);
        Fun::View(view.text.clone(), parts).into_k()
    }

    /// The text that defines a view.
    pub(crate) fn text(&self, name: Sym) -> Option<&str> {
        self.0.get(&name).map(|view| view.text.as_str())
    }
}

/// The variables that a tree is made of.
fn parts(node: &Node) -> Vec<Sym> {
    let mut out = Vec::new();
    walk(node, &mut |n| {
        let global = match &n.expr {
            Expr::Global(name) => Some(*name),
            Expr::Column(_, further) => match further.expr {
                Expr::Global(name) => Some(name),
                _ => None,
            },
            _ => None,
        };
        out.extend(global.filter(|name| !out.contains(name)));
    });
    out
}

/// The statements of a text, of which those that follow a view in its line belong to it.
pub(crate) fn gathered(statements: Vec<Statement>, text: &str) -> Vec<Statement> {
    let mut out = Vec::with_capacity(statements.len());
    let mut rest = statements.into_iter().peekable();
    let mut end = 0;
    while let Some(statement) = rest.next() {
        let Statement::Expr(node, mut hidden) = statement else {
            out.push(statement);
            continue;
        };
        let apart = |from: usize, to: usize| text.get(from..to).unwrap_or_default().contains('\n');
        let begins = out.is_empty() || apart(end, node.span.0);
        end = node.span.1;
        if !begins || !hidden || !may_be_view(&node) {
            out.push(Statement::Expr(node, hidden));
            continue;
        }
        let mut more = Vec::new();
        while hidden {
            let follows =
                |s: &Statement| matches!(s, Statement::Expr(n, _) if !apart(end, n.span.0));
            let Some(Statement::Expr(next, again)) = rest.next_if(follows) else {
                // Nothing is what the last semicolon leaves.
                more.push(Node::new(Expr::Const(K::Null), (end, end)));
                end += text.get(end..).and_then(|t| t.find(';')).map_or(0, |at| at + 1);
                break;
            };
            (end, hidden) = (next.span.1, again);
            more.push(next);
        }
        out.push(Statement::Expr(extended(node, more, end), false));
    }
    out
}

/// Whether a statement is `name::` and mentions variables.
fn may_be_view(node: &Node) -> bool {
    let Expr::Assign(a) = &node.expr else { return false };
    let mut names = Vec::new();
    mentioned(&a.value, &mut names);
    a.global && a.index.is_none() && a.through.is_none() && !names.is_empty()
}

fn mentioned(node: &Node, names: &mut Vec<Sym>) {
    walk(node, &mut |n| match n.expr {
        Expr::Name(name) if !name.as_str().starts_with('.') && !verbs::is_known(name.as_str()) => {
            names.push(name);
        }
        _ => {}
    });
}

/// A view with the statements that follow it in its line.
fn extended(node: Node, more: Vec<Node>, end: usize) -> Node {
    let start = node.span.0;
    let Expr::Assign(mut a) = node.expr else { return node };
    let span = (a.value.span.0, end);
    let first = std::mem::replace(&mut a.value, Node::new(Expr::Hole, span));
    a.value = Node::new(Expr::Block(std::iter::once(first).chain(more).collect()), span);
    Node::new(Expr::Assign(a), (start, end))
}

impl Session {
    /// Makes a view of a statement `name::value` that depends on variables; false for others.
    ///
    /// # Errors
    /// `limit` for too many, `assign` for words of the language.
    pub(crate) fn view(&mut self, node: &Node, text: &str) -> Result<bool> {
        let Expr::Assign(a) = &node.expr else { return Ok(false) };
        let Expr::Global(name) = a.target.expr else { return Ok(false) };
        if !a.global || a.index.is_some() || a.through.is_some() {
            return Ok(false);
        }
        let parts = parts(&a.value);
        if parts.is_empty() || parts.contains(&name) {
            return Ok(false);
        }
        if self.views.0.len() >= VIEWS_MAX {
            return Err(QError::limit("limit"));
        }
        self.store_global(name, K::Null)?;
        let text = text.get(a.value.span.0..node.span.1).unwrap_or_default().trim().to_owned();
        let tree = verbs::parsed(self, &text).unwrap_or_default();
        let view = View { value: Arc::new(a.value.clone()), text, tree, parts, stale: true };
        self.views.0.insert(name, view);
        Ok(true)
    }

    /// Makes the value of a view.
    ///
    /// # Errors
    /// What making it signals; then it is made again the next time.
    #[cold]
    #[inline(never)]
    pub(crate) fn refresh(&mut self, name: Sym) -> Result<()> {
        let Some(view) = self.views.0.get_mut(&name) else { return Ok(()) };
        // What needs itself finds the value from before.
        view.stale = false;
        let node = Arc::clone(&view.value);
        let value = match self.deeper(|cx| cx.node(&node, &mut Frame::default())) {
            Ok(value) | Err(Stop::Return(value)) => value,
            Err(Stop::Error(e)) => {
                if let Some(view) = self.views.0.get_mut(&name) {
                    view.stale = true;
                }
                return Err(e);
            }
        };
        self.globals.insert(name, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn a_view_is_made_when_it_is_looked_at() {
        check(
            "q)v::0N!a+b\nq)v\n'b\nq)a:1;b:2\nq)v\n3\n3\nq)v\n3\nq)b:10\nq)w::v*2\n\
             q)w\n11\n22\n\
             q)views[]\n`s#`v`w\nq).z.b\na| v\nb| v\nv| w\nq)view`w\n\"v*2\"\nq)a:5\n\
             q)w\n15\n30\nq)v:7\nq)w\n14\nq)views`\n`s#,`w\nq)view`v\n'v\n\
             q)f:{a::x};f 1;v::a+1;f 4;v\n5\nq)v,:9\nq)v\n5 9",
        )
        .unwrap();
    }

    #[test]
    fn a_query_and_a_constant() {
        check(
            "q)t:([]a:1 2 3)\nq)big::select from t where a>1\nq)big\na\n-\n2\n3\n\
             q)`t insert 9\n,3\nq)count big\n3\nq)c::5\nq)views[]\n`s#,`big\nq)c\n5\n\
             q)x::x+1\n'x\nq)`big insert 7\n,3\nq)views[]\n`symbol$()\n\
             q)big::select from t where a>1\nq)value`big\na\n-\n2\n3\n9",
        )
        .unwrap();
    }

    #[test]
    fn as_many_views_as_a_session_may_have() {
        let mut session = crate::Session::new(crate::Options::default());
        session.eval("a:1", "test").unwrap();
        for n in 0..super::VIEWS_MAX {
            session.eval(&format!("v{n}::a+{n}"), "test").unwrap();
        }
        assert_eq!(session.eval("more::a+1", "test").unwrap_err().text, "limit");
        session.eval("v1:5", "test").unwrap();
        session.eval("more::a+1", "test").unwrap();
    }
    #[test]
    fn a_view_in_its_namespace_is_what_defines_it() {
        check(
            "q)d::b+a\nq)`. `d\nb+a\nq)value`. `d\n::\n(+;`b;`a)\n`b`a\n\"b+a\"\nq)b:1;a:2\n\
             q)d\n3\nq)value`. `d\n3\n(+;`b;`a)\n`b`a\n\"b+a\"\nq)get`d\n3\n\
             q)v::f[]+1\nq)f:{42}\nq)v\n43\nq)(value`. `v)1 2\n(+;(`f;::);1)\n,`f\n\
             q)(`. `v)1\n'type",
        )
        .unwrap();
    }

    #[test]
    fn the_rest_of_its_line_belongs_to_a_view() {
        check(
            "q)v::a;b;a+b\nq)(value`. `v)1 2 3\n(\";\";`a;`b;(+;`a;`b))\n`a`b\n\"a;b;a+b\"\n\
             q)a:1;b:2\nq)v\n3\nq)b:5\nq)v\n6\nq)w:: a;\nq)w~(::)\n1b\nq)view`w\n\"a;\"\n\
             q)x::3;y::4\nq)x,y\n3 4\nq)z:1;u::a+b;c:7\nq)u,c\n6 7",
        )
        .unwrap();
        check("q)a:1;b:2\nq)value \"v::a;b\\nw::b\"\nq)v,w\n2 2\nq)views[]\n`s#`v`w").unwrap();
    }

    #[test]
    fn values_that_have_to_be_made_are_known() {
        check("q)a::b+c\nq)\\B\n,`a\nq)b:c:1\nq)\\B\n,`a\nq)a\n2\nq)\\B\n`symbol$()").unwrap();
    }
}
