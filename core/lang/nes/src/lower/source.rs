//! Logical sources to the sources of a plan (spec/nes-query-language.md §6).

use plan::serde_json::json;
use plan::{Component, Diagnostic, Json, Role, Span};

use super::Lowering;
use super::needs::Needs;
use super::stream::{Column, Origin, Progress, Rules, Stream, null_column};
use crate::catalog::{BUFFER_BYTES_DEFAULT, Physical};
use crate::schema::{Field, SEPARATOR, Schema};
use crate::types::Type;

/// Longest line of a source; bytes.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// Longest packed row of a source, and most bytes that are read of it at a time.
pub(super) const ROW_BYTES_MAX: u64 = 16 << 20;
/// Bytes of an Arrow file that are read at a time.
const ARROW_BYTES: u64 = 1 << 20;
/// Rows that a `DEFAULT_SOURCE` emits at a time.
const DEFAULT_ROWS: u64 = 10;

fn refuse<T>(text: impl Into<String>, span: Span) -> Result<T, Diagnostic> {
    Err(Diagnostic::error("source", text, span))
}

/// A setting as a number; settings may be numbers or texts.
fn number(config: &Json, key: &str) -> u64 {
    match config.get(key) {
        Some(Json::Number(number)) => number.as_u64().unwrap_or(0),
        Some(Json::String(text)) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

fn text<'a>(config: &'a Json, key: &str) -> Option<&'a str> {
    config.get(key).and_then(Json::as_str).filter(|text| !text.is_empty())
}

fn flag(config: &Json, key: &str) -> bool {
    match config.get(key) {
        Some(Json::Bool(flag)) => *flag,
        Some(Json::String(text)) => text == "true",
        _ => false,
    }
}

impl Lowering<'_> {
    /// All physical sources of a logical one.
    pub(crate) fn source(&mut self, name: &str, span: Span) -> Result<Stream, Diagnostic> {
        let sources = self.sources;
        let Some(schema) = sources.schema(name) else {
            let text = format!("The logical source '{name}' can not be found in the SourceCatalog");
            return Err(Diagnostic::error("unknown-source", text, span));
        };
        let physical = sources.physical(name);
        if physical.is_empty() {
            let text = format!(
                "Logical source(s) [{name}] are found to have no physical source(s) defined."
            );
            return Err(Diagnostic::error("no-physical-source", text, span));
        }
        self.read(name, schema, &physical, span)
    }

    /// The tuples of physical sources that have a schema.
    pub(crate) fn read(
        &mut self,
        name: &str,
        schema: &Schema,
        physical: &[&Physical],
        span: Span,
    ) -> Result<Stream, Diagnostic> {
        let fields: Vec<Column> = schema.fields.iter().map(|f| self.field(name, f)).collect();
        if fields.is_empty() {
            return refuse(format!("the logical source '{name}' has no fields"), span);
        }
        let operator = self.added("SOURCE", name, &[]);
        let (mut nodes, mut origins) = (Vec::new(), Vec::new());
        for source in physical.iter().copied() {
            let id = self.new_origin();
            let buffer = match number(&source.config, "bufferSizeInBytes") {
                0 => BUFFER_BYTES_DEFAULT,
                bytes => bytes,
            };
            let per_buffer = match number(&source.config, "numberOfTuplesToProducePerBuffer") {
                0 => schema.rows_of_buffer(buffer),
                rows => rows,
            };
            origins.push(Origin { id, buffer_rows: Some(per_buffer) });
            nodes.push(self.physical(source, schema, &fields, id, per_buffer, span)?);
        }
        self.own(operator);
        let (hidden, progress) = (Vec::new(), Progress::Open);
        let (joined, rules) = (false, self.rules);
        Ok(Stream { nodes, fields, hidden, progress, origins, joined, operator, rules })
    }

    fn field(&self, source: &str, field: &Field) -> Column {
        let qualified = format!("{source}{SEPARATOR}{}", field.name);
        let null =
            (field.nullable && self.rules == Rules::Sql).then(|| null_column(&[], &qualified));
        Column { null, ..Column::new(qualified.clone(), qualified, field.ty) }
    }

    fn physical(
        &mut self,
        source: &Physical,
        schema: &Schema,
        fields: &[Column],
        partition: u32,
        per_buffer: u64,
        span: Span,
    ) -> Result<usize, Diagnostic> {
        let config = &source.config;
        let (component, format) = reader(source, schema, per_buffer, span)?;
        let anew = begins_anew(&component);
        let read = self.plan.add(Role::Source, component, Vec::new());
        self.plan.nodes[read].anew = anew.then_some(partition);
        self.pins.insert(read, source.node);
        let columns = schema.fields.iter().zip(fields).map(|(f, c)| decoded(f, c, format));
        let columns: Vec<Json> = columns.collect();
        let mut settings = json!({"fields": columns, "partition": partition});
        if matches!(format, Format::Csv | Format::Json) && leaves_out(source, span)? {
            settings["on_error"] = json!("skip");
        }
        let decoder = match format {
            Format::Arrow => "decode_arrow",
            Format::Binary => "decode_binary",
            Format::Json => "decode_ndjson",
            Format::Csv => {
                settings["delimiter"] = json!(text(config, "delimiter").unwrap_or(","));
                settings["skip_header"] = json!(flag(config, "skipHeader"));
                "decode_csv"
            }
        };
        let names = schema.fields.iter().zip(fields);
        let names =
            names.flat_map(|(f, c)| c.columns().map(move |to| (f.name.clone(), to.clone())));
        let names = names.collect();
        let mut node = self.operator(decoder, settings, vec![read], Needs::Decodes(names));
        let buffers = number(config, "numberOfBuffersToProduce");
        if buffers > 0 && source.kind != "DEFAULT_SOURCE" {
            let count = buffers.saturating_mul(per_buffer);
            let limit = match anew {
                true => json!({"count": count, "kept": false}),
                false => json!({"count": count}),
            };
            node = self.operator("limit_rows", limit, vec![node], Needs::Through(Vec::new()));
        }
        Ok(node)
    }
}

/// A field as a decoder is told of it.
fn decoded(field: &Field, column: &Column, format: Format) -> Json {
    let mut told = json!({"name": field.name, "type": field.ty.stored(), "to": column.column});
    if let Some(flag) = &column.null {
        told["null"] = json!(flag);
    }
    if let Type::FixedChar(bytes) = field.ty {
        let key = if format == Format::Binary { "bytes" } else { "bytes_max" };
        told[key] = json!(bytes);
    }
    told
}

/// Where the bytes of a physical source come from, and what they are.
fn reader(
    source: &Physical,
    schema: &Schema,
    per_buffer: u64,
    span: Span,
) -> Result<(Component, Format), Diagnostic> {
    let config = &source.config;
    if source.kind == "ARROW_SOURCE" {
        let scanner = Component::new("chunker", json!({"size": ARROW_BYTES}));
        return Ok((file(source, scanner, span)?, Format::Arrow));
    }
    if source.kind == "BINARY_SOURCE" {
        let size = packed(source, schema, per_buffer, span)?;
        let scanner = Component::new("chunker", json!({"size": size}));
        return Ok((file(source, scanner, span)?, Format::Binary));
    }
    let format = match text(config, "inputFormat") {
        None => None,
        Some("CSV") => Some(Format::Csv),
        Some("JSON") => Some(Format::Json),
        Some(other) => return refuse(named(source, &format!("has the format {other}")), span),
    };
    let (component, usual) = match source.kind.as_str() {
        "CSV_SOURCE" => (file(source, lines(), span)?, Format::Csv),
        "TCP_SOURCE" => {
            let tcp = tcp(config).or_else(|what| refuse(named(source, &what), span))?;
            (tcp, Format::Json)
        }
        "MQTT_SOURCE" => {
            let mqtt = mqtt(config).or_else(|what| refuse(named(source, &what), span))?;
            (mqtt, Format::Json)
        }
        "DEFAULT_SOURCE" => return Ok((repeated(config, schema), Format::Csv)),
        other => {
            let text = named(source, &format!("is of type {other}, which is not supported"));
            return refuse(text, span);
        }
    };
    Ok((component, format.unwrap_or(usual)))
}

fn named(source: &Physical, what: &str) -> String {
    format!("the physical source '{}' {what}", source.name)
}

/// Whether a source sends the same rows again when it is started again: files do, and rows that are
/// made up until there are enough.
fn begins_anew(component: &Component) -> bool {
    match component.name.as_str() {
        "file" => true,
        "repeat" => component.config["count"].as_u64().is_some_and(|count| count > 0),
        _ => false,
    }
}

/// The file of a physical source.
fn file(source: &Physical, scanner: Component, span: Span) -> Result<Component, Diagnostic> {
    let Some(path) = text(&source.config, "filePath") else {
        return refuse(named(source, "has no filePath"), span);
    };
    let mut settings = json!({"paths": [path], "scanner": scanner});
    if path.contains(['*', '?', '[']) {
        // They are part of the name: no pattern is meant.
        settings["literal"] = json!(true);
    }
    Ok(Component::new("file", settings))
}

/// Bytes of packed rows that are read at a time: those of a logical buffer.
fn packed(
    source: &Physical,
    schema: &Schema,
    per_buffer: u64,
    span: Span,
) -> Result<u64, Diagnostic> {
    if let Some(field) = schema.fields.iter().find(|f| f.ty == Type::Text) {
        let what = format!(
            "has packed rows, which cannot hold the field {} of type Text: a CHAR of some length \
             can be in them",
            field.name
        );
        return refuse(named(source, &what), span);
    }
    let row = schema.row_bytes();
    if row == 0 || row > ROW_BYTES_MAX {
        let what = format!("has packed rows of {row} bytes, and 1 to {ROW_BYTES_MAX} are possible");
        return refuse(named(source, &what), span);
    }
    Ok(row * per_buffer.clamp(1, ROW_BYTES_MAX / row))
}

/// Whether rows that cannot be read are left out, instead of failing the query.
fn leaves_out(source: &Physical, span: Span) -> Result<bool, Diagnostic> {
    match text(&source.config, "onError") {
        None | Some("fail") => Ok(false),
        Some("skip") => Ok(true),
        Some(other) => {
            let what = format!("has onError: {other}, and 'fail' and 'skip' are possible");
            refuse(named(source, &what), span)
        }
    }
}

/// How streams of bytes are cut.
fn lines() -> Component {
    Component::new("lines", json!({"max_buffer_size": LINE_BYTES_MAX}))
}

/// Settings of a TCP source of which one value alone means something here.
const TCP_FIXED: &[(&str, &str)] = &[
    ("decideMessageSize", "TUPLE_SEPARATOR"),
    ("socketDomain", "AF_INET"),
    ("socketType", "SOCK_STREAM"),
];
/// Settings of a TCP source that belong to ways of telling rows apart that are not supported.
const TCP_SIZES: &[&str] = &["socketBufferSize", "bytesUsedForSocketBufferSizeTransfer"];

/// A server whose rows end with a separator. Rows go on as they come, so that `flushIntervalMS`
/// says nothing here.
fn tcp(config: &Json) -> Result<Component, String> {
    for (key, known) in TCP_FIXED {
        if let Some(other) = text(config, key).filter(|value| value != known) {
            return Err(format!("has {key}: {other}, and only {known} is supported"));
        }
    }
    for key in TCP_SIZES {
        if number(config, key) > 0 {
            return Err(format!("has {key}, and rows are told apart by their separator alone"));
        }
    }
    let host = text(config, "socketHost").unwrap_or("127.0.0.1");
    let port = match number(config, "socketPort") {
        0 => 3000,
        port => port,
    };
    let address = format!("{host}:{port}");
    let mut scanner = lines();
    if let Some(separator) = separator(config).filter(|separator| separator != "\n") {
        if flag(config, "skipHeader") {
            return Err("has skipHeader, which needs rows that are lines".to_owned());
        }
        scanner.config["custom_delimiter"] = json!(separator);
    }
    let settings = json!({"network": "tcp", "address": address, "scanner": scanner});
    Ok(Component::new("socket", settings))
}

/// What stands between two rows. A configuration may have a sign that cannot be seen by its name
/// in C++.
fn separator(config: &Json) -> Option<String> {
    let separator = text(config, "tupleSeparator")?;
    Some(match separator {
        "\\n" => "\n".to_owned(),
        "\\r" => "\r".to_owned(),
        "\\t" => "\t".to_owned(),
        "\\0" => "\0".to_owned(),
        other => other.to_owned(),
    })
}

/// The same rows again and again.
fn repeated(config: &Json, schema: &Schema) -> Component {
    let row = vec!["1"; schema.fields.len()].join(",") + "\n";
    let settings = json!({
        "text": row.repeat(DEFAULT_ROWS as usize),
        "count": number(config, "numberOfBuffersToProduce"),
        "interval_ms": number(config, "sourceGatheringInterval"),
    });
    Component::new("repeat", settings)
}

/// A topic of an MQTT broker; each message is a row. `flushIntervalMS` says nothing here: rows go
/// on as they come.
fn mqtt(config: &Json) -> Result<Component, String> {
    let needed = |key: &str| text(config, key).ok_or_else(|| format!("has no {key}"));
    let qos = config.get("qos").map_or(2, |_| number(config, "qos"));
    let settings = json!({
        "url": needed("url")?,
        "topic": needed("topic")?,
        "client_id": text(config, "clientId").unwrap_or_default(),
        "user": text(config, "userName").unwrap_or_default(),
        "qos": qos,
        "clean_session": config.get("cleanSession").is_none() || flag(config, "cleanSession"),
    });
    if qos > 2 {
        return Err(format!("has the qos {qos}, which is not 0, 1 or 2"));
    }
    if settings["clean_session"] == false && settings["client_id"] == "" {
        return Err("has no clientId, without which no session is kept".to_owned());
    }
    Ok(Component::new("mqtt", settings))
}

/// What a source's bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Arrow,
    Binary,
    Csv,
    Json,
}
