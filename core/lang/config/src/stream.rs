//! Documents that arrive over HTTP: parsed, linted, merged, and the answers when they are wrong
//! (spec/benthos-streams-api.md §1, §3, §4).

use plan::serde_json::{self, json};
use plan::{BuildError, Json, Plan};

use crate::catalog::{Catalog, Kind, RESOURCE_KINDS};
use crate::env::{Lookup, interpolate};
use crate::infer::infer;
use crate::lint::{Lint, Linter, Root};
use crate::lower::{InitError, Resources, check_structure};
use crate::secrets;
use crate::yaml::{self, Node};
use std::collections::HashMap;
use std::sync::Arc;

/// How a body is read.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Whether complaints and missing variables are let pass.
    pub chilled: bool,
    /// Where variables come from; nothing leaves them as they are.
    pub env: Option<Lookup<'a>>,
}

/// The answer to a body that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError {
    /// HTTP status.
    pub status: u16,
    /// Content type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

impl BodyError {
    /// The plain answer to a request that is wrong.
    #[must_use]
    pub fn request(text: &str) -> Self {
        BodyError { status: 400, content_type: TEXT, body: format!("Error: {text}\n") }
    }

    /// The answer when a component cannot be constructed.
    #[must_use]
    pub fn init(error: &InitError) -> Self {
        BodyError { status: 502, content_type: TEXT, body: format!("Error: {error}\n") }
    }

    /// The answer when the engine could not build an instance.
    #[must_use]
    pub fn build(error: &BuildError) -> Self {
        BodyError::init(&InitError::of_build(error))
    }

    fn lints(lints: &[String]) -> Self {
        // The documentation names one key and the program the other: clients find both.
        let body = json!({"lint_errors": lints, "linting_errors": lints}).to_string();
        BodyError { status: 400, content_type: JSON, body }
    }
}

/// A stream that was read.
#[derive(Clone, Debug)]
pub struct StreamDoc {
    /// The document as it is shown again: variables filled in, keys sorted.
    pub config: Json,
    /// Complaints that were let pass.
    pub lints: Vec<Lint>,
    node: Arc<Node>,
}

impl StreamDoc {
    /// Lowers the stream to a plan.
    ///
    /// # Errors
    /// The first component whose configuration does not fit, or a resource that is not there.
    pub fn lower(&self, catalog: &Catalog, resources: &Resources) -> Result<Plan, InitError> {
        crate::lower_stream(catalog, resources, &self.node)
    }

    /// The stream with the secrets of an older one in the places where it has marks of these.
    ///
    /// # Errors
    /// The answer when there is no secret for a mark.
    pub fn with_secrets_of(
        mut self,
        catalog: &Catalog,
        older: Option<&Json>,
    ) -> Result<Self, BodyError> {
        let kept = secrets::kept(catalog, &mut self.config, older);
        if !kept.map_err(|text| BodyError::request(&text))? {
            return Ok(self);
        }
        let lints = std::mem::take(&mut self.lints);
        Ok(StreamDoc { lints, ..StreamDoc::from_config(catalog, &self.config)? })
    }

    /// A stream from a document that was shown before, such as one kept in a journal.
    ///
    /// # Errors
    /// The answer when a component is not known.
    pub fn from_config(catalog: &Catalog, config: &Json) -> Result<Self, BodyError> {
        let node = Arc::new(Node::from_json(config));
        check_structure(catalog, &node).map_err(|e| BodyError::request(&e.text))?;
        Ok(StreamDoc { config: config.clone(), lints: Vec::new(), node })
    }
}

fn read(bytes: &[u8], options: &Options<'_>) -> Result<Node, BodyError> {
    let text = yaml::text_of(bytes).map_err(|e| BodyError::request(&e.to_string()))?;
    let node = match options.env {
        None => yaml::load(text),
        Some(lookup) => {
            let filled = interpolate(text, lookup);
            match filled.complaint().filter(|_| !options.chilled) {
                Some(complaint) => return Err(BodyError::request(&complaint)),
                None => yaml::load(&filled.text),
            }
        }
    };
    node.map_err(|e| BodyError::request(&e.to_string()))
}

fn lint_stream(catalog: &Catalog, node: &Node) -> Vec<Lint> {
    let mut linter = Linter::new(catalog);
    linter.root(Root::Stream, node);
    linter.finish()
}

/// Reads the body of a request that makes or replaces one stream.
///
/// # Errors
/// The answer to a body that cannot be read or that has complaints.
pub fn parse_body(
    catalog: &Catalog,
    bytes: &[u8],
    options: &Options<'_>,
) -> Result<StreamDoc, BodyError> {
    let node = read(bytes, options)?;
    check_structure(catalog, &node).map_err(|e| BodyError::request(&e.text))?;
    let lints = lint_stream(catalog, &node);
    if !lints.is_empty() && !options.chilled {
        let texts: Vec<String> = lints.iter().map(Lint::to_string).collect();
        return Err(BodyError::lints(&texts));
    }
    Ok(StreamDoc { config: node.to_json(), lints, node: Arc::new(node) })
}

/// Most streams that one request may set.
pub const SET_MAX: usize = 100_000;

/// Reads the body of a request that sets all streams: ids and their streams.
///
/// # Errors
/// The answer when any of them cannot be read or has complaints.
pub fn parse_set(
    catalog: &Catalog,
    bytes: &[u8],
    options: &Options<'_>,
) -> Result<Vec<(String, StreamDoc)>, BodyError> {
    let document = read(bytes, options)?;
    if document.is_null() {
        return Ok(Vec::new());
    }
    let Some(entries) = document.entries() else {
        let (line, tag) = (document.line, document.tag());
        return Err(BodyError::request(&format!(
            "yaml: unmarshal errors:\n  line {line}: cannot unmarshal {tag} into \
             map[string]yaml.Node"
        )));
    };
    if entries.len() > SET_MAX {
        return Err(BodyError::request(&format!("there may be {SET_MAX} streams at most")));
    }
    let (mut streams, mut complaints) = (Vec::new(), Vec::new());
    // Of equal ids only the last one counts.
    let last: HashMap<&str, usize> =
        entries.iter().enumerate().map(|(at, entry)| (&*entry.key, at)).collect();
    for (at, entry) in entries.iter().enumerate() {
        if last.get(&*entry.key) != Some(&at) {
            continue;
        }
        let node = Arc::clone(&entry.value.node);
        check_structure(catalog, &node).map_err(|e| BodyError::request(&e.text))?;
        let lints = lint_stream(catalog, &node);
        complaints.extend(lints.iter().map(|lint| format!("stream '{}': {lint}", entry.key)));
        let config = node.to_json();
        streams.push((entry.key.to_string(), StreamDoc { config, lints, node }));
    }
    if !complaints.is_empty() && !options.chilled {
        return Err(BodyError::lints(&complaints));
    }
    Ok(streams)
}

/// Merges the body of a PATCH into the document of a stream: objects merge, everything else is
/// replaced, a null is set. Neither variables nor complaints matter here.
///
/// # Errors
/// The answer to a body that is not YAML or that leaves no stream.
pub fn patch(catalog: &Catalog, config: &Json, bytes: &[u8]) -> Result<StreamDoc, BodyError> {
    let body = read(bytes, &Options { chilled: true, env: None })?.to_json();
    let mut merged = config.clone();
    if body.is_object() {
        merge(&mut merged, body);
    }
    StreamDoc::from_config(catalog, &merged)?.with_secrets_of(catalog, Some(config))
}

/// Merges `from` into `into`. The depth of both is bounded by the reader's.
fn merge(into: &mut Json, from: Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(have) => merge(have, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
            into.sort_keys();
        }
        (into, from) => *into = from,
    }
}

/// A resource that was read.
#[derive(Clone, Debug)]
pub struct ResourceDoc {
    /// What it is.
    pub kind: Kind,
    /// The document as it could be shown again.
    pub config: Json,
    node: Arc<Node>,
}

impl ResourceDoc {
    /// Adds the resource to those that streams may use, in the place of one with its label.
    ///
    /// # Errors
    /// When its configuration does not fit, or there are too many.
    pub fn add(
        &self,
        catalog: &Catalog,
        label: &str,
        resources: &mut Resources,
    ) -> Result<(), BodyError> {
        crate::check_resource(catalog, resources, self.kind, &self.node)
            .map_err(|e| BodyError::init(&e))?;
        let added = resources.set(self.kind, label, Arc::clone(&self.node));
        added.map_err(|text| BodyError::request(&text))
    }
}

/// Reads the body of a request that makes or replaces a resource of the kind named `kind`.
///
/// # Errors
/// The answer when there is no such kind, or to a body that cannot be read or has complaints.
pub fn parse_resource(
    catalog: &Catalog,
    kind: &str,
    bytes: &[u8],
    options: &Options<'_>,
) -> Result<ResourceDoc, BodyError> {
    let Some(kind) = RESOURCE_KINDS.into_iter().find(|known| known.name() == kind) else {
        let body = "Var `type` must be set to one of `cache`, `input`, `output`, `processor` or \
                    `rate_limit`\n";
        return Err(BodyError { status: 400, content_type: TEXT, body: body.to_owned() });
    };
    let node = read(bytes, options)?;
    let inferred = infer(catalog, kind, &node);
    // An object without a component is refused at once; one with an unknown component is linted.
    let empty = node.entries().is_none_or(<[_]>::is_empty);
    if empty || options.chilled {
        inferred.map_err(|e| BodyError::request(&e.to_string()))?;
    }
    let mut linter = Linter::new(catalog);
    linter.component_node(kind, &node);
    let lints = linter.finish();
    if !lints.is_empty() && !options.chilled {
        let texts: Vec<String> = lints.iter().map(Lint::to_string).collect();
        return Err(BodyError::lints(&texts));
    }
    infer(catalog, kind, &node).map_err(|e| BodyError::request(&e.to_string()))?;
    Ok(ResourceDoc { kind, config: node.to_json(), node: Arc::new(node) })
}

/// The document as text for an answer.
#[must_use]
pub fn echo(config: &Json) -> String {
    serde_json::to_string(config).unwrap_or_default()
}

#[cfg(test)]
mod tests;
