//! Complaints about a component: its name, label, foreign keys, and its configuration.

use crate::catalog::Kind;
use crate::infer::{config_of, infer, is_reserved, label_of};
use crate::lint::{Linter, rules};
use crate::schema::View;
use crate::yaml::{Item, Node};

impl Linter<'_> {
    /// Lints a component unless it stands there by an alias.
    pub(crate) fn component(&mut self, kind: Kind, item: &Item) {
        if !item.alias {
            self.component_node(kind, &item.node);
        }
    }

    pub(crate) fn component_node(&mut self, kind: Kind, node: &Node) {
        let Some(entries) = node.entries() else {
            let text = format!("expected object value, got {}", node.tag());
            return self.complain(node.line, text);
        };
        if entries.is_empty() {
            return;
        }
        let name = match infer(self.catalog, kind, node) {
            Ok(name) => name,
            Err(_) => {
                let keys: Vec<&str> = match node.get("type").and_then(|t| t.scalar()) {
                    Some(explicit) => vec![explicit.text.as_str()],
                    None => entries
                        .iter()
                        .map(|entry| &*entry.key)
                        .filter(|key| !is_reserved(kind, key))
                        .collect(),
                };
                let text = format!("unable to infer component type: {}", keys.join(", "));
                return self.complain(node.line, text);
            }
        };
        let catalog = self.catalog;
        let Some(schema) = catalog.schema(kind, &name) else { return };
        let view = View::of(schema);
        if self.deprecated && view.deprecated() {
            self.complain(node.line, format!("component {name} is deprecated"));
        }
        let unlabelled = || label_of(node).is_empty() && name != "resource";
        if self.labelled && kind.has_label() && unlabelled() {
            self.complain(node.line, format!("label is required for {name}"));
        }
        for entry in entries {
            match &*entry.key {
                "type" => {}
                "mapping" if kind == Kind::Metrics => self.mapping(&entry.value),
                "label" if kind.has_label() => self.label(&name, &entry.value.node),
                "processors" if kind.has_processors() => {
                    self.components(Kind::Processor, &entry.value);
                }
                key if key == name => self.field(view, &entry.value),
                key => {
                    let word = kind.name();
                    let text = format!(
                        "field {key} is invalid when the component type is {name} ({word})"
                    );
                    self.complain(entry.line, text);
                }
            }
        }
        if let Some(config) = config_of(node, &name) {
            self.lints.extend(rules::check(kind, &name, config));
        }
    }

    /// A list of components.
    pub(crate) fn components(&mut self, kind: Kind, item: &Item) {
        if item.alias {
            return;
        }
        match item.node.items() {
            Some(items) => items.iter().for_each(|item| self.component(kind, item)),
            None => self.complain(item.node.line, "expected array value"),
        }
    }

    fn label(&mut self, name: &str, node: &Node) {
        let Some(scalar) = node.scalar() else {
            return self.complain(node.line, "expected string value");
        };
        let label = scalar.text.as_str();
        if label.is_empty() {
            return;
        }
        if name == "resource" {
            let text = "label field should be omitted when pointing to a resource";
            return self.complain(node.line, text);
        }
        if !is_label(label) {
            let text = format!(
                "invalid label '{label}': should match the regular expression \
                 /^[a-z0-9_\\-]+$/ and must not start with an underscore"
            );
            return self.complain(node.line, text);
        }
        match self.labels.get(label) {
            Some(line) => {
                let text = format!(
                    "label '{label}' collides with a previously defined label at line {line}"
                );
                self.complain(node.line, text);
            }
            None => {
                self.labels.insert(label.to_owned(), node.line);
            }
        }
    }
}

/// Whether a label has the form that is allowed.
pub(crate) fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !label.is_empty() && !label.starts_with('_') && label.bytes().all(allowed)
}
