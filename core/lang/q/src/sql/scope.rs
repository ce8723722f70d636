//! The table that names in a query mean.

use crate::error::Result;
use crate::kernel::places;
use formats::k::{K, Sym, Table, Type};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// Some rows of a table. Only the columns that are looked at are gathered, each once.
#[derive(Clone)]
pub(crate) struct Scope {
    table: Arc<Table>,
    /// The rows, in order; all of them when there is none.
    rows: Option<Rc<Rows>>,
    /// The number of each row of the table, which is `i`; their places when there is none.
    numbers: Option<Arc<Vec<i64>>>,
}

struct Rows {
    which: Which,
    count: usize,
    gathered: RefCell<Vec<Option<K>>>,
}

/// Which rows of a table.
enum Which {
    Places(Vec<i64>),
    /// Those whose flags are set; their places once somebody wants to know them.
    Flags(Vec<u8>, OnceCell<Vec<i64>>),
}

/// Of fewer than one in so many rows places are kept and not flags: it is less to look at.
const SPARSE: usize = 8;

impl Rows {
    fn places(&self) -> &[i64] {
        match &self.which {
            Which::Places(places) => places,
            Which::Flags(flags, places) => places.get_or_init(|| places::of(flags)),
        }
    }

    fn of(&self, column: &K) -> K {
        match &self.which {
            Which::Places(places) => column.gather(places),
            Which::Flags(flags, _) => places::taken(column, flags, self.count),
        }
    }
}

impl Scope {
    pub(crate) fn new(table: Arc<Table>) -> Self {
        Self { table, rows: None, numbers: None }
    }

    /// Rows that have the given numbers.
    pub(super) fn numbered(table: Arc<Table>, numbers: Vec<i64>) -> Self {
        Self { table, rows: None, numbers: Some(Arc::new(numbers)) }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.as_ref().map_or_else(|| self.table.rows(), |rows| rows.count)
    }

    /// A column, or the numbers of the rows as `i`.
    pub(crate) fn column(&self, name: Sym) -> Option<K> {
        if let Some(at) = self.table.position(name) {
            return self.at(at);
        }
        (name.as_str() == "i").then(|| K::longs(self.numbers()))
    }

    /// The numbers of the rows.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let number = |place: &i64| match &self.numbers {
            Some(numbers) => {
                let at = usize::try_from(*place).ok();
                at.and_then(|at| numbers.get(at)).copied().unwrap_or(-1)
            }
            None => *place,
        };
        match (&self.rows, &self.numbers) {
            (Some(rows), _) => rows.places().iter().map(number).collect(),
            (None, Some(numbers)) => numbers.to_vec(),
            (None, None) => (0..self.table.rows() as i64).collect(),
        }
    }

    /// The rows' places in the table; `None` when nothing is gone.
    pub(super) fn places(&self) -> Option<&[i64]> {
        self.rows.as_ref().map(|rows| rows.places())
    }

    /// The column at a place.
    fn at(&self, at: usize) -> Option<K> {
        let column = self.table.columns.get(at)?;
        let Some(rows) = &self.rows else { return Some(column.clone()) };
        let mut gathered = rows.gathered.borrow_mut();
        if gathered.is_empty() {
            gathered.resize(self.table.columns.len(), None);
        }
        let slot = gathered.get_mut(at)?;
        Some(slot.get_or_insert_with(|| rows.of(column)).clone())
    }

    /// Whether there is such a column, with items of one type.
    pub(super) fn is_flat(&self, name: Sym) -> bool {
        self.table.column(name).and_then(K::ty).is_some_and(|ty| ty != Type::List)
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[Sym] {
        &self.table.names
    }

    /// The rows with all their columns.
    pub(super) fn whole(&self) -> Arc<Table> {
        if self.rows.is_none() {
            return Arc::clone(&self.table);
        }
        let columns = (0..self.table.columns.len()).filter_map(|at| self.at(at)).collect();
        Arc::new(Table { names: Arc::clone(&self.table.names), columns })
    }

    /// The rows at places of this scope.
    pub(super) fn pick(&self, places: Vec<i64>) -> Self {
        let places = match self.places() {
            Some(own) => {
                let own = |p: &i64| usize::try_from(*p).ok().and_then(|p| own.get(p)).copied();
                places.iter().map(|p| own(p).unwrap_or(-1)).collect()
            }
            None => places,
        };
        let count = places.len();
        self.with(Which::Places(places), count)
    }

    /// The rows whose flags are set, of which there are `count`; there is one for each row.
    pub(super) fn flagged(&self, flags: Vec<u8>, count: usize) -> Self {
        if self.rows.is_some() || count < flags.len() / SPARSE {
            return self.pick(places::of(&flags));
        }
        self.with(Which::Flags(flags, OnceCell::new()), count)
    }

    fn with(&self, which: Which, count: usize) -> Self {
        let rows = Rows { which, count, gathered: RefCell::default() };
        Self { rows: Some(Rc::new(rows)), ..self.clone() }
    }

    /// The last row as a dictionary; of nothing one of nulls.
    pub(super) fn last_row(&self) -> Result {
        let last = self.len().checked_sub(1).map_or(-1, |last| last as i64);
        Ok(self.pick(vec![last]).whole().row(0))
    }
}
