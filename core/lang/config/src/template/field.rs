//! The fields of a template: their types, and values as the mapping reads them.

use plan::Json;
use plan::serde_json::{Map, json};

use crate::template::text;
use crate::yaml::{Node, Tag};

/// Words for the types of fields.
pub(super) const TYPES: [&str; 8] = [
    "string",
    "string_enum",
    "string_annotated_enum",
    "int",
    "float",
    "bool",
    "bloblang",
    "unknown",
];
/// Words for how many values a field has.
pub(super) const KINDS: [&str; 3] = ["scalar", "map", "list"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Code,
    Int,
    Float,
    Bool,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Many {
    One,
    List,
    Map,
}

/// A field of a template.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) default: Option<Json>,
    of: Type,
    many: Many,
    description: String,
    advanced: bool,
    options: Vec<String>,
}

impl Field {
    /// Reads the description of a field.
    pub(super) fn read(node: &Node) -> Result<Self, String> {
        let options = match text(node, "type").as_str() {
            "" => return Err("missing type field".to_owned()),
            "string_enum" => listed(node.get("options").map(|n| &**n))?,
            "string_annotated_enum" => annotated(node.get("options").map(|n| &**n))?,
            _ => Vec::new(),
        };
        let many = match text(node, "kind").as_str() {
            "" | "scalar" => Many::One,
            "list" => Many::List,
            "map" => Many::Map,
            other => return Err(format!("unrecognised kind: {other}")),
        };
        let of = match text(node, "type").as_str() {
            "string" | "string_enum" | "string_annotated_enum" => Type::Text,
            "bloblang" => Type::Code,
            "int" => Type::Int,
            "float" => Type::Float,
            "bool" => Type::Bool,
            "unknown" => Type::Any,
            other => return Err(format!("unrecognised type: {other}")),
        };
        let name = text(node, "name");
        let default = node.get("default").map(|value| value.to_json());
        let (description, advanced) = (text(node, "description"), text(node, "advanced") == "true");
        Ok(Field { name, default, of, many, description, advanced, options })
    }

    /// The schema of the field.
    pub(super) fn schema(&self) -> Json {
        let mut one = match self.of {
            Type::Text if self.options.is_empty() => json!({"type": "string"}),
            Type::Text => json!({"type": "string", "enum": self.options}),
            Type::Code => json!({"x-kind": "mapping"}),
            Type::Int => json!({"type": "integer"}),
            Type::Float => json!({"type": "number"}),
            Type::Bool => json!({"type": "boolean"}),
            Type::Any => json!({}),
        };
        // What may be anything could not be told from a list of anything.
        match self.many {
            Many::One => {}
            Many::List => one = json!({"type": "array", "items": one}),
            Many::Map if self.of == Type::Any => {
                one = json!({"type": "object", "additionalProperties": true});
            }
            Many::Map => one = json!({"type": "object", "additionalProperties": one}),
        }
        if let Some(members) = one.as_object_mut() {
            members.insert("description".into(), Json::String(self.description.clone()));
            if self.advanced {
                members.insert("advanced".into(), true.into());
            }
            if let Some(default) = &self.default {
                members.insert("default".into(), default.clone());
            }
        }
        one
    }

    /// The value that the mapping reads for what a user wrote.
    pub(super) fn value(&self, node: &Node) -> Result<Json, String> {
        match self.many {
            Many::One => self.one(node),
            Many::List => {
                let items = node.items().ok_or_else(|| not_a(node, "array"))?;
                items.iter().map(|item| self.one(&item.node)).collect()
            }
            Many::Map => {
                let entries = node.entries().ok_or_else(|| not_a(node, "object"))?;
                let mut map = Map::new();
                for entry in entries {
                    let value = self.one(&entry.value.node);
                    let value = value.map_err(|e| format!("field '{}': {e}", entry.key))?;
                    map.insert(entry.key.to_string(), value);
                }
                map.sort_keys();
                Ok(Json::Object(map))
            }
        }
    }

    fn one(&self, node: &Node) -> Result<Json, String> {
        let wanted = match self.of {
            Type::Any => return Ok(node.to_json()),
            Type::Text | Type::Code => "string",
            Type::Int => "int",
            Type::Float => "float64",
            Type::Bool => "bool",
        };
        let fail = || {
            let value = node.scalar().map_or_else(String::new, |s| format!(" `{}`", s.text));
            let (line, tag) = (node.line, node.tag());
            format!(
                "yaml: unmarshal errors:\n  line {line}: cannot unmarshal {tag}{value} into \
                 {wanted}"
            )
        };
        let scalar = node.scalar().ok_or_else(fail)?;
        let value = match self.of {
            Type::Int => match scalar.tag {
                Tag::Int => scalar.int().and_then(|int| i64::try_from(int).ok()).map(Json::from),
                // A fraction is cut off, as in the fields of other components.
                Tag::Float => {
                    scalar.float().filter(|f| f.abs() < 9.0e18).map(|f| (f as i64).into())
                }
                _ => None,
            },
            Type::Float => scalar.float().map(Json::from),
            Type::Bool => scalar.switch().map(Json::Bool),
            _ => Some(Json::String(scalar.text.clone())),
        };
        value.ok_or_else(fail)
    }
}

fn not_a(node: &Node, wanted: &str) -> String {
    format!("line {}: expected {wanted} value, got {}", node.line, node.tag())
}

fn listed(options: Option<&Node>) -> Result<Vec<String>, String> {
    let wrong = || {
        let got = options.map_or("nothing", |node| node.tag());
        format!("expected options to be an array, got: {got}")
    };
    let items = options.and_then(Node::items).ok_or_else(wrong)?;
    if items.is_empty() {
        return Err("at least one option must be provided".to_owned());
    }
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let text = item.node.scalar().filter(|scalar| scalar.tag == Tag::Str);
        all.push(text.ok_or("only string options are allowed")?.text.clone());
    }
    all.sort();
    match all.windows(2).any(|pair| pair.first() == pair.last()) {
        true => Err("duplicate options are not allowed".to_owned()),
        false => Ok(all),
    }
}

fn annotated(options: Option<&Node>) -> Result<Vec<String>, String> {
    let wrong = || {
        let got = options.map_or("nothing", |node| node.tag());
        format!("expected options to be an object, got: {got}")
    };
    let entries = options.and_then(Node::entries).ok_or_else(wrong)?;
    if entries.is_empty() {
        return Err("at least one annotated option must be provided".to_owned());
    }
    for entry in entries {
        let node = &entry.value.node;
        if node.scalar().is_none_or(|scalar| scalar.tag != Tag::Str) {
            let (key, tag) = (&entry.key, node.tag());
            return Err(format!(
                "expected the annotation for option \"{key}\" to be a string, got: {tag}"
            ));
        }
    }
    let mut all: Vec<String> = entries.iter().map(|entry| entry.key.to_string()).collect();
    all.sort();
    all.dedup();
    Ok(all)
}
