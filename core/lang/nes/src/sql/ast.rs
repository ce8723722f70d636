//! Statements as they are written. Expressions are those of [`crate::ast`]; the parts of a name are
//! joined by [`crate::schema::SEPARATOR`], quoted ones begin with [`super::names::QUOTE`].

use plan::Span;

use super::settings::Settings;
use crate::ast::{Attr, Expr};
use crate::schema::Schema;

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statement {
    /// `SELECT ...`.
    Query(Query),
    /// `EXPLAIN SELECT ...`.
    Explain(Query),
    /// `CREATE LOGICAL SOURCE name(...)`.
    CreateLogical(Attr, Schema),
    /// `CREATE PHYSICAL SOURCE FOR name TYPE type [SET(...)]`.
    CreatePhysical(Attr, Component),
    /// `CREATE SINK name(...) TYPE type [SET(...)]`.
    CreateSink(Attr, Schema, Component),
    /// `DROP subject WHERE attr = value`.
    Drop(Subject, Condition),
    /// `SHOW subjects [FOR name] [WHERE attr = value] [FORMAT format]`.
    Show(Subject, Option<Attr>, Option<Condition>),
}

/// What DROP and SHOW are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Subject {
    Query,
    Logical,
    Physical,
    Sink,
}

/// `attr = value`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// The attribute.
    pub(crate) attr: Attr,
    /// Its value, as text.
    pub(crate) value: String,
}

/// A source or sink by its type and settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Component {
    /// The type in upper case, such as `FILE`.
    pub(crate) kind: String,
    /// What is set.
    pub(crate) settings: Settings,
    /// Where the type stands.
    pub(crate) span: Span,
}

/// A query and where its result goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    /// What it computes.
    pub(crate) body: Body,
    /// Its sink.
    pub(crate) target: Target,
    /// Where it begins.
    pub(crate) span: Span,
}

/// Where a result goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// A sink of the catalog.
    Named(Attr),
    /// A sink of this query alone.
    Inline(Component),
}

/// What a query computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// One SELECT.
    Select(Box<Select>),
    /// The tuples of all, and where each begins.
    Union(Vec<(Body, Span)>),
}

/// `SELECT items FROM ...`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    /// What is selected.
    pub(crate) items: Vec<Item>,
    /// Of what.
    pub(crate) from: Relation,
    /// WHERE.
    pub(crate) filter: Option<Expr>,
    /// GROUP BY.
    pub(crate) keys: Vec<Attr>,
    /// WINDOW.
    pub(crate) window: Option<Window>,
    /// WATERMARK: a field and milliseconds of lateness.
    pub(crate) watermark: Option<(Attr, u64)>,
    /// HAVING.
    pub(crate) having: Option<Expr>,
    /// Where it begins.
    pub(crate) span: Span,
}

/// An item of a SELECT.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// `*`.
    All(Span),
    /// `source.*`.
    AllOf(Attr),
    /// An expression and its name.
    Expr(Expr, Option<Attr>),
}

/// What stands behind FROM.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relation {
    /// The first input.
    pub(crate) first: Input,
    /// What is joined to it, in order.
    pub(crate) joins: Vec<Join>,
}

/// One input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Input {
    /// What it is.
    pub(crate) kind: InputKind,
    /// Another name for it.
    pub(crate) alias: Option<Attr>,
    /// Where it stands.
    pub(crate) span: Span,
}

/// What an input is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InputKind {
    /// A logical source.
    Source(Attr),
    /// A query in parentheses.
    Query(Body),
    /// A relation in parentheses.
    Relation(Box<Relation>),
    /// A source of this query alone.
    Inline(Component),
}

/// `INNER JOIN input ON condition WINDOW window`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Join {
    /// The right input.
    pub(crate) right: Input,
    /// The condition.
    pub(crate) on: Expr,
    /// The window.
    pub(crate) window: Window,
    /// Where it begins.
    pub(crate) span: Span,
}

/// A window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    /// What it is.
    pub(crate) kind: WindowKind,
    /// Where it stands.
    pub(crate) span: Span,
}

/// What a window is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WindowKind {
    /// Tumbling or sliding; milliseconds.
    Time {
        /// The fields with the time: none for the time of arrival, two for the inputs of a join.
        times: Vec<Attr>,
        /// Its length.
        size_ms: u64,
        /// Distance of two starts.
        slide_ms: u64,
    },
    /// Runs of tuples for which a condition holds, of at least so many.
    Threshold(Expr, u64),
}
