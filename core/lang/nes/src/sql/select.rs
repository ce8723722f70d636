//! SELECT: which fields a query has, and how they are computed.

use plan::{Diagnostic, Span};

use super::ast::{Item, Select};
use super::names::{QUOTE, candidates, plain, shown};
use crate::ast::{Attr, Expr, ExprKind};
use crate::lower::Lowering;
use crate::lower::expr::{Scope, compile_parts};
use crate::lower::stream::{Column, Stream, free_column, null_column};
use crate::schema::{SEPARATOR, bare};

/// A field of the result: where it comes from and its name.
pub(super) struct Output {
    from: Column,
    name: String,
    span: Span,
    /// Whether it came by `*`, which may bring several fields of one name.
    all: bool,
}

impl Lowering<'_> {
    pub(super) fn select(&mut self, select: &Select) -> Result<Stream, Diagnostic> {
        self.room(select.span)?;
        let mut stream = self.relation(&select.from)?;
        if let Some(test) = &select.filter {
            self.no_aggregate(test)?;
            stream = self.filter(stream, test)?;
        }
        if let Some((field, lateness)) = &select.watermark {
            stream = self.watermark(stream, Some(&(field.clone(), 1, *lateness)))?;
        }
        if let Some(window) = &select.window {
            return self.windowed(stream, select, window);
        }
        let unsupported = |text: &str, span| Err(Diagnostic::error("unsupported", text, span));
        if let Some(key) = select.keys.first() {
            return unsupported("GROUP BY needs a WINDOW", key.span);
        }
        if let Some(having) = &select.having {
            return unsupported("HAVING needs a WINDOW", having.span);
        }
        for item in &select.items {
            if let Item::Expr(expr, _) = item {
                self.no_aggregate(expr)?;
            }
        }
        if matches!(select.items.as_slice(), [Item::All(_)]) {
            return Ok(stream);
        }
        let items: Vec<(&Item, Option<String>)> = select.items.iter().map(|i| (i, None)).collect();
        let (stream, outputs) = self.outputs(stream, &items)?;
        self.projected(stream, outputs)
    }

    /// Computes what the items need; names are those given or follow from the items.
    pub(super) fn outputs(
        &mut self,
        mut stream: Stream,
        items: &[(&Item, Option<String>)],
    ) -> Result<(Stream, Vec<Output>), Diagnostic> {
        let mut outputs = Vec::new();
        let fields = stream.fields.len();
        for (number, (item, name)) in items.iter().enumerate() {
            match item {
                Item::All(span) => {
                    let all = stream.fields.iter().take(fields);
                    outputs.extend(all.map(|from| Output::whole(from, *span)));
                }
                Item::AllOf(of) => {
                    let found = all_of(&stream, of)?;
                    outputs.extend(found.into_iter().map(|from| Output::whole(from, of.span)));
                }
                Item::Expr(expr, alias) => {
                    let from = self.value(&mut stream, expr, number)?;
                    let name = match (alias, name) {
                        (Some(alias), _) => stream.qualified(&plain(&alias.name)),
                        (None, Some(name)) => stream.qualified(name),
                        (None, None) if matches!(expr.kind, ExprKind::Attr(_)) => from.name.clone(),
                        (None, None) => stream.qualified(&format!("EXPR_{}", number + 1)),
                    };
                    let span = alias.as_ref().map_or(expr.span, |alias| alias.span);
                    outputs.push(Output { from, name, span, all: false });
                }
            }
        }
        Ok((stream, outputs))
    }

    /// The column of an expression. What is no field is computed and becomes one, which
    /// [`computed_name`] finds.
    fn value(
        &mut self,
        stream: &mut Stream,
        expr: &Expr,
        number: usize,
    ) -> Result<Column, Diagnostic> {
        if let ExprKind::Attr(name) = &expr.kind {
            return stream.resolve(name, expr.span).cloned();
        }
        let (value, ty, null) = compile_parts(expr, &Scope::One(stream))?;
        let name = stream.qualified(&computed_name(number));
        let mut made = Column::new(name.clone(), stream.free_column(&name), ty);
        let mut nodes = std::mem::take(&mut stream.nodes);
        if let Some(null) = null {
            let column = null_column(&stream.fields, &made.column);
            nodes = self.computed(nodes, &column, &null);
            made.null = Some(column);
        }
        stream.nodes = self.computed(nodes, &made.column, &value);
        stream.operator = self.mapped(stream.operator);
        stream.fields.push(made.clone());
        Ok(made)
    }

    /// Leaves the outputs and nothing else.
    pub(super) fn projected(
        &mut self,
        stream: Stream,
        outputs: Vec<Output>,
    ) -> Result<Stream, Diagnostic> {
        let stream = self.keep_time(stream, |_| true);
        let mut fields: Vec<Column> = Vec::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        for Output { from, name, span, all } in outputs {
            let taken = |f: &Column| f.name == name;
            if !all && fields.iter().any(taken) {
                let text = format!("there are two fields {} in the result", bare(&name));
                return Err(Diagnostic::error("field-exists", text, span));
            }
            let column = free_column(&fields, &name);
            let null = from.null.as_ref().map(|_| null_column(&fields, &column));
            let made = Column { name, column, ty: from.ty, null };
            pairs.extend(from.columns().cloned().zip(made.columns().cloned()));
            fields.push(made);
        }
        pairs.extend(stream.hidden.iter().map(|hidden| (hidden.clone(), hidden.clone())));
        Ok(self.only(stream, fields, pairs))
    }

    /// Refuses aggregates where there is nothing to aggregate.
    fn no_aggregate(&self, expr: &Expr) -> Result<(), Diagnostic> {
        match super::windowed::first_aggregate(expr) {
            None => Ok(()),
            Some(span) => {
                let text = "an aggregate stands in SELECT or HAVING of a query with a WINDOW";
                Err(Diagnostic::error("unsupported", text, span))
            }
        }
    }
}

impl Output {
    fn whole(from: &Column, span: Span) -> Self {
        Output { from: from.clone(), name: from.name.clone(), span, all: true }
    }
}

/// The name of the field that holds the value of an item.
pub(super) fn computed_name(number: usize) -> String {
    format!("#{number}")
}

/// An expression that is that field.
pub(super) fn computed_field(number: usize, expr: &Expr) -> Expr {
    let kind = match &expr.kind {
        ExprKind::Attr(name) => ExprKind::Attr(name.clone()),
        _ => ExprKind::Attr(format!("{QUOTE}{}", computed_name(number))),
    };
    Expr { kind, span: expr.span, depth: 1 }
}

/// The fields of one source.
fn all_of<'s>(stream: &'s Stream, of: &Attr) -> Result<Vec<&'s Column>, Diagnostic> {
    let of_it = |f: &&Column| {
        let name = format!("{}{SEPARATOR}{QUOTE}{}", of.name, bare(&f.name));
        candidates(std::slice::from_ref(*f), &name).len() == 1
    };
    let found: Vec<&Column> = stream.fields.iter().filter(of_it).collect();
    if found.is_empty() {
        let text = format!("there are no fields of {}", shown(&of.name));
        return Err(Diagnostic::error("unknown-field", text, of.span));
    }
    Ok(found)
}
