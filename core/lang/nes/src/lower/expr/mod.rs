//! Expressions to steps over columns, with every conversion written out
//! (spec/nes-query-language.md §4).

mod arithmetic;
mod calls;
pub(crate) mod functions;
mod nulls;

use plan::serde_json::json;
use plan::{DataType, Diagnostic, Json, Span};

use super::stream::{Column, Rules, Stream};
use crate::ast::{Expr, ExprKind, Literal};
use crate::types::Type;

/// Where names are looked up.
pub(crate) enum Scope<'a> {
    /// In one stream.
    One(&'a Stream),
    /// In the left and the right input of a join.
    Both(&'a Stream, &'a Stream),
}

impl Scope<'_> {
    fn rules(&self) -> Rules {
        match self {
            Scope::One(stream) | Scope::Both(stream, _) => stream.rules,
        }
    }

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
    /// The step that says where there is no value; none when there always is one.
    null: Option<usize>,
}

/// A number known before any tuple comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Constant {
    Int(i128),
    Float(f64),
}

/// Steps in the form that operators over columns take.
#[derive(Clone)]
pub(crate) struct Program {
    steps: Vec<Json>,
    columns: Vec<String>,
    rules: Rules,
}

fn error<T>(text: impl Into<String>, span: Span) -> Result<T, Diagnostic> {
    Err(Diagnostic::error("type", text, span))
}

/// Compiles an expression. The last step is its value.
pub(crate) fn compile(expr: &Expr, scope: &Scope) -> Result<(Program, Type), Diagnostic> {
    let mut program = Program::new(scope.rules());
    let value = program.expr(expr, scope, false)?;
    program.finish(&value);
    Ok((program, value.ty))
}

/// Compiles an expression, and where it may have no value, also the boolean that says so.
pub(crate) fn compile_parts(
    expr: &Expr,
    scope: &Scope,
) -> Result<(Program, Type, Option<Program>), Diagnostic> {
    let mut program = Program::new(scope.rules());
    let value = program.expr(expr, scope, false)?;
    let null = value.null.map(|at| {
        let mut program = program.clone();
        program.finish(&Value { at, ty: Type::Boolean, constant: None, null: None });
        program
    });
    program.finish(&value);
    Ok((program, value.ty, null))
}

/// Compiles an expression that replaces a field of a type. A number keeps that type where it has
/// this very number.
pub(crate) fn compile_over(
    expr: &Expr,
    scope: &Scope,
    ty: Type,
) -> Result<(Program, Type), Diagnostic> {
    let mut program = Program::new(scope.rules());
    let mut value = program.expr(expr, scope, false)?;
    if value.constant.is_some_and(|constant| calls::is_exact(ty, constant)) {
        value = program.cast(&value, ty);
    }
    program.finish(&value);
    Ok((program, value.ty))
}

/// Whether one field is less than another of its type.
pub(crate) fn less(a: &Column, b: &Column, rules: Rules) -> Program {
    let mut program = Program::new(rules);
    let (a, b) = (program.field(a), program.field(b));
    program.call("lt", a.ty, &[&a, &b], Type::Boolean);
    program
}

/// Compiles an expression to a type.
pub(crate) fn compile_as(expr: &Expr, scope: &Scope, ty: Type) -> Result<Program, Diagnostic> {
    let mut program = Program::new(scope.rules());
    let value = program.expr(expr, scope, false)?;
    let value = program.cast(&value, ty);
    program.finish(&value);
    Ok(program)
}

/// Compiles a condition. What has no value does not hold.
pub(crate) fn condition(expr: &Expr, scope: &Scope) -> Result<Program, Diagnostic> {
    let mut program = Program::new(scope.rules());
    let value = program.expr(expr, scope, false)?;
    if value.ty != Type::Boolean {
        let ty = program.shown(value.ty);
        return error(format!("a condition must be of type Boolean and not {ty}"), expr.span);
    }
    let holds = program.definite(&value);
    program.finish(&holds);
    Ok(program)
}

impl Program {
    /// No steps yet.
    fn new(rules: Rules) -> Self {
        Program { steps: Vec::new(), columns: Vec::new(), rules }
    }

    /// A type as errors show it.
    fn shown(&self, ty: Type) -> String {
        match self.rules {
            Rules::Dsl => ty.to_string(),
            Rules::Sql => ty.sql_name(),
        }
    }

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
        Value { at: self.steps.len() - 1, ty, constant: None, null: None }
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
                Ok(self.field(&column))
            }
            ExprKind::Literal(literal) => Ok(self.literal(literal)),
            ExprKind::Unary(sign, a) => {
                let a = self.expr(a, scope, right)?;
                let value = self.unary(sign, &a, e.span)?;
                Ok(self.with_nulls_of(value, &[&a]))
            }
            ExprKind::Binary(sign, a, b) => self.operation(sign, (a, b), scope, right, e.span),
            ExprKind::Call(name, args) => {
                let args: Result<Vec<Value>, _> =
                    args.iter().map(|a| self.expr(a, scope, right)).collect();
                let args = args?;
                let value = self.function(name, &args, e.span)?;
                Ok(self.with_nulls_of(value, &args.iter().collect::<Vec<_>>()))
            }
            ExprKind::Case(pairs, last) => self.case(pairs, last, scope, right, e.span),
            ExprKind::Cast(ty, a) => {
                let a = self.expr(a, scope, right)?;
                let value = self.convert(&a, *ty, e.span)?;
                Ok(self.with_nulls_of(value, &[&a]))
            }
            ExprKind::IsNull(a) => {
                let a = self.expr(a, scope, right)?;
                Ok(self.is_null(&a))
            }
        }
    }

    /// What a sign makes of two operands.
    fn operation(
        &mut self,
        sign: &str,
        (left, second): (&Expr, &Expr),
        scope: &Scope,
        right: bool,
        span: Span,
    ) -> Result<Value, Diagnostic> {
        let mut a = self.expr(left, scope, right)?;
        let compares = matches!(sign, "==" | "!=" | "<" | "<=" | ">" | ">=");
        let mut b = self.expr(second, scope, right || compares)?;
        if compares {
            a = self.beside(left, a, b.ty);
            b = self.beside(second, b, a.ty);
        }
        let logic = matches!(sign, "&&" | "||");
        if logic && (a.null.is_some() || b.null.is_some()) {
            return self.junction(sign, &a, &b, span);
        }
        let divisor = self.divisor(sign, &b);
        let value = self.binary(sign, &a, &divisor, span)?;
        Ok(self.with_nulls_of(value, &[&a, &b]))
    }

    /// A value as it is compared with one of another type: a text of one character is one beside
    /// a CHAR. In SQL, constants say their types.
    fn beside(&mut self, expr: &Expr, value: Value, other: Type) -> Value {
        match &expr.kind {
            ExprKind::Literal(Literal::Text(text))
                if other == Type::Char && self.rules == Rules::Dsl =>
            {
                let code = crate::lex::one_char(text);
                code.map_or(value, |code| self.literal(&Literal::Char(code)))
            }
            _ => value,
        }
    }

    /// The value of a field.
    fn field(&mut self, column: &Column) -> Value {
        for name in column.columns() {
            if !self.columns.contains(name) {
                self.columns.push(name.clone());
            }
        }
        let null = column.null.as_ref();
        let null = null.map(|flag| self.push(json!({"col": flag}), Type::Boolean).at);
        let value = self.push(json!({"col": column.column}), column.ty);
        Value { null, ..value }
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
            Literal::Char(code) => {
                self.push(json!({"value": code, "type": DataType::Char}), Type::Char)
            }
        }
    }
}

/// The attributes of an expression.
pub(crate) fn attributes<'e>(expr: &'e Expr, out: &mut Vec<&'e str>) {
    match &expr.kind {
        ExprKind::Attr(name) => out.push(name),
        ExprKind::Literal(_) => {}
        ExprKind::Unary(_, a) | ExprKind::Cast(_, a) | ExprKind::IsNull(a) => attributes(a, out),
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
