//! Arguments of functions and methods, checked against their parameters.

use std::rc::Rc;

use formats::value::{Object, Timestamp, Value};

use crate::error::Error;
use crate::exec::Ctx;
use crate::node::Node;
use crate::spec::{Absent, Kind, Param};
use crate::val::Val;

/// An expression given as an argument.
#[derive(Clone)]
pub struct Query(Rc<Node>);

impl Query {
    pub(crate) fn new(node: Node) -> Self {
        Query(Rc::new(node))
    }

    /// Evaluates the expression with `value` as its context: `this`, or the name of its lambda.
    ///
    /// # Errors
    /// Those of the expression.
    pub fn call(&self, cx: &mut Ctx<'_, '_>, value: &Val) -> Result<Val, Error> {
        cx.step()?;
        self.0.eval(&mut cx.with(value))
    }

    /// Evaluates the expression where the call stands.
    ///
    /// # Errors
    /// Those of the expression.
    pub fn call_here(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        self.0.eval(cx)
    }

    /// How an error names the expression.
    #[must_use]
    pub fn annotation(&self) -> String {
        self.0.annotation()
    }

    /// The value, when the expression is a literal.
    #[must_use]
    pub fn literal(&self) -> Option<&Val> {
        self.0.literal()
    }

    pub(crate) fn node(&self) -> &Node {
        &self.0
    }
}

/// One argument.
#[derive(Clone)]
pub enum Arg {
    /// Left out.
    Missing,
    /// A value of the type its parameter asks for.
    Val(Val),
    /// An expression.
    Query(Query),
}

/// The arguments of one call, by the position of their parameters. The accessors read what the
/// parameter's type promises; a position out of range reads as the empty value of the type.
#[derive(Clone, Default)]
pub struct Args {
    items: Vec<Arg>,
}

impl Args {
    pub(crate) fn new(items: Vec<Arg>) -> Self {
        Args { items }
    }

    pub(crate) fn has_query(&self) -> bool {
        self.items.iter().any(|arg| matches!(arg, Arg::Query(_)))
    }

    pub(crate) fn items(&self) -> &[Arg] {
        &self.items
    }

    /// Number of arguments: that of the parameters, or for variadic ones those given.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The value at a position; `None` when it was left out or is a query.
    #[must_use]
    pub fn val(&self, at: usize) -> Option<&Val> {
        match self.items.get(at) {
            Some(Arg::Val(val)) => Some(val),
            _ => None,
        }
    }

    /// All values, for variadic calls.
    pub fn vals(&self) -> impl Iterator<Item = &Val> {
        self.items.iter().filter_map(|arg| match arg {
            Arg::Val(val) => Some(val),
            _ => None,
        })
    }

    /// Whether an optional argument was given.
    #[must_use]
    pub fn given(&self, at: usize) -> bool {
        !matches!(self.items.get(at), None | Some(Arg::Missing))
    }

    /// A [`Kind::String`] argument, as bytes.
    #[must_use]
    pub fn text(&self, at: usize) -> &[u8] {
        self.opt_text(at).unwrap_or_default()
    }

    /// A [`Kind::String`] argument as `str`; invalid UTF-8 reads as replacement characters.
    #[must_use]
    pub fn str(&self, at: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.text(at))
    }

    /// An optional [`Kind::String`] argument.
    #[must_use]
    pub fn opt_text(&self, at: usize) -> Option<&[u8]> {
        self.val(at)?.as_text().ok()
    }

    /// A [`Kind::Int`] argument.
    #[must_use]
    pub fn int(&self, at: usize) -> i64 {
        self.opt_int(at).unwrap_or(0)
    }

    /// An optional [`Kind::Int`] argument.
    #[must_use]
    pub fn opt_int(&self, at: usize) -> Option<i64> {
        self.val(at)?.as_int().ok()
    }

    /// A [`Kind::Float`] argument.
    #[must_use]
    pub fn float(&self, at: usize) -> f64 {
        self.val(at).and_then(|v| v.as_float().ok()).unwrap_or(0.0)
    }

    /// A [`Kind::Bool`] argument.
    #[must_use]
    pub fn bool(&self, at: usize) -> bool {
        self.opt_bool(at).unwrap_or(false)
    }

    /// An optional [`Kind::Bool`] argument.
    #[must_use]
    pub fn opt_bool(&self, at: usize) -> Option<bool> {
        self.val(at)?.as_bool().ok()
    }

    /// A [`Kind::Array`] argument.
    #[must_use]
    pub fn array(&self, at: usize) -> &[Value] {
        self.val(at).and_then(|v| v.as_array().ok()).unwrap_or_default()
    }

    /// A [`Kind::Object`] argument.
    #[must_use]
    pub fn object(&self, at: usize) -> Option<&Object> {
        self.val(at)?.as_object().ok()
    }

    /// A [`Kind::Timestamp`] argument.
    #[must_use]
    pub fn time(&self, at: usize) -> Option<&Timestamp> {
        match self.val(at)?.value()? {
            Value::Timestamp(time) => Some(time),
            _ => None,
        }
    }

    /// A [`Kind::Query`] argument.
    ///
    /// # Errors
    /// It was left out.
    pub fn query(&self, at: usize) -> Result<&Query, Error> {
        self.opt_query(at).ok_or_else(|| Error::new("the query argument is missing"))
    }

    /// An optional [`Kind::Query`] argument.
    #[must_use]
    pub fn opt_query(&self, at: usize) -> Option<&Query> {
        match self.items.get(at) {
            Some(Arg::Query(query)) => Some(query),
            _ => None,
        }
    }

    /// Whether two calls have equal values, so that what was prepared for one serves the other.
    pub(crate) fn same_values(&self, other: &Args) -> bool {
        self.items.len() == other.items.len()
            && self.items.iter().zip(&other.items).all(|pair| match pair {
                (Arg::Missing, Arg::Missing) => true,
                (Arg::Val(a), Arg::Val(b)) => identical(a, b),
                _ => false,
            })
    }
}

/// Scalars of the same type and content; containers are never taken for identical.
fn identical(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::Data(Value::String(a)), Val::Data(Value::String(b))) => a == b,
        (Val::Data(Value::Int(a)), Val::Data(Value::Int(b))) => a == b,
        (Val::Data(Value::Bool(a)), Val::Data(Value::Bool(b))) => a == b,
        (Val::Data(Value::Number(a)), Val::Data(Value::Number(b))) => a == b,
        _ => false,
    }
}

/// The default of a parameter.
pub(crate) fn absent(param: &Param) -> Arg {
    match param.absent {
        Absent::Refused | Absent::Missing => Arg::Missing,
        Absent::Str(text) if param.kind == Kind::Query => {
            Arg::Query(Query::new(Node::Literal(Val::text(text))))
        }
        Absent::Str(text) => Arg::Val(Val::text(text)),
        Absent::Int(n) if param.kind == Kind::Query => {
            Arg::Query(Query::new(Node::Literal(Val::int(n))))
        }
        Absent::Int(n) => Arg::Val(Val::int(n)),
        Absent::Float(x) => Arg::Val(Val::float(x)),
        Absent::Bool(b) => Arg::Val(Val::bool(b)),
    }
}

/// Turns a value into what a parameter wants.
///
/// # Errors
/// It is of another type.
pub(crate) fn convert(param: &Param, val: Val) -> Result<Val, Error> {
    let fits = match param.kind {
        Kind::Any | Kind::Query => true,
        Kind::String => matches!(val.value(), Some(Value::String(_) | Value::Bytes(_))),
        Kind::Array => matches!(val.value(), Some(Value::Array(_))),
        Kind::Object => matches!(val.value(), Some(Value::Object(_))),
        Kind::Int => return val.as_int().map(Val::int),
        Kind::Float => return val.as_float().map(Val::float),
        Kind::Bool => return val.as_truth().map(Val::bool),
        Kind::Timestamp => {
            return val.as_time().map(|t| Val::Data(Value::Timestamp(std::sync::Arc::new(t))));
        }
    };
    if fits {
        return Ok(val);
    }
    let expected = match param.kind {
        Kind::Array => "array",
        Kind::Object => "object",
        _ => "string",
    };
    let got = val.type_name();
    Err(Error::new(format!("wrong argument type, expected {expected}, got {got}")))
}
