//! Compiled mappings as text.
//!
//! The parser has no tree of its own: names are resolved and constants folded while it reads, so
//! what is printed are the compiled nodes. Constants that were computed remember what from. The
//! text parses to the same nodes again, and each statement stands in the line that its errors
//! name; brackets, comments and the forms of literals are those of the printer. What was imported
//! is printed as if it stood in the mapping.

mod constant;

use std::fmt::{self, Display, Formatter, Write};

use formats::value::Value;

use crate::args::{Arg, absent};
use crate::mapping::Mapping;
use crate::node::{
    ArgSource, ArithOp, Base, Binary, Case, CompareOp, IfExpr, Key, MatchExpr, Node, Path, Slot,
};
use crate::program::{IfStatement, Kind, Program, Statement, with_stack};
use crate::spec::Params;
use crate::val::Val;
use constant::is_name;

impl Display for Mapping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let program = &self.program;
        let mut printer = Printer { out: String::new(), line: 1 };
        with_stack(program.height, || printer.program(program));
        f.write_str(&printer.out)
    }
}

struct Printer {
    out: String,
    line: u32,
}

/// In which pass the parser resolves an operator, the loosest last; terms are before all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    Term,
    Product,
    Sum,
    Comparison,
    Logic,
}

/// A node that is two operands and an operator.
fn binary(node: &Node) -> Option<(Pass, &'static str, &Node, &Node)> {
    fn parts<Op>(b: &Binary<Op>) -> (&Node, &Node) {
        (&b.left, &b.right)
    }
    let (pass, op, (left, right)) = match node {
        Node::Folded(folded) => return binary(&folded.from),
        Node::Arith(_) if negated(node).is_some() => return None,
        Node::Arith(b) => match b.op {
            ArithOp::Add => (Pass::Sum, "+", parts(b)),
            ArithOp::Sub => (Pass::Sum, "-", parts(b)),
            ArithOp::Mul => (Pass::Product, "*", parts(b)),
            ArithOp::Div => (Pass::Product, "/", parts(b)),
            ArithOp::Mod => (Pass::Product, "%", parts(b)),
        },
        Node::Compare(b) => {
            let op = match b.op {
                CompareOp::Eq => "==",
                CompareOp::Ne => "!=",
                CompareOp::Lt => "<",
                CompareOp::Le => "<=",
                CompareOp::Gt => ">",
                CompareOp::Ge => ">=",
            };
            (Pass::Comparison, op, parts(b))
        }
        Node::Logic(b) => (Pass::Logic, if b.op { "&&" } else { "||" }, parts(b)),
        Node::Coalesce(b) => (Pass::Product, "|", parts(b)),
        _ => return None,
    };
    Some((pass, op, left, right))
}

/// What a leading minus stands before: it is read as `0 - x`.
fn negated(node: &Node) -> Option<&Node> {
    match node {
        Node::Folded(folded) => negated(&folded.from),
        Node::Arith(b) => {
            let zero = matches!(b.left, Node::Literal(Val::Data(Value::Int(0))));
            (zero && b.op == ArithOp::Sub).then_some(&b.right)
        }
        _ => None,
    }
}

impl Printer {
    fn put(&mut self, text: impl Display) {
        let _ = write!(self.out, "{text}");
    }

    /// Goes on in a line, which may be this one.
    fn go_to(&mut self, line: u32) {
        while self.line < line {
            self.break_line();
        }
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        self.line += 1;
    }

    fn program(&mut self, program: &Program) {
        let mut items: Vec<(u32, Option<&str>, &[Statement])> = Vec::new();
        for (name, map) in &program.maps {
            // Nothing tells where a map without statements stood.
            let line = map.statements.first().map_or(u32::MAX, |s| s.line);
            items.push((line, Some(&**name), &map.statements));
        }
        let singles = program.statements.iter();
        items.extend(singles.map(|s| (s.line, None, std::slice::from_ref(s))));
        items.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        for (i, (line, map, statements)) in items.into_iter().enumerate() {
            if i > 0 {
                self.break_line();
            }
            if line < u32::MAX {
                self.go_to(line);
            }
            match map {
                Some(name) => {
                    self.put("map ");
                    self.label(name.as_bytes());
                    self.put(" ");
                    self.block(statements);
                }
                None => statements.iter().for_each(|s| self.statement(s)),
            }
        }
        self.out.push('\n');
    }

    fn block(&mut self, statements: &[Statement]) {
        self.put("{ ");
        for (i, statement) in statements.iter().enumerate() {
            if i > 0 {
                self.break_line();
            }
            self.go_to(statement.line);
            self.statement(statement);
            self.put(" ");
        }
        self.put("}");
    }

    fn statement(&mut self, statement: &Statement) {
        let query = match &statement.kind {
            Kind::Let { name, query, .. } => {
                self.put("let ");
                self.label(name.as_bytes());
                query
            }
            Kind::Meta { key, query } => {
                self.put("meta");
                if let Some(key) = key {
                    self.put(" ");
                    self.label(key.as_bytes());
                }
                query
            }
            Kind::Assign { path, query } => {
                self.put("root");
                path.iter().for_each(|seg| self.field(seg.key.as_bytes()));
                query
            }
            Kind::If(statement) => return self.if_statement(statement),
        };
        self.put(" = ");
        self.query(query);
    }

    fn if_statement(&mut self, statement: &IfStatement) {
        for (i, (condition, block)) in statement.cases.iter().enumerate() {
            self.put(if i > 0 { " else if " } else { "if " });
            self.query(condition);
            self.put(" ");
            self.block(block);
        }
        if let Some(block) = &statement.otherwise {
            self.put(" else ");
            self.block(block);
        }
    }

    /// Items with commas between them.
    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        for (i, each) in items.into_iter().enumerate() {
            if i > 0 {
                self.put(", ");
            }
            item(self, each);
        }
    }

    /// A node where any may stand.
    fn query(&mut self, node: &Node) {
        match node {
            Node::Folded(folded) => self.query(&folded.from),
            Node::Lambda(name, body) => {
                self.put(name.as_deref().unwrap_or("_"));
                self.put(" -> ");
                self.query(body);
            }
            node => self.row(node, Pass::Logic),
        }
    }

    /// A node as an operand: what binds looser than `pass` stands in brackets.
    fn row(&mut self, node: &Node, pass: Pass) {
        match binary(node) {
            Some((own, op, left, right)) if own <= pass => {
                self.row(left, own);
                self.put(format_args!(" {op} "));
                let tighter = match own {
                    Pass::Term | Pass::Product => Pass::Term,
                    Pass::Sum => Pass::Product,
                    Pass::Comparison => Pass::Sum,
                    Pass::Logic => Pass::Comparison,
                };
                self.row(right, tighter);
            }
            Some(_) => self.group(node),
            None => match negated(node) {
                Some(inner) => {
                    self.put("-");
                    self.positive(inner);
                }
                None => self.positive(node),
            },
        }
    }

    fn positive(&mut self, node: &Node) {
        match node {
            Node::Not(inner) => {
                self.put("!");
                self.primary(inner);
            }
            node => self.primary(node),
        }
    }

    fn group(&mut self, node: &Node) {
        self.put("(");
        self.query(node);
        self.put(")");
    }

    /// A node that fields and methods may follow.
    fn primary(&mut self, node: &Node) {
        match node {
            // Signs of number literals stand only behind `-` and `!`, where they were read.
            Node::Literal(Val::Data(Value::Float(x))) => self.decimal(*x),
            Node::Literal(val) => self.val(val),
            Node::Folded(folded) if binary(node).is_none() && negated(node).is_none() => {
                self.primary(&folded.from);
            }
            Node::Path(path) => self.path(path),
            Node::Var(_, name) if is_name(name.as_bytes()) => self.put(format_args!("${name}")),
            Node::Var(_, name) => {
                self.put("var(");
                self.text(name.as_bytes());
                self.put(")");
            }
            Node::Meta(key) => {
                self.put("@");
                if let Some(key) = key {
                    self.label(key.as_bytes());
                }
            }
            Node::Method(call) => {
                self.primary(&call.target);
                self.put(format_args!(".{}", call.spec.name));
                self.args(&call.spec.params, &call.args);
            }
            Node::Function(call) => {
                self.put(call.spec.name);
                self.args(&call.spec.params, &call.args);
            }
            Node::If(e) => self.if_expr(e),
            Node::Match(e) => self.match_expr(e),
            Node::Within(parts) => {
                self.primary(&parts.0);
                self.put(".");
                self.group(&parts.1);
            }
            Node::Array(items) => {
                self.put("[");
                self.list(&**items, Self::query);
                self.put("]");
            }
            Node::Object(members) => {
                self.put("{");
                self.list(&**members, |p, (key, node)| {
                    match key {
                        Key::Static(text) => p.text(text.as_bytes()),
                        Key::Dynamic(key) => p.group(key),
                    }
                    p.put(": ");
                    p.query(node);
                });
                self.put("}");
            }
            node => self.group(node),
        }
    }

    fn path(&mut self, path: &Path) {
        match &path.base {
            Base::This => self.put("this"),
            Base::Root => self.put("root"),
            Base::Named(_, name) => self.put(name),
            Base::Node(node) => self.primary(node),
        }
        path.segs.iter().for_each(|seg| self.field(seg.key.as_bytes()));
    }

    fn if_expr(&mut self, e: &IfExpr) {
        for (i, (condition, result)) in e.cases.iter().enumerate() {
            self.put(if i > 0 { " else if " } else { "if " });
            self.query(condition);
            self.put(" { ");
            self.query(result);
            self.put(" }");
        }
        if let Some(result) = &e.otherwise {
            self.put(" else { ");
            self.query(result);
            self.put(" }");
        }
    }

    fn match_expr(&mut self, e: &MatchExpr) {
        self.put("match ");
        if let Some(subject) = &e.subject {
            self.query(subject);
            self.put(" ");
        }
        self.put("{ ");
        self.list(&e.cases, |p, (case, result)| {
            match case {
                Case::Always => p.put("_"),
                Case::Equals(val) => p.val(val),
                Case::Holds(node) => p.query(node),
            }
            p.put(" => ");
            p.query(result);
        });
        self.put(" }");
    }

    /// The arguments of a call; those that are as when they are left out are left out. Behind such
    /// a gap they are named.
    fn args(&mut self, params: &Params, source: &ArgSource) {
        let count = match source {
            ArgSource::Fixed(args) => args.len(),
            ArgSource::Dynamic(slots) => slots.len(),
        };
        let mut written: Vec<(usize, String)> = Vec::new();
        for at in 0..count {
            let text = self.apart(|p| match source {
                ArgSource::Fixed(args) => match (args.val(at), args.opt_query(at)) {
                    (Some(val), _) => p.val(val),
                    (None, Some(query)) => p.query(query.node()),
                    (None, None) => {}
                },
                ArgSource::Dynamic(slots) => match slots.get(at) {
                    Some(Slot::Eval(_, node)) => p.query(node),
                    Some(Slot::Fixed(arg)) => p.arg(arg),
                    None => {}
                },
            });
            let left_out = match params {
                Params::Fixed(params) => params.get(at).map(absent),
                Params::Variadic(_) => None,
            };
            if left_out.is_none_or(|arg| self.apart(|p| p.arg(&arg)) != text) {
                written.push((at, text));
            }
        }
        let gap = written.iter().enumerate().any(|(i, (at, _))| i != *at);
        self.put("(");
        self.list(written, |p, (at, text)| {
            if let (true, Params::Fixed(params)) = (gap, params)
                && let Some(param) = params.get(at)
            {
                p.put(format_args!("{}: ", param.name));
            }
            p.put(text);
        });
        self.put(")");
    }

    fn arg(&mut self, arg: &Arg) {
        match arg {
            Arg::Missing => {}
            Arg::Val(val) => self.val(val),
            Arg::Query(query) => self.query(query.node()),
        }
    }

    /// What is printed meanwhile.
    fn apart(&mut self, print: impl FnOnce(&mut Self)) -> String {
        let outer = std::mem::take(&mut self.out);
        print(self);
        std::mem::replace(&mut self.out, outer)
    }
}
