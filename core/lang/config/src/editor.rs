//! The schema of whole configurations, as editors read it: JSON Schema draft 7, in which
//! components stand by their names, each with its fields.

use plan::drafts::DRAFTS;
use plan::fields::KIND;
use plan::serde_json::{Map, json};
use plan::{Json, schema_of};

use crate::catalog::{Catalog, Kind, RESOURCE_KINDS};
use crate::lint::pipeline_schema;
use crate::service::Service;

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Kinds that have a definition of their own.
const KINDS: [Kind; 9] = [
    Kind::Buffer,
    Kind::Cache,
    Kind::Input,
    Kind::Metrics,
    Kind::Output,
    Kind::Processor,
    Kind::RateLimit,
    Kind::Scanner,
    Kind::Tracer,
];

/// The schema of a configuration with a stream, the settings of the service and resources.
/// `listed` tells which components users may name.
#[must_use]
pub fn editor_schema(catalog: &Catalog, listed: &dyn Fn(Kind, &str) -> bool) -> Json {
    let mut editor = Editor { definitions: Map::new() };
    for kind in KINDS {
        let names = catalog.names(kind).into_iter().filter(|name| listed(kind, name));
        let names: Vec<&str> = names.collect();
        let definition = editor.kind(catalog, kind, &names);
        editor.definitions.insert(kind.name().to_owned(), definition);
    }
    let properties = editor.root();
    json!({
        "$schema": DRAFT,
        "title": "A configuration of a stream and its service",
        "type": "object",
        "properties": properties,
        "definitions": editor.definitions,
    })
}

/// The schema of one component's own configuration, as editors read it; nested components are
/// named by their kind only.
#[must_use]
pub fn component_schema(catalog: &Catalog, kind: Kind, name: &str) -> Option<Json> {
    let mut editor = Editor { definitions: Map::new() };
    let mut schema = editor.component(catalog, kind, name)?;
    if let Some(object) = schema.as_object_mut().filter(|_| !editor.definitions.is_empty()) {
        object.insert("definitions".into(), Json::Object(editor.definitions));
    }
    Some(schema)
}

struct Editor {
    definitions: Map<String, Json>,
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/definitions/{name}")})
}

impl Editor {
    /// One component of a kind: an object with the name of exactly one of them.
    fn kind(&mut self, catalog: &Catalog, kind: Kind, names: &[&str]) -> Json {
        let mut properties = Map::new();
        for name in names {
            if let Some(schema) = self.component(catalog, kind, name) {
                properties.insert((*name).to_owned(), schema);
            }
        }
        properties.insert("type".into(), json!({"type": "string", "enum": names}));
        if kind.has_label() {
            let text = "A name for the component, unique among all of them.";
            let pattern = "^([a-z0-9-][a-z0-9_-]*)?$";
            let label = json!({"type": "string", "description": text, "pattern": pattern});
            properties.insert("label".into(), label);
        }
        if kind.has_processors() {
            let items = reference(Kind::Processor.name());
            properties.insert("processors".into(), json!({"type": "array", "items": items}));
        }
        if kind == Kind::Metrics {
            let text = "A mapping that renames and drops series and sets their labels.";
            properties.insert("mapping".into(), json!({"type": "string", "description": text}));
        }
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }

    fn component(&mut self, catalog: &Catalog, kind: Kind, name: &str) -> Option<Json> {
        let schema = catalog.schema(kind, name)?.clone();
        Some(self.translated(schema, &format!("{}.{name}", kind.name())))
    }

    /// A schema of ours for editors. What it defines for itself moves to the definitions of the
    /// whole, under the name of its owner.
    fn translated(&mut self, mut schema: Json, owner: &str) -> Json {
        let own = schema.as_object_mut().and_then(|object| {
            ["$schema", "title"].iter().for_each(|key| drop(object.remove(*key)));
            object.remove("$defs")
        });
        if let Some(Json::Object(own)) = own {
            for (name, mut definition) in own {
                walk(&mut definition, owner);
                self.definitions.insert(format!("{owner}.{name}"), definition);
            }
        }
        walk(&mut schema, owner);
        schema
    }

    fn root(&mut self) -> Map<String, Json> {
        let mut properties = Map::new();
        let pipeline = self.translated(pipeline_schema(), "pipeline");
        for key in ["input", "buffer"] {
            properties.insert(key.into(), reference(key));
        }
        properties.insert("pipeline".into(), pipeline);
        properties.insert("output".into(), reference("output"));
        for kind in RESOURCE_KINDS {
            let name = kind.name();
            let list = json!({"type": "array", "items": reference(name)});
            properties.insert(format!("{name}_resources"), list);
        }
        let service = self.translated(schema_of::<Service>(), "service");
        let sections = service.get("properties").and_then(Json::as_object);
        for (key, schema) in sections.into_iter().flatten() {
            let named = matches!(key.as_str(), "metrics" | "tracer");
            let schema = if named { reference(key) } else { schema.clone() };
            properties.insert(key.clone(), schema);
        }
        properties.insert("tests".into(), json!({"type": "array", "items": {"type": "object"}}));
        properties
    }
}

/// Keywords whose values are data, not schemas.
const DATA: [&str; 4] = ["default", "enum", "const", "examples"];

/// Keywords of ours become what editors know, and references find the moved definitions.
fn walk(node: &mut Json, owner: &str) {
    match node {
        Json::Array(items) => items.iter_mut().for_each(|item| walk(item, owner)),
        Json::Object(object) => {
            let kind = object.get(KIND).and_then(Json::as_str).and_then(Kind::of);
            if let Some(kind) = kind {
                let text = object.get("description").cloned();
                // Beside a reference nothing counts in this draft.
                let all = json!([reference(kind.name())]);
                object.clear();
                object.insert("allOf".into(), all);
                object.extend(text.map(|text| ("description".to_owned(), text)));
                return;
            }
            object.remove(KIND);
            object.remove(DRAFTS);
            object.remove("format");
            if let Some(Json::String(target)) = object.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/$defs/")
            {
                *target = format!("#/definitions/{owner}.{name}");
            }
            for (key, value) in object.iter_mut() {
                match value {
                    // The keys in there are names of fields.
                    Json::Object(fields) if key == "properties" => {
                        fields.values_mut().for_each(|field| walk(field, owner));
                    }
                    Json::Object(_) | Json::Array(_) if !DATA.contains(&key.as_str()) => {
                        walk(value, owner);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::catalog;

    fn references<'j>(node: &'j Json, found: &mut Vec<&'j str>) {
        match node {
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            Json::Object(object) => {
                found.extend(object.get("$ref").and_then(Json::as_str));
                object.values().for_each(|value| references(value, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let catalog = catalog();
        let schema = editor_schema(&catalog, &|_, name| name != "stdin");
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(found.len() > 10);
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(schema.pointer(pointer).is_some(), "{target}");
        }
        let text = schema.to_string();
        assert!(!text.contains(KIND) && !text.contains("$defs"), "{text}");
        assert_eq!(schema.pointer("/definitions/input/properties/stdin"), None);
        let mapping = schema.pointer("/definitions/input/properties/generate/properties/mapping");
        assert_eq!(mapping.and_then(|m| m["type"].as_str()), Some("string"));
        let enabled = schema.pointer("/properties/http");
        assert!(enabled.is_some());
    }
}
