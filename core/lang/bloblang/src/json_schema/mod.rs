//! JSON Schema of drafts 4, 6 and 7, for `json_schema` (spec/bloblang.md §11).
//!
//! A schema is compiled into a table of rules that name each other by position, so that schemas
//! may contain themselves. References reach what stands in the schema itself, in files, and at
//! addresses of the web, which the services fetch.

mod check;
mod compile;
mod decimal;
mod format;
mod lang;
mod pool;
mod reference;

use formats::json;
use formats::value::{Text, Value};
use plan::Services;
use regex::bytes::Regex;

use decimal::Decimal;

pub use lang::{SCHEMAS, Schemas};

/// Rules that a schema may have.
const RULES_MAX: usize = 100_000;
/// Levels that compiling and checking go down: rules that refer to each other in a circle end
/// here.
const DEPTH_MAX: usize = 500;
/// Rules that are applied to one value and all within.
const CHECKS_MAX: usize = 10_000_000;

/// A compiled schema.
pub(crate) struct Schema {
    rules: Vec<Rule>,
}

/// Place of a rule in its schema.
type At = usize;

/// Names of the types, and whether they were limited at all.
type Types = Vec<&'static str>;

/// One schema object. What is left out allows everything.
#[derive(Default)]
struct Rule {
    /// A schema that is just `true` or `false`.
    fixed: Option<bool>,
    /// Another rule that stands for all of this.
    reference: Option<At>,
    types: Types,
    constant: Option<String>,
    choices: Vec<String>,
    number: NumberRule,
    text: TextRule,
    format: Option<String>,
    array: ArrayRule,
    object: ObjectRule,
    any_of: Vec<At>,
    one_of: Vec<At>,
    all_of: Vec<At>,
    not: Option<At>,
    when: Option<At>,
    then: Option<At>,
    otherwise: Option<At>,
}

#[derive(Default)]
struct NumberRule {
    multiple_of: Option<Decimal>,
    min: Option<Decimal>,
    above: Option<Decimal>,
    max: Option<Decimal>,
    below: Option<Decimal>,
}

#[derive(Default)]
struct TextRule {
    len_min: Option<usize>,
    len_max: Option<usize>,
    pattern: Option<(String, Regex)>,
}

/// What becomes of what no other rule names.
#[derive(Clone, Copy, Default)]
enum Rest {
    #[default]
    Any,
    No,
    Checked(At),
}

#[derive(Default)]
struct ArrayRule {
    /// The rule of every item.
    each: Option<At>,
    /// The rules of the first items.
    first: Vec<At>,
    rest: Rest,
    len_min: Option<usize>,
    len_max: Option<usize>,
    unique: bool,
    contains: Option<At>,
}

#[derive(Default)]
struct ObjectRule {
    members: Vec<(Text, At)>,
    patterns: Vec<(Regex, At)>,
    rest: Rest,
    names: Option<At>,
    required: Vec<Text>,
    len_min: Option<usize>,
    len_max: Option<usize>,
    needs: Vec<(Text, Needs)>,
}

/// What a member asks for when it is there.
enum Needs {
    Members(Vec<Text>),
    Rule(At),
}

impl Schema {
    /// Reads a schema, and the files that it refers to.
    ///
    /// # Errors
    /// It is no JSON or no schema, or leads to nothing.
    pub(crate) fn parse(text: &[u8], services: &dyn Services) -> Result<Schema, String> {
        let (document, _) = json::parse_prefix(text).map_err(|e| e.to_string())?;
        compile::compile(&document, services).map(|rules| Schema { rules })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// All that is wrong with it, one a line.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        check::check(&self.rules, value)
    }
}

/// The form in which values are compared: numbers by their size, not by their digits.
fn form(value: &Value) -> Option<String> {
    let mut out = Vec::new();
    json::write_value(&mut out, value).ok()?;
    let plain = json::parse_floats(&out).ok()?;
    out.clear();
    let options = json::WriteOptions { escape_html: true, ..json::WriteOptions::default() };
    json::write_value_with(&mut out, &plain, options).ok()?;
    String::from_utf8(out).ok()
}

/// Name of a value's type in schemas.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::String(_) | Value::Bytes(_) | Value::Timestamp(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        number => match Decimal::of(number) {
            Some(number) if number.is_whole() => "integer",
            _ => "number",
        },
    }
}

#[cfg(test)]
mod tests;
