//! Small pieces of configurations that several connectors share.

use std::collections::BTreeMap;

use formats::value::Value;
use plan::BuildError;
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and values in the order they were written.
#[derive(Clone, Debug)]
pub struct Table<V>(pub Vec<(String, V)>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Table<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> serde::de::Visitor<'de> for Visit<V> {
            type Value = Table<V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("names and values")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Table<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Table(entries))
            }
        }
        deserializer.deserialize_map(Visit(std::marker::PhantomData))
    }
}

impl<V: Serialize> Serialize for Table<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(k, v)| (k, v)))
    }
}

impl<V: JsonSchema> JsonSchema for Table<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Table_of_{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, V>::json_schema(generator)
    }
}

/// Which keys of metadata, or names of headers, are meant. None unless they are named.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct MetadataFilter {
    /// Keys that begin with one of these.
    pub include_prefixes: Vec<String>,
    /// Keys that match one of these patterns.
    pub include_patterns: Vec<String>,
}

impl MetadataFilter {
    /// Makes the filter ready for use.
    ///
    /// # Errors
    /// When a pattern is not one.
    pub fn compile(&self) -> Result<Filter, BuildError> {
        let pattern = |text: &String| {
            Regex::new(text).map_err(|e| BuildError::new(format!("field 'include_patterns': {e}")))
        };
        let patterns = self.include_patterns.iter().map(pattern).collect::<Result<_, _>>()?;
        Ok(Filter { prefixes: self.include_prefixes.clone(), patterns })
    }
}

/// A [`MetadataFilter`] that is ready for use.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    prefixes: Vec<String>,
    patterns: Vec<Regex>,
}

impl Filter {
    /// Whether nothing is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.patterns.is_empty()
    }

    /// Whether a key is meant.
    #[must_use]
    pub fn admits(&self, key: &str) -> bool {
        self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
            || self.patterns.iter().any(|pattern| pattern.is_match(key))
    }
}

/// A value of metadata as text: what a header shows.
#[must_use]
pub fn text_of(value: &Value) -> String {
    let mut out = Vec::new();
    match value {
        Value::String(text) => return text.to_str_lossy().into_owned(),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        // A number that is none prints as nothing.
        other => drop(formats::json::write_value(&mut out, other)),
    }
    String::from_utf8_lossy(&out).into_owned()
}
