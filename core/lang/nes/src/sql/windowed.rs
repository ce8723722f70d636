//! Aggregations: SELECT and HAVING over windows.

use plan::{Diagnostic, Span};

use super::ast::{Item, Select, Window, WindowKind};
use super::input::time_windows;
use super::names::{QUOTE, plain};
use super::parse::aggregate;
use super::select::computed_field;
use crate::ast::{Aggregate, Attr, Expr, ExprKind, Function};
use crate::lower::Lowering;
use crate::lower::stream::Stream;
use crate::schema::bare;

/// The aggregates of a query. Each is computed once.
#[derive(Default)]
struct Calls {
    all: Vec<Aggregate>,
}

/// What another name of an item stands for.
struct Alias {
    name: Attr,
    value: Expr,
}

impl Lowering<'_> {
    pub(super) fn windowed(
        &mut self,
        stream: Stream,
        select: &Select,
        window: &Window,
    ) -> Result<Stream, Diagnostic> {
        let mut calls = Calls::default();
        let mut items: Vec<(Item, Option<String>)> = Vec::new();
        for item in &select.items {
            let Item::Expr(expr, alias) = item else {
                let text = "'*' cannot stand in a query with a WINDOW";
                return Err(Diagnostic::error("unsupported", text, select.span));
            };
            let name = generated_name(expr);
            items.push((Item::Expr(calls.replaced(expr, &[])?, alias.clone()), name));
        }
        let mut aliases = Vec::new();
        for (number, (item, _)) in items.iter().enumerate() {
            if let Item::Expr(expr, Some(name)) = item {
                aliases.push(Alias { name: name.clone(), value: computed_field(number, expr) });
            }
        }
        let having =
            select.having.as_ref().map(|test| calls.replaced(test, &aliases)).transpose()?;
        let stream = self.aggregated(stream, select, window, calls)?;
        let items: Vec<(&Item, Option<String>)> =
            items.iter().map(|(item, name)| (item, name.clone())).collect();
        let (mut stream, outputs) = self.outputs(stream, &items)?;
        if let Some(test) = &having {
            stream = self.filter(stream, test)?;
        }
        self.projected(stream, outputs)
    }

    fn aggregated(
        &mut self,
        stream: Stream,
        select: &Select,
        window: &Window,
        mut calls: Calls,
    ) -> Result<Stream, Diagnostic> {
        if calls.all.is_empty() {
            // Windows by their borders and keys alone.
            calls.field(Function::Count, None, window.span);
        }
        match &window.kind {
            WindowKind::Threshold(test, min) => {
                if let Some(key) = select.keys.first() {
                    let text = "GROUP BY is not supported for a threshold window";
                    return Err(Diagnostic::error("unsupported", text, key.span));
                }
                self.threshold(stream, test, *min, &calls.all)
            }
            WindowKind::Time { times, .. } => {
                if let Some(second) = times.get(1) {
                    let text = "a window of one input has one field with the time";
                    return Err(Diagnostic::error("syntax", text, second.span));
                }
                let [time, _] = time_windows(window)?;
                self.window(stream, &time, &select.keys, &calls.all)
            }
        }
    }
}

impl Calls {
    /// The expression with fields in place of aggregates, and what other names stand for in place
    /// of these.
    fn replaced(&mut self, expr: &Expr, aliases: &[Alias]) -> Result<Expr, Diagnostic> {
        let mut inner = |e: &Expr| self.replaced(e, aliases).map(Box::new);
        let kind = match &expr.kind {
            ExprKind::Attr(name) => {
                let alias = aliases.iter().find(|a| same(&a.name.name, name));
                return Ok(alias.map_or_else(|| expr.clone(), |a| a.value.clone()));
            }
            ExprKind::Literal(_) | ExprKind::Case(..) => return Ok(expr.clone()),
            ExprKind::Unary(sign, a) => ExprKind::Unary(sign, inner(a)?),
            ExprKind::Binary(sign, a, b) => ExprKind::Binary(sign, inner(a)?, inner(b)?),
            ExprKind::Cast(ty, a) => ExprKind::Cast(*ty, inner(a)?),
            ExprKind::IsNull(a) => ExprKind::IsNull(inner(a)?),
            ExprKind::Call(name, args) => match aggregate(name) {
                Some(function) => return self.call(function, args, expr.span),
                None => {
                    let args: Result<Vec<Expr>, _> =
                        args.iter().map(|a| self.replaced(a, aliases)).collect();
                    ExprKind::Call(name.clone(), args?)
                }
            },
        };
        Ok(Expr { kind, span: expr.span, depth: expr.depth })
    }

    fn call(&mut self, function: Function, args: &[Expr], span: Span) -> Result<Expr, Diagnostic> {
        let attr = match args {
            [] => None,
            [Expr { kind: ExprKind::Attr(name), span, .. }] => {
                Some(Attr { name: name.clone(), span: *span })
            }
            [other, ..] => {
                let text = "an aggregate takes a field and no expression";
                return Err(Diagnostic::error("syntax", text, other.span));
            }
        };
        let kind = ExprKind::Attr(format!("{QUOTE}{}", self.field(function, attr, span)));
        Ok(Expr { kind, span, depth: 1 })
    }

    /// The name of the field with an aggregate.
    fn field(&mut self, function: Function, attr: Option<Attr>, span: Span) -> String {
        let name = |a: &Option<Attr>| a.as_ref().map(|a| a.name.clone());
        let known = self
            .all
            .iter()
            .position(|known| known.function == function && name(&known.attr) == name(&attr));
        let at = known.unwrap_or_else(|| {
            let alias = Some(Attr { name: call_name(self.all.len()), span });
            self.all.push(Aggregate { function, attr, alias, span });
            self.all.len() - 1
        });
        call_name(at)
    }
}

fn call_name(at: usize) -> String {
    format!("#call{at}")
}

/// Whether a name is the same as another name of an item.
fn same(alias: &str, name: &str) -> bool {
    match (alias.strip_prefix(QUOTE), name.strip_prefix(QUOTE)) {
        (Some(a), None) => a.eq_ignore_ascii_case(name),
        (None, Some(b)) => alias == b,
        _ => alias == name,
    }
}

/// The name of an aggregate that got no other: that of its field and its own, as if they had been
/// written without quotes.
fn generated_name(expr: &Expr) -> Option<String> {
    let ExprKind::Call(function, args) = &expr.kind else { return None };
    aggregate(function)?;
    Some(match args.as_slice() {
        [Expr { kind: ExprKind::Attr(name), .. }] => {
            format!("{}_{function}", plain(bare(name)).to_ascii_uppercase())
        }
        _ => function.clone(),
    })
}

/// Where the first aggregate of an expression stands.
pub(super) fn first_aggregate(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Attr(_) | ExprKind::Literal(_) | ExprKind::Case(..) => None,
        ExprKind::Unary(_, a) | ExprKind::Cast(_, a) | ExprKind::IsNull(a) => first_aggregate(a),
        ExprKind::Binary(_, a, b) => first_aggregate(a).or_else(|| first_aggregate(b)),
        ExprKind::Call(name, _) if aggregate(name).is_some() => Some(expr.span),
        ExprKind::Call(_, args) => args.iter().find_map(first_aggregate),
    }
}
