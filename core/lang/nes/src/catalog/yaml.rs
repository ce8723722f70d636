//! YAML as JSON values: configuration files have nothing that JSON lacks.

use plan::{Diagnostic, Json, Span, serde_json::Map};
use saphyr::{LoadableYamlNode, Scalar, Yaml};

/// Longest configuration file; bytes.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;
/// Deepest nesting of a configuration file.
const DEPTH_MAX: usize = 32;

/// Reads a file of one document.
pub(crate) fn load(text: &str) -> Result<Json, Diagnostic> {
    if text.len() > FILE_BYTES_MAX {
        let text = format!("the file is longer than {FILE_BYTES_MAX} bytes");
        return Err(Diagnostic::error("too-long", text, Span::default()));
    }
    let documents = Yaml::load_from_str(text).map_err(|error| {
        let marker = error.marker();
        let line = u32::try_from(marker.line()).unwrap_or(0);
        let column = u32::try_from(marker.col()).unwrap_or(0) + 1;
        Diagnostic::error("yaml", error.info(), Span { line, column, len: 1 })
    })?;
    match documents.first() {
        Some(document) => json(document, 0),
        None => Ok(Json::Object(Map::new())),
    }
}

fn json(yaml: &Yaml, depth: usize) -> Result<Json, Diagnostic> {
    let fail = |text: &str| Err(Diagnostic::error("yaml", text, Span::default()));
    if depth > DEPTH_MAX {
        return fail("the file is nested too deeply");
    }
    match yaml {
        Yaml::Value(scalar) => Ok(value(scalar)),
        Yaml::Representation(text, ..) => Ok(Json::String(text.to_string())),
        Yaml::Sequence(items) => {
            let items: Result<Vec<Json>, _> = items.iter().map(|i| json(i, depth + 1)).collect();
            Ok(Json::Array(items?))
        }
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (key, item) in members {
                let key = match json(key, depth + 1)? {
                    Json::String(key) => key,
                    Json::Array(_) | Json::Object(_) => return fail("a key is no plain text"),
                    other => other.to_string(),
                };
                object.insert(key, json(item, depth + 1)?);
            }
            Ok(Json::Object(object))
        }
        Yaml::Tagged(_, inner) => json(inner, depth + 1),
        Yaml::Alias(_) | Yaml::BadValue => fail("the file holds something that has no value"),
    }
}

fn value(scalar: &Scalar) -> Json {
    match scalar {
        Scalar::Null => Json::Null,
        Scalar::Boolean(flag) => Json::Bool(*flag),
        Scalar::Integer(number) => Json::from(*number),
        Scalar::FloatingPoint(number) => Json::from(number.into_inner()),
        Scalar::String(text) => Json::String(text.to_string()),
    }
}
