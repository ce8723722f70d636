//! Expressions of SQL as expressions of q.

use super::parse::Expr as Sql;
use super::wrong;
use crate::ast::{Expr, Node};
use crate::convert::cast::{cast, parse};
use crate::error::{QError, Result, rank_error, type_error};
use crate::func::Fun;
use crate::session::Session;
use crate::verbs::{self, Class, Run, Verb};
use formats::k::{K, Sym, Type};

/// Functions that are words of q, by their names and numbers of arguments.
const WORDS: [(&str, &str, usize); 31] = [
    ("abs", "abs", 1),
    ("avg", "avg", 1),
    ("ceil", "ceiling", 1),
    ("ceiling", "ceiling", 1),
    ("count", "count", 1),
    ("exp", "exp", 1),
    ("first", "first", 1),
    ("floor", "floor", 1),
    ("last", "last", 1),
    ("ln", "log", 1),
    ("log", "log", 1),
    ("lower", "lower", 1),
    ("ltrim", "ltrim", 1),
    ("max", "max", 1),
    ("median", "med", 1),
    ("min", "min", 1),
    ("mod", "mod", 2),
    ("neg", "neg", 1),
    ("not", "not", 1),
    ("null", "null", 1),
    ("power", "xexp", 2),
    ("rtrim", "rtrim", 1),
    ("sqrt", "sqrt", 1),
    ("stddev", "sdev", 1),
    ("stddev_pop", "dev", 1),
    ("sum", "sum", 1),
    ("trim", "trim", 1),
    ("upper", "upper", 1),
    ("var_pop", "var", 1),
    ("variance", "svar", 1),
    ("xbar", "xbar", 2),
];

/// Functions of many rows.
const AGGREGATES: [&str; 12] = [
    "avg",
    "count",
    "first",
    "last",
    "max",
    "median",
    "min",
    "stddev",
    "stddev_pop",
    "sum",
    "var_pop",
    "variance",
];

/// Operators by their q.
const SIGNS: [(&str, &str); 7] =
    [("+", "+"), ("-", "-"), ("*", "*"), ("/", "%"), ("%", "mod"), ("and", "&"), ("or", "|")];

/// Whether an expression puts many rows together.
pub(super) fn aggregates(expr: &Sql) -> bool {
    match expr {
        Sql::Call(name, args) => AGGREGATES.contains(&name.as_str()) || args.iter().any(aggregates),
        Sql::Case(branches, otherwise) => {
            branches.iter().any(|(a, b)| aggregates(a) || aggregates(b))
                || otherwise.as_deref().is_some_and(aggregates)
        }
        _ => false,
    }
}

fn node(expr: Expr) -> Node {
    Node::new(expr, (0, 0))
}

fn apply(f: K, args: Vec<Node>) -> Node {
    node(Expr::Apply(Box::new(node(Expr::Const(f))), args))
}

fn word(name: &str, args: Vec<Node>) -> Node {
    apply(verbs::value(name), args)
}

/// A column of the batch. There are no variables in SQL.
fn column(name: Sym) -> Node {
    let missing = K::str(format!("sql: there is no column {name}"));
    let signal = Expr::Signal(Box::new(node(Expr::Const(missing))));
    node(Expr::Column(name, Box::new(node(signal))))
}

/// The expression of q.
pub(super) fn lower(expr: &Sql) -> Result<Node> {
    match expr {
        Sql::Column(name) => Ok(column(*name)),
        Sql::Value(k) => Ok(node(Expr::Const(k.clone()))),
        Sql::Text(text) => Ok(node(Expr::Const(K::str(text)))),
        Sql::Star => Ok(column(Sym::new("i"))),
        Sql::Distinct(inner) => Ok(word("distinct", vec![lower(inner)?])),
        Sql::Case(branches, otherwise) => {
            let mut last = match otherwise {
                Some(value) => lower(value)?,
                None => node(Expr::Const(K::Null)),
            };
            for (test, value) in branches.iter().rev() {
                last = apply(own(&CHOOSE), vec![lower(test)?, lower(value)?, last]);
            }
            Ok(last)
        }
        Sql::Call(name, args) => called(name, args),
    }
}

fn called(name: &str, args: &[Sql]) -> Result<Node> {
    let lowered = |args: &[Sql]| args.iter().map(lower).collect::<Result<Vec<_>>>();
    if let Some((_, sign)) = SIGNS.iter().find(|(known, _)| *known == name) {
        return Ok(word(sign, lowered(args)?));
    }
    match (name, args) {
        ("=" | "<>" | "<" | "<=" | ">" | ">=", [_, _]) => {
            let mut all = vec![node(Expr::Const(verbs::value(name)))];
            all.extend(lowered(args)?);
            Ok(apply(own(&COMPARE), all))
        }
        ("in", [_, ..]) => Ok(apply(own(&AMONG), lowered(args)?)),
        ("like", [what, Sql::Text(pattern)]) => {
            let pattern = pattern.replace('%', "*").replace('_', "?");
            Ok(word("like", vec![lower(what)?, node(Expr::Const(K::str(pattern)))]))
        }
        ("count", [Sql::Star | Sql::Distinct(_)]) => Ok(word("count", lowered(args)?)),
        // Nulls are not counted.
        ("count", [_]) => {
            let present = word("not", vec![word("null", lowered(args)?)]);
            Ok(word("sum", vec![apply(own(&LONGS), vec![present])]))
        }
        ("coalesce", [first, rest @ ..]) => {
            let mut all = lower(first)?;
            for other in rest {
                all = word("^", vec![lower(other)?, all]);
            }
            Ok(all)
        }
        ("cast", [what, Sql::Text(ty)]) => {
            let ty = type_of(ty).ok_or_else(|| wrong(format!("unknown type {ty}")))?;
            let ty = node(Expr::Const(K::sym(ty.name())));
            Ok(apply(own(&CAST), vec![ty, lower(what)?]))
        }
        _ => {
            let found = WORDS.iter().find(|(known, ..)| *known == name);
            let Some((_, q, rank)) = found else {
                return Err(QError::nyi(&format!("sql: {name}")));
            };
            if args.len() != *rank {
                return Err(rank_error());
            }
            Ok(word(q, lowered(args)?))
        }
    }
}

fn type_of(name: &str) -> Option<Type> {
    Some(match name {
        "integer" => Type::Int,
        "bigint" => Type::Long,
        "smallint" => Type::Short,
        "double" | "float8" => Type::Float,
        "varchar" | "text" => Type::Symbol,
        other => return Type::from_name(other),
    })
}

/// A function of this file.
fn own(verb: &'static Verb) -> K {
    Fun::Verb(verb).into_k()
}

const fn hidden(name: &'static str, rank: usize, max: usize, run: verbs::Polyad) -> Verb {
    let run = Run::Many { min: rank, max, run };
    let summary = "A part of a query in SQL.";
    Verb { name, infix: false, class: Class::Other, run, summary, example: "" }
}

static COMPARE: Verb = hidden(".qsp.sql.compare", 3, 3, compare);
static AMONG: Verb = hidden(".qsp.sql.in", 1, 4096, among);
static CHOOSE: Verb = hidden(".qsp.sql.case", 3, 3, choose);
static CAST: Verb = hidden(".qsp.sql.cast", 2, 2, cast_to);
static LONGS: Verb = hidden(".qsp.sql.longs", 1, 1, longs);

/// Texts of the query are what the other side is.
fn alike(x: K, y: K) -> Result<(K, K)> {
    match (x.ty(), y.ty()) {
        (Some(a), Some(Type::Char))
            if a != Type::Char && a != Type::List && y.as_text().is_some() =>
        {
            let y = literal(a, &y)?;
            Ok((x, y))
        }
        (Some(Type::Char), Some(b))
            if b != Type::Char && b != Type::List && x.as_text().is_some() =>
        {
            Ok((literal(b, &x)?, y))
        }
        _ => Ok((x, y)),
    }
}

fn literal(ty: Type, text: &K) -> Result {
    match ty {
        Type::Symbol => {
            let text = Sym::intern(text.as_text().unwrap_or_default());
            text.map(K::sym).ok_or_else(|| QError::limit("limit"))
        }
        ty => parse(ty, text),
    }
}

/// Which of some texts are equal to one.
fn equal_texts(texts: &K, text: &K) -> K {
    let same = |k: K| u8::from(k.as_text() == text.as_text());
    K::bools(texts.items().map(same).collect())
}

fn is_texts(k: &K) -> bool {
    k.ty() == Some(Type::List) && k.items().all(|i| i.as_text().is_some())
}

fn compare(cx: &mut Session, args: Vec<K>) -> Result {
    let [f, x, y] = <[K; 3]>::try_from(args).map_err(|_| rank_error())?;
    let name = Fun::verb(&f).map(|v| v.name).unwrap_or_default();
    if matches!(name, "=" | "<>") && (is_texts(&x) || is_texts(&y)) {
        let equal = match (is_texts(&x), is_texts(&y)) {
            (true, false) => equal_texts(&x, &y),
            (false, true) => equal_texts(&y, &x),
            _ => {
                let same =
                    x.items().zip(y.items()).map(|(a, b)| u8::from(a.as_text() == b.as_text()));
                K::bools(same.collect())
            }
        };
        return if name == "=" { Ok(equal) } else { cx.call1(&verbs::value("not"), equal) };
    }
    let (x, y) = alike(x, y)?;
    cx.call2(&f, x, y)
}

fn among(cx: &mut Session, args: Vec<K>) -> Result {
    let Some((x, others)) = args.split_first() else { return Err(rank_error()) };
    let mut found: Option<K> = None;
    for other in others {
        let equal = compare(cx, vec![verbs::value("="), x.clone(), other.clone()])?;
        found = Some(match found {
            Some(before) => cx.call2(&verbs::value("|"), before, equal)?,
            None => equal,
        });
    }
    found.ok_or_else(rank_error)
}

fn choose(cx: &mut Session, args: Vec<K>) -> Result {
    let [test, yes, no] = <[K; 3]>::try_from(args).map_err(|_| rank_error())?;
    // What is otherwise nothing is null of the other's type.
    let like = |k: &K| k.ty().filter(|ty| *ty != Type::List).map_or(K::Null, K::null);
    let no = if matches!(no, K::Null) { like(&yes) } else { no };
    let yes = if matches!(yes, K::Null) { like(&no) } else { yes };
    // A text is one value.
    let value = |k: K| match k.as_text() {
        Some(text) => Sym::intern(text).map(K::sym).ok_or_else(|| QError::limit("limit")),
        None => Ok(k),
    };
    let (yes, no) = (value(yes)?, value(no)?);
    if test.is_atom() {
        return Ok(if crate::eval::truth(&test)? { yes } else { no });
    }
    cx.call(&verbs::value("?"), vec![test, yes, no])
}

fn cast_to(_: &mut Session, args: Vec<K>) -> Result {
    let [ty, x] = <[K; 2]>::try_from(args).map_err(|_| rank_error())?;
    let ty = ty.as_sym().and_then(|s| Type::from_name(s.as_str())).ok_or_else(type_error)?;
    match x.as_text().is_some() || is_texts(&x) && !x.is_empty() {
        true => parse(ty, &x),
        false => cast(ty, &x),
    }
}

fn longs(_: &mut Session, args: Vec<K>) -> Result {
    let [x] = <[K; 1]>::try_from(args).map_err(|_| rank_error())?;
    cast(Type::Long, &x)
}
