//! Templates: components that users make from other components.
//!
//! A template has fields like any component and a mapping from their values to the configuration
//! of the component it stands for. It is read here, and the catalog then knows it by its name.

mod check;
mod field;
mod render;

use std::sync::{Arc, LazyLock};

use plan::serde_json::json;
use plan::{Code, Form, Json};

use crate::catalog::{Catalog, Kind, RESOURCE_KINDS};
use crate::check::LANGUAGE;
use crate::lint::{Lint, Linter};
use crate::schema::View;
use crate::yaml::{self, Item, Node};

pub use check::Mismatch;
use field::Field;
pub(crate) use render::EXPANSIONS_MAX;

/// Most templates that may be known at a time.
pub const TEMPLATES_MAX: usize = 10_000;

/// Why a text is no template, or a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TemplateError {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong.
    pub text: String,
}

impl TemplateError {
    fn at(node: &Node, text: impl Into<String>) -> Self {
        TemplateError { line: node.line.max(1), column: node.column.max(1), text: text.into() }
    }
}

/// A component that stands for another one.
#[derive(Clone, Debug)]
pub struct Template {
    /// Name under which configurations use it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    fields: Vec<Field>,
    pub(crate) mapping: String,
    /// A mapping of the names of its metrics; empty for none.
    metrics: String,
    /// What is promised about it; empty for nothing.
    status: String,
    tests: Vec<Case>,
}

/// A test of a template.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    label: String,
    line: u32,
    column: u32,
    config: Arc<Node>,
    expected: Option<Arc<Node>>,
}

/// What was read of a template's file.
pub struct TemplateDoc {
    /// Complaints.
    pub lints: Vec<Lint>,
    /// The template, or why there is none.
    pub template: Result<Template, TemplateError>,
}

/// Reads a template. Variables in it are not filled in.
#[must_use]
pub fn parse_template(catalog: &Catalog, text: &str) -> TemplateDoc {
    let node = match yaml::load(text) {
        Ok(node) => node,
        Err(e) => {
            let (line, column) = (e.line.max(1), e.column.max(1));
            let error = TemplateError { line, column, text: e.to_string() };
            return TemplateDoc { lints: Vec::new(), template: Err(error) };
        }
    };
    let mut linter = Linter::new(catalog);
    let item = Item { node: Arc::new(node), alias: false };
    linter.field(View::of(&SCHEMA), &item);
    TemplateDoc { lints: linter.finish(), template: read(catalog, &item.node) }
}

/// The form of a template's file.
static SCHEMA: LazyLock<Json> = LazyLock::new(|| {
    let kinds = RESOURCE_KINDS.map(Kind::name);
    json!({"type": "object", "required": ["name", "type", "fields", "mapping"], "properties": {
        "name": {"type": "string"},
        "type": {"enum": kinds},
        "status": {"enum": ["stable", "beta", "experimental", "deprecated"]},
        "categories": {"type": "array", "items": {"type": "string"}},
        "summary": {"type": "string"},
        "description": {"type": "string"},
        "fields": {"type": "array", "items": {"type": "object", "required": ["name", "type"],
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "type": {"enum": field::TYPES},
                "kind": {"enum": field::KINDS},
                "default": {},
                "advanced": {"type": "boolean"},
                "options": {}}}},
        "mapping": {"x-kind": "mapping"},
        "metrics_mapping": {"x-kind": "mapping"},
        "tests": {"type": "array", "items": {"type": "object", "required": ["name", "config"],
            "properties": {
                "name": {"type": "string"},
                "label": {"type": "string"},
                "config": {},
                "expected": {}}}}}})
});

/// The text of a single value; empty when there is none.
fn text(node: &Node, key: &str) -> String {
    let scalar = node.get(key).filter(|value| !value.is_null());
    scalar.and_then(|value| value.scalar()).map_or_else(String::new, |s| s.text.clone())
}

fn read(catalog: &Catalog, node: &Node) -> Result<Template, TemplateError> {
    let fail = |text: String| Err(TemplateError::at(node, text));
    if node.entries().is_none() {
        return fail(format!("expected object value, got {}", node.tag()));
    }
    let listed = node.get("fields").filter(|fields| !fields.is_null());
    let mut fields = Vec::new();
    if let Some(list) = listed {
        let Some(items) = list.items() else {
            return Err(TemplateError::at(list, "field 'fields': expected array value"));
        };
        for (at, item) in items.iter().enumerate() {
            let field = Field::read(&item.node).map_err(|text| {
                let text = format!("field {at}: {text}");
                TemplateError::at(&item.node, text)
            })?;
            fields.push(field);
        }
    }
    let mapping = text(node, "mapping");
    check_code(catalog, node, "mapping", &mapping)?;
    let metrics = text(node, "metrics_mapping");
    if !metrics.is_empty() {
        check_code(catalog, node, "metrics_mapping", &metrics)?;
    }
    let (word, name) = (text(node, "type"), text(node, "name"));
    let Some(kind) = RESOURCE_KINDS.into_iter().find(|kind| kind.name() == word) else {
        return fail(format!("unable to register template for component type {word}"));
    };
    if !is_name(&name) {
        let text = format!(
            "component name '{name}' does not match the required regular expression \
             /^[a-z0-9]+(_[a-z0-9]+)*$/"
        );
        return fail(text);
    }
    let status = text(node, "status");
    Ok(Template { name, kind, fields, mapping, metrics, status, tests: cases(node) })
}

/// Whether a name consists of words of small letters and digits with single underscores between.
fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    name.split('_').all(word)
}

fn check_code(catalog: &Catalog, node: &Node, key: &str, code: &str) -> Result<(), TemplateError> {
    let Some(found) = catalog.checker().check(code, Form::Mapping) else { return Ok(()) };
    let (line, column) = (found.span.line.max(1), found.span.column.max(1));
    let source = code.split('\n').nth(line as usize - 1).unwrap_or_default();
    let gutter = " ".repeat(line.to_string().len());
    let lead = " ".repeat(column as usize - 1);
    let text = format!(
        "parse {}: line {line} char {column}: {}\n{gutter} |\n{line} | {source}\n{gutter} | \
         {lead}^---",
        key.replace('_', " "),
        found.message
    );
    let place = node.get(key).map_or(node, |value| value);
    let literal = place.scalar().is_some_and(|scalar| scalar.literal);
    let line = place.line.max(1) + line - 1 + u32::from(literal);
    Err(TemplateError { line, column, text })
}

fn cases(node: &Node) -> Vec<Case> {
    let list = node.get("tests").and_then(|tests| tests.items()).unwrap_or_default();
    let case = |item: &Item| Case {
        name: text(&item.node, "name"),
        label: text(&item.node, "label"),
        line: item.node.line,
        column: item.node.column,
        config: item.node.get("config").cloned().unwrap_or_else(|| Arc::new(Node::nothing())),
        expected: item.node.get("expected").cloned(),
    };
    list.iter().map(case).collect()
}

impl Template {
    /// The schema of its configuration, by which uses of it are linted.
    #[must_use]
    pub fn schema(&self) -> Json {
        let properties: plan::serde_json::Map<String, Json> =
            self.fields.iter().map(|field| (field.name.clone(), field.schema())).collect();
        let wanted = self.fields.iter().filter(|field| field.default.is_none());
        let required: Vec<&str> = wanted.map(|field| field.name.as_str()).collect();
        json!({"type": "object", "properties": properties, "required": required,
            "deprecated": self.status == "deprecated", "status": self.status})
    }
}

impl Template {
    /// What the metrics of a use with this label are called, if it says so.
    pub(crate) fn metrics_of(&self, label: &str) -> Option<Code> {
        // The label is there as a variable, besides the one that a metric has.
        let label = Json::from(label);
        let text = format!("let label = {label}\n{}", self.metrics);
        let code = Code { lang: LANGUAGE.to_owned(), text, slot: None };
        Some(code).filter(|_| !self.metrics.is_empty())
    }
}

#[cfg(test)]
mod tests;
