//! Documents with every section and the defaults of what they leave out, as `echo` prints them.
//! Components keep what was written in them: fields that their schema knows, in its order.

use plan::Json;

use crate::catalog::{Catalog, Kind, RESOURCE_KINDS};
use crate::infer::{config_of, infer, is_reserved, label_of};
use crate::lint::pipeline_schema;
use crate::schema::{Fields, Shape, View};
use crate::yaml::write::{Doc, Field, write};
use crate::yaml::{Data, Node};
use crate::{secrets, service};

/// What a document that names no component of its own runs with.
const DEFAULTS: [(&str, Kind, &str); 3] = [
    ("input", Kind::Input, "stdin"),
    ("buffer", Kind::Buffer, "none"),
    ("output", Kind::Output, "stdout"),
];

/// The sections of the service behind those of the stream, in the order they are printed.
const SERVICE: [&str; 6] =
    ["logger", "metrics", "tracer", "shutdown_delay", "shutdown_timeout", "error_handling"];

/// A whole configuration.
pub(crate) fn config(catalog: &Catalog, node: &Node) -> String {
    write(&Doc::Map(all(catalog, node)))
}

/// A component, without its secrets.
pub(crate) fn component(catalog: &Catalog, kind: Kind, node: &Node) -> Doc {
    Normal { catalog }.component(kind, node)
}

/// Every section of a configuration that says nothing.
pub(crate) fn sections(catalog: &Catalog) -> Vec<Field> {
    all(catalog, &Node::nothing())
}

fn all(catalog: &Catalog, node: &Node) -> Vec<Field> {
    let normal = Normal { catalog };
    let mut fields = vec![field("http", normal.section("http", node.get("http")))];
    for (key, kind, name) in DEFAULTS {
        if key == "output" {
            let schema = pipeline_schema();
            let pipeline = node.get("pipeline").map(|node| &**node);
            fields.push(field("pipeline", normal.filled(View::of(&schema), pipeline)));
        }
        let default = Doc::Map(vec![field(name, Doc::empty())]);
        let written = node.get(key).filter(|node| !is_nothing(node));
        fields.push(field(key, written.map_or(default, |node| normal.component(kind, node))));
    }
    for kind in [Kind::Input, Kind::Processor, Kind::Output, Kind::Cache, Kind::RateLimit] {
        debug_assert!(RESOURCE_KINDS.contains(&kind));
        let key = format!("{}_resources", kind.name());
        let items = node.get(&key).and_then(|node| node.items()).unwrap_or_default();
        let all = items.iter().map(|item| normal.component(kind, &item.node));
        fields.push(field(&key, Doc::List(all.collect())));
    }
    for key in SERVICE {
        fields.push(field(key, normal.section(key, node.get(key))));
    }
    let tests = node.get("tests").map_or(Doc::List(Vec::new()), |node| verbatim(node));
    fields.push(field("tests", tests));
    let parallel = node.get("parallel").map(|node| verbatim(node));
    let parallel = parallel.unwrap_or_else(|| verbatim(&Node::from_json(&true.into())));
    fields.push(field("parallel", parallel));
    fields
}

pub(crate) fn field(key: &str, value: Doc) -> Field {
    Field { key: key.to_owned(), value, comment: "" }
}

fn is_nothing(node: &Node) -> bool {
    node.is_null() || node.entries().is_some_and(<[_]>::is_empty)
}

/// A node as it was written; of equal keys the last.
pub(crate) fn verbatim(node: &Node) -> Doc {
    match &node.data {
        Data::Scalar(scalar) => Doc::Scalar(scalar.clone()),
        Data::Seq(items) => Doc::List(items.iter().map(|item| verbatim(&item.node)).collect()),
        Data::Map(entries) => {
            let counts =
                |at: usize, key: &str| !entries.iter().skip(at + 1).any(|later| &*later.key == key);
            let kept = entries.iter().enumerate().filter(|(at, entry)| counts(*at, &entry.key));
            Doc::Map(kept.map(|(_, e)| field(&e.key, verbatim(&e.value.node))).collect())
        }
    }
}

struct Normal<'c> {
    catalog: &'c Catalog,
}

impl Normal<'_> {
    /// A section of the service.
    fn section(&self, key: &str, node: Option<&std::sync::Arc<Node>>) -> Doc {
        let node = node.map(|node| &**node).filter(|node| !is_nothing(node));
        if let Some(kind @ (Kind::Metrics | Kind::Tracer)) = Kind::of(key) {
            let mapping = node.and_then(|node| node.get("mapping"));
            let named = node.is_some_and(|node| infer(self.catalog, kind, node).is_ok());
            let mut fields = match (named, node) {
                (true, Some(node)) => match self.component(kind, node) {
                    Doc::Map(fields) => fields,
                    _ => Vec::new(),
                },
                _ => vec![field("none", Doc::empty())],
            };
            if kind == Kind::Metrics {
                let mapping = mapping.map_or_else(|| Doc::text(""), |node| verbatim(node));
                fields.push(field("mapping", mapping));
            }
            return Doc::Map(fields);
        }
        let Some(schema) = service::schema_of_section(key) else { return Doc::empty() };
        self.filled(View::of(&schema), node)
    }

    /// A field with the defaults of what it leaves out.
    fn filled(&self, view: View<'_>, node: Option<&Node>) -> Doc {
        match (view.shape(), node) {
            (Shape::Object(fields), node) => {
                let one = |(name, view): (&str, View<'_>)| {
                    let value = node.and_then(|node| node.get(name)).map(|node| &**node);
                    field(name, self.filled(view, value))
                };
                Doc::Map(fields.iter().map(one).collect())
            }
            (_, Some(node)) => self.written(view, node),
            (_, None) => default_of(view),
        }
    }

    /// What was written of a field, without what its schema does not know.
    fn written(&self, view: View<'_>, node: &Node) -> Doc {
        match view.shape() {
            _ if view.is_secret() => {
                let mut shown = node.to_json();
                secrets::hide_value(&mut shown);
                verbatim(&Node::from_json(&shown))
            }
            Shape::Object(fields) if !fields.is_empty() => match node.entries() {
                Some(_) => self.object(fields, node),
                None => verbatim(node),
            },
            Shape::List(inner) => match node.items() {
                Some(items) => {
                    Doc::List(items.iter().map(|item| self.written(inner, &item.node)).collect())
                }
                None => verbatim(node),
            },
            Shape::Map(inner) => match node.entries() {
                Some(entries) => {
                    let one =
                        |e: &crate::yaml::Entry| field(&e.key, self.written(inner, &e.value.node));
                    Doc::Map(entries.iter().map(one).collect())
                }
                None => verbatim(node),
            },
            Shape::Component(kind) => self.component(kind, node),
            _ => verbatim(node),
        }
    }

    fn object(&self, fields: Fields<'_>, node: &Node) -> Doc {
        let one = |(name, view): (&str, View<'_>)| {
            node.get(name).map(|value| field(name, self.written(view, value)))
        };
        Doc::Map(fields.iter().filter_map(one).collect())
    }

    /// A component: its label, its name with its configuration, its processors.
    fn component(&self, kind: Kind, node: &Node) -> Doc {
        let Ok(name) = infer(self.catalog, kind, node) else { return verbatim(node) };
        let mut fields = Vec::new();
        if let Some(label) = node.get("label").filter(|_| is_reserved(kind, "label")) {
            debug_assert!(label.scalar().is_none_or(|scalar| scalar.text == label_of(node)));
            fields.push(field("label", verbatim(label)));
        }
        let config = config_of(node, &name).map_or(Doc::empty(), |config| {
            let schema = self.catalog.schema(kind, &name);
            schema.map_or_else(|| verbatim(config), |s| self.written(View::of(s), config))
        });
        fields.push(field(&name, config));
        let processors = node.get("processors").filter(|_| kind.has_processors());
        if let Some(items) = processors.and_then(|node| node.items()).filter(|i| !i.is_empty()) {
            let all = items.iter().map(|item| self.component(Kind::Processor, &item.node));
            fields.push(field("processors", Doc::List(all.collect())));
        }
        Doc::Map(fields)
    }
}

/// The default of a field: what its schema says, or what is empty of its kind.
pub(crate) fn default_of(view: View<'_>) -> Doc {
    if let Some(default) = view.default().filter(|default| !default.is_null()) {
        let config = default.get("config").unwrap_or_default();
        return match (view.shape(), default.get("name").and_then(Json::as_str)) {
            (Shape::Component(_), Some(name)) => {
                Doc::Map(vec![field(name, verbatim(&Node::from_json(config)))])
            }
            _ => verbatim(&Node::from_json(default)),
        };
    }
    match view.shape() {
        Shape::List(_) => Doc::List(Vec::new()),
        Shape::Map(_) | Shape::Object(_) | Shape::Component(_) | Shape::Any => Doc::empty(),
        Shape::Int | Shape::Float => verbatim(&Node::from_json(&Json::from(0))),
        Shape::Bool => verbatim(&Node::from_json(&Json::from(false))),
        Shape::Text(_) | Shape::Code(_) | Shape::Label(_) => Doc::text(""),
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::catalog;
    use crate::lint::Root;
    use crate::parse_file;

    fn echo(text: &str) -> String {
        let catalog = catalog();
        let doc = parse_file(&catalog, text, Root::Config, &|_| Some("v".into())).unwrap();
        let echoed = doc.normalised(&catalog);
        // What is printed reads the same once more.
        let again = parse_file(&catalog, &echoed, Root::Config, &|_| None).unwrap();
        assert_eq!(again.normalised(&catalog), echoed);
        echoed
    }

    #[test]
    fn sections_come_with_their_defaults_in_order() {
        let all = echo("logger: {level: debug, static_fields: {a: b}}\n");
        let keys: Vec<&str> = all
            .lines()
            .filter(|line| !line.starts_with([' ', '-']))
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(
            keys.join(" "),
            "http input buffer pipeline output input_resources processor_resources \
             output_resources cache_resources rate_limit_resources logger metrics tracer \
             shutdown_delay shutdown_timeout error_handling tests parallel"
        );
        let logger = "logger:\n  level: debug\n  format: logfmt\n  add_timestamp: true\n  \
                      level_name: level\n  timestamp_name: time\n  message_name: msg\n  \
                      static_fields:\n    a: b\n  file:\n    path: \"\"\n    rotate: false\n    \
                      rotate_max_age_days: 0\nmetrics:\n  none: {}\n  mapping: \"\"\ntracer:\n  \
                      none: {}\nshutdown_delay: 0s\nshutdown_timeout: 20s\nerror_handling:\n  \
                      strict: false\ntests: []\nparallel: true\n";
        assert!(all.ends_with(logger), "{all}");
        let stream = "\ninput:\n  stdin: {}\nbuffer:\n  none: {}\npipeline:\n  threads: -1\n  \
                      processors: []\noutput:\n  stdout: {}\n";
        assert!(all.contains(stream), "{all}");
    }

    #[test]
    fn components_keep_what_was_written() {
        let all = echo(
            "input: {processors: [], generate: {nope: 1, count: 0x10, mapping: 'root = ${X}'}, \
             label: foo}\nmetrics: {mapping: root = this, json_api: {}}\nzzz: 1\n",
        );
        let input = "input:\n  label: foo\n  generate:\n    mapping: root = v\n    count: 0x10\n";
        assert!(all.contains(input), "{all}");
        assert!(all.contains("metrics:\n  json_api: {}\n  mapping: root = this\n"), "{all}");
    }
}
