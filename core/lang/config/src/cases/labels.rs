//! Where the components with labels stand in a document.

use std::collections::HashMap;

use crate::catalog::{Catalog, Kind};
use crate::infer::infer;
use crate::lint::root_resource_kind;
use crate::schema::{Shape, View};
use crate::yaml::Node;

/// The paths of all labelled components of a document.
pub(super) fn paths(catalog: &Catalog, root: &Node) -> HashMap<String, Vec<String>> {
    let mut walk = Walk { catalog, path: Vec::new(), found: HashMap::new() };
    for entry in root.entries().unwrap_or_default() {
        let node = &entry.value.node;
        walk.within(&entry.key, |walk| match &*entry.key {
            "input" => walk.component(Kind::Input, node),
            "buffer" => walk.component(Kind::Buffer, node),
            "output" => walk.component(Kind::Output, node),
            "pipeline" => {
                if let Some(list) = node.get("processors") {
                    walk.within("processors", |walk| walk.components(Kind::Processor, list));
                }
            }
            key => {
                if let Some(kind) = root_resource_kind(key) {
                    walk.components(kind, node);
                }
            }
        });
    }
    walk.found
}

struct Walk<'c> {
    catalog: &'c Catalog,
    path: Vec<String>,
    found: HashMap<String, Vec<String>>,
}

impl Walk<'_> {
    fn within(&mut self, name: &str, walk: impl FnOnce(&mut Self)) {
        self.path.push(name.to_owned());
        walk(self);
        self.path.pop();
    }

    fn components(&mut self, kind: Kind, list: &Node) {
        for (at, item) in list.items().unwrap_or_default().iter().enumerate() {
            self.within(&at.to_string(), |walk| walk.component(kind, &item.node));
        }
    }

    fn component(&mut self, kind: Kind, node: &Node) {
        let label = node.get("label").filter(|_| kind.has_label());
        if let Some(label) = label.and_then(|label| label.scalar()).map(|scalar| &scalar.text) {
            self.found.insert(label.clone(), self.path.clone());
        }
        if let Some(list) = node.get("processors").filter(|_| kind.has_processors()) {
            self.within("processors", |walk| walk.components(Kind::Processor, list));
        }
        let catalog = self.catalog;
        let Ok(name) = infer(catalog, kind, node) else { return };
        if let (Some(schema), Some(config)) = (catalog.schema(kind, &name), node.get(&name)) {
            self.within(&name, |walk| walk.field(View::of(schema), config));
        }
    }

    fn field(&mut self, view: View<'_>, node: &Node) {
        match view.shape() {
            Shape::Component(kind) => self.component(kind, node),
            Shape::List(inner) => {
                for (at, item) in node.items().unwrap_or_default().iter().enumerate() {
                    self.within(&at.to_string(), |walk| walk.field(inner, &item.node));
                }
            }
            Shape::Map(inner) => {
                for entry in node.entries().unwrap_or_default() {
                    self.within(&entry.key, |walk| walk.field(inner, &entry.value.node));
                }
            }
            Shape::Object(fields) => {
                for entry in node.entries().unwrap_or_default() {
                    if let Some(view) = fields.get(&entry.key) {
                        self.within(&entry.key, |walk| walk.field(view, &entry.value.node));
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::catalog;
    use crate::yaml::load;

    #[test]
    fn labels_are_found_however_deep() {
        let text = "
input: {label: in, broker: {inputs: [{stdin: {}, processors: [{label: p0, noop: {}}]}]}}
pipeline: {processors: [{noop: {}}, {label: p1, try: [{label: p2, noop: {}}]}]}
output: {switch: {cases: [{output: {label: out, drop: {}}}]}}
processor_resources: [{label: p3, noop: {}}]
";
        let mut found: Vec<(String, String)> = paths(&catalog(), &load(text).unwrap())
            .into_iter()
            .map(|(label, path)| (label, path.join("/")))
            .collect();
        found.sort();
        let want = [
            ("in", "input"),
            ("out", "output/switch/cases/0/output"),
            ("p0", "input/broker/inputs/0/processors/0"),
            ("p1", "pipeline/processors/1"),
            ("p2", "pipeline/processors/1/try/0"),
            ("p3", "processor_resources/0"),
        ];
        assert_eq!(found, want.map(|(label, path)| (label.to_owned(), path.to_owned())));
    }
}
