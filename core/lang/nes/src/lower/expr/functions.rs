//! Functions and conversions of the SQL dialect (spec/nes-query-language.md §11).

use plan::{Diagnostic, Span};

use super::{Program, Value, error};
use crate::types::{FLOAT64, INT32, Type, UINT64};

/// Names of functions, how many operands they take, and of which type these must be.
const FUNCTIONS: &[(&str, usize, Takes)] = &[
    ("ABS", 1, Takes::Numbers),
    ("CEIL", 1, Takes::Numbers),
    ("FLOOR", 1, Takes::Numbers),
    ("ROUND", 1, Takes::Numbers),
    ("SQRT", 1, Takes::Numbers),
    ("EXP", 1, Takes::Numbers),
    ("POW", 2, Takes::Numbers),
    ("POWER", 2, Takes::Numbers),
    ("CONCAT", 2, Takes::Texts),
    ("CHAR_LENGTH", 1, Takes::Texts),
    ("OCTET_LENGTH", 1, Takes::Texts),
    ("CASTTOUNIXTS", 1, Takes::Texts),
    ("CASTFROMUNIXTS", 1, Takes::Time),
    ("YEAR_OF", 1, Takes::Time),
    ("MONTH_OF", 1, Takes::Time),
    ("DAY_OF", 1, Takes::Time),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Numbers,
    Texts,
    /// Milliseconds since the epoch.
    Time,
}

/// Number of operands of a function; none when there is no such function.
pub(crate) fn arity(name: &str) -> Option<usize> {
    FUNCTIONS.iter().find(|(n, ..)| *n == name).map(|(_, count, _)| *count)
}

impl Program {
    pub(super) fn sql_function(
        &mut self,
        name: &str,
        args: &[Value],
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let takes = FUNCTIONS.iter().find(|(n, ..)| *n == name).map(|(.., takes)| *takes);
        for arg in args {
            let (fits, wanted) = match takes {
                Some(Takes::Texts) => (arg.ty.is_text(), "VARSIZED"),
                Some(Takes::Time) => (matches!(arg.ty, Type::Int { .. }), "UINT64"),
                Some(Takes::Numbers) | None => (arg.ty.is_number(), "numbers"),
            };
            if !fits {
                let text = format!("{name} needs {wanted} and not {}", self.shown(arg.ty));
                return error(text, span);
            }
        }
        match (name, args) {
            ("ABS", [a]) => Ok(self.call("abs", a.ty, &[a], a.ty)),
            // What is whole already stays as it is.
            ("CEIL" | "FLOOR" | "ROUND", [a]) if matches!(a.ty, Type::Int { .. }) => Ok(a.clone()),
            ("CEIL" | "FLOOR" | "ROUND", [a]) => {
                Ok(self.call(&name.to_ascii_lowercase(), a.ty, &[a], a.ty))
            }
            ("SQRT" | "EXP", [a]) => {
                let a = self.cast(a, FLOAT64);
                Ok(self.call(&name.to_ascii_lowercase(), FLOAT64, &[&a], FLOAT64))
            }
            ("POW" | "POWER", [a, b]) => {
                let (a, b) = (self.cast(a, FLOAT64), self.cast(b, FLOAT64));
                Ok(self.call("power", FLOAT64, &[&a, &b], FLOAT64))
            }
            ("CONCAT", [a, b]) => Ok(self.call("concat", Type::Text, &[a, b], Type::Text)),
            ("CHAR_LENGTH", [a]) => Ok(self.call("char_length", Type::Text, &[a], UINT64)),
            ("OCTET_LENGTH", [a]) => Ok(self.call("octet_length", Type::Text, &[a], UINT64)),
            ("CASTTOUNIXTS", [a]) => {
                let a = self.time_text_or_some(a);
                Ok(self.call("text_time", Type::Text, &[&a], UINT64))
            }
            ("CASTFROMUNIXTS", [a]) => {
                let a = self.cast(a, UINT64);
                Ok(self.call("time_text", UINT64, &[&a], Type::Text))
            }
            ("YEAR_OF" | "MONTH_OF" | "DAY_OF", [a]) => {
                let a = self.cast(a, UINT64);
                let op = name.trim_end_matches("_OF").to_ascii_lowercase();
                let part = self.call(&op, UINT64, &[&a], UINT64);
                Ok(self.cast(&part, INT32))
            }
            _ => error(format!("{name} has the wrong number of arguments"), span),
        }
    }

    /// The value as another type.
    pub(super) fn convert(
        &mut self,
        value: &Value,
        ty: Type,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let scalar = |ty: Type| ty.is_number() || matches!(ty, Type::Boolean | Type::Char);
        if (scalar(value.ty) && scalar(ty)) || (value.ty.is_text() && ty.is_text()) {
            return Ok(self.cast(value, ty));
        }
        let (from, to) = (self.shown(value.ty), self.shown(ty));
        error(format!("{from} cannot be converted to {to}"), span)
    }
}
