//! `Schema::create()->addField(...)` (spec/nes-query-language.md §8).

use plan::{Diagnostic, Span};

use super::{Parsed, Parser};
use crate::schema::{Field, Schema, bare};
use crate::types::Type;

/// Most fields of a schema.
pub(crate) const FIELDS_MAX: usize = 4096;

/// Reads the text of a schema. Qualifiers of names are dropped.
///
/// # Errors
/// The first place that does not fit the grammar, a type that does not exist, or a field twice.
pub fn parse_schema(text: &str) -> Result<Schema, Diagnostic> {
    let mut parser = Parser::new(text)?;
    let schema = parser.schema()?;
    parser.sign_if(";");
    parser.end()?;
    Ok(schema)
}

impl Parser {
    fn schema(&mut self) -> Parsed<Schema> {
        self.word("Schema")?;
        self.sign("::")?;
        self.word("create")?;
        self.sign("(")?;
        // The memory layout, which is ours to choose.
        while !self.sign_if(")") {
            if self.sign_if("::") {
                continue;
            }
            self.any_word("a memory layout or ')'")?;
        }
        let mut schema = Schema::default();
        while self.sign_if("->") {
            let span = self.span();
            self.word("addField")?;
            self.sign("(")?;
            let field = self.field()?;
            self.sign(")")?;
            if schema.fields.iter().any(|f| f.name == field.name) {
                let text = format!("field {} is there twice", field.name);
                return Err(Diagnostic::error("schema", text, span));
            }
            if schema.fields.len() >= FIELDS_MAX {
                let text = format!("a schema has at most {FIELDS_MAX} fields");
                return Err(Diagnostic::error("schema", text, span));
            }
            schema.fields.push(field);
        }
        Ok(schema)
    }

    fn field(&mut self) -> Parsed<Field> {
        let made = self.word_if("createField");
        if made {
            self.sign("(")?;
        }
        let name = self.text()?;
        self.sign(",")?;
        let ty = self.field_type()?;
        if made {
            self.sign(")")?;
        }
        Ok(Field::new(bare(&name), ty))
    }

    /// `BasicType::UINT64`, the same without its family, or a call such as
    /// `DataTypeFactory::createText()`.
    pub(crate) fn field_type(&mut self) -> Parsed<Type> {
        let span = self.span();
        let family = self.any_word("a type")?;
        let named = |name: &str| Type::named(name).ok_or_else(|| unknown_type(name, span));
        if !self.sign_if("::") {
            return named(&family);
        }
        let name = self.any_word("a type")?;
        match family.as_str() {
            "BasicType" => named(&name),
            "DataTypeFactory" => self.nested(|p| p.made_type(&name, span)),
            _ => Err(unknown_type(&family, span)),
        }
    }

    /// What a call of the factory of types makes.
    fn made_type(&mut self, name: &str, span: Span) -> Parsed<Type> {
        self.sign("(")?;
        let ty = match name {
            "createFixedChar" => Type::FixedChar(self.width()?),
            "createArray" => {
                let width = self.width()?;
                self.sign(",")?;
                let of = self.field_type()?;
                if of != Type::Char {
                    let text = format!("an array of {of} is not supported, only one of Char");
                    return Err(Diagnostic::error("unsupported", text, span));
                }
                Type::FixedChar(width)
            }
            "createType" => self.field_type()?,
            "createDouble" => Type::Float { bits: 64 },
            _ => {
                let short = name.strip_prefix("create").unwrap_or_default();
                Type::named(short).ok_or_else(|| unknown_type(name, span))?
            }
        };
        self.sign(")")?;
        Ok(ty)
    }

    /// The number of characters of an array of them.
    fn width(&mut self) -> Parsed<u32> {
        let span = self.span();
        let len = self.int()?;
        let wrong = || {
            let text = format!("an array has at most {} items", u32::MAX);
            Diagnostic::error("schema", text, span)
        };
        u32::try_from(len).map_err(|_| wrong())
    }
}

fn unknown_type(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("unknown-type", format!("there is no type '{name}'"), span)
}
