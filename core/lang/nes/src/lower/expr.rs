//! Expressions to steps over columns, with every conversion written out
//! (spec/nes-query-language.md §4).

use plan::serde_json::json;
use plan::{DataType, Diagnostic, Json, Span};

use super::stream::{Column, Stream};
use crate::ast::{Expr, ExprKind, Literal};
use crate::types::{FLOAT64, INT64, Type, UINT64, join};

/// Where names are looked up.
pub(crate) enum Scope<'a> {
    /// In one stream.
    One(&'a Stream),
    /// In the left and the right input of a join.
    Both(&'a Stream, &'a Stream),
}

impl Scope<'_> {
    fn find(&self, name: &str, right_first: bool, span: Span) -> Result<Column, Diagnostic> {
        match self {
            Scope::One(stream) => stream.resolve(name, span).cloned(),
            Scope::Both(left, right) => {
                let (first, second) = if right_first { (right, left) } else { (left, right) };
                match first.find(name, span)? {
                    Some(column) => Ok(column.clone()),
                    None => match second.find(name, span)? {
                        Some(column) => Ok(column.clone()),
                        None => Err(left.unknown(name, span)),
                    },
                }
            }
        }
    }
}

/// A step and what it gives.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    at: usize,
    pub(crate) ty: Type,
    constant: Option<Constant>,
}

/// A number known before any tuple comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Constant {
    Int(i128),
    Float(f64),
}

/// Steps in the form that operators over columns take.
#[derive(Default)]
pub(crate) struct Program {
    steps: Vec<Json>,
    columns: Vec<String>,
}

fn error<T>(text: impl Into<String>, span: Span) -> Result<T, Diagnostic> {
    Err(Diagnostic::error("type", text, span))
}

/// Compiles an expression. The last step is its value.
pub(crate) fn compile(expr: &Expr, scope: &Scope) -> Result<(Program, Type), Diagnostic> {
    let mut program = Program::default();
    let value = program.expr(expr, scope, false)?;
    program.finish(&value);
    Ok((program, value.ty))
}

/// Compiles an expression to a type.
pub(crate) fn compile_as(expr: &Expr, scope: &Scope, ty: Type) -> Result<Program, Diagnostic> {
    let mut program = Program::default();
    let value = program.expr(expr, scope, false)?;
    let value = program.cast(&value, ty);
    program.finish(&value);
    Ok(program)
}

/// Compiles a condition.
pub(crate) fn condition(expr: &Expr, scope: &Scope) -> Result<Program, Diagnostic> {
    let (program, ty) = compile(expr, scope)?;
    if ty == Type::Boolean {
        return Ok(program);
    }
    error(format!("a condition must be of type Boolean and not {ty}"), expr.span)
}

impl Program {
    /// The steps.
    pub(crate) fn json(&self) -> Json {
        Json::Array(self.steps.clone())
    }

    /// The columns that are read.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    fn push(&mut self, step: Json, ty: Type) -> Value {
        self.steps.push(step);
        Value { at: self.steps.len() - 1, ty, constant: None }
    }

    /// Makes `value` the last step.
    fn finish(&mut self, value: &Value) {
        if value.at + 1 != self.steps.len() {
            // A conversion to its own type moves nothing.
            self.call("cast", value.ty, &[value], value.ty);
        }
    }

    fn call(&mut self, op: &str, ty: Type, args: &[&Value], result: Type) -> Value {
        let args: Vec<usize> = args.iter().map(|a| a.at).collect();
        self.push(json!({"op": op, "type": ty.stored(), "args": args}), result)
    }

    fn constant(&mut self, constant: Constant, ty: Type) -> Value {
        let stored = ty.stored();
        let value = match (constant, stored) {
            (Constant::Int(i), DataType::F32 | DataType::F64) => json!(i as f64),
            (Constant::Int(i), _) => match i64::try_from(i) {
                Ok(i) => json!(i),
                Err(_) => json!(i as u64),
            },
            (Constant::Float(f), DataType::F32 | DataType::F64) => json!(f),
            (Constant::Float(f), _) => json!(f as i64),
        };
        let made = self.push(json!({"value": value, "type": stored}), ty);
        Value { constant: Some(constant), ..made }
    }

    fn cast(&mut self, value: &Value, ty: Type) -> Value {
        if value.ty.stored() == ty.stored() {
            return Value { ty, ..value.clone() };
        }
        if let Some(constant) = value.constant.filter(|_| ty.is_number()) {
            return self.constant(constant, ty);
        }
        self.call("cast", ty, &[value], ty)
    }

    fn expr(&mut self, e: &Expr, scope: &Scope, right: bool) -> Result<Value, Diagnostic> {
        match &e.kind {
            ExprKind::Attr(name) => {
                let column = scope.find(name, right, e.span)?;
                if !self.columns.contains(&column.column) {
                    self.columns.push(column.column.clone());
                }
                Ok(self.push(json!({"col": column.column}), column.ty))
            }
            ExprKind::Literal(literal) => Ok(self.literal(literal)),
            ExprKind::Unary(sign, a) => {
                let a = self.expr(a, scope, right)?;
                self.unary(sign, &a, e.span)
            }
            ExprKind::Binary(sign, a, b) => {
                let a = self.expr(a, scope, right)?;
                let compares = matches!(*sign, "==" | "!=" | "<" | "<=" | ">" | ">=");
                let b = self.expr(b, scope, right || compares)?;
                self.binary(sign, &a, &b, e.span)
            }
            ExprKind::Call(name, args) => {
                let args: Result<Vec<Value>, _> =
                    args.iter().map(|a| self.expr(a, scope, right)).collect();
                self.function(name, &args?, e.span)
            }
            ExprKind::Case(pairs, last) => self.case(pairs, last, scope, right, e.span),
        }
    }

    fn literal(&mut self, literal: &Literal) -> Value {
        match literal {
            Literal::Int(value, ty) => self.constant(Constant::Int(i128::from(*value)), *ty),
            Literal::Float(value, single) => {
                let ty = Type::Float { bits: if *single { 32 } else { 64 } };
                self.constant(Constant::Float(*value), ty)
            }
            Literal::Bool(value) => {
                self.push(json!({"value": value, "type": DataType::Bool}), Type::Boolean)
            }
            Literal::Text(text) => {
                self.push(json!({"value": text, "type": DataType::Text}), Type::Text)
            }
        }
    }

    fn unary(&mut self, sign: &str, a: &Value, span: Span) -> Result<Value, Diagnostic> {
        if sign == "!" {
            if a.ty != Type::Boolean {
                return error(format!("'!' needs a Boolean and not {}", a.ty), span);
            }
            return Ok(self.call("not", Type::Boolean, &[a], Type::Boolean));
        }
        if !a.ty.is_number() {
            return error(format!("'{sign}' needs a number and not {}", a.ty), span);
        }
        if sign == "-" {
            let ty = match a.ty {
                Type::Int { bits, .. } => Type::Int { bits, signed: true },
                other => other,
            };
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

    fn binary(
        &mut self,
        sign: &str,
        a: &Value,
        b: &Value,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let op = match sign {
            "&&" | "||" => {
                if a.ty != Type::Boolean || b.ty != Type::Boolean {
                    let text = format!("'{sign}' needs Booleans and not {} and {}", a.ty, b.ty);
                    return error(text, span);
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
        let ty = join(bounded(a, b, op), bounded(b, a, op));
        let Some(ty) = ty else {
            let text = format!("arithmetic needs numbers and not {} and {}", a.ty, b.ty);
            return error(text, span);
        };
        let divides = matches!(op, "div" | "rem") && matches!(ty, Type::Int { .. });
        if divides && b.constant == Some(Constant::Int(0)) {
            return error("division by zero", span);
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
            (x, y) => match common(a, b).or(join(x, y)) {
                Some(ty) => ty,
                None => return error(format!("{x} and {y} cannot be compared"), span),
            },
        };
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

    fn function(&mut self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
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

    fn case(
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
fn holds(ty: Type, constant: Constant) -> bool {
    match (ty, constant) {
        (Type::Int { bits, signed }, Constant::Int(i)) => {
            let room = 1i128 << (bits - u8::from(signed));
            i < room && i >= if signed { -room } else { 0 }
        }
        (Type::Float { .. }, _) => true,
        _ => false,
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

/// Whether an expression is made of constants alone.
pub(crate) fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Attr(_) => false,
        ExprKind::Literal(_) => true,
        ExprKind::Unary(_, a) => is_constant(a),
        ExprKind::Binary(_, a, b) => is_constant(a) && is_constant(b),
        ExprKind::Call(_, args) => args.iter().all(is_constant),
        ExprKind::Case(..) => false,
    }
}

/// The attributes of an expression.
pub(crate) fn attributes<'e>(expr: &'e Expr, out: &mut Vec<&'e str>) {
    match &expr.kind {
        ExprKind::Attr(name) => out.push(name),
        ExprKind::Literal(_) => {}
        ExprKind::Unary(_, a) => attributes(a, out),
        ExprKind::Binary(_, a, b) => {
            attributes(a, out);
            attributes(b, out);
        }
        ExprKind::Call(_, args) => args.iter().for_each(|a| attributes(a, out)),
        ExprKind::Case(pairs, last) => {
            for (condition, value) in pairs {
                attributes(condition, out);
                attributes(value, out);
            }
            attributes(last, out);
        }
    }
}
