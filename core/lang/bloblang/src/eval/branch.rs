//! `if` and `match` as expressions (spec/bloblang.md §6).

use formats::value::Value;

use crate::compare::equal_vals;
use crate::error::Error;
use crate::exec::Ctx;
use crate::node::{Case, IfExpr, MatchExpr, Node};
use crate::text::{go_type, go_val};
use crate::val::Val;

impl IfExpr {
    pub(super) fn eval(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        for (i, (condition, result)) in self.cases.iter().enumerate() {
            let val = condition.eval(cx).map_err(|e| match i {
                0 => e.prefix("failed to check if condition"),
                _ => e.prefix(format_args!("failed to check if condition {i}")),
            })?;
            match &val {
                Val::Data(Value::Bool(true)) => return result.eval(cx),
                Val::Data(Value::Bool(false) | Value::Null) => {}
                other => return Err(not_bool(condition, other)),
            }
        }
        match &self.otherwise {
            Some(result) => result.eval(cx),
            None => Ok(Val::Nothing),
        }
    }
}

/// The error of a condition that is no truth value.
pub(crate) fn not_bool(condition: &Node, val: &Val) -> Error {
    let (from, shown, kind) = (condition.annotation(), go_val(val), go_type(val));
    Error::new(format!("{from} resolved to a non-boolean value {shown} ({kind})"))
}

impl MatchExpr {
    pub(super) fn eval(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        let subject = match &self.subject {
            Some(subject) => subject.eval(cx)?,
            None => cx.this().unwrap_or(Val::NULL),
        };
        let mut inner = cx.with(&subject);
        for (i, (case, result)) in self.cases.iter().enumerate() {
            let holds = match case {
                Case::Always => true,
                Case::Equals(val) => equal_vals(&subject, val),
                Case::Holds(node) => {
                    let val = node
                        .eval(&mut inner)
                        .map_err(|e| e.prefix(format_args!("failed to check match case {i}")))?;
                    matches!(val, Val::Data(Value::Bool(true)))
                }
            };
            if holds {
                return result.eval(&mut inner);
            }
        }
        Ok(Val::Nothing)
    }
}
