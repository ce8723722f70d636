//! Signs between operands: arithmetic, comparisons, logic.

use plan::{Diagnostic, Span};

use super::calls::holds;
use super::{Constant, Program, Value, error};
use crate::lower::stream::Rules;
use crate::types::{INT32, INT64, Type, UINT64, join, promote};

impl Program {
    pub(super) fn unary(&mut self, sign: &str, a: &Value, span: Span) -> Result<Value, Diagnostic> {
        if sign == "!" {
            if a.ty != Type::Boolean {
                return error(format!("'!' needs a Boolean and not {}", self.shown(a.ty)), span);
            }
            return Ok(self.call("not", Type::Boolean, &[a], Type::Boolean));
        }
        if !a.ty.is_number() {
            return error(format!("'{sign}' needs a number and not {}", self.shown(a.ty)), span);
        }
        if sign == "-" {
            let ty = match a.ty {
                Type::Int { .. } if self.rules == Rules::Sql => promote(a.ty, INT32),
                Type::Int { bits, .. } => Some(Type::Int { bits, signed: true }),
                other => Some(other),
            };
            let ty = ty.unwrap_or(a.ty);
            return Ok(match a.constant {
                Some(Constant::Int(i)) => self.constant(Constant::Int(-i), ty),
                Some(Constant::Float(f)) => self.constant(Constant::Float(-f), ty),
                None => {
                    let a = self.cast(a, ty);
                    self.call("neg", ty, &[&a], ty)
                }
            });
        }
        let one = self.constant(Constant::Int(1), a.ty);
        let op = if sign == "++" { "add" } else { "sub" };
        Ok(self.call(op, a.ty, &[a, &one], a.ty))
    }

    pub(super) fn binary(
        &mut self,
        sign: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let op = match sign {
            "&&" | "||" => {
                if a.ty != Type::Boolean || b.ty != Type::Boolean {
                    let (a, b) = (self.shown(a.ty), self.shown(b.ty));
                    return error(format!("'{sign}' needs Booleans and not {a} and {b}"), span);
                }
                let op = if sign == "&&" { "and" } else { "or" };
                return Ok(self.call(op, Type::Boolean, &[a, b], Type::Boolean));
            }
            "==" | "!=" | "<" | "<=" | ">" | ">=" => return self.compare(sign, a, b, span),
            "+" => "add",
            "-" => "sub",
            "*" => "mul",
            "/" => "div",
            _ => "rem",
        };
        self.arithmetic(op, a, b, span)
    }

    fn arithmetic(
        &mut self,
        op: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let ty = match self.rules {
            Rules::Dsl => join(bounded(a, b, op), bounded(b, a, op)),
            Rules::Sql => promote(a.ty, b.ty),
        };
        let Some(ty) = ty else {
            let (a, b) = (self.shown(a.ty), self.shown(b.ty));
            return error(format!("arithmetic needs numbers and not {a} and {b}"), span);
        };
        let divides = matches!(op, "div" | "rem") && matches!(ty, Type::Int { .. });
        if divides && b.constant == Some(Constant::Int(0)) {
            return Err(Diagnostic::error("division", "division by zero", span));
        }
        let (a, b) = (self.cast(a, ty), self.cast(b, ty));
        Ok(self.call(op, ty, &[&a, &b], ty))
    }

    fn compare(
        &mut self,
        sign: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let op = match sign {
            "==" => "eq",
            "!=" => "ne",
            "<" => "lt",
            "<=" => "le",
            ">" => "gt",
            _ => "ge",
        };
        let ty = match (a.ty, b.ty) {
            (x, y) if x == y || (x.is_text() && y.is_text()) => x,
            (Type::Boolean, Type::Int { .. }) | (Type::Int { .. }, Type::Boolean) => {
                let (a, b) = (self.cast(a, INT64), self.cast(b, INT64));
                return Ok(self.call(op, INT64, &[&a, &b], Type::Boolean));
            }
            (Type::Char, other) | (other, Type::Char) if matches!(other, Type::Int { .. }) => {
                let (a, b) = (self.cast(a, INT64), self.cast(b, INT64));
                return Ok(self.call(op, INT64, &[&a, &b], Type::Boolean));
            }
            (x, y) => {
                let ty = match self.rules {
                    Rules::Dsl => common(a, b).or(join(x, y)),
                    Rules::Sql => promote(x, y),
                };
                let Some(ty) = ty else {
                    let (x, y) = (self.shown(x), self.shown(y));
                    return error(format!("{x} and {y} cannot be compared"), span);
                };
                ty
            }
        };
        if self.rules == Rules::Sql {
            let (a, b) = (self.cast(a, ty), self.cast(b, ty));
            return Ok(self.call(op, ty, &[&a, &b], Type::Boolean));
        }
        let exact = |v: &Value| common(a, b).is_some() || v.ty != UINT64;
        if ty == INT64 && !(exact(a) && exact(b)) {
            return Ok(self.compare_mixed(op, a, b));
        }
        let (a, b) = (self.cast(a, ty), self.cast(b, ty));
        Ok(self.call(op, ty, &[&a, &b], Type::Boolean))
    }

    /// Compares an unsigned number of 64 bits with one that may be negative.
    fn compare_mixed(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        let flip = a.ty == UINT64;
        let (signed, unsigned) = if flip { (b, a) } else { (a, b) };
        let op = match (flip, op) {
            (true, "lt") => "gt",
            (true, "le") => "ge",
            (true, "gt") => "lt",
            (true, "ge") => "le",
            (_, op) => op,
        };
        let signed = self.cast(signed, INT64);
        let zero = self.constant(Constant::Int(0), INT64);
        let raised = self.cast(&Value { constant: None, ..signed.clone() }, UINT64);
        let within = self.call(op, UINT64, &[&raised, unsigned], Type::Boolean);
        // Whatever is below zero is less than every unsigned number.
        let (test, junction) = match op {
            "lt" | "le" | "ne" => ("lt", "or"),
            _ => ("ge", "and"),
        };
        let sign = self.call(test, INT64, &[&signed, &zero], Type::Boolean);
        self.call(junction, Type::Boolean, &[&sign, &within], Type::Boolean)
    }
}

/// The type in which two operands compare exactly because one is a constant that fits the type of
/// the other.
fn common(a: &Value, b: &Value) -> Option<Type> {
    match (a.constant, b.constant) {
        (None, Some(c)) if holds(a.ty, c) && matches!(b.ty, Type::Int { .. }) => Some(a.ty),
        (Some(c), None) if holds(b.ty, c) && matches!(a.ty, Type::Int { .. }) => Some(b.ty),
        _ => None,
    }
}

/// The type of an operand of arithmetic. A constant that is not negative does not make the result
/// signed, but a difference may become negative.
fn bounded(value: &Value, other: &Value, op: &str) -> Type {
    match (value.ty, value.constant) {
        (Type::Int { bits, .. }, Some(Constant::Int(i)))
            if i >= 0 && op != "sub" && matches!(other.ty, Type::Int { signed: false, .. }) =>
        {
            Type::Int { bits, signed: false }
        }
        (ty, _) => ty,
    }
}
