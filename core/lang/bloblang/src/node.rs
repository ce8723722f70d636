//! Compiled expressions.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::rc::Rc;

use formats::json::PathId;
use formats::value::Text;

use crate::args::{Arg, Args, Query};
use crate::spec::{Function, Method, Param, Prepared, PreparedFn, PreparedHere};
use crate::val::Val;

/// One expression. Names are resolved, constants are folded.
pub enum Node {
    /// A constant.
    Literal(Val),
    /// A constant that was computed.
    Folded(Box<Folded>),
    /// A field of something: `this.a.b`, `root.a`, `x.y`, `$v.a`.
    Path(Box<Path>),
    /// A variable: its slot and its name.
    Var(usize, Rc<str>),
    /// Metadata of the output: one key, or all of it.
    Meta(Option<Rc<str>>),
    /// A call of a method.
    Method(Box<MethodCall>),
    /// A call of a function.
    Function(Box<FunctionCall>),
    /// An operator on two numbers, or texts.
    Arith(Box<Binary<ArithOp>>),
    /// A comparison.
    Compare(Box<Binary<CompareOp>>),
    /// `&&` (true) or `||` (false).
    Logic(Box<Binary<bool>>),
    /// `|`.
    Coalesce(Box<Binary<()>>),
    /// `!`.
    Not(Box<Node>),
    /// `if` as an expression.
    If(Box<IfExpr>),
    /// `match`.
    Match(Box<MatchExpr>),
    /// `x -> q`, or with `None` `_ -> q`.
    Lambda(Option<Rc<str>>, Box<Node>),
    /// `X.(q)`.
    Within(Box<(Node, Node)>),
    /// An array with parts that are no constants.
    Array(Box<[Node]>),
    /// An object with parts that are no constants.
    Object(Box<[(Key, Node)]>),
}

/// A constant that was computed while the mapping was parsed.
pub struct Folded {
    pub val: Val,
    /// How errors name it.
    pub name: String,
    /// What it was computed from.
    pub from: Node,
}

/// What a path starts from.
pub enum Base {
    /// The context.
    This,
    /// The document being built.
    Root,
    /// What a lambda named, so many lambdas outwards.
    Named(usize, Rc<str>),
    /// Any expression.
    Node(Node),
}

/// A path of fields.
pub struct Path {
    pub base: Base,
    pub segs: Vec<Seg>,
    /// Its number among the paths of its program, where it is a plain one of the document: every
    /// reader of the program knows it by this number.
    pub number: Cell<Option<PathId>>,
}

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seg {
    /// The key.
    pub key: Text,
    /// The same as a position in an array.
    pub index: Option<usize>,
    /// Whether it is `*`, which stands for all elements.
    pub star: bool,
}

impl Seg {
    pub fn new(key: &[u8]) -> Self {
        let index = match key {
            [] => None,
            _ if key.iter().all(u8::is_ascii_digit) => {
                std::str::from_utf8(key).ok().and_then(|s| s.parse().ok())
            }
            _ => None,
        };
        Seg { key: Text::from(key), index, star: key == b"*" }
    }

    /// Whether a reader of texts can look it up: it stands for one member or element.
    pub fn is_plain(&self) -> bool {
        !self.star && self.is_canonical()
    }

    /// Whether a position is written as numbers are, without leading zeros.
    pub fn is_canonical(&self) -> bool {
        self.index.is_none_or(|i| i.to_string().as_bytes() == self.key.as_bytes())
    }
}

/// A key of an object literal.
pub enum Key {
    /// A text.
    Static(Text),
    /// An expression.
    Dynamic(Node),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

pub struct Binary<Op> {
    pub op: Op,
    pub left: Node,
    pub right: Node,
}

pub struct IfExpr {
    pub cases: Vec<(Node, Node)>,
    pub otherwise: Option<Node>,
}

pub struct MatchExpr {
    pub subject: Option<Node>,
    pub cases: Vec<(Case, Node)>,
}

pub enum Case {
    /// `_`
    Always,
    /// A constant that the subject is compared with.
    Equals(Val),
    /// A condition on the subject.
    Holds(Node),
}

/// Arguments as written.
pub enum ArgSource {
    /// All of them are constants or queries.
    Fixed(Args),
    /// Some are evaluated for each call.
    Dynamic(Box<[Slot]>),
}

/// One argument that may have to be evaluated.
pub enum Slot {
    /// Known.
    Fixed(Arg),
    /// Evaluated; the parameter it is for, except in variadic calls.
    Eval(Option<&'static Param>, Node),
}

/// A method whose arguments are known.
pub enum Ready {
    Plain(Prepared),
    Here(PreparedHere),
}

pub struct MethodCall {
    pub spec: &'static Method,
    pub target: Node,
    pub args: ArgSource,
    /// What was prepared, and for which arguments where these vary.
    pub prepared: RefCell<Option<(Args, Rc<Ready>)>>,
    /// Directory of the file the call stands in.
    pub dir: Rc<str>,
}

pub struct FunctionCall {
    pub spec: &'static Function,
    pub args: ArgSource,
    pub prepared: RefCell<Option<PreparedFn>>,
    /// Directory of the file the call stands in.
    pub dir: Rc<str>,
}

impl ArgSource {
    /// The arguments that are known without a message; what is evaluated counts as left out.
    pub fn fixed(&self) -> Args {
        match self {
            ArgSource::Fixed(args) => args.clone(),
            ArgSource::Dynamic(slots) => Args::new(
                slots
                    .iter()
                    .map(|slot| match slot {
                        Slot::Fixed(arg) => arg.clone(),
                        Slot::Eval(..) => Arg::Missing,
                    })
                    .collect(),
            ),
        }
    }

    /// Every expression among the arguments.
    pub fn nodes<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        match self {
            ArgSource::Fixed(args) => {
                (0..args.len()).filter_map(|i| args.opt_query(i)).for_each(|q| visit(q.node()));
            }
            ArgSource::Dynamic(slots) => slots.iter().for_each(|slot| match slot {
                Slot::Eval(_, node) => visit(node),
                Slot::Fixed(Arg::Query(query)) => visit(query.node()),
                Slot::Fixed(_) => {}
            }),
        }
    }
}

impl Node {
    /// The value of a constant.
    pub fn literal(&self) -> Option<&Val> {
        match self {
            Node::Literal(val) => Some(val),
            Node::Folded(folded) => Some(&folded.val),
            _ => None,
        }
    }

    /// How an error names the expression (spec/bloblang.md §7).
    pub fn annotation(&self) -> String {
        match self {
            Node::Literal(val) => format!("{} literal", val.type_name()),
            Node::Folded(folded) => folded.name.clone(),
            Node::Path(path) => path.annotation(),
            Node::Var(_, name) => format!("variable {name}"),
            Node::Meta(Some(key)) => format!("meta field {key}"),
            Node::Meta(None) => "meta object".into(),
            Node::Method(call) => call
                .spec
                .annotation
                .and_then(|f| f(&call.target, &call.args.fixed()))
                .unwrap_or_else(|| format!("method {}", call.spec.name)),
            Node::Function(call) => call
                .spec
                .annotation
                .and_then(|f| f(&call.args.fixed()))
                .unwrap_or_else(|| format!("function {}", call.spec.name)),
            Node::Arith(binary) => binary.right.annotation(),
            Node::Compare(binary) => binary.right.annotation(),
            Node::Logic(binary) => binary.right.annotation(),
            Node::Coalesce(binary) => binary.right.annotation(),
            Node::Not(inner) => format!("not {}", inner.annotation()),
            Node::If(_) => "if expression".into(),
            Node::Match(_) => "match expression".into(),
            Node::Lambda(_, body) => body.annotation(),
            Node::Within(parts) => parts.1.annotation(),
            Node::Array(_) => "array literal".into(),
            Node::Object(_) => "object literal".into(),
        }
    }

    /// The same path with more segments, as `get` of a literal path makes it; `None` for what is
    /// no path of fields.
    pub fn extended(&self, dotted: &str) -> Option<String> {
        match self {
            Node::Path(path) if !matches!(path.base, Base::Node(_)) => {
                let mut text = path.annotation();
                text.pop();
                let _ = write!(text, ".{dotted}`");
                Some(text)
            }
            _ => None,
        }
    }

    /// Calls `visit` with each direct part.
    pub fn parts<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        match self {
            Node::Literal(_) | Node::Folded(_) | Node::Var(..) | Node::Meta(_) => {}
            Node::Path(path) => {
                if let Base::Node(node) = &path.base {
                    visit(node);
                }
            }
            Node::Method(call) => {
                visit(&call.target);
                call.args.nodes(visit);
            }
            Node::Function(call) => call.args.nodes(visit),
            Node::Arith(b) => [&b.left, &b.right].into_iter().for_each(visit),
            Node::Compare(b) => [&b.left, &b.right].into_iter().for_each(visit),
            Node::Logic(b) => [&b.left, &b.right].into_iter().for_each(visit),
            Node::Coalesce(b) => [&b.left, &b.right].into_iter().for_each(visit),
            Node::Not(inner) | Node::Lambda(_, inner) => visit(inner),
            Node::Within(parts) => [&parts.0, &parts.1].into_iter().for_each(visit),
            Node::If(e) => {
                e.cases.iter().flat_map(|(a, b)| [a, b]).for_each(&mut *visit);
                e.otherwise.iter().for_each(visit);
            }
            Node::Match(e) => {
                e.subject.iter().for_each(&mut *visit);
                for (case, result) in &e.cases {
                    if let Case::Holds(node) = case {
                        visit(node);
                    }
                    visit(result);
                }
            }
            Node::Array(items) => items.iter().for_each(visit),
            Node::Object(members) => members.iter().for_each(|(key, value)| {
                if let Key::Dynamic(node) = key {
                    visit(node);
                }
                visit(value);
            }),
        }
    }
}

impl Path {
    pub fn new(base: Base, segs: Vec<Seg>) -> Self {
        Path { base, segs, number: Cell::new(None) }
    }

    fn annotation(&self) -> String {
        let segs = dotted(&self.segs);
        let start = match &self.base {
            Base::This => "this",
            Base::Root => "root",
            Base::Named(_, name) => name,
            Base::Node(_) => return format!("path `{segs}`"),
        };
        if segs.is_empty() { format!("field `{start}`") } else { format!("field `{start}.{segs}`") }
    }
}

/// A path as users see it: `.` and `~` within a key are written `~1` and `~0`.
pub(crate) fn dotted(segs: &[Seg]) -> String {
    let mut out = String::new();
    for (i, seg) in segs.iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        out.push_str(&seg.key.to_str_lossy().replace('~', "~0").replace('.', "~1"));
    }
    out
}

/// The segments of a path given as a text with dots; `~1` is `.` and `~0` is `~`. An empty text is
/// no segment at all.
pub(crate) fn split_path(text: &[u8]) -> Vec<Seg> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|&b| b == b'.').map(|part| Seg::new(&unescape_segment(part))).collect()
}

fn unescape_segment(part: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    loop {
        match rest {
            [] => return out,
            [b'~', b'1', after @ ..] => {
                out.push(b'.');
                rest = after;
            }
            [b'~', b'0', after @ ..] => {
                out.push(b'~');
                rest = after;
            }
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
}

impl From<Node> for Query {
    fn from(node: Node) -> Query {
        Query::new(node)
    }
}
