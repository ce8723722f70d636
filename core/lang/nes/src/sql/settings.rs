//! Settings of sources and sinks, and what they mean for those of the engine.

use std::collections::BTreeMap;

use plan::serde_json::json;
use plan::{Diagnostic, Json, Span};
use serde::{Deserialize, Serialize};

use super::ast::Component;
use crate::ast::Sink;
use crate::schema::Schema;

/// Most settings of one source or sink.
pub(crate) const SETTINGS_MAX: usize = 100;

/// `value AS scope.key, ...`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Values by scope and key in upper case, such as `SOURCE.FILE_PATH`.
    pub values: BTreeMap<String, Json>,
    /// The schema of a source of one query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
}

/// What is read from settings, and what of them was read.
struct Reader<'a> {
    component: &'a Component,
    used: Vec<&'static str>,
}

/// Settings that say where something runs; there is one place.
const PLACES: &[&str] = &["SOURCE.HOST", "SINK.HOST"];

impl<'a> Reader<'a> {
    fn new(component: &'a Component) -> Self {
        Reader { component, used: Vec::new() }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Json> {
        self.used.push(key);
        self.component.settings.values.get(key)
    }

    fn error<T>(&self, code: &str, text: impl Into<String>) -> Result<T, Diagnostic> {
        Err(Diagnostic::error(code, text, self.component.span))
    }

    fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, Diagnostic> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => self.error("type", format!("{key} must be a text and not {other}")),
        }
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, Diagnostic> {
        match self.get(key) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(Json::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Json::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => self.error("type", format!("{key} must be TRUE or FALSE, not {other}")),
        }
    }

    /// A format: CSV or JSON.
    fn format(&mut self, keys: &[&'static str]) -> Result<&'static str, Diagnostic> {
        let mut format = "CSV";
        for key in keys.iter().copied() {
            match self.text(key)?.map(str::to_ascii_uppercase).as_deref() {
                None => {}
                Some("CSV") => format = "CSV",
                Some("JSON") => format = "JSON",
                Some(other) => {
                    return self.error("unsupported", format!("there is no {key} {other}"));
                }
            }
        }
        Ok(format)
    }

    /// Refuses what nobody asked for.
    fn done(&self) -> Result<(), Diagnostic> {
        let known = |key: &str| self.used.contains(&key) || PLACES.contains(&key);
        match self.component.settings.values.keys().find(|key| !known(key)) {
            None => Ok(()),
            Some(key) => {
                let text = format!("{} has no setting {key}", self.component.kind);
                self.error("unsupported", text)
            }
        }
    }
}

/// Type and configuration of a physical source.
pub(crate) fn source_of(component: &Component) -> Result<(String, Json), Diagnostic> {
    let mut reader = Reader::new(component);
    let mut config = json!({});
    let kind = match component.kind.as_str() {
        "FILE" => {
            match reader.text("SOURCE.FILE_PATH")? {
                Some(path) if !path.is_empty() => config["filePath"] = json!(path),
                _ => return reader.error("source", "the setting SOURCE.FILE_PATH is missing"),
            }
            "CSV_SOURCE"
        }
        "TCP" => {
            config["socketHost"] = json!(reader.text("SOURCE.SOCKET_HOST")?.unwrap_or("127.0.0.1"));
            let Some(port) = reader.get("SOURCE.SOCKET_PORT") else {
                return reader.error("source", "the setting SOURCE.SOCKET_PORT is missing");
            };
            config["socketPort"] = port.clone();
            // Bytes go on as they come, so that neither a size nor a time to wait is needed.
            for key in ["SOURCE.SOCKET_BUFFER_SIZE", "SOURCE.FLUSH_INTERVAL_MS"] {
                reader.get(key);
            }
            reader.get("SOURCE.CONNECT_TIMEOUT_SECONDS");
            "TCP_SOURCE"
        }
        other => {
            let text = format!("a source of type {other} is not supported");
            return reader.error("unsupported", text);
        }
    };
    config["inputFormat"] =
        json!(reader.format(&["PARSER.TYPE", "INPUT_FORMATTER.TYPE", "SOURCE.INPUT_FORMAT"])?);
    if let Some(delimiter) = reader.text("PARSER.FIELD_DELIMITER")? {
        if delimiter.len() != 1 {
            return reader.error("unsupported", "PARSER.FIELD_DELIMITER must be one byte");
        }
        config["delimiter"] = json!(delimiter);
    }
    if reader.text("PARSER.TUPLE_DELIMITER")?.is_some_and(|text| text != "\n") {
        return reader.error("unsupported", "PARSER.TUPLE_DELIMITER must be the end of a line");
    }
    reader.done()?;
    Ok((kind.to_owned(), config))
}

/// The sink that a type and settings mean.
pub(crate) fn sink_of(component: &Component) -> Result<Sink, Diagnostic> {
    let mut reader = Reader::new(component);
    let format = reader.format(&["SINK.OUTPUT_FORMAT", "SINK.INPUT_FORMAT"])?;
    for key in ["PARSER.QUOTE_STRINGS", "OUTPUT_FORMATTER.QUOTE_STRINGS"] {
        if reader.flag(key)? {
            return reader.error("unsupported", format!("{key} is not supported"));
        }
    }
    let sink = match component.kind.as_str() {
        "FILE" => {
            let Some(path) = reader.text("SINK.FILE_PATH")?.filter(|path| !path.is_empty()) else {
                return reader.error("sink", "the setting SINK.FILE_PATH is missing");
            };
            let append = reader.flag("SINK.APPEND")?;
            let format = format!("{format}_FORMAT");
            Sink::File { path: path.to_owned(), format, append, timestamp: false }
        }
        "PRINT" if format == "CSV" => Sink::Print,
        "VOID" | "NULL" => Sink::Null,
        other => {
            let text = format!("a sink of type {other} with the format {format} is not supported");
            return reader.error("unsupported", text);
        }
    };
    reader.done()?;
    Ok(sink)
}

/// A setting, unless there are too many or it is there already.
pub(crate) fn insert(
    settings: &mut Settings,
    key: String,
    value: Json,
    span: Span,
) -> Result<(), Diagnostic> {
    if settings.values.len() >= SETTINGS_MAX {
        let text = format!("there may be at most {SETTINGS_MAX} settings");
        return Err(Diagnostic::error("syntax", text, span));
    }
    match settings.values.insert(key.clone(), value) {
        None => Ok(()),
        Some(_) => Err(Diagnostic::error("syntax", format!("{key} is set twice"), span)),
    }
}
