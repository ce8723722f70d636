//! What a query produces at some point: its fields, where they come from, and its time.

use plan::{Diagnostic, NodeId, Span};

use crate::ast::Attr;
use crate::schema::{SEPARATOR, bare, qualifier};
use crate::types::Type;

/// A field at some point of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its qualified name, as users know it.
    pub(crate) name: String,
    /// The column that holds it. Joins may make two fields of one name, never two columns.
    pub(crate) column: String,
    /// Its type.
    pub(crate) ty: Type,
    /// The column that says where it has no value; none when it always has one.
    pub(crate) null: Option<String>,
}

impl Column {
    /// A field that always has a value.
    pub(crate) fn new(name: impl Into<String>, column: impl Into<String>, ty: Type) -> Self {
        Column { name: name.into(), column: column.into(), ty, null: None }
    }

    /// The columns of the plan that hold it.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.column).chain(&self.null)
    }
}

/// How the time of a stream advances.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Nobody said: the next window decides.
    Open,
    /// By a column of so many milliseconds a unit, with a lateness in milliseconds.
    Column(String, u64, u64),
    /// By the time of arrival.
    Wall,
    /// Batches bring it.
    Carried,
}

/// A partition that a stream consists of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Origin {
    /// Its number.
    pub(crate) id: u32,
    /// Rows of its logical buffers.
    pub(crate) buffer_rows: Option<u64>,
}

/// A query at some point.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The nodes of the plan that produce it.
    pub(crate) nodes: Vec<NodeId>,
    /// Its fields.
    pub(crate) fields: Vec<Column>,
    /// Columns that are no fields and travel along, such as times of watermarks.
    pub(crate) hidden: Vec<String>,
    /// Its time.
    pub(crate) progress: Progress,
    /// Its partitions.
    pub(crate) origins: Vec<Origin>,
    /// Whether a join is in it: then the left-most of several fields of a name is meant.
    pub(crate) joined: bool,
    /// Its node in the logical plan.
    pub(crate) operator: usize,
    /// Whose rules of names and types hold.
    pub(crate) rules: Rules,
}

/// The language whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// The one written like C++: names as they are, the types of spec/nes-query-language.md §4.
    Dsl,
    /// SQL: names are folded, types follow C++, fields may have no value.
    Sql,
}

impl Stream {
    /// The qualifier of new fields.
    pub(crate) fn qualifier(&self) -> &str {
        self.fields.first().map_or("", |f| qualifier(&f.name))
    }

    /// The qualified form of a name: as it is when it has a qualifier.
    pub(crate) fn qualified(&self, name: &str) -> String {
        if name.contains(SEPARATOR) {
            return name.to_owned();
        }
        format!("{}{SEPARATOR}{name}", self.qualifier())
    }

    /// The fields that a name may mean.
    fn candidates(&self, name: &str) -> Vec<&Column> {
        if self.rules == Rules::Sql {
            return crate::sql::names::candidates(&self.fields, name);
        }
        let exact: Vec<&Column> = self.fields.iter().filter(|f| f.name == name).collect();
        if !exact.is_empty() || name.contains(SEPARATOR) {
            return exact;
        }
        self.fields.iter().filter(|f| bare(&f.name) == name).collect()
    }

    /// The field that a name means, or nothing.
    pub(crate) fn find(&self, name: &str, span: Span) -> Result<Option<&Column>, Diagnostic> {
        match self.candidates(name).as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            [first, ..] if self.joined => Ok(Some(first)),
            [first, second, ..] => {
                let text = format!(
                    "the field {name} is ambiguous: it may be {} or {}",
                    first.name, second.name
                );
                Err(Diagnostic::error("ambiguous-field", text, span))
            }
        }
    }

    /// The field that a name means.
    pub(crate) fn resolve(&self, name: &str, span: Span) -> Result<&Column, Diagnostic> {
        self.find(name, span)?.ok_or_else(|| self.unknown(name, span))
    }

    /// See [`Stream::resolve`].
    pub(crate) fn attr(&self, attr: &Attr) -> Result<&Column, Diagnostic> {
        self.resolve(&attr.name, attr.span)
    }

    /// The last of the fields that a name means.
    pub(crate) fn last(&self, attr: &Attr) -> Result<&Column, Diagnostic> {
        match self.candidates(&attr.name).last().copied() {
            Some(field) => Ok(field),
            None => Err(self.unknown(&attr.name, attr.span)),
        }
    }

    /// The error for a field that is not there (spec/nes-query-language.md §9).
    pub(crate) fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let schema = self.schema_text();
        let text = match self.rules {
            Rules::Dsl => format!(
                "FieldAccessExpression: the field {name} is not defined in the schema {schema}"
            ),
            Rules::Sql => {
                let name = crate::sql::names::shown(name);
                format!("there is no field {name} in the schema {schema}")
            }
        };
        Diagnostic::error("unknown-field", text, span)
    }

    /// The schema as errors show it.
    pub(crate) fn schema_text(&self) -> String {
        // Names with a '#' in front are those of steps on the way.
        let shown = self.fields.iter().filter(|f| !bare(&f.name).starts_with('#'));
        let fields: Vec<String> =
            shown.map(|f| format!("{}:{}", f.name, self.type_text(f))).collect();
        fields.join(" ")
    }

    /// The type of a field as headers and errors show it.
    pub(crate) fn type_text(&self, field: &Column) -> String {
        match self.rules {
            Rules::Dsl => field.ty.to_string(),
            Rules::Sql => field.ty.sql_name(),
        }
    }
    /// A column of that name that is not taken.
    pub(crate) fn free_column(&self, name: &str) -> String {
        free_column(&self.fields, name)
    }
}

/// A column of that name that none of the fields uses.
pub(crate) fn free_column(fields: &[Column], name: &str) -> String {
    let taken = |column: &str| fields.iter().any(|f| f.columns().any(|c| c == column));
    if !taken(name) {
        return name.to_owned();
    }
    let numbered = (2u64..).map(|n| format!("{name}#{n}"));
    numbered.into_iter().find(|column| !taken(column)).unwrap_or_default()
}

/// The column that says where the values of another are missing.
pub(crate) fn null_column(fields: &[Column], column: &str) -> String {
    free_column(fields, &format!("{column}#null"))
}
