//! `path=value`: a field of a document that the command line sets
//! (spec/benthos-components.md §H).

use std::sync::Arc;

use crate::catalog::{Catalog, Kind};
use crate::infer::is_reserved;
use crate::lint::Root;
use crate::schema::{Shape, View};
use crate::service;
use crate::yaml::{self, Data, Entry, Item, Node};

/// Longest path in steps.
const STEPS_MAX: usize = 200;

/// One field to set.
#[derive(Clone, Debug)]
pub struct Override {
    steps: Vec<String>,
    value: Node,
}

/// What stands at a step of a path.
enum Place<'s> {
    Root(Root),
    Field(View<'s>),
    Component(Kind),
    Components(Kind),
    Anything,
}

impl Override {
    /// Reads `path=value`: steps are separated by points, a step writes a point as `~1` and `~`
    /// as `~0`, and the value is YAML.
    ///
    /// # Errors
    /// A text of another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("invalid set expression '{text}': expected foo=bar syntax");
        let (path, value) = text.split_once('=').ok_or_else(wrong)?;
        if path.is_empty() || value.is_empty() {
            return Err(wrong());
        }
        let value =
            yaml::load(value).map_err(|e| format!("invalid set expression '{text}': {e}"))?;
        let step = |step: &str| step.replace("~1", ".").replace("~0", "~");
        let steps: Vec<String> = path.split('.').map(step).collect();
        if steps.len() > STEPS_MAX {
            return Err(format!("invalid set expression: more than {STEPS_MAX} steps"));
        }
        Ok(Override { steps, value })
    }

    /// Sets the field in a document; objects on the way are made, lists are not.
    ///
    /// # Errors
    /// A path that no schema knows.
    pub(crate) fn apply(
        &self,
        catalog: &Catalog,
        root: Root,
        node: &mut Node,
    ) -> Result<(), String> {
        set(catalog, &Place::Root(root), node, &self.steps, &self.value)
            .map_err(|text| format!("failed to set config field override: {text}"))
    }
}

fn unknown(step: &str) -> String {
    format!("{step}: field not recognised")
}

fn set(
    catalog: &Catalog,
    place: &Place<'_>,
    node: &mut Node,
    steps: &[String],
    value: &Node,
) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        return replace(place, node, value);
    };
    let within = |text: String| format!("{step}.{text}");
    match place {
        Place::Root(root) => {
            if let Some(kind) = kind_at_root(*root, step) {
                let target = member(node, step);
                return set(catalog, &kind, target, rest, value).map_err(within);
            }
            let schema = section(*root, step).ok_or_else(|| unknown(step))?;
            let place = Place::Field(View::of(&schema));
            set(catalog, &place, member(node, step), rest, value).map_err(within)
        }
        Place::Component(kind) => component(catalog, *kind, node, (step, rest), value),
        Place::Components(kind) => {
            set(catalog, &Place::Component(*kind), item(node, step)?, rest, value).map_err(within)
        }
        Place::Field(view) => match view.shape() {
            Shape::Object(fields) => {
                let view = fields.get(step).ok_or_else(|| unknown(step))?;
                set(catalog, &Place::Field(view), member(node, step), rest, value).map_err(within)
            }
            Shape::Map(inner) => {
                set(catalog, &Place::Field(inner), member(node, step), rest, value).map_err(within)
            }
            Shape::List(inner) => {
                set(catalog, &Place::Field(inner), item(node, step)?, rest, value).map_err(within)
            }
            Shape::Component(kind) => set(catalog, &Place::Component(kind), node, steps, value),
            Shape::Any => set(catalog, &Place::Anything, node, steps, value),
            _ => Err(unknown(step)),
        },
        Place::Anything if matches!(node.data, Data::Seq(_)) => {
            set(catalog, &Place::Anything, item(node, step)?, rest, value).map_err(within)
        }
        Place::Anything => {
            set(catalog, &Place::Anything, member(node, step), rest, value).map_err(within)
        }
    }
}

/// Sets what stands below a component: a reserved key, or its configuration by its name.
fn component(
    catalog: &Catalog,
    kind: Kind,
    node: &mut Node,
    (step, rest): (&String, &[String]),
    value: &Node,
) -> Result<(), String> {
    let place = match step.as_str() {
        "processors" if kind.has_processors() => Place::Components(Kind::Processor),
        _ if is_reserved(kind, step) => Place::Anything,
        _ => Place::Field(View::of(catalog.schema(kind, step).ok_or_else(|| unknown(step))?)),
    };
    let set = set(catalog, &place, member(node, step), rest, value);
    set.map_err(|text| format!("{step}.{text}"))
}

/// Puts the value where the path ends; a single value becomes a list where one is wanted.
fn replace(place: &Place<'_>, node: &mut Node, value: &Node) -> Result<(), String> {
    let list = match place {
        Place::Components(_) => true,
        Place::Field(view) => match view.shape() {
            Shape::Map(_) if value.entries().is_none() => {
                return Err("cannot set map directly".to_owned());
            }
            shape => matches!(shape, Shape::List(_)),
        },
        _ => false,
    };
    let alone = list && value.items().is_none();
    node.data = match alone {
        true => Data::Seq(vec![Item { node: Arc::new(value.clone()), alias: false }]),
        false => value.data.clone(),
    };
    Ok(())
}

/// The value of a key, made when it is not there.
fn member<'n>(node: &'n mut Node, key: &str) -> &'n mut Node {
    if !matches!(node.data, Data::Map(_)) {
        node.data = Data::Map(Vec::new());
    }
    let Data::Map(entries) = &mut node.data else { unreachable!("it was made a map") };
    let found = entries.iter().rposition(|entry| &*entry.key == key);
    let at = found.unwrap_or_else(|| {
        let value = Item { node: Arc::new(Node::nothing()), alias: false };
        entries.push(Entry { key: Arc::from(key), line: 0, column: 0, value });
        entries.len() - 1
    });
    let value = &mut entries[at].value;
    value.alias = false;
    Arc::make_mut(&mut value.node)
}

/// The item of a list by its number; `-` makes one at the end.
fn item<'n>(node: &'n mut Node, step: &str) -> Result<&'n mut Node, String> {
    if !matches!(node.data, Data::Seq(_)) {
        node.data = Data::Seq(Vec::new());
    }
    let Data::Seq(items) = &mut node.data else { unreachable!("it was made a list") };
    if step == "-" {
        items.push(Item { node: Arc::new(Node::nothing()), alias: false });
    }
    let last = items.len().wrapping_sub(1);
    let at = if step == "-" { Ok(last) } else { step.parse::<usize>() };
    let at = at.map_err(|_| format!("{step}: failed to parse path segment as array index"))?;
    let found = items.get_mut(at);
    let found = found.ok_or_else(|| format!("{step}: target index greater than array length"))?;
    found.alias = false;
    Ok(Arc::make_mut(&mut found.node))
}

fn kind_at_root(root: Root, key: &str) -> Option<Place<'static>> {
    let stream = matches!(root, Root::Stream | Root::Config);
    let service = matches!(root, Root::Service | Root::Config);
    Some(match key {
        "input" if stream => Place::Component(Kind::Input),
        "buffer" if stream => Place::Component(Kind::Buffer),
        "output" if stream => Place::Component(Kind::Output),
        "metrics" if service => Place::Component(Kind::Metrics),
        "tracer" if service => Place::Component(Kind::Tracer),
        "tests" if root == Root::Config => Place::Anything,
        _ if root != Root::Stream => Place::Components(crate::lint::root_resource_kind(key)?),
        _ => return None,
    })
}

fn section(root: Root, key: &str) -> Option<plan::Json> {
    let stream = matches!(root, Root::Stream | Root::Config);
    match key {
        "pipeline" if stream => Some(crate::lint::pipeline_schema()),
        _ if matches!(root, Root::Service | Root::Config) => service::schema_of_section(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::catalog;

    fn applied(text: &str, overrides: &[&str]) -> Result<plan::Json, String> {
        let (catalog, mut node) = (catalog(), yaml::load(text).unwrap());
        for text in overrides {
            Override::parse(text)?.apply(&catalog, Root::Config, &mut node)?;
        }
        Ok(node.to_json())
    }

    #[test]
    fn a_path_has_so_many_steps_and_no_more() {
        let path = |steps: usize| format!("a{}=1", ".a".repeat(steps - 1));
        assert!(Override::parse(&path(STEPS_MAX)).is_ok());
        let wrong = Override::parse(&path(STEPS_MAX + 1)).unwrap_err();
        assert_eq!(wrong, format!("invalid set expression: more than {STEPS_MAX} steps"));
    }

    #[test]
    fn fields_are_set_and_made() {
        let got = applied(
            "pipeline: {processors: [{resource: a}]}\n",
            &[
                "http.cors.enabled=true",
                "http.cors.allowed_origins=a",
                "logger.static_fields.a~1b=5",
                "pipeline.processors.0.label=x",
                "pipeline.processors.-.resource=r=s",
                "input.label=in",
                "metrics.mapping=root = this",
                "cache_resources.-.label=c",
            ],
        );
        let want = plan::serde_json::json!({
            "cache_resources": [{"label": "c"}],
            "http": {"cors": {"allowed_origins": ["a"], "enabled": true}},
            "input": {"label": "in"},
            "logger": {"static_fields": {"a.b": 5}},
            "metrics": {"mapping": "root = this"},
            "pipeline": {"processors": [{"label": "x", "resource": "a"}, {"resource": "r=s"}]},
        });
        assert_eq!(got.unwrap().to_string(), want.to_string());
    }

    #[test]
    fn what_no_schema_knows_is_refused() {
        for (set, want) in [
            ("foo", "invalid set expression 'foo': expected foo=bar syntax"),
            ("http.address=", "invalid set expression 'http.address=': expected foo=bar syntax"),
            ("nope.x=3", "nope: field not recognised"),
            ("input.nope.x=3", "input.nope: field not recognised"),
            ("http.enabled.foo=1", "http.enabled.foo: field not recognised"),
            (
                "pipeline.processors.5.x=1",
                "pipeline.processors.5: target index greater than array length",
            ),
            ("logger.static_fields=1", "logger.static_fields.cannot set map directly"),
        ] {
            let error = applied("{}", &[set]).unwrap_err();
            let want = match want.starts_with("invalid") {
                true => want.to_owned(),
                false => format!("failed to set config field override: {want}"),
            };
            assert_eq!(error, want);
        }
    }
}
