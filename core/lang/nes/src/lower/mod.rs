//! Queries to plans: names and types are checked here, and what runs is chosen.

pub(crate) mod expr;
pub(crate) mod join;
mod needs;
mod ops;
mod sink;
mod source;
mod steps;
pub(crate) mod stream;
mod udf;
mod view;
mod window;

use std::collections::HashMap;

use plan::{Component, Diagnostic, Json, NodeId, Plan, Role, Span};

use self::needs::Needs;
use self::stream::{Column, Rules, Stream};
use self::view::View;
use crate::ast::{OpKind, Query, Sink};
use crate::catalog::{ROOT, SinkCatalog, SourceCatalog};
use crate::parse::{parse_pattern, parse_query};
use crate::placement::Step;
use crate::schema::{Field, Schema};
use crate::sql::is_sql;
use crate::udf::Udfs;

/// Most operators of one query.
pub const OPERATORS_MAX: usize = 2000;

/// A query that is ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    /// What runs.
    pub plan: Plan,
    /// The logical plan: `{"nodes": [...], "edges": [...]}`.
    pub view: Json,
    /// The logical plan as an indented tree, the sink first.
    pub tree: String,
    /// Fields of the result.
    pub schema: Schema,
    /// The logical plan with its sources apart, as it is spread over nodes.
    pub steps: Vec<Step>,
    /// The plan where all columns of the result are made, whatever its sink needs: what it has in
    /// common with queries that have other sinks.
    pub complete: Plan,
    /// The plan where all columns of its sources are read: what it has in common with queries that
    /// need others of them.
    pub wide: Plan,
}

impl Lowered {
    /// The nodes of the plan that are those of sinks and of nothing else.
    pub(crate) fn own_nodes(&self) -> impl Iterator<Item = NodeId> {
        own_nodes(&self.plan, &self.steps)
    }
}

fn own_nodes<'a>(plan: &'a Plan, steps: &'a [Step]) -> impl Iterator<Item = NodeId> + 'a {
    let writes = move |id: &NodeId| plan.nodes.get(*id).is_some_and(|n| n.role == Role::Sink);
    let ends = steps.iter().filter(move |step| step.nodes.iter().any(writes));
    ends.flat_map(|step| step.nodes.iter().copied())
}

/// What is known while a query is lowered.
pub(crate) struct Lowering<'a> {
    sources: &'a SourceCatalog,
    plan: Plan,
    needs: HashMap<NodeId, Needs>,
    view: View,
    origins: u32,
    rules: Rules,
    /// The logical operator that each node of the plan belongs to.
    owners: Vec<usize>,
    /// The nodes of the topology at which sources are read.
    pins: HashMap<NodeId, u64>,
    /// Whether what keeps nothing has an instance for each source.
    apart: bool,
    udfs: Udfs<'a>,
    /// The node of the topology that writes the result.
    sink_node: u64,
}

/// Lowers a query over the sources of a catalog, where there are no functions.
///
/// # Errors
/// See [`lower_with`].
pub fn lower(
    text: &str,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Lowered, Vec<Diagnostic>> {
    lower_with(text, sources, sinks, &|_| None)
}

/// Lowers a query over the sources and functions of catalogs.
///
/// # Errors
/// Text that is no query (its message begins with `SyntacticQueryValidation:`), or names and types
/// that do not fit, with their places.
pub fn lower_with(
    text: &str,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
    udfs: Udfs<'_>,
) -> Result<Lowered, Vec<Diagnostic>> {
    if is_sql(text) {
        return crate::sql::lower(text, sources, sinks).map_err(|error| vec![error]);
    }
    if text.contains("Source(") || text.contains("Schema::create()") {
        let text = "Queries are not allowed to define schemas anymore";
        return Err(vec![Diagnostic::error("schema", text, Span::default())]);
    }
    let parse = if text.trim_start().starts_with("PATTERN") { parse_pattern } else { parse_query };
    let query = parse(text).map_err(|error| {
        let message = format!("SyntacticQueryValidation:\n{}", error.message);
        vec![Diagnostic { message, ..error }]
    })?;
    lower_query(&query, sources, udfs).map_err(|error| vec![error])
}

fn lower_query(
    query: &Query,
    sources: &SourceCatalog,
    udfs: Udfs<'_>,
) -> Result<Lowered, Diagnostic> {
    let mut lowering = Lowering { udfs, ..Lowering::new(sources, Rules::Dsl) };
    let Some((last, body)) = query.ops.split_last() else { return Err(no_sink(query)) };
    let (sinks, node) = match &last.kind {
        OpKind::Sink(sink, node) => (std::slice::from_ref(sink), *node),
        OpKind::Sinks(sinks) => (sinks.as_slice(), None),
        _ => return Err(no_sink(query)),
    };
    lowering.sink_node = node.unwrap_or(ROOT);
    let stream = lowering.query(query, body)?;
    lowering.finish(stream, sinks, last.span)
}

fn no_sink(query: &Query) -> Diagnostic {
    let text =
        format!("Query over {} does not contain a valid sink operator as root", query.source);
    Diagnostic::error("no-sink", text, query.span)
}

impl<'a> Lowering<'a> {
    /// Nothing yet.
    pub(crate) fn new(sources: &'a SourceCatalog, rules: Rules) -> Self {
        Lowering {
            sources,
            plan: Plan::default(),
            needs: HashMap::new(),
            view: View::default(),
            origins: 0,
            rules,
            owners: Vec::new(),
            pins: HashMap::new(),
            apart: sources.all_physical().iter().any(|source| source.node != ROOT),
            udfs: &|_| None,
            sink_node: ROOT,
        }
    }

    /// Ends a query with its sinks.
    pub(crate) fn finish(
        mut self,
        stream: Stream,
        sinks: &[Sink],
        span: Span,
    ) -> Result<Lowered, Diagnostic> {
        let field =
            |f: &Column| Field { name: f.name.clone(), ty: f.ty, nullable: f.null.is_some() };
        let schema = Schema { fields: stream.fields.iter().map(field).collect() };
        let ends = self.ends(&stream);
        for sink in sinks {
            self.sink(stream.clone(), sink, span)?;
            self.own(self.view.len());
        }
        self.watch(ends);
        let Lowering { mut plan, mut needs, view, owners, pins, .. } = self;
        let (wide, mut complete) = (plan.clone(), plan.clone());
        needs::select_columns(&mut plan, &needs);
        if let Err(error) = plan.check() {
            return Err(Diagnostic::error("plan", error.text, span));
        }
        let steps = steps::of(&view, &plan, &owners, &pins);
        needs.extend(own_nodes(&plan, &steps).map(|node| (node, Needs::All)));
        needs::select_columns(&mut complete, &needs);
        let (view, tree) = (view.json(), view.tree());
        Ok(Lowered { plan, view, tree, schema, steps, complete, wide })
    }

    /// The sources.
    pub(crate) fn sources(&self) -> &'a SourceCatalog {
        self.sources
    }

    /// Whether one more operator would be too many.
    pub(crate) fn room(&self, span: Span) -> Result<(), Diagnostic> {
        if self.view.len() < OPERATORS_MAX {
            return Ok(());
        }
        let text = format!("a query has at most {OPERATORS_MAX} operators");
        Err(Diagnostic::error("too-long", text, span))
    }

    /// A query that others use: it has no sink.
    fn inner(&mut self, query: &Query) -> Result<Stream, Diagnostic> {
        self.query(query, &query.ops)
    }

    fn query(&mut self, query: &Query, ops: &[crate::ast::Op]) -> Result<Stream, Diagnostic> {
        let mut stream = self.source(&query.source, query.span)?;
        for op in ops {
            self.room(op.span)?;
            stream = self.op(stream, op)?;
        }
        Ok(stream)
    }

    fn op(&mut self, stream: Stream, op: &crate::ast::Op) -> Result<Stream, Diagnostic> {
        match &op.kind {
            OpKind::Filter(condition) => self.filter(stream, condition),
            OpKind::Map(attr, value) => self.map(stream, attr, value),
            OpKind::Project(items) => self.project(stream, items),
            OpKind::As(name) => Ok(self.rename(stream, name)),
            OpKind::Union(right) => {
                let right = self.inner(right)?;
                self.union(stream, right, op.span)
            }
            OpKind::Join(right, on, window) => {
                let right = self.inner(right)?;
                self.join(stream, right, on, window)
            }
            OpKind::Pattern(right, ordered, window) => {
                let right = self.inner(right)?;
                self.pattern(stream, right, *ordered, window, op.span)
            }
            OpKind::Times(occurrences, window) => self.times(stream, *occurrences, window, op.span),
            OpKind::Window(window, keys, aggregates) => {
                self.window(stream, window, keys, aggregates)
            }
            OpKind::Threshold(condition, min, aggregates) => {
                self.threshold(stream, condition, *min, aggregates)
            }
            OpKind::Watermark(watermark) => self.watermark(stream, watermark.as_ref()),
            OpKind::Udf(name, flat) => self.udf(stream, name, *flat, op.span),
            OpKind::Limit(count) => Ok(self.limit(stream, *count)),
            OpKind::Sink(..) | OpKind::Sinks(_) => {
                let text = "a query has one sink, which comes last";
                Err(Diagnostic::error("sink", text, op.span))
            }
            OpKind::Unsupported(name) => {
                Err(Diagnostic::error("unsupported", format!("{name} is not supported"), op.span))
            }
        }
    }

    /// Adds an operator to the plan.
    fn operator(&mut self, name: &str, config: Json, inputs: Vec<NodeId>, needs: Needs) -> NodeId {
        let node = self.plan.add(Role::Operator, Component::new(name, config), inputs);
        self.needs.insert(node, needs);
        node
    }

    /// The same, where inputs are kept apart with one for each of them: only for operators that
    /// keep nothing.
    fn spread(
        &mut self,
        name: &str,
        config: Json,
        inputs: Vec<NodeId>,
        needs: Needs,
    ) -> Vec<NodeId> {
        if !self.apart {
            return vec![self.operator(name, config, inputs, needs)];
        }
        let one = |input| self.operator(name, config.clone(), vec![input], needs.clone());
        inputs.into_iter().map(one).collect()
    }

    /// Adds an operator to the logical plan; what was added to the plan before belongs to it.
    fn added(&mut self, kind: &'static str, detail: &str, inputs: &[usize]) -> usize {
        let operator = self.view.add(kind, detail, inputs);
        self.own(operator);
        operator
    }

    /// Gives a logical operator what belongs to none so far.
    fn own(&mut self, operator: usize) {
        self.owners.resize(self.plan.nodes.len(), operator);
    }

    fn new_origin(&mut self) -> u32 {
        self.origins += 1;
        self.origins
    }
}

#[cfg(test)]
mod language_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod udf_tests;
