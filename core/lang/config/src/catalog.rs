//! Every component that a configuration may name, with its schema.

use std::collections::HashMap;
use std::rc::Rc;

use plan::serde_json::json;
use plan::{Batch, BuildError, Code, Component, Form, Json, Registry};

use crate::check::{Checker, LANGUAGE};
use crate::offline::Offline;
use crate::service::metrics;
use crate::template::{TEMPLATES_MAX, Template};

/// What a component is in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Where messages come from.
    Input,
    /// What is done with them.
    Processor,
    /// Where they go.
    Output,
    /// What decouples input and output.
    Buffer,
    /// A store that processors share.
    Cache,
    /// A limit that components share.
    RateLimit,
    /// How bytes are cut into messages.
    Scanner,
    /// Where the service's own metrics go.
    Metrics,
    /// Where the service's own traces go.
    Tracer,
}

/// Kinds of which there are resources, in the order messages list them.
pub const RESOURCE_KINDS: [Kind; 5] =
    [Kind::Cache, Kind::Input, Kind::Output, Kind::Processor, Kind::RateLimit];

const KINDS: [Kind; 9] = [
    Kind::Input,
    Kind::Processor,
    Kind::Output,
    Kind::Buffer,
    Kind::Cache,
    Kind::RateLimit,
    Kind::Scanner,
    Kind::Metrics,
    Kind::Tracer,
];

impl Kind {
    /// The word for it in configurations and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Input => "input",
            Kind::Processor => "processor",
            Kind::Output => "output",
            Kind::Buffer => "buffer",
            Kind::Cache => "cache",
            Kind::RateLimit => "rate_limit",
            Kind::Scanner => "scanner",
            Kind::Metrics => "metrics",
            Kind::Tracer => "tracer",
        }
    }

    /// The kind that a word stands for.
    #[must_use]
    pub fn of(name: &str) -> Option<Kind> {
        KINDS.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a component of this kind may have a label.
    #[must_use]
    pub fn has_label(self) -> bool {
        RESOURCE_KINDS.contains(&self)
    }

    /// Whether a component of this kind may have processors of its own.
    #[must_use]
    pub fn has_processors(self) -> bool {
        matches!(self, Kind::Input | Kind::Output)
    }
}

/// The components of a registry by kind and name.
pub struct Catalog {
    schemas: HashMap<Kind, HashMap<String, Json>>,
    templates: HashMap<Kind, HashMap<String, Template>>,
    registry: Registry,
    /// Variables that code sees before those of the process while it is checked.
    variables: Vec<(String, String)>,
}

impl Catalog {
    /// Reads the schemas of everything that is registered. Do it once: it takes milliseconds.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let mut catalog = Catalog {
            schemas: HashMap::new(),
            templates: HashMap::new(),
            registry: registry.clone(),
            variables: Vec::new(),
        };
        for (kind, name, schema) in builtin() {
            catalog.insert(kind, name, schema);
        }
        for spec in &registry.sources {
            catalog.insert(Kind::Input, spec.name, (spec.schema)());
        }
        for spec in &registry.operators {
            catalog.insert(Kind::Processor, spec.name, (spec.schema)());
        }
        for spec in &registry.sinks {
            catalog.insert(Kind::Output, spec.name, (spec.schema)());
        }
        for spec in &registry.caches {
            catalog.insert(Kind::Cache, spec.name, (spec.schema)());
        }
        for spec in &registry.rate_limits {
            catalog.insert(Kind::RateLimit, spec.name, (spec.schema)());
        }
        for part in &registry.parts {
            if let Some(kind) = Kind::of(part.kind) {
                catalog.insert(kind, part.name, (part.schema)());
            }
        }
        catalog
    }

    /// The same with variables that code sees before those of the process while it is checked, and
    /// the mappings of templates when they run.
    #[must_use]
    pub fn with_variables(mut self, variables: Vec<(String, String)>) -> Self {
        self.variables = variables;
        self
    }

    fn surroundings(&self) -> Rc<Offline> {
        Rc::new(Offline { variables: self.variables.clone() })
    }

    fn insert(&mut self, kind: Kind, name: &str, schema: Json) {
        self.schemas.entry(kind).or_default().insert(name.to_owned(), schema);
    }

    /// Adds a template, which is used like any component of its kind; one with the name of another
    /// component takes its place.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add_template(&mut self, template: Template) -> Result<(), String> {
        let (kind, name) = (template.kind, template.name.clone());
        if self.templates.values().map(HashMap::len).sum::<usize>() >= TEMPLATES_MAX {
            return Err(format!("there may be {TEMPLATES_MAX} templates at most"));
        }
        self.insert(kind, &name, template.schema());
        self.templates.entry(kind).or_default().insert(name, template);
        Ok(())
    }

    pub(crate) fn template(&self, kind: Kind, name: &str) -> Option<&Template> {
        self.templates.get(&kind)?.get(name)
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.templates.values().flat_map(HashMap::values)
    }

    /// The schema of a component's configuration.
    #[must_use]
    pub fn schema(&self, kind: Kind, name: &str) -> Option<&Json> {
        self.schemas.get(&kind)?.get(name)
    }

    /// The schemas of all components.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &Json> {
        self.schemas.values().flat_map(HashMap::values)
    }

    /// The names of all components of a kind, sorted.
    #[must_use]
    pub fn names(&self, kind: Kind) -> Vec<&str> {
        let known = self.schemas.get(&kind).into_iter().flat_map(HashMap::keys);
        let mut names: Vec<&str> = known.map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Builds a cache or rate limit to see whether it can be built; anything else is fine.
    ///
    /// # Errors
    /// What is wrong with its configuration.
    pub(crate) fn try_shared(&self, kind: Kind, component: &Component) -> Result<(), BuildError> {
        let (name, config) = (&component.name, &component.config);
        let (caches, limits) = (&self.registry.caches, &self.registry.rate_limits);
        match kind {
            Kind::Cache => match caches.iter().find(|spec| spec.name == name) {
                Some(spec) => (spec.build)(config, self.surroundings()).map(drop),
                None => Ok(()),
            },
            Kind::RateLimit => match limits.iter().find(|spec| spec.name == name) {
                Some(spec) => (spec.build)(config, self.surroundings()).map(drop),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    pub(crate) fn checker(&self) -> Checker {
        Checker::new(&self.registry.languages, self.surroundings())
    }

    /// Runs a mapping over a batch, without time and ports.
    pub(crate) fn map(&self, mapping: &str, batch: Batch) -> Result<Vec<Batch>, String> {
        let language = self.registry.languages.iter().find(|l| l.name() == LANGUAGE);
        let language = language.ok_or_else(|| format!("there is no language {LANGUAGE}"))?;
        let first = |errors: Vec<plan::Diagnostic>| {
            errors.into_iter().next().map_or_else(String::new, |e| e.message)
        };
        let session = language.open(None, self.surroundings()).map_err(first)?;
        let code = Code { lang: LANGUAGE.to_owned(), text: mapping.to_owned(), slot: None };
        let mut expr = session.compile(&code, Form::Mapping).map_err(first)?;
        let mut out = Vec::new();
        expr.map(batch, &mut out).map_err(|e| e.to_string())?;
        Ok(out)
    }
}

/// Components that are part of the configuration itself.
fn builtin() -> Vec<(Kind, &'static str, Json)> {
    let empty = || json!({"type": "object", "properties": {}, "additionalProperties": false});
    let label = || json!({"type": "string"});
    vec![
        (Kind::Input, "resource", label()),
        (Kind::Processor, "resource", label()),
        (Kind::Output, "resource", label()),
        (Kind::Buffer, "none", empty()),
        (Kind::Metrics, "none", empty()),
        (Kind::Metrics, "json_api", empty()),
        (Kind::Metrics, "logger", plan::schema_of::<metrics::Logger>()),
        (Kind::Metrics, "prometheus", plan::schema_of::<metrics::Prometheus>()),
        (Kind::Tracer, "none", empty()),
    ]
}
