//! Three-valued logic: beside a value goes a boolean that says where there is none. Fields that
//! always have a value cost nothing.

use plan::serde_json::json;
use plan::{DataType, Diagnostic, Span};

use super::{Constant, Program, Value, error};
use crate::lower::stream::{Column, Rules};
use crate::types::{Type, UINT64};

impl Program {
    /// A program that is the same for all rows.
    pub(crate) fn boolean(value: bool) -> Program {
        let mut program = Program::new(Rules::Sql);
        program.push(json!({"value": value, "type": DataType::Bool}), Type::Boolean);
        program
    }

    /// Whether a count is 0.
    pub(crate) fn is_zero(count: &str) -> Program {
        let mut program = Program::new(Rules::Sql);
        let count = program.field(&Column::new(count, count, UINT64));
        let zero = program.constant(Constant::Int(0), UINT64);
        program.call("eq", UINT64, &[&count, &zero], Type::Boolean);
        program
    }

    /// The value of a field, and one that is always the same where it has none.
    pub(crate) fn or_zero(field: &Column, null: &str) -> Program {
        let mut program = Program::new(Rules::Sql);
        let value = program.field(field);
        let null = program.field(&Column::new(null, null, Type::Boolean));
        let zero = match field.ty.stored() {
            DataType::Bool => json!({"value": false, "type": DataType::Bool}),
            DataType::Text => json!({"value": "", "type": DataType::Text}),
            stored => json!({"value": 0, "type": stored}),
        };
        let zero = program.push(zero, field.ty);
        program.call("case", field.ty, &[&null, &zero, &value], field.ty);
        program
    }

    /// The boolean that says where there is no value.
    fn null_of(&self, value: &Value) -> Option<Value> {
        let at = value.null?;
        Some(Value { at, ty: Type::Boolean, constant: None, null: None })
    }

    /// The result has no value where one of the operands has none.
    pub(super) fn with_nulls_of(&mut self, value: Value, operands: &[&Value]) -> Value {
        let nulls: Vec<Value> = operands.iter().filter_map(|o| self.null_of(o)).collect();
        let null = nulls.into_iter().reduce(|a, b| self.logic("or", &a, &b));
        Value { null: null.map(|null| null.at), ..value }
    }

    fn logic(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        self.call(op, Type::Boolean, &[a, b], Type::Boolean)
    }

    fn not(&mut self, a: &Value) -> Value {
        self.call("not", Type::Boolean, &[a], Type::Boolean)
    }

    /// Where a boolean has a value and holds.
    pub(super) fn definite(&mut self, value: &Value) -> Value {
        let Some(null) = self.null_of(value) else { return value.clone() };
        let known = self.not(&null);
        self.logic("and", &known, value)
    }

    /// `a && b` and `a || b`: one operand that decides is enough.
    pub(super) fn junction(
        &mut self,
        sign: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        if a.ty != Type::Boolean || b.ty != Type::Boolean {
            let (a, b) = (self.shown(a.ty), self.shown(b.ty));
            return error(format!("'{sign}' needs Booleans and not {a} and {b}"), span);
        }
        let (is_a, is_b) = (self.definite(a), self.definite(b));
        let op = if sign == "&&" { "and" } else { "or" };
        let value = self.logic(op, &is_a, &is_b);
        let decided = if sign == "&&" {
            let (not_a, not_b) = (self.definitely_not(a), self.definitely_not(b));
            self.logic("or", &not_a, &not_b)
        } else {
            value.clone()
        };
        let open = self.not(&decided);
        let unknown = self.with_nulls_of(value.clone(), &[a, b]);
        let null = self.null_of(&unknown).map(|null| self.logic("and", &null, &open).at);
        Ok(Value { null, ..value })
    }

    /// Where a boolean has a value and does not hold.
    fn definitely_not(&mut self, value: &Value) -> Value {
        let not = self.not(value);
        self.definite(&Value { null: value.null, ..not })
    }

    /// A divisor that is 1 where it has no value, so that no row fails by one that is not there.
    pub(super) fn divisor(&mut self, sign: &str, b: &Value) -> Value {
        match self.null_of(b).filter(|_| matches!(sign, "/" | "%") && b.ty.is_number()) {
            None => b.clone(),
            Some(null) => {
                let one = self.constant(Constant::Int(1), b.ty);
                self.call("case", b.ty, &[&null, &one, b], b.ty)
            }
        }
    }

    /// A time as text that is one where there is no value, for the same reason.
    pub(super) fn time_text_or_some(&mut self, value: &Value) -> Value {
        let Some(null) = self.null_of(value) else { return value.clone() };
        let epoch = json!({"value": "1970-01-01T00:00:00Z", "type": DataType::Text});
        let epoch = self.push(epoch, value.ty);
        self.call("case", value.ty, &[&null, &epoch, value], value.ty)
    }

    /// Whether there is no value; this always has one.
    pub(super) fn is_null(&mut self, value: &Value) -> Value {
        match self.null_of(value) {
            Some(null) => null,
            None => self.push(json!({"value": false, "type": DataType::Bool}), Type::Boolean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Expr, ExprKind};
    use crate::lower::expr::{Scope, compile_parts, condition};
    use crate::lower::stream::{Progress, Stream};

    /// Booleans that may be missing.
    type Maybe = Option<bool>;

    fn stream() -> Stream {
        let field = |name: &str| Column {
            null: Some(format!("{name}?")),
            ..Column::new(format!("s${name}"), name, Type::Boolean)
        };
        Stream {
            nodes: Vec::new(),
            fields: vec![field("a"), field("b")],
            hidden: Vec::new(),
            progress: Progress::Open,
            origins: Vec::new(),
            joined: false,
            operator: 0,
            rules: Rules::Sql,
        }
    }

    fn expr(kind: ExprKind) -> Expr {
        Expr { kind, span: Span::default(), depth: 1 }
    }

    fn attr(name: &str) -> Box<Expr> {
        Box::new(expr(ExprKind::Attr(name.to_owned())))
    }

    /// What a program gives for two booleans. A value that is missing is stored as true, so that
    /// what looks at it where it must not is found out.
    fn run(program: &Program, a: Maybe, b: Maybe) -> bool {
        let mut done: Vec<bool> = Vec::new();
        for step in &program.steps {
            let arg = |n: usize| done[step["args"][n].as_u64().unwrap() as usize];
            done.push(match (step["col"].as_str(), step["op"].as_str()) {
                (Some("a"), _) => a.unwrap_or(true),
                (Some("b"), _) => b.unwrap_or(true),
                (Some("a?"), _) => a.is_none(),
                (Some("b?"), _) => b.is_none(),
                (_, Some("and")) => arg(0) && arg(1),
                (_, Some("or")) => arg(0) || arg(1),
                (_, Some("not")) => !arg(0),
                (_, Some("cast")) => arg(0),
                _ => step["value"].as_bool().unwrap(),
            });
        }
        *done.last().unwrap()
    }

    #[test]
    fn logic_has_three_values() {
        let stream = stream();
        let scope = Scope::One(&stream);
        let and = expr(ExprKind::Binary("&&", attr("A"), attr("B")));
        let or = expr(ExprKind::Binary("||", attr("A"), attr("B")));
        let not = expr(ExprKind::Unary("!", attr("A")));
        let is_null = expr(ExprKind::IsNull(attr("A")));
        let all = [Some(true), Some(false), None];
        for (a, b) in all.iter().flat_map(|a| all.map(|b| (*a, b))) {
            let both = match (a, b) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            let one = match (a, b) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
            let cases =
                [(&and, both), (&or, one), (&not, a.map(|a| !a)), (&is_null, Some(a.is_none()))];
            for (expr, expected) in cases {
                let (value, _, null) = compile_parts(expr, &scope).unwrap();
                let missing = null.is_some_and(|null| run(&null, a, b));
                let got = (!missing).then(|| run(&value, a, b));
                assert_eq!(got, expected, "{expr:?} of {a:?} and {b:?}");
                let holds = run(&condition(expr, &scope).unwrap(), a, b);
                assert_eq!(holds, expected == Some(true), "{expr:?} of {a:?} and {b:?}");
            }
        }
    }
}
