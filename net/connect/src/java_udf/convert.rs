//! Columns to what a function takes, and what it gives to columns.

use std::sync::Arc;

use arrow_array::ArrayRef;
use plan::{Columns, Field, Schema};

use super::config::{Config, JavaType};
use super::process::Process;
use super::rows::{Reader, Source, take};
use super::{AREA_BYTES, OUTPUT_BYTES_MAX};

/// Turns batches into rows and results into batches.
pub(super) struct Converter {
    /// Columns that are read: their names, and the types of their fields.
    taken: Vec<(String, JavaType)>,
    /// Columns that are made: the types of their fields.
    made: Vec<(Field, JavaType)>,
    carry: Vec<String>,
    flat: bool,
    area_bytes: usize,
    output_bytes_max: usize,
}

/// What comes of a batch while pieces of it are worked on.
pub(super) struct Results {
    columns: Vec<Reader>,
    /// The row that each result came from.
    rows: Vec<u32>,
    bytes: usize,
}

/// Takes results as they come.
type Take<'t> = dyn FnMut(&[u8]) -> Result<(), String> + 't;
/// Works on so many rows and hands over their results.
type Work<'w> = dyn FnMut(&[u8], u32, &mut Take<'_>) -> Result<(), String> + 'w;

impl Converter {
    pub(super) fn new(config: &Config) -> Self {
        let taken = config.input.fields.iter().map(|f| (f.column.clone(), f.java)).collect();
        let field = |name: &str, ty| Field { name: name.into(), ty };
        let made = config.output.iter().map(|f| (field(&f.column, f.ty), f.java)).collect();
        Converter {
            taken,
            made,
            carry: config.carry.clone(),
            flat: config.flat,
            area_bytes: AREA_BYTES,
            output_bytes_max: OUTPUT_BYTES_MAX,
        }
    }

    /// The same with other limits.
    #[cfg(test)]
    pub(super) fn with_limits(self, area_bytes: usize, output_bytes_max: usize) -> Self {
        Converter { area_bytes, output_bytes_max, ..self }
    }

    /// Has a process work on a batch.
    pub(super) fn run(
        &self,
        columns: Columns,
        process: &mut Process,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Columns, String> {
        self.pieces(columns, &mut |rows, count, take| process.work(rows, count, wanted, take))
    }

    /// Cuts a batch into pieces of rows, and puts together what `work` makes of each.
    pub(super) fn pieces(&self, columns: Columns, work: &mut Work<'_>) -> Result<Columns, String> {
        let sources = self.sources(&columns)?;
        let mut results = self.results();
        let (mut row, mut bytes) = (0, Vec::new());
        while row < columns.rows {
            let first = row;
            bytes.clear();
            while row < columns.rows {
                let before = bytes.len();
                for (source, (name, _)) in sources.iter().zip(&self.taken) {
                    let wrong = |why: String| format!("row {row}, column {name}: {why}");
                    source.write(row, &mut bytes).map_err(wrong)?;
                }
                if bytes.len() > self.area_bytes {
                    bytes.truncate(before);
                    break;
                }
                row += 1;
            }
            if row == first {
                let max = self.area_bytes;
                return Err(format!("a row of its input has more than {max} bytes"));
            }
            let count = u32::try_from(row - first).map_err(|error| error.to_string())?;
            work(&bytes, count, &mut |part| self.add(&mut results, part, first, row))?;
        }
        self.columns(columns, results)
    }

    fn sources<'a>(&self, columns: &'a Columns) -> Result<Vec<Source<'a>>, String> {
        let source = |(name, java): &(String, JavaType)| {
            let at = columns.schema.index_of(name);
            let found = at.and_then(|at| {
                Source::of(columns.schema.fields.get(at)?.ty, columns.arrays.get(at)?, *java)
            });
            found.ok_or_else(|| format!("there is no column {name} of a type that it takes"))
        };
        self.taken.iter().map(source).collect()
    }

    fn results(&self) -> Results {
        let column = |(field, java): &(Field, JavaType)| Reader::new(field.ty, *java);
        Results { columns: self.made.iter().map(column).collect(), rows: Vec::new(), bytes: 0 }
    }

    /// Adds results of the rows from `first` to before `end`.
    fn add(
        &self,
        results: &mut Results,
        part: &[u8],
        first: usize,
        end: usize,
    ) -> Result<(), String> {
        results.bytes += part.len();
        if results.bytes > self.output_bytes_max {
            let max = self.output_bytes_max;
            return Err(format!("what it gives for one batch has more than {max} bytes"));
        }
        let broken = || "its process answered what nobody understands".to_owned();
        let mut rest = part;
        while let Some((row, after)) = rest.split_first_chunk() {
            let row = first.saturating_add(u32::from_le_bytes(*row) as usize);
            let before = results.rows.last().map_or(0, |row| *row as usize);
            if row < before.max(first) || row >= end {
                return Err(broken());
            }
            results.rows.push(row as u32);
            rest = after;
            for (column, (field, _)) in results.columns.iter_mut().zip(&self.made) {
                let read = column.read(&mut rest).ok_or_else(broken)?;
                read.map_err(|why| format!("the column {}: {why}", field.name))?;
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(broken()) }
    }

    /// The batch that takes the place of another one.
    fn columns(&self, before: Columns, results: Results) -> Result<Columns, String> {
        let rows = results.rows;
        let same = rows.len() == before.rows && rows.iter().zip(0..).all(|(row, at)| *row == at);
        if !same && !self.flat {
            return Err("its process gave another number of rows than it was given".to_owned());
        }
        let mut fields: Vec<Field> = self.made.iter().map(|(field, _)| field.clone()).collect();
        let mut arrays: Vec<ArrayRef> =
            results.columns.into_iter().map(Reader::into_array).collect();
        for name in &self.carry {
            let at = before.schema.index_of(name);
            let found = at.and_then(|at| {
                let field = before.schema.fields.get(at)?;
                let array = before.arrays.get(at)?;
                let array = if same { Arc::clone(array) } else { take(field.ty, array, &rows)? };
                Some((field.clone(), array))
            });
            let found = found.ok_or_else(|| format!("there is no column {name} to hand on"))?;
            fields.push(found.0);
            arrays.push(found.1);
        }
        let places = if same { before.places } else { Some(places(&before.places, &rows)) };
        let schema = Arc::new(Schema { fields });
        Ok(Columns { schema, arrays, rows: rows.len(), places, ..before })
    }
}

/// The places of rows among those of their source.
fn places(before: &Option<Arc<Vec<u32>>>, rows: &[u32]) -> Arc<Vec<u32>> {
    let place = |row: &u32| match before {
        Some(before) => before.get(*row as usize).copied().unwrap_or(*row),
        None => *row,
    };
    Arc::new(rows.iter().map(place).collect())
}
