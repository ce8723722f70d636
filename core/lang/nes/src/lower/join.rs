//! Joins and patterns over two inputs within a window.

use plan::serde_json::json;
use plan::{Diagnostic, Json, Span};

use super::Lowering;
use super::expr::{Program, Scope, attributes, compile_parts, condition, less};
use super::needs::Needs;
use super::stream::{Column, Rules, Stream, free_column, null_column};
use super::window::produced;
use crate::ast::{Attr, Expr, ExprKind, JoinOn, Literal, TimeWindow};
use crate::schema::SEPARATOR;
use crate::types::{INT32, Type, UINT64, join as join_types, promote};

/// A comparison of a left and a right key.
struct Keys {
    left: Program,
    right: Program,
}

/// Which pairs of a window a join gives.
#[derive(Clone, Copy)]
pub(crate) enum On<'a> {
    /// All of them.
    Everything,
    /// Those whose left tuple is the earlier by a field with the time. Where the left input is
    /// joined itself, the last of its tuples must be.
    Earlier(&'a Attr),
    /// Those for which a condition holds.
    Condition(&'a JoinOn),
}

impl Lowering<'_> {
    /// `andWith` and `seqWith`: everything of a window with everything else of it; in a sequence
    /// the left tuple is the earlier (spec/nes-query-language.md §5).
    pub(super) fn pattern(
        &mut self,
        left: Stream,
        right: Stream,
        ordered: bool,
        window: &TimeWindow,
        span: Span,
    ) -> Result<Stream, Diagnostic> {
        let one = Expr { kind: ExprKind::Literal(Literal::Int(1, INT32)), span, depth: 1 };
        let key = |name: &str| Attr { name: name.to_owned(), span };
        let left = self.map(left, &key("cep_leftKey"), &one)?;
        let right = self.map(right, &key("cep_rightKey"), &one)?;
        let on = match &window.time {
            Some((time, _)) if ordered => On::Earlier(time),
            _ => On::Everything,
        };
        self.join_by(left, right, on, [window, window])
    }

    pub(super) fn join(
        &mut self,
        left: Stream,
        right: Stream,
        on: &JoinOn,
        window: &TimeWindow,
    ) -> Result<Stream, Diagnostic> {
        self.join_by(left, right, On::Condition(on), [window, window])
    }

    /// A join whose inputs have the times of two windows of one size.
    pub(crate) fn join_by(
        &mut self,
        left: Stream,
        right: Stream,
        on: On,
        [window, of_right]: [&TimeWindow; 2],
    ) -> Result<Stream, Diagnostic> {
        let (left, right) = (self.with_watermark(left), self.with_watermark(right));
        let (left_clock, _) = self.clock(&left, window)?;
        let (right_clock, _) = self.clock(&right, of_right)?;
        let (keys, rest) = conditions(&left, &right, on)?;
        let glued = format!("{}{}", left.qualifier(), right.qualifier());
        let mut fields: Vec<Column> = ["start", "end"]
            .map(|name| format!("{glued}{SEPARATOR}{name}"))
            .map(|name| Column::new(name.clone(), name, UINT64))
            .to_vec();
        let borders: Vec<String> = fields.iter().map(|f| f.column.clone()).collect();
        let left_columns = joined_columns(&left, &mut fields);
        let middle = fields.len();
        let right_columns = joined_columns(&right, &mut fields);
        let left_out = side(&left, fields.get(2..middle).unwrap_or_default());
        let right_out = side(&right, fields.get(middle..).unwrap_or_default());
        let rest = remaining(on, &rest, &left_out, &right_out)?;
        let partition = self.new_origin();
        let programs = |pick: fn(&Keys) -> &Program| -> Vec<Json> {
            keys.iter().map(|k| pick(k).json()).collect()
        };
        let config = json!({
            "size_ms": window.size_ms,
            "slide_ms": window.slide_ms,
            "left": {"clock": left_clock, "columns": left_columns, "keys": programs(|k| &k.left),
                     "inputs": left.nodes.len()},
            "right": {"clock": right_clock, "columns": right_columns,
                      "keys": programs(|k| &k.right), "inputs": right.nodes.len()},
            "where": rest,
            "start": borders.first(),
            "end": borders.get(1),
            "partition": partition,
        });
        let nodes = left.nodes.iter().chain(&right.nodes).copied().collect();
        let node = self.operator("join", config, nodes, Needs::All);
        let operator = self.added("JOIN", "", &[left.operator, right.operator]);
        Ok(produced(vec![node], fields, partition, operator, (true, left.rules)))
    }
}

/// What remains to be checked of pairs with equal keys.
fn remaining(
    on: On,
    rest: &[Expr],
    left: &Stream,
    right: &Stream,
) -> Result<Vec<Json>, Diagnostic> {
    if let On::Earlier(time) = on {
        let earlier = less(left.last(time)?, right.attr(time)?, left.rules);
        return Ok(vec![earlier.json()]);
    }
    let scope = Scope::Both(left, right);
    let programs: Result<Vec<Program>, _> = rest.iter().map(|e| condition(e, &scope)).collect();
    Ok(programs?.iter().map(Program::json).collect())
}

/// The input under the columns it has in the result.
fn side(stream: &Stream, fields: &[Column]) -> Stream {
    Stream { fields: fields.to_vec(), ..stream.clone() }
}

/// Adds the fields of an input to those of the result; returns how its columns are called there.
fn joined_columns(stream: &Stream, fields: &mut Vec<Column>) -> Vec<Json> {
    let mut columns = Vec::new();
    for field in &stream.fields {
        let column = free_column(fields, &field.name);
        let null = field.null.as_ref().map(|_| null_column(fields, &column));
        let made = Column { column, null, ..field.clone() };
        for (from, to) in field.columns().zip(made.columns()) {
            columns.push(json!({"from": from, "to": to}));
        }
        fields.push(made);
    }
    columns
}

/// The pairs of keys that must be equal, and the conditions that remain.
fn conditions(left: &Stream, right: &Stream, on: On) -> Result<(Vec<Keys>, Vec<Expr>), Diagnostic> {
    let (mut keys, mut rest) = (Vec::new(), Vec::new());
    let parts = match on {
        On::Everything | On::Earlier(_) => Vec::new(),
        On::Condition(JoinOn::Condition(expr)) => {
            condition(expr, &Scope::Both(left, right))?;
            let mut parts = Vec::new();
            conjuncts(expr, &mut parts);
            parts
        }
        On::Condition(JoinOn::Equal(a, b)) => {
            let attr = |a: &Attr| {
                Box::new(Expr { kind: ExprKind::Attr(a.name.clone()), span: a.span, depth: 1 })
            };
            left.attr(a)?;
            right.attr(b)?;
            let kind = ExprKind::Binary("==", attr(a), attr(b));
            vec![Expr { kind, span: a.span, depth: 2 }]
        }
    };
    for part in parts {
        match equality(left, right, &part)? {
            Some((pair, exact)) => {
                keys.push(pair);
                if !exact {
                    rest.push(part);
                }
            }
            None => rest.push(part),
        }
    }
    Ok((keys, rest))
}

fn conjuncts(expr: &Expr, out: &mut Vec<Expr>) {
    match &expr.kind {
        ExprKind::Binary("&&", a, b) => {
            conjuncts(a, out);
            conjuncts(b, out);
        }
        _ => out.push(expr.clone()),
    }
}

/// Whether all attributes of an expression are fields of one input, and there are any.
fn only_of(stream: &Stream, expr: &Expr) -> Result<bool, Diagnostic> {
    let mut names = Vec::new();
    attributes(expr, &mut names);
    for name in &names {
        if stream.find(name, expr.span)?.is_none() {
            return Ok(false);
        }
    }
    Ok(!names.is_empty())
}

/// The keys of `a == b` where one side belongs to the left and the other to the right input, and
/// whether equal keys are all there is to it.
fn equality(
    left: &Stream,
    right: &Stream,
    expr: &Expr,
) -> Result<Option<(Keys, bool)>, Diagnostic> {
    let ExprKind::Binary("==", a, b) = &expr.kind else { return Ok(None) };
    let (a, b) = if only_of(left, a)? && only_of(right, b)? {
        (a, b)
    } else if only_of(left, b)? && only_of(right, a)? {
        (b, a)
    } else {
        return Ok(None);
    };
    let rules = left.rules;
    let (_, x, x_null) = compile_parts(a, &Scope::One(left))?;
    let (_, y, y_null) = compile_parts(b, &Scope::One(right))?;
    let ty = match (x, y) {
        (x, y) if x.stored() == y.stored() => x,
        (x, y) if rules == Rules::Sql => match promote(x, y) {
            Some(ty) => ty,
            None => return Ok(None),
        },
        (x, y) => match join_types(x, y) {
            Some(ty) => ty,
            None => return Ok(None),
        },
    };
    // Large unsigned numbers wrap to negative ones: such pairs are compared again.
    let wraps = |of: Type| of == UINT64 && ty != UINT64 && rules == Rules::Dsl;
    // Where there is no value, nothing is equal.
    let exact = !wraps(x) && !wraps(y) && x_null.is_none() && y_null.is_none();
    let left = super::expr::compile_as(a, &Scope::One(left), ty)?;
    let right = super::expr::compile_as(b, &Scope::One(right), ty)?;
    Ok(Some((Keys { left, right }, exact)))
}
