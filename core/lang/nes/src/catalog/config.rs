//! The configuration of a coordinator and its internal worker, in the keys of all generations
//! (spec/nes-system.md §2, §3).

use plan::{Diagnostic, Json, Span, serde_json::Map};

use super::sources::{Physical, SourceCatalog, SourceError};
use super::topology::ROOT;
use super::yaml;
use crate::merging::Rule;
use crate::schema::{Field, Schema, bare};
use crate::types::Type;

/// A coordinator's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinator {
    /// Address of the REST interface.
    pub rest_ip: String,
    /// Port of the REST interface.
    pub rest_port: u16,
    /// Address at which workers find the coordinator.
    pub coordinator_host: String,
    /// Port at which workers find the coordinator.
    pub rpc_port: u16,
    /// What is logged: `info` and so on.
    pub log_level: String,
    /// Whether monitoring may be started.
    pub enable_monitoring: bool,
    /// The origin that browsers may call from; empty for any.
    pub cors_origin: String,
    /// Address of the internal worker.
    pub worker_host: String,
    /// Operators that the internal worker takes.
    pub slots: u64,
    /// Bytes of a logical buffer.
    pub buffer_bytes: u64,
    /// Address of the NATS server over which workers join; empty for one that is started here.
    pub nats_url: String,
    /// How often workers show that they are alive; milliseconds.
    pub beat_ms: u64,
    /// Which queries are merged; none where each runs by itself.
    pub merging: Option<Rule>,
    /// Whether queries are refused that can give nothing.
    pub validates: bool,
    /// Sources of the configuration, besides the one that is always there.
    pub sources: SourceCatalog,
    /// Keys that were understood and have no effect here, and others that are not known.
    pub warnings: Vec<String>,
}

/// Bytes of a logical buffer where nothing else is said.
pub const BUFFER_BYTES_DEFAULT: u64 = 4096;

pub(super) fn wrong<T>(text: impl Into<String>) -> Result<T, Diagnostic> {
    Err(Diagnostic::error("config", text, Span::default()))
}

/// Reads a configuration file. `overrides` are the `--key=value` of the command line, which win;
/// dots in a key lead into sections.
///
/// # Errors
/// What is no YAML, or a value that does not fit its key.
pub fn parse_coordinator(
    text: &str,
    overrides: &[(String, String)],
) -> Result<Coordinator, Diagnostic> {
    let root = read(text, overrides)?;
    let empty = Json::Object(Map::new());
    let worker = root.get("worker").unwrap_or(&empty);
    let either = |keys: &[&str], default: &str| -> String {
        let found = keys.iter().find_map(|k| root.get(k).or(worker.get(k)));
        found.map_or_else(|| default.to_owned(), text_of)
    };
    let mut config = Coordinator {
        rest_ip: either(&["restIp"], "127.0.0.1"),
        rest_port: port(&root, "restPort", 8081)?,
        coordinator_host: either(&["coordinatorHost", "coordinatorIp"], "127.0.0.1"),
        rpc_port: port(&root, "rpcPort", 4000)?,
        log_level: log_level(&either(&["logLevel"], "LOG_INFO"))?,
        enable_monitoring: flag(&root, "enableMonitoring")?,
        cors_origin: either(&["restServerCorsAllowedOrigin"], ""),
        worker_host: either(&["localWorkerHost", "localWorkerIp"], "127.0.0.1"),
        slots: number(worker, &root, "numberOfSlots", 65_535)?,
        buffer_bytes: number(worker, &root, "bufferSizeInBytes", BUFFER_BYTES_DEFAULT)?.max(1),
        nats_url: either(&["natsUrl"], ""),
        beat_ms: beat_ms(&root)?,
        merging: merging(&root)?,
        validates: validates(&root)?,
        sources: SourceCatalog::default(),
        warnings: Vec::new(),
    };
    for source in list(&root, "logicalSources") {
        logical(source, &mut config.sources)?;
    }
    for source in list(worker, "physicalSources").chain(list(&root, "physicalSources")) {
        let source = physical(source, ROOT, config.buffer_bytes)?;
        let text = format!("physicalSources: {}", source.name);
        match config.sources.add_physical(source) {
            Ok(()) => {}
            Err(SourceError::Exists) => return wrong(format!("{text} is there twice")),
            Err(_) => return wrong(format!("{text}: there are too many")),
        }
    }
    Ok(config)
}

/// A file and what the command line says over it.
pub(super) fn read(text: &str, overrides: &[(String, String)]) -> Result<Json, Diagnostic> {
    let mut root = match yaml::load(text)? {
        Json::Object(root) => root,
        Json::Null => Map::new(),
        _ => return wrong("the configuration must be a mapping of keys to values"),
    };
    for (key, value) in overrides {
        set(&mut root, key, value)?;
    }
    Ok(Json::Object(root))
}

/// How queries are merged.
fn merging(root: &Json) -> Result<Option<Rule>, Diagnostic> {
    let name = "queryMergerRule";
    let nested = root.get("optimizer").and_then(|section| section.get(name));
    let (key, value) = match nested {
        Some(value) => (format!("optimizer.{name}"), Some(value)),
        None => (name.to_owned(), root.get(name)),
    };
    let Some(rule) = value.map(text_of).filter(|rule| !rule.is_empty()) else { return Ok(None) };
    Rule::named(&rule).or_else(|text| wrong(format!("{key}: {text}")))
}

/// Whether queries are looked through for conditions that nothing fulfils.
fn validates(root: &Json) -> Result<bool, Diagnostic> {
    let section = root.get("optimizer").unwrap_or(&Json::Null);
    // The second is what the first was called once.
    Ok(flag(section, "advanceSemanticValidation")? || flag(root, "enableSemanticQueryValidation")?)
}

/// Levels of the log, and what they are called here.
const LEVELS: [(&str, &str); 7] = [
    ("LOG_NONE", "off"),
    ("LOG_FATAL_ERROR", "error"),
    ("LOG_ERROR", "error"),
    ("LOG_WARNING", "warn"),
    ("LOG_INFO", "info"),
    ("LOG_DEBUG", "debug"),
    ("LOG_TRACE", "trace"),
];

/// The level of the log by its name there, or by what that is without its first word.
pub(super) fn log_level(name: &str) -> Result<String, Diagnostic> {
    let named = |known: &str| {
        let short = known.trim_start_matches("LOG_");
        known.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
    };
    match LEVELS.iter().find(|(known, _)| named(known)) {
        Some((_, level)) => Ok((*level).to_owned()),
        None => {
            let known: Vec<&str> = LEVELS.iter().map(|(known, _)| *known).collect();
            wrong(format!("logLevel: '{name}' is none of {}", known.join(", ")))
        }
    }
}

/// Seconds between signs of life.
const BEAT_SECONDS_DEFAULT: u64 = 1;
/// Most such seconds.
const BEAT_SECONDS_MAX: u64 = 3600;

/// How often a worker shows that it is alive; milliseconds.
pub(super) fn beat_ms(root: &Json) -> Result<u64, Diagnostic> {
    let seconds = number(root, root, "healthCheckWaitTime", BEAT_SECONDS_DEFAULT)?;
    Ok(seconds.clamp(1, BEAT_SECONDS_MAX) * 1000)
}

/// Sets a value at a path of keys.
fn set(root: &mut Map<String, Json>, key: &str, value: &str) -> Result<(), Diagnostic> {
    let (mut section, mut rest) = (root, key);
    while let Some((head, tail)) = rest.split_once('.') {
        let inner = section.entry(head).or_insert_with(|| Json::Object(Map::new()));
        let Json::Object(inner) = inner else {
            return wrong(format!("--{key}: {head} is no section"));
        };
        (section, rest) = (inner, tail);
    }
    // A value on the command line is read as YAML would read it.
    section.insert(rest.to_owned(), yaml::load(value).unwrap_or_else(|_| Json::from(value)));
    Ok(())
}

pub(super) fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

pub(super) fn port(root: &Json, key: &str, default: u16) -> Result<u16, Diagnostic> {
    match root.get(key) {
        None => Ok(default),
        Some(value) => match text_of(value).parse() {
            Ok(port) => Ok(port),
            Err(_) => wrong(format!("{key}: {value} is no port")),
        },
    }
}

fn flag(root: &Json, key: &str) -> Result<bool, Diagnostic> {
    match root.get(key).map(text_of).as_deref() {
        None | Some("false" | "0" | "") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => wrong(format!("{key}: '{other}' is neither true nor false")),
    }
}

pub(super) fn number(
    worker: &Json,
    root: &Json,
    key: &str,
    default: u64,
) -> Result<u64, Diagnostic> {
    match worker.get(key).or(root.get(key)) {
        None => Ok(default),
        Some(value) => match text_of(value).parse() {
            Ok(number) => Ok(number),
            Err(_) => wrong(format!("{key}: {value} is no whole number")),
        },
    }
}

/// The items under a key: a list, or one alone.
pub(super) fn list<'a>(section: &'a Json, key: &str) -> Box<dyn Iterator<Item = &'a Json> + 'a> {
    match section.get(key) {
        None | Some(Json::Null) => Box::new(std::iter::empty()),
        Some(Json::Array(items)) => Box::new(items.iter()),
        Some(one) => Box::new(std::iter::once(one)),
    }
}

fn required(item: &Json, key: &str, of: &str) -> Result<String, Diagnostic> {
    match item.get(key) {
        Some(Json::Null) | None => wrong(format!("{of}: {key} is missing")),
        Some(value) => Ok(text_of(value)),
    }
}

fn logical(source: &Json, sources: &mut SourceCatalog) -> Result<(), Diagnostic> {
    let name = required(source, "logicalSourceName", "logicalSources")?;
    let mut schema = Schema::default();
    for field in list(source, "fields") {
        let of = format!("logicalSources: {name}");
        let field_name = bare(&required(field, "name", &of)?).to_owned();
        let type_name = required(field, "type", &of)?;
        let (nullable, type_name) = match type_name.strip_suffix('?') {
            Some(name) => (true, name),
            None => (false, type_name.as_str()),
        };
        let Some(mut ty) = Type::named(type_name) else {
            return wrong(format!("{of}: there is no type '{type_name}'"));
        };
        if let Some(length) = field.get("length").filter(|_| ty == Type::Char) {
            match text_of(length).parse::<u32>() {
                Ok(length) if length > 1 => ty = Type::FixedChar(length),
                Ok(_) => {}
                Err(_) => return wrong(format!("{of}: length {length} is no number")),
            }
        }
        if schema.fields.iter().any(|f| f.name == field_name) {
            return wrong(format!("{of}: field {field_name} is there twice"));
        }
        schema.fields.push(Field { name: field_name, ty, nullable });
    }
    sources.put(&name, schema).or_else(|e| wrong(format!("logicalSources: {name}: {e:?}")))
}

/// The type in the spelling of the newest generation: `CSVSource` becomes `CSV_SOURCE`.
fn kind_of(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    match upper.strip_suffix("SOURCE").map(|head| head.trim_end_matches('_')) {
        Some(head) => format!("{head}_SOURCE"),
        None => upper,
    }
}

/// Settings of physical sources that are whole numbers.
const WHOLE_SETTINGS: [&str; 6] = [
    "bufferSizeInBytes",
    "numberOfBuffersToProduce",
    "numberOfTuplesToProducePerBuffer",
    "qos",
    "socketPort",
    "sourceGatheringInterval",
];

/// A physical source of a node.
pub(super) fn physical(
    source: &Json,
    node: u64,
    buffer_bytes: u64,
) -> Result<Physical, Diagnostic> {
    let logical = required(source, "logicalSourceName", "physicalSources")?;
    let name = required(source, "physicalSourceName", "physicalSources")?;
    let kind = kind_of(&required(source, "type", &format!("physicalSources: {name}"))?);
    let mut settings = match source.get("configuration") {
        Some(Json::Object(settings)) => settings.clone(),
        None | Some(Json::Null) => Map::new(),
        Some(_) => return wrong(format!("physicalSources: {name}: configuration is no mapping")),
    };
    for key in WHOLE_SETTINGS.iter().filter(|key| settings.contains_key(**key)) {
        let value = settings.get(*key).map(text_of).unwrap_or_default();
        if !value.is_empty() && value.parse::<u64>().is_err() {
            let of = format!("physicalSources: {name}");
            return wrong(format!("{of}: {key}: '{value}' is no whole number"));
        }
    }
    if !settings.contains_key("bufferSizeInBytes") {
        settings.insert("bufferSizeInBytes".into(), buffer_bytes.into());
    }
    Ok(Physical { logical, name, kind, node, config: Json::Object(settings) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
logLevel: LOG_ERROR
restPort: 9001
coordinatorIp: 10.0.0.1
logicalSources:
  - logicalSourceName: consumers
    fields:
      - {name: consumerId, type: INT8}
      - {name: name, type: CHAR, length: 8}
      - {name: note, type: VARSIZED?}
      - {name: timestamp, type: UINT64}
worker:
  localWorkerHost: 10.0.0.2
  numberOfSlots: 12
  physicalSources:
    - logicalSourceName: consumers
      physicalSourceName: c1
      type: CSVSource
      configuration: {filePath: /data/c.csv, skipHeader: false}
"#;

    #[test]
    fn both_generations_of_keys_are_read() {
        let config = parse_coordinator(FILE, &[("rpcPort".into(), "4001".into())]).unwrap();
        assert_eq!((config.rest_port, config.rpc_port, config.slots), (9001, 4001, 12));
        assert_eq!(config.coordinator_host, "10.0.0.1");
        assert_eq!(config.worker_host, "10.0.0.2");
        let schema = config.sources.schema("consumers").unwrap();
        assert_eq!(schema.fields[1].ty, Type::FixedChar(8));
        assert_eq!((schema.fields[2].ty, schema.fields[2].nullable), (Type::Text, true));
        let physical = config.sources.physical("consumers");
        assert_eq!((physical.len(), physical[0].kind.as_str()), (1, "CSV_SOURCE"));
        assert_eq!(physical[0].config["filePath"], "/data/c.csv");
    }

    #[test]
    fn the_command_line_wins_and_leads_into_sections() {
        let words = [("restPort", "1"), ("worker.numberOfSlots", "3")];
        let words: Vec<_> = words.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let config = parse_coordinator(FILE, &words).unwrap();
        assert_eq!((config.rest_port, config.slots), (1, 3));
    }

    #[test]
    fn a_rule_of_merging_is_known_by_both_keys_or_the_known_ones_are_listed() {
        let merging = |text: &str| parse_coordinator(text, &[]).map(|config| config.merging);
        let partial = Rule::named("HashSignatureBasedPartialQueryMergerRule").unwrap();
        assert!(partial.is_some_and(|rule| rule.partial && rule.by_signature));
        for text in [
            "optimizer: {queryMergerRule: HashSignatureBasedPartialQueryMergerRule}",
            "queryMergerRule: HashSignatureBasedPartialQueryMergerRule",
        ] {
            assert_eq!(merging(text).unwrap(), partial);
        }
        assert_eq!(merging("").unwrap(), None, "off by default");
        assert_eq!(merging("queryMergerRule: DefaultQueryMergerRule").unwrap(), None);
        let word = ("optimizer.queryMergerRule".to_owned(), "Nope".to_owned());
        let error = parse_coordinator("", &[word]).unwrap_err().message;
        let known = "optimizer.queryMergerRule: there is no rule 'Nope'; there are Syntax";
        assert!(error.starts_with(known), "{error}");
        assert!(error.contains("HybridCompleteQueryMergerRule, DefaultQueryMergerRule"), "{error}");
    }

    #[test]
    fn levels_of_the_log_have_their_names() {
        let level = |text: &str| parse_coordinator(text, &[]).map(|config| config.log_level);
        for (name, expected) in LEVELS {
            assert_eq!(level(&format!("logLevel: {name}")).unwrap(), expected);
        }
        assert_eq!(level("worker: {logLevel: log_debug}").unwrap(), "debug");
        assert_eq!(level("logLevel: WARNING").unwrap(), "warn");
        let error = level("logLevel: LOUD").unwrap_err().message;
        assert!(error.starts_with("logLevel: 'LOUD' is none of LOG_NONE, "), "{error}");
    }

    #[test]
    fn queries_are_validated_when_that_is_asked_for() {
        let validates = |text: &str| parse_coordinator(text, &[]).map(|config| config.validates);
        assert!(!validates("").unwrap());
        assert!(!validates("optimizer: {advanceSemanticValidation: false}").unwrap());
        assert!(validates("optimizer: {advanceSemanticValidation: true}").unwrap());
        assert!(validates("enableSemanticQueryValidation: true").unwrap());
        let error = validates("optimizer: {advanceSemanticValidation: maybe}").unwrap_err();
        assert!(error.message.contains("advanceSemanticValidation: 'maybe'"), "{}", error.message);
    }

    #[test]
    fn settings_of_sources_that_are_no_numbers_are_named() {
        for key in WHOLE_SETTINGS {
            let with = |value: &str| {
                let source = format!(
                    "worker: {{physicalSources: [{{logicalSourceName: a, physicalSourceName: a1, \
                     type: CSV_SOURCE, configuration: {{{key}: {value}}}}}]}}"
                );
                parse_coordinator(&source, &[]).map(drop).map_err(|error| error.message)
            };
            for (value, shown) in [("abc", "abc"), ("-1", "-1"), ("1.5", "1.5"), ("'2x'", "2x")] {
                let wanted = format!("physicalSources: a1: {key}: '{shown}' is no whole number");
                assert_eq!(with(value), Err(wanted));
            }
            for value in ["7", "'7'", "0", "''"] {
                assert_eq!(with(value), Ok(()), "{key}: {value}");
            }
        }
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = parse_coordinator("", &[]).unwrap();
        assert_eq!(config.log_level, "info");
        assert_eq!((config.rest_ip.as_str(), config.rest_port), ("127.0.0.1", 8081));
        assert_eq!(config.buffer_bytes, 4096);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, message) in [
            ("restPort: 99999", "restPort"),
            ("- a", "mapping"),
            ("logicalSources: [{logicalSourceName: a, fields: [{name: x, type: INT9}]}]", "INT9"),
            ("logicalSources: [{fields: []}]", "logicalSourceName"),
            ("worker: {physicalSources: [{logicalSourceName: a, type: X}]}", "physicalSourceName"),
            ("enableMonitoring: maybe", "enableMonitoring"),
        ] {
            let error = parse_coordinator(text, &[]).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
        let error = parse_coordinator("a: [1,\nb: }", &[]).unwrap_err();
        assert!(error.span.line > 0);
        assert!(parse_coordinator(&"#".repeat(yaml::FILE_BYTES_MAX + 1), &[]).is_err());
    }
}
