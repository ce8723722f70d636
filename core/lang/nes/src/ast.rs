//! Queries as they are written.

use plan::Span;

use crate::types::Type;

/// `Query::from("source")` and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Name of the logical source.
    pub source: String,
    /// Where that name stands.
    pub span: Span,
    /// The calls, in order.
    pub ops: Vec<Op>,
}

/// A call on a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// Where its name stands.
    pub span: Span,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq)]
pub enum OpKind {
    /// Keeps the tuples for which a condition holds.
    Filter(Expr),
    /// Computes a field.
    Map(Attr, Expr),
    /// Chooses fields; each may have a new name.
    Project(Vec<(Attr, Option<String>)>),
    /// Gives all fields another qualifier.
    As(String),
    /// The tuples of both.
    Union(Query),
    /// Pairs of tuples within a window for which a condition holds.
    Join(Query, JoinOn, TimeWindow),
    /// Pairs of tuples within a window; with `true` the left one came first.
    Pattern(Query, bool, TimeWindow),
    /// Windows with a number of tuples between two bounds.
    Times(Occurrences, TimeWindow),
    /// Aggregates over windows of time.
    Window(TimeWindow, Vec<Attr>, Vec<Aggregate>),
    /// Aggregates over runs of tuples for which a condition holds, of at least so many.
    Threshold(Expr, u64, Vec<Aggregate>),
    /// How far time has come: by a field with a lateness, or by the clock.
    Watermark(Option<(Attr, u64, u64)>),
    /// What a function of the catalog gives for each tuple; with `true` any number of tuples.
    Udf(String, bool),
    /// Only so many tuples.
    Limit(u64),
    /// Where the result goes, and the node of the topology that is to write it, if one is named.
    Sink(Sink, Option<u64>),
    /// Where the result of a pattern goes: to all of these.
    Sinks(Vec<Sink>),
    /// A call that is known and not supported.
    Unsupported(String),
}

/// How often something must occur within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrences {
    /// At least; `None` without arguments.
    pub min: Option<u64>,
    /// At most; `None` with one argument or none.
    pub max: Option<u64>,
}

/// The condition of a join.
#[derive(Clone, Debug, PartialEq)]
pub enum JoinOn {
    /// Any condition over both inputs.
    Condition(Expr),
    /// A field of the left input equals one of the right: the older spelling.
    Equal(Attr, Attr),
}

/// A tumbling or sliding window; milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWindow {
    /// The field with the time and the milliseconds of its unit; `None` for the time of arrival.
    pub time: Option<(Attr, u64)>,
    /// Its length.
    pub size_ms: u64,
    /// Distance of two starts.
    pub slide_ms: u64,
}

/// What is computed over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: Function,
    /// Over which field; none for a count.
    pub attr: Option<Attr>,
    /// Name of the result.
    pub alias: Option<Attr>,
    /// Where it stands.
    pub span: Span,
}

/// Aggregate functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Function {
    Sum,
    Min,
    Max,
    Avg,
    Median,
    Count,
}

/// `Attribute("name")`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attr {
    /// The name as written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    /// Levels of expressions inside it.
    pub depth: u32,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A field.
    Attr(String),
    /// A constant.
    Literal(Literal),
    /// `!a`, `-a`, `++a`, `--a`.
    Unary(&'static str, Box<Expr>),
    /// `a + b` and so on.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// A function by its name in upper case.
    Call(String, Vec<Expr>),
    /// `CASE({WHEN(condition, value), ...}, otherwise)`.
    Case(Vec<(Expr, Expr)>, Box<Expr>),
    /// A value as another type.
    Cast(Type, Box<Expr>),
    /// Whether there is no value.
    IsNull(Box<Expr>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// An integer, whose type its suffix says.
    Int(u64, Type),
    /// A number with a point, and whether it is of single precision.
    Float(f64, bool),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(String),
    /// One character.
    Char(u8),
}

/// Where a result goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sink {
    /// Standard output.
    Print,
    /// Nowhere.
    Null,
    /// A file.
    File {
        /// Its path.
        path: String,
        /// `CSV_FORMAT`, `JSON_FORMAT`, ...
        format: String,
        /// Whether it is written on behind its end.
        append: bool,
        /// Whether rows get the time of their writing.
        timestamp: bool,
    },
    /// A topic of an MQTT broker.
    Mqtt(Mqtt),
    /// A sink that is known and not supported, by its name.
    Unsupported(String),
}

/// A topic of an MQTT broker that takes results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Where the broker is.
    pub address: String,
    /// The topic.
    pub topic: String,
    /// Who comes to it.
    pub user: String,
    /// Messages that are sent before the first of them is confirmed.
    pub window: u64,
    /// Nanoseconds before each message.
    pub delay_ns: u64,
    /// How surely messages arrive: 0 at most once, 1 at least once, 2 once.
    pub qos: u8,
    /// The name by which the broker knows the client.
    pub client_id: String,
}
