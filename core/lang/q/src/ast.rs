//! The tree of a program: what the parser makes, the resolver completes and the evaluator runs.

use crate::lex::Adverb;
use formats::k::{K, Sym};
use std::sync::Arc;

/// A node and the bytes of the text it came from.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) expr: Expr,
    pub(crate) span: (usize, usize),
}

/// What a node does.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    /// A value known now: literals, verbs, lambdas.
    Const(K),
    /// A name that the resolver has yet to look at.
    Name(Sym),
    /// A variable of the lambda, by place.
    Local(usize),
    /// A variable of the session, by full name.
    Global(Sym),
    /// A column of the table that is queried, or else something further out.
    Column(Sym, Box<Node>),
    /// A system value such as `.z.p`.
    System(Sym),
    /// The lambda that is running.
    Myself,
    /// Nothing between two semicolons.
    Hole,
    /// A function or value applied to arguments.
    Apply(Box<Node>, Vec<Node>),
    /// An iterator applied to a function.
    Derived(Adverb, Box<Node>),
    /// A list of several items.
    List(Vec<Node>),
    /// A table literal: key columns and columns.
    Table(Vec<(Sym, Node)>, Vec<(Sym, Node)>),
    /// An assignment.
    Assign(Box<Assign>),
    /// An assignment to a pattern.
    Match(Box<Match>),
    /// `:[x;pattern;a;...;b]`
    Case(Box<Case>),
    /// `$[c;a;...;b]`
    Cond(Vec<Node>),
    /// `if[c;...]`
    If(Vec<Node>),
    /// `while[c;...]`
    While(Vec<Node>),
    /// `do[n;...]`
    Do(Vec<Node>),
    /// Statements, the value of the last one.
    Block(Vec<Node>),
    /// `:x`
    Return(Box<Node>),
    /// `'x`
    Signal(Box<Node>),
    /// A lambda that the resolver has yet to look at.
    Lambda(Box<Draft>),
    /// A query.
    Query(Box<Query>),
}

/// An assignment, perhaps to a part of a variable, perhaps through a function.
#[derive(Clone, Debug)]
pub(crate) struct Assign {
    /// A name, then what the resolver makes of it.
    pub(crate) target: Node,
    /// Whether it was written with two colons.
    pub(crate) global: bool,
    /// The indices in brackets, if there were brackets.
    pub(crate) index: Option<Vec<Node>>,
    /// The function of `x+:y`.
    pub(crate) through: Option<Node>,
    /// The new value.
    pub(crate) value: Node,
}

/// An assignment of the parts of a value.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    pub(crate) pattern: Pattern,
    pub(crate) value: Node,
}

/// A choice by patterns.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What has to fit.
    pub(crate) value: Node,
    /// Patterns with what is wanted when one fits.
    pub(crate) arms: Vec<(Pattern, Node)>,
    /// What is wanted when none does.
    pub(crate) otherwise: Option<Node>,
}

/// What a value or a part of it has to be.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// Anything.
    Any,
    /// Exactly this.
    Value(Node),
    /// Anything, which this assignment then gets.
    Bind(Node),
    /// A list of so many items.
    List(Vec<Pattern>),
    /// A dictionary that has these keys.
    Keys(Node, Vec<Pattern>),
    /// A table that has these columns.
    Columns(Vec<Sym>, Vec<Pattern>),
    /// A dictionary by its keys and its values.
    Pair(Box<Pattern>, Box<Pattern>),
    /// A table as a dictionary.
    Flip(Box<Pattern>),
    /// What is of a type, or what a function makes of it.
    Checked(Box<Pattern>, Node),
}

impl Pattern {
    /// The patterns and the nodes directly below.
    fn below(&self) -> (Vec<&Pattern>, Option<&Node>) {
        match self {
            Self::Any => (Vec::new(), None),
            Self::Value(node) | Self::Bind(node) => (Vec::new(), Some(node)),
            Self::List(items) | Self::Columns(_, items) => (items.iter().collect(), None),
            Self::Keys(node, items) => (items.iter().collect(), Some(node)),
            Self::Pair(keys, values) => (vec![keys, values], None),
            Self::Flip(inner) => (vec![inner], None),
            Self::Checked(inner, node) => (vec![inner], Some(node)),
        }
    }

    /// The nodes of a pattern and of those within it.
    fn nodes<'a>(&'a self, out: &mut Vec<&'a Node>) {
        let (patterns, node) = self.below();
        out.extend(node);
        patterns.into_iter().for_each(|p| p.nodes(out));
    }

    /// Runs `f` on the nodes of a pattern and of those within it.
    ///
    /// # Errors
    /// The first of `f`.
    pub(crate) fn each_node<E>(
        &mut self,
        f: &mut dyn FnMut(&mut Node) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Any => Ok(()),
            Self::Value(node) | Self::Bind(node) => f(node),
            Self::List(items) | Self::Columns(_, items) => {
                items.iter_mut().try_for_each(|p| p.each_node(f))
            }
            Self::Keys(node, items) => {
                f(node)?;
                items.iter_mut().try_for_each(|p| p.each_node(f))
            }
            Self::Pair(keys, values) => {
                keys.each_node(f)?;
                values.each_node(f)
            }
            Self::Flip(inner) => inner.each_node(f),
            Self::Checked(inner, node) => {
                f(node)?;
                inner.each_node(f)
            }
        }
    }
}

/// A lambda as parsed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The names in brackets; `None` when there are no brackets.
    pub(crate) params: Option<Vec<Sym>>,
    /// The statements.
    pub(crate) body: Vec<Node>,
}

/// Where programs' text is kept for messages and for printing lambdas.
#[derive(Debug)]
pub(crate) struct Source {
    /// The text.
    pub(crate) text: String,
}

/// A compiled lambda.
#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    /// Number of parameters.
    pub(crate) params: usize,
    /// The names of parameters and other locals, by place.
    pub(crate) locals: Vec<Sym>,
    /// The statements.
    pub(crate) body: Vec<Node>,
    /// The text it was cut from, and where in it.
    pub(crate) source: Arc<Source>,
    /// The bytes of the lambda in its source.
    pub(crate) span: (usize, usize),
    /// The namespace of its global names, with the dot; empty for the root.
    pub(crate) context: Sym,
}

impl Lambda {
    /// The text between and with the braces.
    pub(crate) fn text(&self) -> &str {
        self.source.text.get(self.span.0..self.span.1).unwrap_or_default()
    }
}

/// Which of the four queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Exec,
    Update,
    Delete,
}

/// A query over a table.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) verb: Verb,
    pub(crate) distinct: bool,
    /// `[n;order]`: a count or a range, and columns to order by.
    pub(crate) limit: Option<Node>,
    /// Whether the order descends, and its columns.
    pub(crate) order: Option<(bool, Node)>,
    /// Result columns; empty for all.
    pub(crate) columns: Vec<(Sym, Node)>,
    /// Whether an exec names its columns, so that its result is a dictionary.
    pub(crate) named: bool,
    /// Whether a group is named, so that the keys of an exec are a table.
    pub(crate) keyed: bool,
    /// Group columns; `None` without `by`.
    pub(crate) by: Option<Vec<(Sym, Node)>>,
    /// The table.
    pub(crate) from: Node,
    /// Conditions, applied one after the other.
    pub(crate) filters: Vec<Node>,
}

impl Node {
    pub(crate) fn new(expr: Expr, span: (usize, usize)) -> Self {
        // A text may be made by a program, and its tree is many times as large.
        formats::budget::check();
        Self { expr, span }
    }

    /// The nodes directly below, in the order of the text.
    pub(crate) fn children(&self) -> Vec<&Node> {
        match &self.expr {
            Expr::Apply(f, args) => {
                // `a+b` stands as a, +, b in the text.
                if args.len() == 2 && args.first().is_some_and(|a| a.span.0 < f.span.0) {
                    return args.iter().take(1).chain([&**f]).chain(args.iter().skip(1)).collect();
                }
                std::iter::once(&**f).chain(args).collect()
            }
            Expr::Derived(_, f) | Expr::Return(f) | Expr::Signal(f) => vec![f],
            Expr::Column(_, f) => vec![f],
            Expr::List(n)
            | Expr::Cond(n)
            | Expr::If(n)
            | Expr::While(n)
            | Expr::Do(n)
            | Expr::Block(n) => n.iter().collect(),
            Expr::Table(keys, columns) => keys.iter().chain(columns).map(|(_, n)| n).collect(),
            Expr::Assign(a) => vec![&a.target, &a.value],
            Expr::Match(m) => {
                let mut nodes = Vec::new();
                m.pattern.nodes(&mut nodes);
                nodes.push(&m.value);
                nodes
            }
            Expr::Case(c) => {
                let mut nodes = vec![&c.value];
                for (pattern, result) in &c.arms {
                    pattern.nodes(&mut nodes);
                    nodes.push(result);
                }
                nodes.extend(&c.otherwise);
                nodes
            }
            _ => Vec::new(),
        }
    }
}
