//! Expressions over columns, as data: a list of typed steps, each of which may use the results of
//! earlier ones; the last is the value. A list nests nothing, so no depth can exhaust a stack.
//!
//! Types are explicit. Whoever writes the steps has converted operands to one type (`cast`)
//! before an operation uses them; nothing is promoted here.

use arrow_array::ArrayRef;
use plan::{Columns, DataType, Json, Schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::kernels::{self, Bad};
use super::types::{array_of, is_numeric, scalar_of};

/// Most steps of one expression.
pub const STEPS_MAX: usize = 10_000;

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Step {
    /// A column of the batch.
    Column {
        /// Its name.
        col: String,
    },
    /// A constant.
    Literal {
        /// A number, boolean or text.
        value: Json,
        /// Its type.
        #[serde(rename = "type")]
        #[schemars(with = "String")]
        ty: DataType,
    },
    /// An operation.
    Call {
        /// Which.
        op: Op,
        /// Type of the operands it computes with; for `cast` and `case`, of the result.
        #[serde(rename = "type")]
        #[schemars(with = "String")]
        ty: DataType,
        /// Positions of earlier steps.
        args: Vec<usize>,
    },
}

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // Each is what its name says, elementwise.
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Power,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    Not,
    Neg,
    Abs,
    Sqrt,
    Exp,
    Ln,
    Log2,
    Log10,
    Sin,
    Cos,
    Radians,
    Round,
    Ceil,
    Floor,
    Cast,
    /// `[condition, value]...` and a last value for when no condition holds.
    Case,
    /// One text behind the other.
    Concat,
    /// Characters of a text.
    CharLength,
    /// Bytes of a text.
    OctetLength,
    /// A time such as `2026-02-16T12:00:00Z` as milliseconds since the epoch.
    TextTime,
    /// Milliseconds since the epoch as such a text.
    TimeText,
    /// Year of milliseconds since the epoch.
    Year,
    /// Month of milliseconds since the epoch, from 1.
    Month,
    /// Day of the month of milliseconds since the epoch, from 1.
    Day,
}

impl Op {
    fn is_comparison(self) -> bool {
        use Op::{Eq, Ge, Gt, Le, Lt, Ne};
        matches!(self, Eq | Ne | Lt | Le | Gt | Ge)
    }

    fn is_logic(self) -> bool {
        matches!(self, Op::And | Op::Or | Op::Not)
    }

    /// Whether it is about texts or times: the type of its operands, and of its result.
    fn of_text(self) -> Option<(DataType, DataType)> {
        use DataType::{Text, U64};
        match self {
            Op::Concat => Some((Text, Text)),
            Op::CharLength | Op::OctetLength | Op::TextTime => Some((Text, U64)),
            Op::TimeText => Some((U64, Text)),
            Op::Year | Op::Month | Op::Day => Some((U64, U64)),
            _ => None,
        }
    }

    fn arity(self) -> Option<usize> {
        use Op::{Abs, Case, Cast, Ceil, Cos, Exp, Floor, Ln, Log2, Log10};
        use Op::{Neg, Not, Radians, Round, Sin, Sqrt};
        match self {
            Case => None,
            Op::CharLength | Op::OctetLength | Op::TextTime | Op::TimeText => Some(1),
            Op::Year | Op::Month | Op::Day => Some(1),
            Not | Neg | Abs | Sqrt | Exp | Ln | Log2 | Log10 | Sin | Cos | Radians | Round
            | Ceil | Floor | Cast => Some(1),
            _ => Some(2),
        }
    }
}

/// A whole expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Program(pub Vec<Step>);

/// One value per row, or one for all.
#[derive(Clone, Debug)]
pub enum Val {
    /// One per row.
    Array(ArrayRef),
    /// The same for all: an array of one item.
    One(ArrayRef),
}

impl Val {
    /// The stored items.
    #[must_use]
    pub fn items(&self) -> &ArrayRef {
        match self {
            Val::Array(a) | Val::One(a) => a,
        }
    }

    /// One item per row.
    #[must_use]
    pub fn spread(self, rows: usize) -> ArrayRef {
        match self {
            Val::Array(a) => a,
            Val::One(a) => super::select::repeat(&a, rows),
        }
    }
}

enum Ready {
    Column(usize),
    Literal(ArrayRef),
    Call { op: Op, ty: DataType, args: Vec<usize> },
}

/// An expression with its columns resolved against one schema.
pub struct Compiled {
    steps: Vec<Ready>,
    types: Vec<DataType>,
}

impl Compiled {
    /// Resolves names and checks types.
    ///
    /// # Errors
    /// A column that is not there, operands of the wrong type or number.
    pub fn new(program: &Program, schema: &Schema) -> Result<Self, String> {
        if program.0.is_empty() {
            return Err("an expression has at least one step".into());
        }
        if program.0.len() > STEPS_MAX {
            return Err(format!("an expression has at most {STEPS_MAX} steps"));
        }
        let mut this = Compiled { steps: Vec::new(), types: Vec::new() };
        for step in &program.0 {
            let (ready, ty) = this.step(step, schema)?;
            this.steps.push(ready);
            this.types.push(ty);
        }
        Ok(this)
    }

    fn step(&self, step: &Step, schema: &Schema) -> Result<(Ready, DataType), String> {
        match step {
            Step::Column { col } => {
                let index = schema.index_of(col);
                let index = index.ok_or_else(|| format!("there is no column {col}"))?;
                let ty = schema.fields.get(index).map_or(DataType::I64, |f| f.ty);
                Ok((Ready::Column(index), ty))
            }
            Step::Literal { value, ty } => Ok((Ready::Literal(scalar_of(value, *ty)?), *ty)),
            Step::Call { op, ty, args } => {
                let result = self.check(*op, *ty, args)?;
                Ok((Ready::Call { op: *op, ty: *ty, args: args.clone() }, result))
            }
        }
    }

    fn check(&self, op: Op, ty: DataType, args: &[usize]) -> Result<DataType, String> {
        let types: Option<Vec<DataType>> =
            args.iter().map(|a| self.types.get(*a).copied()).collect();
        let types = types.ok_or("a step may only use earlier steps")?;
        if op.arity().is_some_and(|n| n != types.len()) {
            return Err(format!("{op:?} has the wrong number of operands"));
        }
        let fits = match op {
            Op::Cast => {
                let of = types.first().copied().unwrap_or(ty);
                of == ty || (castable(of) && castable(ty))
            }
            Op::Case => {
                types.len() % 2 == 1
                    && types.iter().enumerate().all(|(i, t)| {
                        *t == if i % 2 == 0 && i + 1 < types.len() { DataType::Bool } else { ty }
                    })
            }
            _ if op.is_logic() => {
                ty == DataType::Bool && types.iter().all(|t| *t == DataType::Bool)
            }
            _ if op.is_comparison() => types.iter().all(|t| *t == ty),
            _ if op.of_text().is_some_and(|(from, _)| from != ty) => false,
            _ if op.of_text().is_some() => types.iter().all(|t| *t == ty),
            Op::Power => types.iter().all(|t| *t == ty) && is_numeric(ty),
            Op::Sqrt
            | Op::Exp
            | Op::Ln
            | Op::Log2
            | Op::Log10
            | Op::Sin
            | Op::Cos
            | Op::Radians
            | Op::Round
            | Op::Ceil
            | Op::Floor => {
                matches!(ty, DataType::F32 | DataType::F64) && types.iter().all(|t| *t == ty)
            }
            _ => types.iter().all(|t| *t == ty) && is_numeric(ty),
        };
        if !fits {
            return Err(format!("{op:?} does not work on {types:?} as {ty:?}"));
        }
        let result = op.of_text().map_or(ty, |(_, result)| result);
        Ok(if op.is_comparison() { DataType::Bool } else { result })
    }

    /// Type of the value.
    #[must_use]
    pub fn ty(&self) -> DataType {
        self.types.last().copied().unwrap_or(DataType::Bool)
    }

    /// Computes the value for every row of a batch that has the schema it was compiled for.
    ///
    /// # Errors
    /// An integer was divided by zero in a row whose value depends on it.
    pub fn eval(&self, columns: &Columns) -> Result<Val, String> {
        let mut done: Vec<(Val, Bad)> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match step {
                Ready::Column(index) => {
                    let array = columns.arrays.get(*index);
                    let array = array.ok_or("a batch does not have the columns it should have")?;
                    (Val::Array(Arc::clone(array)), None)
                }
                Ready::Literal(one) => (Val::One(Arc::clone(one)), None),
                Ready::Call { op, ty, args } => {
                    let args: Vec<&(Val, Bad)> = args.iter().filter_map(|a| done.get(*a)).collect();
                    kernels::call(*op, *ty, &args, columns.rows)?
                }
            };
            done.push(value);
        }
        match done.pop() {
            Some((_, Some(bad))) if bad.iter().any(|b| b) => Err("division by zero".into()),
            Some((value, _)) => Ok(value),
            None => Err("an expression has at least one step".into()),
        }
    }

    /// The value as one item per row.
    ///
    /// # Errors
    /// See [`Compiled::eval`].
    pub fn eval_array(&self, columns: &Columns) -> Result<ArrayRef, String> {
        Ok(self.eval(columns)?.spread(columns.rows))
    }
}

fn castable(ty: DataType) -> bool {
    is_numeric(ty) || matches!(ty, DataType::Bool | DataType::Char)
}

/// An expression and what it was compiled to for the schema seen last.
pub struct Cached {
    program: Program,
    schema: Option<Arc<Schema>>,
    compiled: Option<Compiled>,
}

impl Cached {
    /// Not compiled yet.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Cached { program, schema: None, compiled: None }
    }

    /// The expression for a schema.
    ///
    /// # Errors
    /// See [`Compiled::new`].
    pub fn get(&mut self, schema: &Arc<Schema>) -> Result<&Compiled, String> {
        let known = self.schema.as_ref().is_some_and(|s| Arc::ptr_eq(s, schema) || s == schema);
        if !known {
            self.compiled = Some(Compiled::new(&self.program, schema)?);
            self.schema = Some(Arc::clone(schema));
        }
        self.compiled.as_ref().ok_or_else(|| "the expression is not compiled".to_owned())
    }
}

/// An array of `ty` without rows.
#[must_use]
pub fn no_rows(ty: DataType) -> ArrayRef {
    array_of(ty, 0)
}
