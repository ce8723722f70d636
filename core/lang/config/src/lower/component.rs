//! One component with everything nested in it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use plan::drafts::DRAFTS;
use plan::serde_json::{self, json};
use plan::{Component, Json, MetricsMapping};

use crate::catalog::{Catalog, Kind};
use crate::drafts;
use crate::infer::{config_of, infer, label_of};
use crate::lower::resources::Resources;
use crate::lower::{InitError, value::FieldError};
use crate::schema::View;
use crate::template::{EXPANSIONS_MAX, Template};
use crate::yaml::Node;

/// The operator that cuts the blocks of a source into lines.
const SPLIT_LINES: &str = "split_lines";
/// The scanner whose work that operator does.
const LINES: &str = "lines";
/// Sources that emit whole blocks when their scanner is `lines`.
const BLOCK_SOURCES: [&str; 5] = ["file", "stdin", "socket", "socket_server", "subprocess"];
/// Further sources that put messages together which are batches of their own.
const LOOSE_SOURCES: [&str; 2] = ["csv", "generate"];
/// The component that gives a nested input or output its processors.
const PROCESSED: &str = "processed";
/// How deep resources may refer to resources.
const RESOURCE_DEPTH_MAX: usize = 32;

/// Resources that one stream or resource may name within others, each counted as often as it is
/// named: two that name the next one twice each double with every step.
const DEFINITIONS_MAX: usize = 10_000;

/// How deep templates may stand for templates.
const TEMPLATE_DEPTH_MAX: usize = 32;

/// How deep components may be nested, those in resources and templates counted.
const LEVELS_MAX: usize = 128;

/// What lowering needs to know.
pub(crate) struct Lower<'c> {
    pub(crate) catalog: &'c Catalog,
    pub(crate) resources: &'c Resources,
    /// Whether sources emit messages one by one, because something looks at batches.
    pub(crate) single: bool,
    /// How many templates were expanded.
    expansions: Cell<usize>,
    /// How many definitions stand within others.
    definitions: Cell<usize>,
    /// How deep the component being lowered is nested.
    level: Cell<usize>,
    /// What templates say of their metrics, innermost first.
    pub(crate) metrics: RefCell<Vec<MetricsMapping>>,
}

/// A component and what stands around it.
pub(crate) struct Lowered {
    pub(crate) component: Component,
    /// What cuts the blocks of a source, then the component's own processors.
    pub(crate) processors: Vec<Component>,
}

impl<'c> Lower<'c> {
    /// The same where sources emit messages one by one, or not.
    pub(crate) fn with_single(self, single: bool) -> Self {
        Lower { single, ..self }
    }

    pub(crate) fn new(catalog: &'c Catalog, resources: &'c Resources) -> Self {
        Lower {
            catalog,
            resources,
            single: false,
            expansions: Cell::new(0),
            definitions: Cell::new(0),
            level: Cell::new(0),
            metrics: RefCell::default(),
        }
    }
}

impl Lower<'_> {
    pub(super) fn error(kind: Kind, node: &Node, path: &str, text: String) -> InitError {
        InitError { kind, label: label_of(node).to_owned(), path: path.to_owned(), text }
    }

    /// Lowers a component whose place in the configuration is `path`.
    pub(crate) fn component(
        &self,
        kind: Kind,
        node: &Node,
        path: &str,
        depth: usize,
    ) -> Result<Lowered, InitError> {
        let level = self.level.replace(self.level.get() + 1);
        let lowered = match level < LEVELS_MAX {
            true => self.inner(kind, node, path, depth),
            false => {
                let text = format!("components may be nested {LEVELS_MAX} deep at most");
                Err(Self::error(kind, node, path, text))
            }
        };
        self.level.set(level);
        lowered
    }

    fn inner(
        &self,
        kind: Kind,
        node: &Node,
        path: &str,
        depth: usize,
    ) -> Result<Lowered, InitError> {
        let fail = |text: String| Self::error(kind, node, path, text);
        let name = infer(self.catalog, kind, node).map_err(|e| fail(e.to_string()))?;
        let config = config_of(node, &name);
        if name == "resource" {
            return self.resource(kind, node, config, path, depth);
        }
        if let Some(template) = self.catalog.template(kind, &name) {
            return self.template(template, node, config, path, depth);
        }
        let schema = self.catalog.schema(kind, &name);
        let schema = schema.ok_or_else(|| fail(format!("there is no {} {name}", kind.name())))?;
        let nothing = Arc::new(Node::nothing());
        let config = config.unwrap_or(&nothing);
        let inside = format!("{path}.{name}");
        let written = config;
        let mut config = match self.value(View::of(schema), written, &inside, depth) {
            Ok(config) => config,
            Err(FieldError::Nested(error)) => return Err(error),
            Err(error) => return Err(fail(error.into_text())),
        };
        if let Some(field) = schema.get(DRAFTS).and_then(Json::as_str) {
            let drafts = drafts::of(self, kind, written.get(field));
            let drafts = serde_json::to_value(drafts).map_err(|e| fail(e.to_string()))?;
            if let Some(members) = config.as_object_mut() {
                members.insert("drafts".to_owned(), drafts);
            }
        }
        let mut processors = Vec::from_iter(self.splitter(kind, &name, &config));
        processors.extend(self.own_processors(kind, node, path, depth)?);
        let label = label_of(node).to_owned();
        let component = Component { name, label, path: path.to_owned(), config };
        Ok(Lowered { component, processors })
    }

    /// The processors that stand beside an input or output.
    fn own_processors(
        &self,
        kind: Kind,
        node: &Node,
        path: &str,
        depth: usize,
    ) -> Result<Vec<Component>, InitError> {
        let list = node.get("processors").filter(|_| kind.has_processors());
        let items = list.and_then(|list| list.items()).unwrap_or_default();
        let lowered = items.iter().enumerate().map(|(at, item)| {
            let path = format!("{path}.processors.{at}");
            self.nested(Kind::Processor, &item.node, &path, depth)
        });
        lowered.collect()
    }

    /// Lowers what a use of a template stands for. Its label and path are those of the use.
    fn template(
        &self,
        template: &Template,
        node: &Node,
        config: Option<&Arc<Node>>,
        path: &str,
        depth: usize,
    ) -> Result<Lowered, InitError> {
        let (kind, name, label) = (template.kind, &template.name, label_of(node));
        let (line, column) = (node.line, node.column);
        let fail = |text: String| {
            let place = match line {
                0 => String::new(),
                _ => format!(" (line {line}, column {column})"),
            };
            Self::error(kind, node, path, format!("template '{name}'{place}: {text}"))
        };
        if depth >= TEMPLATE_DEPTH_MAX {
            let text = format!("templates use each other more than {TEMPLATE_DEPTH_MAX} deep");
            return Err(fail(text));
        }
        if self.expansions.replace(self.expansions.get() + 1) >= EXPANSIONS_MAX {
            let text =
                format!("more than {EXPANSIONS_MAX} templates are used, nested ones counted");
            return Err(fail(text));
        }
        let nothing = Arc::new(Node::nothing());
        let rendered = template.render(self.catalog, config.unwrap_or(&nothing), label);
        let rendered = Node::from_json_at(&rendered.map_err(fail)?, line, column);
        let mut lowered = self.component(kind, &rendered, path, depth + 1)?;
        if lowered.component.label.is_empty() {
            label.clone_into(&mut lowered.component.label);
        }
        if let Some(code) = template.metrics_of(label) {
            self.metrics.borrow_mut().push(MetricsMapping { path: path.to_owned(), code });
        }
        let own = self.own_processors(kind, node, path, depth)?;
        match kind {
            Kind::Output => _ = lowered.processors.splice(0..0, own),
            _ => lowered.processors.extend(own),
        }
        Ok(lowered)
    }

    /// Lowers a component in the configuration of another one: one with processors of its own is
    /// wrapped.
    pub(crate) fn nested(
        &self,
        kind: Kind,
        node: &Node,
        path: &str,
        depth: usize,
    ) -> Result<Component, InitError> {
        let lowered = self.component(kind, node, path, depth)?;
        self.wrapped(kind, node, lowered)
    }

    /// One component from several.
    pub(super) fn wrapped(
        &self,
        kind: Kind,
        node: &Node,
        lowered: Lowered,
    ) -> Result<Component, InitError> {
        let Lowered { component, processors } = lowered;
        if processors.is_empty() {
            return Ok(component);
        }
        let (label, path) = (component.label.clone(), component.path.clone());
        let parts = serde_json::to_value(component)
            .and_then(|inner| Ok((inner, serde_json::to_value(processors)?)));
        let (inner, processors) =
            parts.map_err(|e| Self::error(kind, node, &path, e.to_string()))?;
        let mut config = json!({"processors": processors});
        if let Some(members) = config.as_object_mut() {
            members.insert(kind.name().to_owned(), inner);
        }
        Ok(Component { name: PROCESSED.to_owned(), label, path, config })
    }

    fn resource(
        &self,
        kind: Kind,
        node: &Node,
        config: Option<&Arc<Node>>,
        path: &str,
        depth: usize,
    ) -> Result<Lowered, InitError> {
        let label = config.and_then(|c| c.scalar()).map_or("", |scalar| &scalar.text);
        let Some(resource) = self.resources.get(kind, label) else {
            let text = format!("{} resource '{label}' was not found", kind.name());
            return Err(Self::error(kind, node, path, text));
        };
        if depth >= RESOURCE_DEPTH_MAX {
            let text = format!("resources refer to each other more than {RESOURCE_DEPTH_MAX} deep");
            return Err(Self::error(kind, node, path, text));
        }
        let mut lowered = self.component(kind, &resource.node, &resource.path, depth + 1)?;
        lowered.component.label = label.to_owned();
        let own = self.own_processors(kind, node, path, depth)?;
        match kind {
            Kind::Input => lowered.processors.extend(own),
            _ => _ = lowered.processors.splice(0..0, own),
        }
        Ok(lowered)
    }

    /// The definition of a resource that a field names; one of that label alone when there is
    /// none, which whoever builds the component says.
    pub(crate) fn definition(
        &self,
        kind: Kind,
        label: &str,
        depth: usize,
    ) -> Result<Component, InitError> {
        let named = Component { label: label.to_owned(), ..Component::default() };
        let Some(resource) = self.resources.get(kind, label) else { return Ok(named) };
        let fail = |text| Err(Self::error(kind, &resource.node, &resource.path, text));
        if depth >= RESOURCE_DEPTH_MAX {
            let text = format!("resources refer to each other more than {RESOURCE_DEPTH_MAX} deep");
            return fail(text);
        }
        if depth > 0 && self.definitions.replace(self.definitions.get() + 1) >= DEFINITIONS_MAX {
            return fail(format!("more than {DEFINITIONS_MAX} resources are named in resources"));
        }
        let lowered = self.component(kind, &resource.node, &resource.path, depth + 1)?;
        Ok(Component { label: label.to_owned(), ..lowered.component })
    }

    /// The operator that does the work of a `lines` scanner on any shard, so that blocks of one
    /// source are cut in parallel, and that cuts into single messages where that matters.
    fn splitter(&self, kind: Kind, name: &str, config: &Json) -> Option<Component> {
        if kind != Kind::Input {
            return None;
        }
        let codec = config.get("codec").and_then(Json::as_str).filter(|codec| !codec.is_empty());
        let lines = || {
            // With other options of the scanner the source cuts by itself, and the operator passes
            // on what is cut already.
            let scanner = || config.get("scanner").is_none_or(has_lines);
            codec.map_or_else(scanner, |codec| codec == LINES)
        };
        let blocks = BLOCK_SOURCES.contains(&name);
        let config = match self.single && (blocks || LOOSE_SOURCES.contains(&name)) {
            true => json!({"single": true}),
            false if blocks && lines() => json!({}),
            false => return None,
        };
        Some(Component::new(SPLIT_LINES, config))
    }
}

/// Whether a scanner is that of lines, or hands on to it: `skip_bom` into `lines`. The depth of a
/// configuration is bounded by the reader's.
fn has_lines(scanner: &Json) -> bool {
    match scanner {
        Json::Object(members) => {
            let named = members.get("name").and_then(Json::as_str) == Some(LINES);
            named || members.values().any(has_lines)
        }
        Json::Array(items) => items.iter().any(has_lines),
        _ => false,
    }
}
