//! Components that users write while a pipeline runs: a single input or output as YAML.

use plan::drafts::{Draft, Drafts, Part, Reader, Shown};
use plan::serde_json::json;
use plan::{BuildError, Json, Registry};

use crate::catalog::{Catalog, Kind};
use crate::infer::infer;
use crate::lower::{InitError, Lower, Resources};
use crate::normal::{self, field};
use crate::yaml::write::{Doc, write};
use crate::yaml::{self, Node};

/// Name of the reader.
const NAME: &str = "config";

/// Reads single components of configurations.
pub static READER: ConfigReader = ConfigReader;

/// See [`READER`].
#[derive(Debug)]
pub struct ConfigReader;

/// What a component needs whose children come and go; `children` are those it begins with.
pub(crate) fn of(lower: &Lower<'_>, kind: Kind, children: Option<&std::sync::Arc<Node>>) -> Drafts {
    let entries = children.and_then(|node| node.entries()).unwrap_or_default();
    let shown = |node: &Node| shown(normal::component(lower.catalog, kind, node));
    Drafts {
        lang: NAME.to_owned(),
        surroundings: plan::secret::sealed(json!({
            "resources": lower.resources.to_json(),
            "single": lower.single,
        })),
        shown: entries.iter().map(|e| (e.key.to_string(), shown(&e.value.node))).collect(),
    }
}

fn shown(doc: Doc) -> Shown {
    let text = write(&doc);
    let document = yaml::load(&text).map_or(Json::Null, |node| node.to_json());
    Shown { text, document }
}

/// How a component looks that was written as `text`: by that very text where it has but one line
/// and no secrets.
fn shown_as(catalog: &Catalog, kind: Kind, node: &Node, text: &str) -> Shown {
    let mut doc = normal::component(catalog, kind, node);
    if let Doc::Map(fields) = &mut doc
        && node.get("label").is_none()
    {
        fields.insert(0, field("label", Doc::text("")));
    }
    let mut shown = shown(doc);
    let labelled = format!("label: \"\"\n{}\n", text.trim_end());
    let one_line = !text.trim_end().contains(['\n', '#']) && !text.starts_with('{');
    if one_line && yaml::load(&labelled).is_ok_and(|node| node.to_json() == shown.document) {
        shown.text = labelled;
    }
    shown
}

impl Reader for ConfigReader {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(
        &self,
        registry: &Registry,
        surroundings: &Json,
        part: Part,
        text: &[u8],
        path: &str,
    ) -> Result<Draft, String> {
        let catalog = Catalog::new(registry);
        let kind = match part {
            Part::Source => Kind::Input,
            Part::Sink => Kind::Output,
        };
        let text = yaml::text_of(text).map_err(|error| error.to_string())?;
        let node = yaml::load(text).map_err(|error| error.to_string())?;
        infer(&catalog, kind, &node).map_err(|error| error.to_string())?;
        let resources = surroundings.get("resources").map(Resources::from_json);
        let resources = resources.unwrap_or_default();
        let single = surroundings.get("single").and_then(Json::as_bool).unwrap_or(false);
        let lower = Lower::new(&catalog, &resources).with_single(single);
        let component = lower.nested(kind, &node, path, 0).map_err(|error| error.to_string())?;
        Ok(Draft { component, shown: shown_as(&catalog, kind, &node, text) })
    }

    fn complaint(&self, error: &BuildError) -> String {
        InitError::of_build(error).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn read(text: &str) -> Result<Draft, String> {
        let path = "root.input.dynamic.inputs.a";
        READER.read(&fixture::registry(), &json!({}), Part::Source, text.as_bytes(), path)
    }

    #[test]
    fn a_component_is_shown_as_it_was_written_with_a_label() {
        let draft = read("generate: {mapping: 'root = 1', count: 2}\n").unwrap();
        let want = "label: \"\"\ngenerate: {mapping: 'root = 1', count: 2}\n";
        assert_eq!(draft.shown.text, want);
        assert_eq!(draft.component.path, "root.input.dynamic.inputs.a");
        let document = json!({"generate": {"count": 2, "mapping": "root = 1"}, "label": ""});
        assert_eq!(draft.shown.document, document);
    }

    #[test]
    fn json_and_unknown_fields_are_put_in_order() {
        let draft = read(r#"{"generate": {"count": 2, "mapping": "root = 1", "no": 1}}"#).unwrap();
        let want = "label: \"\"\ngenerate:\n  mapping: root = 1\n  count: 2\n";
        assert_eq!(draft.shown.text, want);
    }

    #[test]
    fn what_is_no_component_is_refused() {
        for (text, want) in [
            ("nope: {}", "(1,1) unable to infer input type from candidates: [nope]"),
            ("", "(0,1) invalid type !!null, expected object"),
            ("5", "(1,1) invalid type !!int, expected object"),
            (
                "resource: nope",
                "failed to init input <no label> path root.input.dynamic.inputs.a: \
                 input resource 'nope' was not found",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), want, "{text:?}");
        }
        assert!(read("{bad").is_err());
        assert!(read("a: \t: {").is_err());
    }

    #[test]
    fn children_know_the_resources_of_their_stream() {
        let mut resources = Resources::new();
        let node = yaml::load("generate: {mapping: 'root = 3'}").unwrap();
        resources.set(Kind::Input, "three", std::sync::Arc::new(node)).unwrap();
        let surroundings = json!({"resources": resources.to_json()});
        let registry = fixture::registry();
        let text = b"resource: three";
        let draft = READER.read(&registry, &surroundings, Part::Source, text, "root.x").unwrap();
        assert_eq!((&*draft.component.name, &*draft.component.label), ("generate", "three"));
    }
}
