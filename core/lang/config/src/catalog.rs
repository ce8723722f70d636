//! Every component that a configuration may name, with its schema.

use std::collections::HashMap;
use std::rc::Rc;

use plan::serde_json::json;
use plan::{Json, Registry};

use crate::check::Checker;
use crate::offline::Offline;
use crate::service::metrics;

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
    schemas: HashMap<Kind, HashMap<&'static str, Json>>,
    registry: Registry,
}

impl Catalog {
    /// Reads the schemas of everything that is registered. Do it once: it takes milliseconds.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let mut catalog = Catalog { schemas: HashMap::new(), registry: registry.clone() };
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
        for part in &registry.parts {
            if let Some(kind) = Kind::of(part.kind) {
                catalog.insert(kind, part.name, (part.schema)());
            }
        }
        catalog
    }

    fn insert(&mut self, kind: Kind, name: &'static str, schema: Json) {
        self.schemas.entry(kind).or_default().insert(name, schema);
    }

    /// The schema of a component's configuration.
    #[must_use]
    pub fn schema(&self, kind: Kind, name: &str) -> Option<&Json> {
        self.schemas.get(&kind)?.get(name)
    }

    /// The names of all components of a kind, sorted.
    #[must_use]
    pub fn names(&self, kind: Kind) -> Vec<&'static str> {
        let mut names: Vec<_> =
            self.schemas.get(&kind).into_iter().flat_map(|m| m.keys()).collect();
        names.sort();
        names.into_iter().copied().collect()
    }

    pub(crate) fn checker(&self) -> Checker {
        Checker::new(&self.registry.languages, Rc::new(Offline))
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
