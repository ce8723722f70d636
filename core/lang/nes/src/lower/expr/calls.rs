//! Functions and the choice between values.

use plan::{DataType, Diagnostic, Span};

use super::{Constant, Program, Scope, Value, error};
use crate::ast::Expr;
use crate::lower::stream::Rules;
use crate::types::{FLOAT64, INT64, Type};

impl Program {
    pub(super) fn function(
        &mut self,
        name: &str,
        args: &[Value],
        span: Span,
    ) -> Result<Value, Diagnostic> {
        if self.rules == Rules::Sql {
            return self.sql_function(name, args, span);
        }
        if let Some(wrong) = args.iter().find(|a| !a.ty.is_number()) {
            return error(format!("{name} needs numbers and not {}", wrong.ty), span);
        }
        match (name, args) {
            ("ABS", [a]) => Ok(self.call("abs", a.ty, &[a], a.ty)),
            ("MOD", [a, b]) => {
                let (a, b) = (self.cast(a, FLOAT64), self.cast(b, FLOAT64));
                Ok(self.call("rem", FLOAT64, &[&a, &b], FLOAT64))
            }
            ("POWER", [a, b]) => {
                let ints = [a, b].iter().all(|v| matches!(v.ty, Type::Int { .. }));
                let ty = if ints { INT64 } else { FLOAT64 };
                let (a, b) = (self.cast(a, ty), self.cast(b, ty));
                Ok(self.call("power", ty, &[&a, &b], ty))
            }
            (_, [a]) => {
                let ty = if a.ty.stored() == DataType::F32 { a.ty } else { FLOAT64 };
                let a = self.cast(a, ty);
                Ok(self.call(&name.to_ascii_lowercase(), ty, &[&a], ty))
            }
            _ => error(format!("{name} has the wrong number of arguments"), span),
        }
    }

    pub(super) fn case(
        &mut self,
        pairs: &[(Expr, Expr)],
        last: &Expr,
        scope: &Scope,
        right: bool,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for (condition, value) in pairs {
            let test = self.expr(condition, scope, right)?;
            if test.ty != Type::Boolean {
                return error(format!("WHEN needs a Boolean and not {}", test.ty), condition.span);
            }
            conditions.push(test);
            values.push(self.expr(value, scope, right)?);
        }
        values.push(self.expr(last, scope, right)?);
        let ty = values.iter().find(|v| v.constant.is_none()).or(values.first());
        let ty = ty.map_or(INT64, |v| v.ty);
        for value in &mut values {
            let fits = value.ty == ty || value.constant.is_some_and(|c| holds(ty, c));
            if !fits {
                let text =
                    format!("all branches of CASE must have one type, not {ty} and {}", value.ty);
                return error(text, span);
            }
            *value = self.cast(value, ty);
        }
        let mut args: Vec<&Value> =
            conditions.iter().zip(&values).flat_map(|(c, v)| [c, v]).collect();
        args.extend(values.last());
        Ok(self.call("case", ty, &args, ty))
    }
}

/// Whether a type has this very value.
pub(super) fn holds(ty: Type, constant: Constant) -> bool {
    match (ty, constant) {
        (Type::Int { bits, signed }, Constant::Int(i)) => {
            let room = 1i128 << (bits - u8::from(signed));
            i < room && i >= if signed { -room } else { 0 }
        }
        (Type::Float { .. }, _) => true,
        _ => false,
    }
}

/// Whether a type has this number, and a number is not rounded to it.
pub(super) fn is_exact(ty: Type, constant: Constant) -> bool {
    match (ty, constant) {
        (Type::Float { bits: 32 }, Constant::Int(i)) => i == i as f32 as i128,
        (Type::Float { .. }, Constant::Int(i)) => i == i as f64 as i128,
        (Type::Float { bits: 32 }, Constant::Float(f)) => f64::from(f as f32) == f,
        (ty, constant) => holds(ty, constant),
    }
}
