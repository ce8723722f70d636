//! What a field wants, read from the JSON schema of its component.

use plan::Json;
use plan::fields::{KIND, PART};
use plan::serde_json::Map;

use crate::catalog::Kind;

/// A field's schema together with the schema it is part of, where its definitions are.
#[derive(Clone, Copy)]
pub(crate) struct View<'s> {
    root: &'s Json,
    node: &'s Json,
}

/// What a field wants.
pub(crate) enum Shape<'s> {
    /// Anything.
    Any,
    /// Text; one of these if there are any.
    Text(Vec<&'s str>),
    /// Code in the language of configurations.
    Code(CodeKind),
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A switch.
    Bool,
    /// A list of these.
    List(View<'s>),
    /// Keys of the user's choice with such values.
    Map(View<'s>),
    /// Known fields.
    Object(Fields<'s>),
    /// A component.
    Component(Kind),
    /// The label of a resource of this kind.
    Label(Kind),
}

/// What kind of code a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeKind {
    Mapping,
    Query,
    Text,
}

/// The fields of an object.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'s> {
    root: &'s Json,
    node: &'s Json,
}

/// Longest chain of references that is followed.
const REFERENCES_MAX: usize = 16;

impl<'s> View<'s> {
    pub(crate) fn of(schema: &'s Json) -> Self {
        View { root: schema, node: schema }
    }

    pub(crate) fn part(self, node: &'s Json) -> View<'s> {
        View { root: self.root, node }
    }

    fn resolved(self) -> &'s Json {
        let mut node = self.node;
        for _ in 0..REFERENCES_MAX {
            let target = node.get("$ref").and_then(Json::as_str);
            let found = target
                .and_then(|r| r.strip_prefix("#/$defs/"))
                .and_then(|name| self.root.get("$defs")?.get(name));
            match found {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The default that documentation shows.
    pub(crate) fn default(self) -> Option<&'s Json> {
        self.node.get("default").or_else(|| self.resolved().get("default"))
    }

    /// Whether the schema allows to say `null`.
    pub(crate) fn nullable(self) -> bool {
        let node = self.resolved();
        let null = |json: &Json| json.as_str() == Some("null");
        let listed = node.get("type").and_then(Json::as_array);
        let any = node.get("anyOf").and_then(Json::as_array);
        listed.is_some_and(|types| types.iter().any(null))
            || any.is_some_and(|all| all.iter().any(|one| one.get("type").is_some_and(null)))
    }

    /// What the field is called in paths when it is a part of its component like others have,
    /// whatever its own name is: batching.
    pub(crate) fn part_name(self) -> Option<&'s str> {
        self.resolved().get(PART).and_then(Json::as_str)
    }

    /// Whether the field is marked as one that should not be used any more.
    pub(crate) fn deprecated(self) -> bool {
        self.marked("deprecated")
    }

    /// Whether the field is one that few configurations set.
    pub(crate) fn advanced(self) -> bool {
        self.marked("advanced")
    }

    fn marked(self, word: &str) -> bool {
        self.node.get(word).and_then(Json::as_bool).unwrap_or(false)
    }

    /// Whether what stands there must not be shown.
    pub(crate) fn is_secret(self) -> bool {
        let node = self.resolved();
        let secret = |one: &Json| one.get(KIND).and_then(Json::as_str) == Some("secret");
        let any = node.get("anyOf").and_then(Json::as_array);
        secret(node) || any.is_some_and(|all| all.iter().any(|one| self.part(one).is_secret()))
    }

    pub(crate) fn shape(self) -> Shape<'s> {
        let node = self.resolved();
        if let Some(kind) = node.get(KIND).and_then(Json::as_str) {
            return kind_shape(kind);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(all) = node.get(key).and_then(Json::as_array) {
                return self.one_of(all);
            }
        }
        match type_of(node) {
            Some("string") => Shape::Text(options(node)),
            Some("integer") => Shape::Int,
            Some("number") => Shape::Float,
            Some("boolean") => Shape::Bool,
            Some("array") => match node.get("items") {
                Some(items) => Shape::List(self.part(items)),
                None => Shape::Any,
            },
            Some("object") => match node.get("additionalProperties") {
                Some(values) if values.as_bool() != Some(false) => Shape::Map(self.part(values)),
                _ => Shape::Object(Fields { root: self.root, node }),
            },
            _ => match node.get("const").or_else(|| node.get("enum")) {
                Some(_) => Shape::Text(options(node)),
                None => Shape::Any,
            },
        }
    }

    fn one_of(self, all: &'s [Json]) -> Shape<'s> {
        let is_null = |one: &&Json| one.get("type").and_then(Json::as_str) == Some("null");
        let real: Vec<&Json> = all.iter().filter(|one| !is_null(one)).collect();
        if let [one] = real[..] {
            return self.part(one).shape();
        }
        let choices: Option<Vec<Vec<&str>>> = real
            .iter()
            .map(|one| Some(options(one)).filter(|choices| !choices.is_empty()))
            .collect();
        choices.map_or(Shape::Any, |choices| Shape::Text(choices.concat()))
    }
}

fn kind_shape(kind: &str) -> Shape<'static> {
    match kind {
        "mapping" => Shape::Code(CodeKind::Mapping),
        "query" => Shape::Code(CodeKind::Query),
        "text" => Shape::Code(CodeKind::Text),
        "duration" | "secret" => Shape::Text(Vec::new()),
        "cache_label" => Shape::Label(Kind::Cache),
        "rate_limit_label" => Shape::Label(Kind::RateLimit),
        "processor_label" => Shape::Label(Kind::Processor),
        other => Kind::of(other).map_or(Shape::Any, Shape::Component),
    }
}

fn type_of(node: &Json) -> Option<&str> {
    match node.get("type")? {
        Json::String(one) => Some(one),
        Json::Array(several) => {
            let mut real = several.iter().filter_map(Json::as_str).filter(|t| *t != "null");
            let first = real.next();
            // Of several real types nothing can be said.
            first.filter(|_| real.next().is_none())
        }
        _ => None,
    }
}

fn options(node: &Json) -> Vec<&str> {
    let listed = node.get("enum").and_then(Json::as_array).into_iter().flatten();
    listed.chain(node.get("const")).filter_map(Json::as_str).collect()
}

impl<'s> Fields<'s> {
    fn properties(self) -> Option<&'s Map<String, Json>> {
        self.node.get("properties").and_then(Json::as_object)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.properties().is_none_or(Map::is_empty)
    }

    pub(crate) fn get(self, name: &str) -> Option<View<'s>> {
        let node = self.properties()?.get(name)?;
        Some(View { root: self.root, node })
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = (&'s str, View<'s>)> {
        let root = self.root;
        let all = self.properties().into_iter().flatten();
        all.map(move |(name, node)| (name.as_str(), View { root, node }))
    }

    /// Whether the schema says that the field must be there.
    pub(crate) fn names_required(self, name: &str) -> bool {
        let required = self.node.get("required").and_then(Json::as_array);
        required.is_some_and(|all| all.iter().any(|r| r.as_str() == Some(name)))
    }

    /// Whether lint asks for the field: it has no default, and it is not a list or map, which are
    /// empty when they are left out (spec/benthos-streams-api.md §6).
    pub(crate) fn wants(self, name: &str, view: View<'s>) -> bool {
        self.names_required(name)
            && match view.shape() {
                Shape::List(_) | Shape::Map(_) => false,
                Shape::Object(fields) => fields.iter().any(|(name, view)| fields.wants(name, view)),
                _ => true,
            }
    }
}
