//! Secrets in documents: hidden where a document is shown, and kept where what was shown comes
//! back. Which fields are secret, the schemas say.

use std::borrow::Cow;
use std::collections::BTreeSet;

use plan::Json;
use plan::secret::SCRUBBED;
use plan::serde_json::json;

use crate::catalog::{Catalog, Kind};
use crate::lint::{pipeline_schema, root_resource_kind};
use crate::schema::{Shape, View};
use crate::service::{schema_of_section, whole_schema};

/// A document without its secrets.
#[must_use]
pub fn hidden(catalog: &Catalog, document: &Json) -> Json {
    let mut shown = document.clone();
    let mut hide = |value: &mut Json, _: Option<&Json>, _: &str| hide_value(value);
    Walk { catalog, visit: &mut hide }.document(&mut shown, None);
    shown
}

/// Puts a mark in the place of a secret, unless there is none: nothing was written, or only the
/// name of a variable.
pub(crate) fn hide_value(value: &mut Json) {
    let open = match value {
        Json::Null => true,
        Json::String(text) => {
            let name = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            text.is_empty() || name.is_some_and(is_name)
        }
        _ => false,
    };
    if !open {
        *value = SCRUBBED.into();
    }
}

/// Puts the secrets of an older document into a newer one that has marks in their place; returns
/// whether there were marks.
///
/// # Errors
/// The place of a mark for which there is no secret.
pub fn kept(catalog: &Catalog, newer: &mut Json, older: Option<&Json>) -> Result<bool, String> {
    if !is_marked(newer) {
        return Ok(false);
    }
    let mut missing = None;
    let mut keep = |value: &mut Json, old: Option<&Json>, path: &str| {
        if value.as_str() == Some(SCRUBBED) {
            match old.filter(|old| old.as_str() != Some("") && !old.is_null()) {
                Some(old) => *value = old.clone(),
                None => drop(missing.get_or_insert_with(|| path.to_owned())),
            }
        }
    };
    Walk { catalog, visit: &mut keep }.document(newer, older);
    match missing {
        Some(path) => Err(format!("{path}: there is no secret that {SCRUBBED} could stand for")),
        None => Ok(true),
    }
}

/// Whether a mark stands anywhere in a document.
fn is_marked(document: &Json) -> bool {
    match document {
        Json::String(text) => text == SCRUBBED,
        Json::Array(items) => items.iter().any(is_marked),
        Json::Object(fields) => fields.values().any(is_marked),
        _ => false,
    }
}

type Visit<'v> = dyn FnMut(&mut Json, Option<&Json>, &str) + 'v;

/// Visits every secret of a document, together with what stands at its place in an older one.
struct Walk<'c, 'v> {
    catalog: &'c Catalog,
    visit: &'c mut Visit<'v>,
}

impl Walk<'_, '_> {
    fn document(&mut self, document: &mut Json, older: Option<&Json>) {
        let Json::Object(sections) = document else { return };
        for (key, section) in sections {
            let kind = |kind: Kind| json!({"x-kind": kind.name()});
            let schema = match (key.as_str(), root_resource_kind(key)) {
                ("input" | "output" | "buffer", _) => Kind::of(key).map(kind),
                ("pipeline", _) => Some(pipeline_schema()),
                (_, Some(of)) => Some(list_of(of)),
                _ => schema_of_section(key),
            };
            if let Some(schema) = schema {
                let (older, path) = (older.and_then(|o| o.get(key)), format!("root.{key}"));
                self.field(View::of(&schema), section, older, &path);
            }
        }
    }

    fn field(&mut self, view: View<'_>, value: &mut Json, older: Option<&Json>, path: &str) {
        if view.is_secret() {
            return (self.visit)(value, older, path);
        }
        let within = |key: &str| (older.and_then(|o| o.get(key)), format!("{path}.{key}"));
        match (view.shape(), value) {
            (Shape::Component(kind), Json::Object(entries)) => {
                for (key, value) in entries {
                    let (older, path) = within(key);
                    let catalog = self.catalog;
                    match catalog.schema(kind, key) {
                        Some(schema) => self.field(View::of(schema), value, older, &path),
                        None if key == "processors" && kind.has_processors() => {
                            let list = list_of(Kind::Processor);
                            self.field(View::of(&list), value, older, &path);
                        }
                        None => {}
                    }
                }
            }
            (Shape::Object(fields), Json::Object(entries)) => {
                for (key, value) in entries {
                    let (older, path) = within(key);
                    if let Some(view) = fields.get(key) {
                        self.field(view, value, older, &path);
                    }
                }
            }
            (Shape::Map(inner), Json::Object(entries)) => {
                for (key, value) in entries {
                    let (older, path) = within(key);
                    self.field(inner, value, older, &path);
                }
            }
            (Shape::List(inner), Json::Array(items)) => {
                let older = older.and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                let partners = self.partners(inner, items, older);
                for (at, (value, older)) in items.iter_mut().zip(partners).enumerate() {
                    self.field(inner, value, older, &format!("{path}.{at}"));
                }
            }
            _ => {}
        }
    }

    /// For each item of a list the one that it was in an older list: the one that looks the same,
    /// or has its label, or its place where nothing was added or taken away.
    fn partners<'o>(
        &self,
        view: View<'_>,
        items: &[Json],
        older: &'o [Json],
    ) -> Vec<Option<&'o Json>> {
        if older.is_empty() {
            return vec![None; items.len()];
        }
        let mut hide = |value: &mut Json, _: Option<&Json>, _: &str| hide_value(value);
        let mut walk = Walk { catalog: self.catalog, visit: &mut hide };
        let mut shown = older.to_vec();
        shown.iter_mut().for_each(|item| walk.field(view, item, None, ""));
        let label = |item: &Json| item.get("label").and_then(Json::as_str).map(str::to_owned);
        let partner = |at: usize, item: &Json| {
            let same = shown.get(at) == Some(item);
            let place = same.then_some(at).or_else(|| shown.iter().position(|old| old == item));
            let named = || {
                let label = label(item).filter(|label| !label.is_empty())?;
                older.iter().position(|old| old.get("label").and_then(Json::as_str) == Some(&label))
            };
            let unmoved = (items.len() == older.len()).then_some(at);
            older.get(place.or_else(named).or(unmoved)?)
        };
        items.iter().enumerate().map(|(at, item)| partner(at, item)).collect()
    }
}

/// The schema of a list of components.
fn list_of(kind: Kind) -> Json {
    json!({"type": "array", "items": {"x-kind": kind.name()}})
}

/// The names of all fields that are secret in any component or section.
fn names(catalog: &Catalog) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for schema in catalog.schemas().chain([whole_schema()]) {
        collect(schema, schema, &mut names);
    }
    names
}

fn collect(root: &Json, node: &Json, names: &mut BTreeSet<String>) {
    let properties = node.get("properties").and_then(Json::as_object);
    for (name, field) in properties.into_iter().flatten() {
        if View::of(root).part(field).is_secret() {
            names.insert(name.clone());
        }
    }
    match node {
        Json::Object(members) => members.values().for_each(|one| collect(root, one, names)),
        Json::Array(items) => items.iter().for_each(|one| collect(root, one, names)),
        _ => {}
    }
}

/// The text of a document as a complaint may show lines of it: what stands behind the name of a
/// secret field is hidden. The document need not be one that can be read.
#[must_use]
pub fn masked<'t>(catalog: &Catalog, text: &'t str) -> Cow<'t, str> {
    let names = names(catalog);
    if !names.iter().any(|name| text.contains(name.as_str())) {
        return Cow::Borrowed(text);
    }
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut below = None;
    let mask = |line: &'t str| -> Cow<'t, str> {
        if below.is_some_and(|of| indent(line) > of) && !line.trim().is_empty() {
            return Cow::Owned(format!("{}{SCRUBBED}", &line[..indent(line)]));
        }
        below = None;
        let ends = names.iter().filter_map(|name| Some(line.find(name.as_str())? + name.len()));
        let Some(end) = ends.min() else { return Cow::Borrowed(line) };
        below = Some(indent(line));
        Cow::Owned(format!("{}: {SCRUBBED}", &line[..end]))
    };
    Cow::Owned(text.split('\n').map(mask).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests;
