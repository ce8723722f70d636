//! Aggregations over windows.

use plan::serde_json::json;
use plan::{Diagnostic, Json, Span};

use super::Lowering;
use super::expr::{Program, Scope, condition};
use super::needs::Needs;
use super::ops::time_type;
use super::stream::{Column, Origin, Progress, Rules, Stream, free_column, null_column};
use crate::ast::{Aggregate, Attr, Expr, ExprKind, Function, Literal, Occurrences, TimeWindow};
use crate::types::{FLOAT64, INT32, Type, UINT64};

impl Lowering<'_> {
    pub(crate) fn window(
        &mut self,
        stream: Stream,
        window: &TimeWindow,
        keys: &[Attr],
        aggregates: &[Aggregate],
    ) -> Result<Stream, Diagnostic> {
        let mut stream = self.with_watermark(stream);
        let (clock, mut needed) = self.clock(&stream, window)?;
        let mut fields: Vec<Column> = Vec::new();
        for name in ["start", "end"] {
            let name = stream.qualified(name);
            let column = free_column(&fields, &name);
            fields.push(Column::new(name, column, UINT64));
        }
        let borders: Vec<String> = fields.iter().map(|f| f.column.clone()).collect();
        let mut key_configs = Vec::new();
        for key in keys {
            let field = stream.attr(key)?.clone();
            let column = free_column(&fields, &field.name);
            if let Some(null) = &field.null {
                stream.nodes = self.canonical(stream.nodes, &field, null);
            }
            let null = field.null.as_ref().map(|_| null_column(&fields, &column));
            let made = Column { column, null, ..field.clone() };
            for (from, to) in field.columns().zip(made.columns()) {
                key_configs.push(json!({"column": from, "name": to}));
                needed.push(from.clone());
            }
            fields.push(made);
        }
        let requests = aggregates_of(&stream, aggregates, &mut fields, &mut needed)?;
        let partition = self.new_origin();
        let config = json!({
            "size_ms": window.size_ms,
            "slide_ms": window.slide_ms,
            "clock": clock,
            "keys": key_configs,
            "aggregates": requests.configs,
            "start": borders.first(),
            "end": borders.get(1),
            "partition": partition,
        });
        let node = self.operator("window", config, stream.nodes, Needs::Only(needed));
        let operator = self.added("WINDOW AGGREGATION", "", &[stream.operator]);
        let nodes = self.missing(node, operator, requests);
        Ok(produced(nodes, fields, partition, operator, (stream.joined, stream.rules)))
    }

    /// Gives rows without a value the same value of a column, so that they are one group.
    fn canonical(&mut self, nodes: Vec<usize>, field: &Column, null: &str) -> Vec<usize> {
        let zero = Program::or_zero(field, null);
        self.computed(nodes, &field.column, &zero)
    }

    /// Adds the columns that say which aggregates have no value: those over no value at all.
    fn missing(&mut self, node: usize, operator: usize, requests: Requests) -> Vec<usize> {
        let nodes = requests.nulls.iter().fold(vec![node], |nodes, (count, null)| {
            self.computed(nodes, null, &Program::is_zero(count))
        });
        self.own(operator);
        nodes
    }

    /// Where nobody assigned watermarks, the logical plan gets an operator that does.
    pub(super) fn with_watermark(&mut self, mut stream: Stream) -> Stream {
        if stream.progress == Progress::Open {
            stream.operator = self.added("WATERMARK", "", &[stream.operator]);
        }
        stream
    }

    /// The clock of a window over a stream, and the columns that it reads.
    pub(super) fn clock(
        &self,
        stream: &Stream,
        window: &TimeWindow,
    ) -> Result<(Json, Vec<String>), Diagnostic> {
        let origin = |o: &Origin| json!({"id": o.id, "buffer_rows": o.buffer_rows});
        let origins: Vec<Json> = stream.origins.iter().map(origin).collect();
        let mut clock = json!({"origins": origins});
        let mut needed = Vec::new();
        let Some((attr, scale)) = &window.time else { return Ok((clock, needed)) };
        let field = stream.attr(attr)?;
        time_type(stream, field, attr)?;
        needed.push(field.column.clone());
        let time = json!({"column": field.column, "scale": scale});
        match &stream.progress {
            Progress::Open | Progress::Wall => {
                clock["watermark"] = json!({"time": time, "lateness_ms": 0});
            }
            Progress::Column(column, scale, lateness) => {
                needed.push(column.clone());
                let time = json!({"column": column, "scale": scale});
                clock["watermark"] = json!({"time": time, "lateness_ms": lateness});
            }
            Progress::Carried => {}
        }
        clock["time"] = time;
        Ok((clock, needed))
    }

    pub(crate) fn threshold(
        &mut self,
        stream: Stream,
        test: &Expr,
        min: u64,
        aggregates: &[Aggregate],
    ) -> Result<Stream, Diagnostic> {
        let program = condition(test, &Scope::One(&stream))?;
        let mut needed = program.columns().to_vec();
        let mut fields = Vec::new();
        let requests = aggregates_of(&stream, aggregates, &mut fields, &mut needed)?;
        let partition = self.new_origin();
        let config = json!({
            "where": program.json(),
            "min_count": min,
            "aggregates": requests.configs,
            "partition": partition,
        });
        let node = self.operator("threshold_window", config, stream.nodes, Needs::Only(needed));
        let operator = self.added("WINDOW AGGREGATION", "", &[stream.operator]);
        let nodes = self.missing(node, operator, requests);
        let made = produced(nodes, fields, partition, operator, (stream.joined, stream.rules));
        // Its results have no time that would advance.
        Ok(Stream { progress: Progress::Open, ..made })
    }

    /// Windows in which something occurs so often (spec/nes-query-language.md §5).
    pub(super) fn times(
        &mut self,
        stream: Stream,
        occurrences: Occurrences,
        window: &TimeWindow,
        span: Span,
    ) -> Result<Stream, Diagnostic> {
        if matches!(occurrences, Occurrences { min: Some(0), max: None | Some(0) }) {
            let text = "Number of occurrences must be at least 1.";
            return Err(Diagnostic::error("times", text, span));
        }
        let attr = |name: &str| Attr { name: name.to_owned(), span };
        let count =
            Aggregate { function: Function::Count, attr: None, alias: Some(attr("Count")), span };
        let mut aggregates = vec![count];
        if let Some((time, _)) = &window.time {
            // The last time has the name of its field, which a border of a window may have, too.
            let known = ["start", "end", "Count"].map(|name| stream.qualified(name));
            let taken = known.contains(&stream.attr(time)?.name);
            aggregates.push(Aggregate {
                function: Function::Max,
                attr: Some(time.clone()),
                alias: taken.then(|| attr("timestamp")),
                span,
            });
        }
        let stream = self.window(stream, window, &[], &aggregates)?;
        let tests: Vec<(&'static str, u64)> = match (occurrences.min, occurrences.max) {
            (None, _) => vec![(">=", 1)],
            (Some(n), None) => vec![("==", n)],
            (Some(0), Some(n)) => vec![("==", n)],
            (Some(n), Some(0)) => vec![(">=", n)],
            (Some(low), Some(high)) => vec![(">=", low), ("<=", high)],
        };
        tests.into_iter().try_fold(stream, |stream, (sign, n)| {
            let make = |kind| Box::new(Expr { kind, span, depth: 1 });
            let left = make(ExprKind::Attr("Count".into()));
            let right = make(ExprKind::Literal(Literal::Int(n, INT32)));
            let test = Expr { kind: ExprKind::Binary(sign, left, right), span, depth: 2 };
            self.filter(stream, &test)
        })
    }
}

/// What a window is to compute.
struct Requests {
    configs: Vec<Json>,
    /// Counts of values, and the columns that say where they are 0.
    nulls: Vec<(String, String)>,
}

fn aggregates_of(
    stream: &Stream,
    aggregates: &[Aggregate],
    fields: &mut Vec<Column>,
    needed: &mut Vec<String>,
) -> Result<Requests, Diagnostic> {
    let mut requests = Requests { configs: Vec::new(), nulls: Vec::new() };
    for aggregate in aggregates {
        let input = match &aggregate.attr {
            Some(attr) => Some(stream.attr(attr)?),
            None => None,
        };
        let counts = aggregate.function == Function::Count && stream.rules == Rules::Sql;
        if let Some(wrong) = input.filter(|f| !f.ty.is_number() && !counts) {
            let ty = stream.type_text(wrong);
            let text = format!("{} of type {ty} cannot be aggregated", wrong.name);
            return Err(Diagnostic::error("type", text, aggregate.span));
        }
        let name = match (&aggregate.alias, input) {
            (Some(alias), _) => stream.qualified(&alias.name),
            (None, Some(field)) => field.name.clone(),
            (None, None) => stream.qualified("count"),
        };
        let ty = result_type(aggregate.function, input.map(|f| f.ty), stream.rules);
        let column = free_column(fields, &name);
        needed.extend(input.into_iter().flat_map(Column::columns).cloned());
        requests.push(aggregate.function, input, &column, ty);
        let mut made = Column::new(name, column, ty);
        if input.is_some_and(|f| f.null.is_some()) && !counts {
            let count = free_column(fields, &format!("{}#count", made.column));
            requests.push(Function::Count, input, &count, UINT64);
            let null = null_column(fields, &made.column);
            requests.nulls.push((count, null.clone()));
            made.null = Some(null);
        }
        fields.push(made);
    }
    Ok(requests)
}

impl Requests {
    fn push(&mut self, function: Function, input: Option<&Column>, name: &str, ty: Type) {
        let mut config = json!({
            "function": function_name(function),
            "column": input.map(|f| &f.column),
            "name": name,
            "type": ty.stored(),
        });
        if let Some(flag) = input.and_then(|f| f.null.as_ref()) {
            config["unless"] = json!(flag);
        }
        self.configs.push(config);
    }
}

/// A stream that one operator with state produces as a partition of its own.
pub(super) fn produced(
    nodes: Vec<usize>,
    fields: Vec<Column>,
    partition: u32,
    operator: usize,
    (joined, rules): (bool, Rules),
) -> Stream {
    Stream {
        nodes,
        fields,
        hidden: Vec::new(),
        progress: Progress::Carried,
        origins: vec![Origin { id: partition, buffer_rows: None }],
        joined,
        operator,
        rules,
    }
}

fn function_name(function: Function) -> &'static str {
    match function {
        Function::Sum => "sum",
        Function::Min => "min",
        Function::Max => "max",
        Function::Avg => "avg",
        Function::Median => "median",
        Function::Count => "count",
    }
}

/// The type of an aggregate: that of its input, in the older language also of a mean
/// (spec/nes-query-language.md §4).
fn result_type(function: Function, input: Option<Type>, rules: Rules) -> Type {
    match (function, input) {
        (Function::Count, _) | (_, None) => UINT64,
        (Function::Median, _) => FLOAT64,
        (Function::Avg, _) if rules == Rules::Sql => FLOAT64,
        (_, Some(ty)) => ty,
    }
}
