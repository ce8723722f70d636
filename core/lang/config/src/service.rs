//! The settings of the service itself that stand beside a stream in a file.

pub mod metrics;

use plan::Json;
use plan::fields::Duration;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::schema::{Shape, View};
use crate::yaml::{Data, Entry, Node};

/// Everything that is not a stream (spec/benthos-streams-api.md §9).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Service {
    /// The HTTP server.
    pub http: Http,
    /// The log.
    pub logger: Logger,
    /// Where metrics go: one key names it.
    pub metrics: Json,
    /// Where traces go: one key names it.
    pub tracer: Json,
    /// How long to wait before stopping begins.
    pub shutdown_delay: Duration,
    /// How long stopping may take.
    #[serde(default = "shutdown_timeout")]
    pub shutdown_timeout: Duration,
    /// What errors mean.
    pub error_handling: ErrorHandling,
}

fn shutdown_timeout() -> Duration {
    Duration::from_secs(20)
}

/// The HTTP server of the service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Http {
    /// Whether there is one.
    pub enabled: bool,
    /// Address it listens on, such as `0.0.0.0:4195` for all that the machine has.
    pub address: String,
    /// Prefix under which every endpoint is found a second time.
    pub root_path: String,
    /// Whether endpoints for finding faults are there.
    pub debug_endpoints: bool,
    /// Certificate for TLS; only together with a key.
    pub cert_file: String,
    /// Key for TLS.
    pub key_file: String,
    /// Which pages of other origins may ask.
    pub cors: Cors,
    /// User and password that are asked for.
    pub basic_auth: BasicAuth,
}

/// Where the service listens unless told otherwise: where those look for it whose setups were made
/// for Benthos (spec/benthos-components.md §H).
pub const ADDRESS: &str = "0.0.0.0:4195";

impl Default for Http {
    fn default() -> Self {
        Http {
            enabled: true,
            address: ADDRESS.into(),
            root_path: "/benthos".into(),
            debug_endpoints: false,
            cert_file: String::new(),
            key_file: String::new(),
            cors: Cors::default(),
            basic_auth: BasicAuth::default(),
        }
    }
}

/// Cross-origin requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cors {
    /// Whether they are allowed at all.
    pub enabled: bool,
    /// Origins that are allowed; `*` for all.
    pub allowed_origins: Vec<String>,
}

/// Basic authentication.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BasicAuth {
    /// Whether it is asked for.
    pub enabled: bool,
    /// Name of what is protected.
    pub realm: String,
    /// The user.
    pub username: String,
    /// Base64 of the password's digest.
    pub password_hash: String,
    /// How the digest is made.
    pub algorithm: String,
    /// Base64 of the salt that `scrypt` wants.
    pub salt: String,
}

impl Default for BasicAuth {
    fn default() -> Self {
        BasicAuth {
            enabled: false,
            realm: "restricted".into(),
            username: String::new(),
            password_hash: String::new(),
            algorithm: "sha256".into(),
            salt: String::new(),
        }
    }
}

/// The log of the process.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Logger {
    /// Lines below this level are not written.
    pub level: String,
    /// `logfmt` or `json`.
    #[schemars(extend("enum" = ["json", "logfmt"]))]
    pub format: String,
    /// Whether each line has its time.
    pub add_timestamp: bool,
    /// Key of the level.
    pub level_name: String,
    /// Key of the time.
    pub timestamp_name: String,
    /// Key of the text.
    pub message_name: String,
    /// Fields that every line has.
    pub static_fields: std::collections::BTreeMap<String, String>,
    /// A file to write to instead of standard error.
    pub file: LogFile,
}

impl Default for Logger {
    fn default() -> Self {
        Logger {
            level: "INFO".into(),
            format: "logfmt".into(),
            add_timestamp: true,
            level_name: "level".into(),
            timestamp_name: "time".into(),
            message_name: "msg".into(),
            static_fields: [("@service".to_owned(), "benthos".to_owned())].into(),
            file: LogFile::default(),
        }
    }
}

/// A file for the log.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogFile {
    /// Its path; empty for none.
    pub path: String,
    /// Whether a full file is put aside.
    pub rotate: bool,
    /// How long files put aside are kept; 0 for ever.
    pub rotate_max_age_days: u64,
}

/// What errors mean.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ErrorHandling {
    /// Whether a message on which a processor failed is refused instead of delivered.
    pub strict: bool,
}

/// The document as the sections read it: single values have the type that their field wants, and
/// what no section knows, of which there is a complaint, is left out.
pub(crate) fn typed(document: &Node) -> Json {
    let entries = document.entries().unwrap_or_default();
    let sections = entries.iter().filter_map(|entry| {
        let schema = schema_of_section(&entry.key)?;
        Some((entry.key.to_string(), typed_field(View::of(&schema), &entry.value.node)))
    });
    Json::Object(sections.collect())
}

fn typed_field(view: View<'_>, node: &Node) -> Json {
    match (view.shape(), &node.data) {
        (Shape::Text(_) | Shape::Code(_), Data::Scalar(scalar)) if !node.is_null() => {
            scalar.text.clone().into()
        }
        (Shape::Bool, Data::Scalar(scalar)) => {
            scalar.switch().map_or_else(|| node.to_json(), Json::from)
        }
        (Shape::Object(fields), Data::Map(entries)) => {
            let field = |entry: &Entry| {
                let view = fields.get(&entry.key)?;
                Some((entry.key.to_string(), typed_field(view, &entry.value.node)))
            };
            Json::Object(entries.iter().filter_map(field).collect())
        }
        (Shape::Map(inner), Data::Map(entries)) => {
            let field = |e: &Entry| (e.key.to_string(), typed_field(inner, &e.value.node));
            Json::Object(entries.iter().map(field).collect())
        }
        (Shape::List(inner), Data::Seq(items)) => {
            items.iter().map(|item| typed_field(inner, &item.node)).collect()
        }
        _ => node.to_json(),
    }
}

/// The schema of one section, or nothing when there is no such section.
pub(crate) fn schema_of_section(key: &str) -> Option<Json> {
    static WHOLE: std::sync::LazyLock<Json> = std::sync::LazyLock::new(plan::schema_of::<Service>);
    let whole = &*WHOLE;
    let mut section = whole.get("properties")?.get(key)?.clone();
    match key {
        "metrics" | "tracer" => section = plan::serde_json::json!({"x-kind": key}),
        _ => {
            if let (Some(object), Some(defs)) = (section.as_object_mut(), whole.get("$defs")) {
                object.insert("$defs".into(), defs.clone());
            }
        }
    }
    Some(section)
}
