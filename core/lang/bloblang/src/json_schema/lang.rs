//! JSON schemas as a language of conditions: the program is a schema, and it holds for a message
//! whose document the schema allows.

use std::rc::Rc;

use formats::json;
use formats::value::Value;
use plan::{
    Batch, Body, Class, Code, Diagnostic, Expr, Fault, Form, Language, OperatorError, Services,
    Session, Span,
};

use super::Schema;

/// Name under which plans refer to the language.
const NAME: &str = "json_schema";

/// The language.
pub struct Schemas;

/// The language, for registries.
pub static SCHEMAS: Schemas = Schemas;

impl Language for Schemas {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(
        &self,
        _: Option<&Code>,
        services: Rc<dyn Services>,
    ) -> Result<Box<dyn Session>, Vec<Diagnostic>> {
        Ok(Box::new(Reading { services }))
    }
}

/// Compiles schemas, with what reads the files that they refer to.
struct Reading {
    services: Rc<dyn Services>,
}

impl Session for Reading {
    fn compile(&self, code: &Code, _: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        match Schema::parse(code.text.as_bytes(), &*self.services) {
            Ok(schema) => Ok(Box::new(Condition { schema })),
            Err(text) => Err(vec![Diagnostic::error(NAME, text, Span::default())]),
        }
    }
}

struct Condition {
    schema: Schema,
}

impl Condition {
    fn holds(&self, batch: &plan::Records, index: usize) -> Result<(), String> {
        let value: Value = match batch.recs.get(index).map(|rec| &rec.body) {
            Some(Body::Doc(value)) => Value::clone(value),
            _ => {
                let mut scratch = Vec::new();
                json::parse(batch.bytes(index, &mut scratch)).map_err(|e| e.to_string())?
            }
        };
        self.schema.check(&value)
    }
}

impl Expr for Condition {
    fn class(&self) -> Class {
        Class::Stateless
    }

    /// A message for which it does not hold has a fault that says why.
    fn test(
        &mut self,
        batch: &Batch,
        mask: &mut Vec<Result<bool, Fault>>,
    ) -> Result<(), OperatorError> {
        let records = batch.as_records();
        let records = records.ok_or_else(|| OperatorError::new("a schema is for messages only"))?;
        mask.extend(
            (0..records.recs.len())
                .map(|index| self.holds(records, index).map(|()| true).map_err(Fault::new)),
        );
        Ok(())
    }
}
