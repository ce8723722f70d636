//! Complaints about a field: whether it has the form that its schema wants.

use plan::Form;

use crate::lint::{Lint, Linter};
use crate::schema::{CodeKind, Fields, Shape, View};
use crate::yaml::{Data, Item, Node};

impl Linter<'_> {
    /// Lints the value of a field unless it stands there by an alias.
    pub(crate) fn field(&mut self, view: View<'_>, item: &Item) {
        if item.alias {
            return;
        }
        let node = &*item.node;
        match view.shape() {
            Shape::Any => {}
            Shape::Text(options) => self.option(&options, node),
            Shape::Int => _ = self.single("int", node),
            Shape::Float => _ = self.single("float", node),
            Shape::Bool => _ = self.single("bool", node),
            Shape::Label(_) => _ = self.single("string", node),
            Shape::Code(kind) => self.code(kind, node),
            Shape::Component(kind) => self.component_node(kind, node),
            Shape::List(inner) => match node.items() {
                Some(items) => items.iter().for_each(|item| self.field(inner, item)),
                None if view.nullable() && node.is_null() => {}
                None => self.complain(node.line, "expected array value"),
            },
            Shape::Map(inner) => match node.entries() {
                Some(entries) => entries.iter().for_each(|e| self.field(inner, &e.value)),
                None if view.nullable() && node.is_null() => {}
                None => self.no_object(node),
            },
            Shape::Object(fields) => match node.entries() {
                Some(_) => self.object(fields, node),
                None if node.is_null() && (fields.is_empty() || view.nullable()) => {}
                None => self.no_object(node),
            },
        }
    }

    /// Lints a mapping that stands beside a component.
    pub(crate) fn mapping(&mut self, item: &Item) {
        self.code(CodeKind::Mapping, &item.node);
    }

    fn no_object(&mut self, node: &Node) {
        self.complain(node.line, format!("expected object value, got {}", node.tag()));
    }

    /// Lints the fields of an object. One that has none, such as that of `drop`, takes anything.
    pub(crate) fn object(&mut self, fields: Fields<'_>, node: &Node) {
        if fields.is_empty() {
            return;
        }
        for entry in node.entries().unwrap_or_default() {
            match fields.get(&entry.key) {
                Some(view) => {
                    if self.deprecated && view.deprecated() {
                        self.complain(entry.line, format!("field {} is deprecated", entry.key));
                    }
                    self.field(view, &entry.value);
                }
                None => self.complain(entry.line, format!("field {} not recognised", entry.key)),
            }
        }
        for (name, view) in fields.iter() {
            if fields.wants(name, view) && node.get(name).is_none() {
                self.complain(node.line, format!("field {name} is required"));
            }
        }
    }

    /// Only a list or mapping in the place of a single value is found here; a single value of the
    /// wrong type is an error of the component.
    fn single(&mut self, wanted: &str, node: &Node) -> bool {
        let single = matches!(node.data, Data::Scalar(_));
        if !single {
            self.complain(node.line, format!("expected {wanted} value"));
        }
        single
    }

    fn option(&mut self, options: &[&str], node: &Node) {
        if !self.single("string", node) || options.is_empty() {
            return;
        }
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else { return };
        if !options.contains(&scalar.text.as_str()) {
            let text = format!("value {} is not a valid option for this field", scalar.text);
            self.complain(node.line, text);
        }
    }

    fn code(&mut self, kind: CodeKind, node: &Node) {
        if !self.single("string", node) {
            return;
        }
        let Some(scalar) = node.scalar().filter(|scalar| !scalar.text.is_empty()) else { return };
        let form = match kind {
            CodeKind::Mapping => Form::Mapping,
            CodeKind::Query => Form::Query,
            CodeKind::Text => Form::Text,
        };
        if let Some(found) = self.checker.check(&scalar.text, form) {
            // The text of a block begins on the line below its sign.
            let line = node.line + found.span.line.max(1) - 1 + u32::from(scalar.literal);
            let column = node.column + found.span.column;
            let before = if scalar.literal { 0 } else { node.column.max(1) - 1 };
            let caret = before + scalar.lead + found.span.column;
            self.push(Lint { line, column, text: found.message, caret });
        }
    }
}
