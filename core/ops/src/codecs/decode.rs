//! What decoders have in common: blocks of rows in, typed columns out.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use formats::columns::{ColumnData, RowCause, RowError};
use plan::batch::body_bytes;
use plan::env::{Counter, Services};
use plan::{Batch, Columns, Data, DataType, End, Env, Field, Log, OperatorError, RawBlock, Schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrays::{one_char, to_array, with_room};
use crate::columns::expr::no_rows;
use crate::columns::select::keep;

/// A column of the rows that are read.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldConfig {
    /// Its name, as the rows have it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub ty: DataType,
    /// Its name in the result; as before by default.
    #[serde(default)]
    pub to: Option<String>,
    /// A column of booleans for where it has no value; without it, it must have one.
    #[serde(default)]
    pub null: Option<String>,
    /// Most bytes that a text may have. A row with a longer one cannot be read.
    #[serde(default)]
    pub bytes_max: Option<u32>,
}

impl FieldConfig {
    /// The column of the result.
    #[must_use]
    pub fn result(&self) -> Field {
        Field { name: self.to.as_deref().unwrap_or(&self.name).into(), ty: self.ty }
    }
}

/// The result of these fields: their columns, and behind them for each that may have no value the
/// column that says where.
pub(crate) fn schema_of(fields: &[&FieldConfig]) -> Schema {
    let null = |name: &String| Field { name: name.as_str().into(), ty: DataType::Bool };
    let nulls = fields.iter().filter_map(|f| f.null.as_ref()).map(null);
    Schema { fields: fields.iter().map(|f| f.result()).chain(nulls).collect() }
}

/// Positions of the columns that are wanted: those with these names, or all. There is always one,
/// because rows are counted by a column.
pub(crate) fn wanted(names: &[&str], select: Option<&[String]>) -> Vec<usize> {
    let Some(select) = select else { return (0..names.len()).collect() };
    let position = |wanted: &String| names.iter().position(|name| name == wanted);
    let wanted: Vec<usize> = select.iter().filter_map(position).collect();
    if wanted.is_empty() { vec![0] } else { wanted }
}

/// Tells those behind that no more rows of a partition come: who merges it with others waits for
/// it no longer.
pub(crate) fn ended(schema: &Arc<Schema>, partition: u32, end: End, out: &mut Vec<Batch>) {
    if end == End::Drained {
        let arrays = schema.fields.iter().map(|f| no_rows(f.ty)).collect();
        let mut columns = Columns::new(Arc::clone(schema), arrays);
        columns.partition = partition;
        columns.last = true;
        out.push(Batch::new(Data::Columns(columns)));
    }
}

/// Rows that were left out: counted, and told to the log each time their number has doubled.
pub(crate) struct Skipped {
    counter: Counter,
    services: Rc<dyn Services>,
    path: String,
    rows: Cell<u64>,
    /// How many there must be for the next line in the log.
    told_at: Cell<u64>,
}

impl Skipped {
    /// None yet.
    pub(crate) fn new(env: &dyn Env) -> Self {
        Skipped {
            counter: env.meters("").counter("rows_skipped", &[]),
            services: env.services(),
            path: env.component().path.clone(),
            rows: Cell::new(0),
            told_at: Cell::new(1),
        }
    }

    /// Takes note of one row, and of what is wrong with it.
    pub(crate) fn add(&self, why: impl FnOnce() -> String) {
        self.counter.add(1);
        let rows = self.rows.get().saturating_add(1);
        self.rows.set(rows);
        if rows >= self.told_at.get() {
            self.told_at.set(rows.saturating_mul(2));
            let text = format!("rows left out so far: {rows}; the last: {}", why());
            self.services.log(Log::Warn, &text, &[("path", &self.path)]);
        }
    }
}

/// What becomes of a row that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The pipeline fails.
    #[default]
    Fail,
    /// The row is left out, counted and told to the log.
    Skip,
}

/// A format that a decoder reads.
pub(crate) trait Format {
    /// Appends the rows of `bytes`, the last of which may lack its end; `first` when they are the
    /// first of their source. Consumes everything, or stops behind a row with an error.
    fn read(
        &mut self,
        bytes: &[u8],
        first: bool,
        columns: &mut [ColumnData],
    ) -> Result<(), RowError>;
}

/// A column whose values are texts of a limited width.
pub(crate) struct Limit {
    /// Its position among those that are read.
    at: usize,
    name: String,
    /// Most bytes; none for one character.
    bytes_max: Option<u32>,
}

/// The limits of these columns.
pub(crate) fn limits(fields: &[&FieldConfig]) -> Vec<Limit> {
    let limit = |(at, field): (usize, &&FieldConfig)| {
        let limited = match field.ty {
            DataType::Char => true,
            DataType::Text => field.bytes_max.is_some(),
            _ => false,
        };
        let (name, bytes_max) = (field.name.clone(), field.bytes_max);
        let bytes_max = bytes_max.filter(|_| field.ty == DataType::Text);
        limited.then_some(Limit { at, name, bytes_max })
    };
    fields.iter().enumerate().filter_map(limit).collect()
}

impl Limit {
    /// Whether a text is within it.
    fn fits(&self, text: &[u8]) -> bool {
        match self.bytes_max {
            Some(max) => text.len() <= max as usize,
            None => one_char(text).is_some(),
        }
    }

    /// What is wrong with a text.
    fn complaint(&self, text: &[u8]) -> String {
        let most = match self.bytes_max {
            Some(max) => format!("at most {max} bytes"),
            None => "one character of one byte".to_owned(),
        };
        let shown = String::from_utf8_lossy(text.get(..LINE_SHOWN_MAX).unwrap_or(text));
        format!("field {}: a value has {most}, and not {} bytes: {shown}", self.name, text.len())
    }

    /// The rows whose values are not within it, and what is wrong with them.
    pub(crate) fn misfits<'c>(
        &'c self,
        column: &'c ColumnData,
    ) -> impl Iterator<Item = (usize, String)> + 'c {
        let text = move |row: usize| column.text(row).unwrap_or_default();
        let rows = (0..column.len()).filter(move |row| !self.fits(text(*row)));
        rows.map(move |row| (row, self.complaint(text(row))))
    }
}

/// A decoder of one format.
pub(crate) struct Decoder<F> {
    pub(crate) format: F,
    pub(crate) schema: Arc<Schema>,
    pub(crate) partition: u32,
    pub(crate) on_error: OnError,
    pub(crate) skipped: Skipped,
    pub(crate) limits: Vec<Limit>,
    /// Rows of the batch before: the next one will have about as many.
    pub(crate) rows_guess: usize,
}

impl<F: Format> Decoder<F> {
    /// Takes a batch of raw bytes or of records, which are then lines.
    pub(crate) fn take(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let columns = match &batch.data {
            Data::Raw(raw) => self.raw(raw)?,
            Data::Records(records) => {
                let (mut lines, mut scratch) = (Vec::new(), Vec::new());
                for record in &records.recs {
                    let body = body_bytes(&records.block, &record.body, &mut scratch);
                    lines.extend_from_slice(body);
                    lines.push(b'\n');
                }
                self.decode(&lines, false)?
            }
            _ => return Err(OperatorError::new("a decoder works on bytes")),
        };
        out.push(batch.with_data(Data::Columns(columns)));
        Ok(())
    }

    /// See [`ended`].
    pub(crate) fn end(&self, end: End, out: &mut Vec<Batch>) {
        ended(&self.schema, self.partition, end, out);
    }

    fn raw(&mut self, raw: &RawBlock) -> Result<Columns, OperatorError> {
        let columns = self.decode(&raw.bytes, raw.offset == 0).map_err(|e| {
            let path = raw.meta.as_ref().and_then(|m| m.get("path"));
            let place = match path {
                Some(formats::value::Value::String(path)) => path.to_str_lossy().into_owned(),
                _ => "the input".to_owned(),
            };
            OperatorError::new(format!("{} (block at byte {} of {place})", e.0, raw.offset))
        })?;
        // The other rows of the block were delivered already.
        Ok(match &raw.only {
            Some(only) => keep(columns, only.to_vec()),
            None => columns,
        })
    }

    fn decode(&mut self, bytes: &[u8], first: bool) -> Result<Columns, OperatorError> {
        let room = self.rows_guess + self.rows_guess / 8;
        let fields = &self.schema.fields;
        let mut data: Vec<ColumnData> = fields.iter().map(|f| with_room(f.ty, room)).collect();
        let (mut rest, mut first) = (bytes, first);
        while let Err(error) = self.format.read(rest, first, &mut data) {
            let line = line_before(rest, error.next);
            if !line.is_empty() {
                self.bad_row(&error, line)?;
            }
            let next = rest.get(error.next..).unwrap_or_default();
            if next.len() >= rest.len() {
                break;
            }
            (rest, first) = (next, false);
        }
        let rows = data.first().map_or(0, ColumnData::len);
        self.rows_guess = rows;
        let left_out = self.left_out(&data)?;
        let arrays = data.into_iter().zip(fields).map(|(d, f)| to_array(d, f.ty)).collect();
        let mut columns = Columns::new(Arc::clone(&self.schema), arrays);
        columns.partition = self.partition;
        if left_out.is_empty() {
            return Ok(columns);
        }
        let rest = (0..rows).filter(|row| !left_out.contains(row)).map(|row| row as u32);
        // Rows are numbered as if the others had never been there.
        Ok(Columns { places: None, ..keep(columns, rest.collect()) })
    }

    /// The rows that have a value that is too wide.
    fn left_out(&self, data: &[ColumnData]) -> Result<BTreeSet<usize>, OperatorError> {
        let mut rows = BTreeSet::new();
        for limit in &self.limits {
            for (row, why) in data.get(limit.at).into_iter().flat_map(|c| limit.misfits(c)) {
                if self.on_error == OnError::Fail {
                    return Err(OperatorError(why));
                }
                if rows.insert(row) {
                    self.skipped.add(|| why);
                }
            }
        }
        Ok(rows)
    }

    fn bad_row(&self, error: &RowError, line: &[u8]) -> Result<(), OperatorError> {
        if self.on_error == OnError::Skip {
            self.skipped.add(|| complaint(error, line));
            return Ok(());
        }
        Err(OperatorError(complaint(error, line)))
    }
}

/// What is wrong with a row.
fn complaint(error: &RowError, line: &[u8]) -> String {
    let shown = String::from_utf8_lossy(line.get(..LINE_SHOWN_MAX).unwrap_or(line));
    match &error.cause {
        RowCause::FieldCount { expected, got } => format!(
            "CSVParser: The input line does not contain the right number of delimited fields. \
             Fields: {got}, expected: {expected}, line: {shown}"
        ),
        cause => format!("{cause}, line: {shown}"),
    }
}

/// Most bytes of a bad row that its error shows.
const LINE_SHOWN_MAX: usize = 200;

/// The line that ends before `next`, without its end.
fn line_before(bytes: &[u8], next: usize) -> &[u8] {
    let head = bytes.get(..next).unwrap_or(bytes);
    let head = head.strip_suffix(b"\n").unwrap_or(head);
    let start = head.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    head.get(start..).unwrap_or_default().trim_ascii_end()
}
