//! Settings, schemas, and sources and sinks by their type.

use plan::serde_json::json;
use plan::{Diagnostic, Json};

use super::super::ast::Component;
use super::super::names::plain;
use super::super::settings::{Settings, insert};
use super::{Parsed, Parser, Token};
use crate::schema::{Field, Schema};

impl Parser {
    /// `type "(" settings ")"`, of a source or sink of one query.
    pub(super) fn component(&mut self) -> Parsed<Component> {
        let span = self.span();
        let kind = self.any_word("a type")?;
        let settings = self.settings()?;
        Ok(Component { kind, settings, span })
    }

    /// `TYPE type [SET "(" settings ")"]`.
    pub(super) fn typed_component(&mut self) -> Parsed<Component> {
        self.word("TYPE")?;
        let span = self.span();
        let kind = self.any_word("a type")?;
        let settings = if self.word_if("SET") { self.settings()? } else { Settings::default() };
        Ok(Component { kind, settings, span })
    }

    /// `"(" [ value AS scope "." key { "," ... } ] ")"`.
    fn settings(&mut self) -> Parsed<Settings> {
        let mut settings = Settings::default();
        self.sign("(")?;
        if self.sign_if(")") {
            return Ok(settings);
        }
        loop {
            let span = self.span();
            let schema = if self.word_if("SCHEMA") { Some(self.schema()?) } else { None };
            let value = if schema.is_some() { Json::Null } else { self.value()? };
            self.word("AS")?;
            let mut key = self.key()?;
            while self.sign_if(".") {
                key = format!("{key}.{}", self.key()?);
            }
            match schema {
                Some(schema) if key == "SOURCE.SCHEMA" || key == "SINK.SCHEMA" => {
                    settings.schema = Some(schema);
                }
                Some(_) => {
                    let text = format!("{key} is no schema");
                    return Err(Diagnostic::error("syntax", text, span));
                }
                None => insert(&mut settings, key, value, span)?,
            }
            if !self.sign_if(",") {
                break;
            }
        }
        self.sign(")")?;
        Ok(settings)
    }

    /// A part of a key in upper case; there may be quotes of any kind around it.
    fn key(&mut self) -> Parsed<String> {
        let key = match self.peek() {
            Token::Word(word) => word.clone(),
            Token::Quoted(name) | Token::Text(name) => name.to_ascii_uppercase(),
            _ => return self.error("a key such as `SOURCE`.FILE_PATH"),
        };
        self.next();
        Ok(key)
    }

    fn value(&mut self) -> Parsed<Json> {
        let negative = self.sign_if("-");
        let value = match self.peek() {
            Token::Text(text) if !negative => json!(text),
            Token::Word(word) if !negative && (word == "TRUE" || word == "FALSE") => {
                json!(word == "TRUE")
            }
            Token::Int(value) => match i64::try_from(*value) {
                Ok(value) if negative => json!(-value),
                _ if negative => return self.error("a smaller number"),
                _ => json!(value),
            },
            Token::Float(value) => json!(if negative { -value } else { *value }),
            _ => return self.error("a value"),
        };
        self.next();
        Ok(value)
    }

    /// `"(" column { "," column } ")"`, where a column is `name TYPE [NOT NULL]`.
    pub(super) fn schema(&mut self) -> Parsed<Schema> {
        self.sign("(")?;
        let mut schema = Schema::default();
        loop {
            let name = self.qualified("a column")?;
            let ty = self.data_type()?;
            let nullable = !self.word_if("NOT");
            if !nullable {
                self.word("NULL")?;
            }
            let field = Field { name: plain(&name.name), ty, nullable };
            if schema.fields.iter().any(|f| f.name == field.name) {
                let text = format!("there are two fields {}", field.name);
                return Err(Diagnostic::error("field-exists", text, name.span));
            }
            schema.fields.push(field);
            if !self.sign_if(",") {
                break;
            }
        }
        self.sign(")")?;
        Ok(schema)
    }
}
