//! Aggregates as partial results that can be merged: each group of rows has a few cells of 64
//! bits, whatever the number of its rows. Merging is associative, so that a row enters one partial
//! result and windows combine those.

use arrow_array::ArrayRef;
use plan::{Columns, DataType, Schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns::select::take;

pub mod avg;
pub mod count;
pub mod max;
pub mod median;
pub mod min;
pub mod partials;
pub mod sum;

pub use partials::Partials;

/// What is computed over the rows of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// The mean; of integers cut to an integer when the result's type is one.
    Avg,
    /// The number of rows.
    Count,
    /// The greatest value.
    Max,
    /// The value in the middle, or the mean of the two in the middle.
    Median,
    /// The least value.
    Min,
    /// The sum; integers wrap around.
    Sum,
}

/// One aggregate of a window.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What is computed.
    pub function: Function,
    /// The column it is computed over; `count` has none.
    #[serde(default)]
    pub column: Option<String>,
    /// Name of the result.
    pub name: String,
    /// Type of the result.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub ty: DataType,
    /// A boolean column: rows where it is true are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
}

/// How numbers are held in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// `i64`.
    Int,
    /// `u64`.
    Uint,
    /// `f64`.
    Float,
}

impl Class {
    /// The class that holds every number of a column type exactly.
    #[must_use]
    pub fn of(ty: DataType) -> Option<Class> {
        use DataType::{Bool, Char, F32, F64, I8, I16, I32, I64, Text, U8, U16, U32, U64};
        match ty {
            I8 | I16 | I32 | I64 => Some(Class::Int),
            U8 | U16 | U32 | U64 | Char => Some(Class::Uint),
            F32 | F64 => Some(Class::Float),
            Bool | Text => None,
        }
    }
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A sum.
    Sum(Class),
    /// The upper part of a sum of integers of 64 bits: the sum of their upper halves.
    Upper(Class),
    /// The least.
    Min(Class),
    /// The greatest.
    Max(Class),
    /// The position, from 1, of a list of values.
    List,
    /// The number of rows that are not passed over.
    Rows,
}

/// One cell of a group: what it holds, and of which column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What it holds.
    pub kind: Kind,
    /// Name of the column.
    pub column: String,
    /// How numbers of that column are held.
    pub class: Class,
    /// The column that says which rows are passed over.
    pub unless: Option<String>,
}

/// The values of a cell's column.
#[derive(Clone)]
pub struct CellColumn {
    /// One item per row.
    pub array: ArrayRef,
    /// Its type.
    pub ty: DataType,
    /// Which rows are passed over.
    pub unless: Option<ArrayRef>,
}

/// One result: how it follows from the cells of a group.
#[derive(Clone, Debug)]
pub struct Output {
    /// What was asked.
    pub request: Request,
    /// Position of its cell; 0 is the count.
    pub cell: usize,
    /// Position of the cell with the number of its rows.
    pub rows: usize,
    /// Position of the cell with the upper part of a sum, where a mean needs one.
    pub upper: Option<usize>,
    /// How the cell holds numbers.
    pub class: Class,
}

impl Output {
    /// How the finished number is held.
    #[must_use]
    pub fn result_class(&self) -> Class {
        let float = Class::of(self.request.ty) == Some(Class::Float);
        match self.request.function {
            Function::Median => Class::Float,
            Function::Avg if float => Class::Float,
            _ => self.class,
        }
    }
}

impl CellColumn {
    /// Only these rows.
    pub(crate) fn keep(&mut self, rows: &[u32]) {
        self.array = take(&self.array, rows);
        if let Some(unless) = &mut self.unless {
            *unless = take(unless, rows);
        }
    }
}

/// Where the values of a cell are in a schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    index: usize,
    ty: DataType,
    unless: Option<usize>,
}

impl Place {
    /// The place of a cell's column.
    pub(crate) fn of(cell: &Cell, schema: &Schema) -> Self {
        let index = |name: &str| schema.index_of(name).unwrap_or(usize::MAX);
        let at = index(&cell.column);
        let ty = schema.fields.get(at).map_or(DataType::Bool, |f| f.ty);
        Place { index: at, ty, unless: cell.unless.as_deref().map(index) }
    }

    /// The values in a batch.
    pub(crate) fn pick(&self, columns: &Columns) -> Option<CellColumn> {
        let array = |at: usize| columns.arrays.get(at).cloned();
        let unless = match self.unless {
            Some(at) => Some(array(at)?),
            None => None,
        };
        Some(CellColumn { array: array(self.index)?, ty: self.ty, unless })
    }
}

/// The cells that a set of aggregates needs. Cell 0 is always the number of rows; aggregates that
/// need the same cell share it.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Cells 1, 2, ...
    pub cells: Vec<Cell>,
    /// Results in the order they were asked for.
    pub outputs: Vec<Output>,
}

impl Layout {
    /// Lays out cells for `requests` over columns whose types `type_of` knows.
    ///
    /// # Errors
    /// A column that is not there or that cannot be aggregated so.
    pub fn new(
        requests: &[Request],
        type_of: impl Fn(&str) -> Option<DataType>,
    ) -> Result<Layout, String> {
        let mut layout = Layout::default();
        for request in requests {
            let rows = layout.rows_cell(request, &type_of)?;
            let output = if request.function == Function::Count {
                let (request, upper) = (request.clone(), None);
                Output { request, cell: rows, rows, upper, class: Class::Uint }
            } else {
                let name = request.column.as_deref().ok_or("an aggregate needs a column")?;
                let ty = type_of(name).ok_or_else(|| format!("there is no column {name}"))?;
                let class = Class::of(ty).ok_or_else(|| format!("{name} is not a number"))?;
                let kind = kind_of(request.function, class);
                let class = if kind == Kind::List { Class::Float } else { class };
                let mut cell = |kind| {
                    let (column, unless) = (name.to_owned(), request.unless.clone());
                    layout.cell(Cell { kind, column, class, unless })
                };
                let wide = matches!(ty, DataType::I64 | DataType::U64);
                let upper = wide && request.function == Function::Avg;
                let (cell, upper) = (cell(kind), upper.then(|| cell(Kind::Upper(class))));
                Output { request: request.clone(), cell, rows, upper, class }
            };
            if Class::of(output.request.ty).is_none() {
                return Err(format!("{} cannot be of that type", output.request.name));
            }
            layout.outputs.push(output);
        }
        Ok(layout)
    }

    /// The cell with the number of rows that a result is computed over.
    fn rows_cell(
        &mut self,
        request: &Request,
        type_of: impl Fn(&str) -> Option<DataType>,
    ) -> Result<usize, String> {
        let Some(unless) = &request.unless else { return Ok(0) };
        if type_of(unless) != Some(DataType::Bool) {
            return Err(format!("{unless} is no column of booleans"));
        }
        let (kind, column, unless) = (Kind::Rows, unless.clone(), Some(unless.clone()));
        Ok(self.cell(Cell { kind, column, class: Class::Uint, unless }))
    }

    /// The position of a cell, which may be there already.
    fn cell(&mut self, cell: Cell) -> usize {
        let known = self.cells.iter().position(|c| *c == cell);
        let at = known.unwrap_or_else(|| {
            self.cells.push(cell);
            self.cells.len() - 1
        });
        at + 1
    }

    /// Cells of one group.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.cells.len() + 1
    }
}

fn kind_of(function: Function, class: Class) -> Kind {
    match function {
        Function::Min => Kind::Min(class),
        Function::Max => Kind::Max(class),
        Function::Median => Kind::List,
        // The mean is the sum over the count.
        Function::Sum | Function::Avg | Function::Count => Kind::Sum(class),
    }
}

impl Kind {
    /// The cell of a group without rows.
    #[must_use]
    pub fn empty(self) -> u64 {
        match self {
            Kind::Sum(_) | Kind::Upper(_) | Kind::List | Kind::Rows => 0,
            Kind::Min(class) => min::empty(class),
            Kind::Max(class) => max::empty(class),
        }
    }

    /// Two cells as one. Lists are merged by [`Partials`].
    #[must_use]
    pub fn merge(self, a: u64, b: u64) -> u64 {
        match self {
            Kind::Sum(class) => sum::merge(class, a, b),
            Kind::Upper(_) => sum::int(a, b),
            Kind::Min(class) => min::merge(class, a, b),
            Kind::Max(class) => max::merge(class, a, b),
            Kind::List => a,
            Kind::Rows => count::merge(a, b),
        }
    }
}

#[cfg(test)]
mod tests;
