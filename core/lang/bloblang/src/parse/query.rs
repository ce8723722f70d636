//! Expressions: operators, terms, tails (spec/bloblang.md §2 and §3).

use std::rc::Rc;

use super::cursor::Parser;
use super::error::{Fail, Parsed};
use crate::eval::{arith, compare_op};
use crate::node::{ArithOp, Base, Binary, CompareOp, Folded, Node, Path, Seg};
use crate::val::Val;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Arith(ArithOp),
    Compare(CompareOp),
    Logic(bool),
    Coalesce,
}

/// Operators by their text; a longer one stands before its beginning.
const OPS: &[(&str, Op)] = &[
    ("&&", Op::Logic(true)),
    ("||", Op::Logic(false)),
    ("==", Op::Compare(CompareOp::Eq)),
    ("!=", Op::Compare(CompareOp::Ne)),
    ("<=", Op::Compare(CompareOp::Le)),
    (">=", Op::Compare(CompareOp::Ge)),
    ("+", Op::Arith(ArithOp::Add)),
    ("-", Op::Arith(ArithOp::Sub)),
    ("*", Op::Arith(ArithOp::Mul)),
    ("/", Op::Arith(ArithOp::Div)),
    ("%", Op::Arith(ArithOp::Mod)),
    ("<", Op::Compare(CompareOp::Lt)),
    (">", Op::Compare(CompareOp::Gt)),
    ("|", Op::Coalesce),
];

/// In which pass an operator is resolved; the first binds tightest.
fn pass(op: Op) -> u8 {
    match op {
        Op::Arith(ArithOp::Mul | ArithOp::Div | ArithOp::Mod) | Op::Coalesce => 0,
        Op::Arith(ArithOp::Add | ArithOp::Sub) => 1,
        Op::Compare(_) => 2,
        Op::Logic(_) => 3,
    }
}

impl Parser<'_> {
    /// `query`
    pub(super) fn query(&mut self) -> Parsed<Node> {
        self.nested(|p| {
            p.spaces();
            let start = p.pos;
            let mut terms = vec![p.term_node()?];
            let mut ops = Vec::new();
            loop {
                let op = p.optional(|p| {
                    p.spaces();
                    p.operator()
                })?;
                let Some(op) = op else { break };
                p.blank();
                ops.push(op);
                terms.push(p.term_node()?);
                p.taller()?;
            }
            resolve(terms, ops).map_err(|text| Fail::fatal(start, text))
        })
    }

    fn operator(&mut self) -> Parsed<Op> {
        for (text, op) in OPS {
            if self.term_as(text, "").is_ok() {
                return Ok(*op);
            }
        }
        self.miss("operator")
    }

    /// `term`
    fn term_node(&mut self) -> Parsed<Node> {
        let start = self.pos;
        let minus = self.peek() == Some('-');
        if minus {
            self.pos += 1;
            self.blank();
        }
        let not = self.peek() == Some('!');
        if not {
            self.pos += 1;
            self.spaces();
        }
        let primary = self.attempt(Parser::primary).map_err(|e| e.rename("query"))?;
        let mut node = self.tails(primary)?;
        if not {
            node = Node::Not(Box::new(node));
            self.taller()?;
        }
        if minus {
            self.taller()?;
            node = binary(Op::Arith(ArithOp::Sub), Node::Literal(Val::int(0)), node)
                .map_err(|text| Fail::fatal(start, text))?;
        }
        Ok(node)
    }

    /// `primary`
    fn primary(&mut self) -> Parsed<Node> {
        self.one_of(&mut [
            &mut Parser::match_expr,
            &mut Parser::if_expr,
            &mut Parser::lambda,
            &mut Parser::group,
            &mut Parser::literal,
            &mut Parser::function,
            &mut Parser::meta_ref,
            &mut Parser::var_ref,
            &mut Parser::field,
        ])
    }

    /// `"(" query ")"`
    fn group(&mut self) -> Parsed<Node> {
        self.term("(")?;
        self.blank();
        let node = self.query()?;
        self.blank();
        self.term_as(")", "closing bracket").map_err(Fail::must)?;
        Ok(node)
    }

    fn meta_ref(&mut self) -> Parsed<Node> {
        self.term("@")?;
        let key = match self.peek() {
            Some('"') => Some(self.quoted("metadata key")?.to_str_lossy().into_owned()),
            _ => self.optional(|p| p.name("metadata key"))?,
        };
        Ok(Node::Meta(key.map(Rc::from)))
    }

    fn var_ref(&mut self) -> Parsed<Node> {
        self.term("$")?;
        let name = self.name("variable name")?;
        Ok(Node::Var(self.scope.slot(&name), Rc::from(name)))
    }

    /// A name that is no call: `this`, `root`, a lambda's name, or a field of the context.
    fn field(&mut self) -> Parsed<Node> {
        let name = self.name("field path")?;
        let (base, segs) = match name.as_str() {
            "this" => (Base::This, Vec::new()),
            "root" => (Base::Root, Vec::new()),
            _ => match self.scope.hops(&name) {
                Some(hops) => (Base::Named(hops, Rc::from(name)), Vec::new()),
                None => (Base::This, vec![Seg::new(name.as_bytes())]),
            },
        };
        Ok(Node::Path(Box::new(Path::new(base, segs))))
    }

    /// `tail*`
    fn tails(&mut self, mut node: Node) -> Parsed<Node> {
        while self.peek() == Some('.') {
            self.pos += 1;
            self.blank();
            node = self.tail(node)?;
            self.taller()?;
        }
        Ok(node)
    }

    fn tail(&mut self, target: Node) -> Parsed<Node> {
        if self.peek() == Some('(') {
            self.pos += 1;
            self.blank();
            let query = self.query().map_err(Fail::must)?;
            self.blank();
            self.term(")").map_err(Fail::must)?;
            return Ok(Node::Within(Box::new((target, query))));
        }
        let before = self.pos;
        if let Ok(name) = self.snake("")
            && self.peek() == Some('(')
        {
            return self.method(&name, target);
        }
        self.pos = before;
        let key = match self.peek() {
            Some('"') => self.quoted("field")?.as_bytes().to_vec(),
            _ => {
                let what = "method or field path";
                self.name(what).map_err(Fail::must)?.into_bytes()
            }
        };
        Ok(extend(target, Seg::new(&key)))
    }
}

/// A field of an expression.
fn extend(target: Node, seg: Seg) -> Node {
    match target {
        Node::Path(mut path) => {
            path.segs.push(seg);
            Node::Path(path)
        }
        other => Node::Path(Box::new(Path::new(Base::Node(other), vec![seg]))),
    }
}

/// Resolves a row of terms and operators, pass by pass, each from left to right.
fn resolve(terms: Vec<Node>, ops: Vec<Op>) -> Result<Node, String> {
    let (mut terms, mut ops) = (terms, ops);
    for level in 0..4 {
        if ops.is_empty() {
            break;
        }
        let mut left = terms.into_iter();
        let mut done: Vec<Node> = left.next().into_iter().collect();
        let mut kept = Vec::new();
        for (op, right) in ops.into_iter().zip(left) {
            match done.pop() {
                Some(left) if pass(op) == level => done.push(binary(op, left, right)?),
                left => {
                    done.extend(left);
                    done.push(right);
                    kept.push(op);
                }
            }
        }
        (terms, ops) = (done, kept);
    }
    terms.into_iter().next().ok_or_else(String::new)
}

/// An operator on two expressions; on two literals it is computed at once.
fn binary(op: Op, left: Node, right: Node) -> Result<Node, String> {
    let constant = match (op, left.literal(), right.literal()) {
        (Op::Arith(op), Some(a), Some(b)) => Some(arith(op, a, b, &left, &right)),
        (Op::Compare(op), Some(a), Some(b)) => Some(compare_op(op, a, b, &left, &right)),
        _ => None,
    };
    let constant = constant.transpose().map_err(|e| e.to_string())?;
    let name = constant.is_some().then(|| right.annotation());
    let node = match op {
        Op::Arith(op) => Node::Arith(Box::new(Binary { op, left, right })),
        Op::Compare(op) => Node::Compare(Box::new(Binary { op, left, right })),
        Op::Logic(op) => Node::Logic(Box::new(Binary { op, left, right })),
        Op::Coalesce => Node::Coalesce(Box::new(Binary { op: (), left, right })),
    };
    Ok(match constant.zip(name) {
        Some((val, name)) => Node::Folded(Box::new(Folded { val, name, from: node })),
        None => node,
    })
}
