//! Operators without state: filter, map, project, as, unionWith, limit, assignWatermark.

use plan::serde_json::json;
use plan::{Diagnostic, Span};

use super::Lowering;
use super::expr::{Program, Scope, compile, compile_over, condition};
use super::needs::Needs;
use super::stream::{Column, Progress, Rules, Stream, free_column, null_column};
use crate::ast::{Attr, Expr};
use crate::schema::{SEPARATOR, bare};
use crate::types::{Type, UINT64};

/// The column that keeps the time of a watermark when its field goes away.
const TIME: &str = "#time";
/// The column that is false in every row.
const NEVER: &str = "#never";

impl Lowering<'_> {
    pub(crate) fn filter(&mut self, stream: Stream, test: &Expr) -> Result<Stream, Diagnostic> {
        let program = condition(test, &Scope::One(&stream))?;
        let needs = Needs::Through(program.columns().to_vec());
        let config = json!({"where": program.json()});
        let nodes = self.spread("filter_rows", config, stream.nodes, needs);
        let operator = self.added("FILTER", "", &[stream.operator]);
        Ok(Stream { nodes, operator, ..stream })
    }

    pub(super) fn map(
        &mut self,
        mut stream: Stream,
        attr: &Attr,
        value: &Expr,
    ) -> Result<Stream, Diagnostic> {
        let known = stream.find(&attr.name, attr.span)?.cloned();
        let (program, ty) = match &known {
            Some(field) => compile_over(value, &Scope::One(&stream), field.ty)?,
            None => compile(value, &Scope::One(&stream))?,
        };
        let column = match &known {
            Some(field) => field.column.clone(),
            None => stream.free_column(&stream.qualified(&attr.name)),
        };
        stream = self.keep_time(stream, |used| used == column);
        match stream.fields.iter_mut().find(|f| f.column == column) {
            Some(field) => field.ty = ty,
            None => {
                let name = stream.qualified(&attr.name);
                stream.fields.push(Column::new(name, column.clone(), ty));
            }
        }
        let nodes = self.computed(stream.nodes, &column, &program);
        let operator = self.added("MAP", "", &[stream.operator]);
        Ok(Stream { nodes, operator, ..stream })
    }

    pub(super) fn project(
        &mut self,
        stream: Stream,
        items: &[(Attr, Option<String>)],
    ) -> Result<Stream, Diagnostic> {
        let mut fields: Vec<Column> = Vec::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (attr, alias) in items {
            let field = stream.attr(attr)?;
            let name = match alias {
                Some(alias) if alias.contains(SEPARATOR) => alias.clone(),
                Some(alias) => {
                    let qualifier = crate::schema::qualifier(&field.name);
                    format!("{qualifier}{SEPARATOR}{alias}")
                }
                None => field.name.clone(),
            };
            let renamed = alias.as_ref().is_some_and(|_| name != field.name);
            let taken = renamed && stream.fields.iter().any(|f| f.name == name);
            if taken || fields.iter().any(|f| f.name == name && !stream.joined) {
                let text = format!("New field with name {name} already exists in the schema");
                return Err(Diagnostic::error("field-exists", text, attr.span));
            }
            let column = free_column(&fields, &name);
            pairs.push((field.column.clone(), column.clone()));
            fields.push(Column::new(name, column, field.ty));
        }
        let stream = self.keep_time(stream, |_| true);
        pairs.extend(stream.hidden.iter().map(|hidden| (hidden.clone(), hidden.clone())));
        Ok(self.only(stream, fields, pairs))
    }

    /// A column computed by a program.
    pub(crate) fn computed(
        &mut self,
        nodes: Vec<usize>,
        column: &str,
        value: &Program,
    ) -> Vec<usize> {
        let needs = Needs::Makes(column.to_owned(), value.columns().to_vec());
        let config = json!({"column": column, "value": value.json()});
        self.spread("map_column", config, nodes, needs)
    }

    /// A step of the logical plan that computes fields.
    pub(crate) fn mapped(&mut self, operator: usize) -> usize {
        self.added("MAP", "", &[operator])
    }

    /// Leaves these fields, which the pairs of old and new columns make.
    pub(crate) fn only(
        &mut self,
        stream: Stream,
        fields: Vec<Column>,
        pairs: Vec<(String, String)>,
    ) -> Stream {
        let nodes = self.renamed(stream.nodes, pairs);
        let operator = self.added("PROJECTION", "", &[stream.operator]);
        Stream { nodes, fields, operator, ..stream }
    }

    /// Copies the time of the watermark to a column of its own when the column that holds it is
    /// about to change or go away.
    pub(crate) fn keep_time(&mut self, stream: Stream, changes: impl Fn(&str) -> bool) -> Stream {
        let Progress::Column(column, scale, lateness) = &stream.progress else { return stream };
        if stream.hidden.contains(column) || !changes(column) {
            return stream;
        }
        let hidden = stream.free_column(TIME);
        let config = json!({"column": hidden, "value": [{"col": column}]});
        let needs = Needs::Makes(hidden.clone(), vec![column.clone()]);
        let progress = Progress::Column(hidden.clone(), *scale, *lateness);
        let nodes = self.spread("map_column", config, stream.nodes, needs);
        Stream { nodes, hidden: vec![hidden], progress, ..stream }
    }

    pub(crate) fn rename(&mut self, mut stream: Stream, name: &str) -> Stream {
        for field in &mut stream.fields {
            field.name = format!("{name}{SEPARATOR}{}", bare(&field.name));
        }
        stream.operator = self.added("RENAME", name, &[stream.operator]);
        stream
    }

    pub(crate) fn union(
        &mut self,
        left: Stream,
        right: Stream,
        span: Span,
    ) -> Result<Stream, Diagnostic> {
        let types = |s: &Stream| s.fields.iter().map(|f| f.ty).collect::<Vec<Type>>();
        if types(&left) != types(&right) {
            let text = format!(
                "Found Schema mismatch for left and right schema types. Left schema {} and Right \
                 schema {}",
                left.schema_text(),
                right.schema_text()
            );
            return Err(Diagnostic::error("schema-mismatch", text, span));
        }
        let progress = match (&left.progress, &right.progress) {
            (a, b) if a == b && !matches!(a, Progress::Column(..)) => a.clone(),
            // Watermarks by columns meet in one that both sides have.
            (Progress::Column(_, s, a), Progress::Column(_, t, b)) if s == t => {
                Progress::Column(TIME.to_owned(), *s, *a.max(b))
            }
            _ => Progress::Open,
        };
        let names = union_fields(&left, &right);
        let time = matches!(progress, Progress::Column(..)).then_some(TIME);
        let operators = [left.operator, right.operator];
        let (joined, rules) = (left.joined, left.rules);
        let mut origins = left.origins.clone();
        origins.extend(right.origins.iter().cloned());
        let left = self.aligned(left, &names, time);
        let right = self.aligned(right, &names, time);
        let nodes = left.into_iter().chain(right).collect();
        let columns: Vec<String> = names
            .iter()
            .flat_map(Column::columns)
            .cloned()
            .chain(time.map(str::to_owned))
            .collect();
        let pairs = columns.iter().map(|c| (c.clone(), c.clone())).collect();
        let config = json!({"columns": columns});
        let node = self.operator("union", config, nodes, Needs::Renames(pairs));
        let operator = self.added("UNION", "", &operators);
        let hidden = time.map(str::to_owned).into_iter().collect();
        let nodes = vec![node];
        Ok(Stream { nodes, fields: names, hidden, progress, origins, joined, operator, rules })
    }

    /// A projection of pairs of old and new columns.
    fn renamed(&mut self, nodes: Vec<usize>, pairs: Vec<(String, String)>) -> Vec<usize> {
        let column = |(from, to): &(String, String)| json!({"from": from, "to": to});
        let columns: Vec<_> = pairs.iter().map(column).collect();
        self.spread("project", json!({"columns": columns}), nodes, Needs::Renames(pairs))
    }

    /// The nodes of a stream with the columns that a union gives its inputs.
    fn aligned(&mut self, mut stream: Stream, names: &[Column], time: Option<&str>) -> Vec<usize> {
        let same = |(a, b): (&Column, &Column)| a.column == b.column && a.null == b.null;
        if stream.fields.iter().zip(names).all(same) && time.is_none() {
            return stream.nodes;
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (field, name) in stream.fields.clone().iter().zip(names) {
            pairs.push((field.column.clone(), name.column.clone()));
            let Some(to) = &name.null else { continue };
            let from = field.null.clone().unwrap_or_else(|| {
                let never = stream.free_column(NEVER);
                let nodes = std::mem::take(&mut stream.nodes);
                stream.nodes = self.computed(nodes, &never, &Program::boolean(false));
                never
            });
            pairs.push((from, to.clone()));
        }
        if let (Some(time), Progress::Column(column, ..)) = (time, &stream.progress) {
            pairs.push((column.clone(), time.to_owned()));
        }
        self.renamed(stream.nodes, pairs)
    }

    pub(super) fn limit(&mut self, stream: Stream, count: u64) -> Stream {
        let config = json!({"count": count});
        let needs = Needs::Through(Vec::new());
        let node = self.operator("limit_rows", config, stream.nodes, needs);
        let operator = self.added("LIMIT", "", &[stream.operator]);
        Stream { nodes: vec![node], operator, ..stream }
    }

    pub(crate) fn watermark(
        &mut self,
        stream: Stream,
        watermark: Option<&(Attr, u64, u64)>,
    ) -> Result<Stream, Diagnostic> {
        let progress = match watermark {
            None => Progress::Wall,
            Some((attr, scale, lateness)) => {
                let field = stream.attr(attr)?;
                time_type(&stream, field, attr)?;
                Progress::Column(field.column.clone(), *scale, *lateness)
            }
        };
        let operator = self.added("WATERMARK", "", &[stream.operator]);
        Ok(Stream { progress, operator, ..stream })
    }
}

/// The fields of a union: those of its left input, which may be without a value where those of the
/// right input may.
fn union_fields(left: &Stream, right: &Stream) -> Vec<Column> {
    let mut fields = left.fields.clone();
    for (at, other) in right.fields.iter().enumerate() {
        let missing = fields.get(at).filter(|f| other.null.is_some() && f.null.is_none());
        let Some(null) = missing.map(|f| null_column(&fields, &f.column)) else { continue };
        if let Some(field) = fields.get_mut(at) {
            field.null = Some(null);
        }
    }
    fields
}

/// Checks that a field can be a time (spec/nes-query-language.md §4).
pub(super) fn time_type(stream: &Stream, field: &Column, attr: &Attr) -> Result<(), Diagnostic> {
    let wanted = match stream.rules {
        Rules::Dsl => field.ty == UINT64,
        Rules::Sql => matches!(field.ty, Type::Int { .. }),
    };
    if wanted {
        return Ok(());
    }
    let text = format!(
        "the timestamp field {} must have the type UINT64 and not {}",
        field.name,
        stream.type_text(field)
    );
    Err(Diagnostic::error("timestamp-type", text, attr.span))
}
