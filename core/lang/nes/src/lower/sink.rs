//! Sinks (spec/nes-query-language.md §7).

use std::collections::BTreeSet;

use plan::serde_json::json;
use plan::{Component, Diagnostic, Json, NodeId, Role, Span};

use super::Lowering;
use super::needs::Needs;
use super::source::ROW_BYTES_MAX;
use super::stream::{Column, Stream};
use crate::ast::{Mqtt, Sink};
use crate::catalog::ROOT;
use crate::types::Type;

/// The format of packed rows.
const NES_FORMAT: &str = "NES_FORMAT";
/// The name of the time of writing.
const STAMP: &str = "timestamp";
/// Signs between the corners of a table, whatever is in it.
const TABLE_WIDTH: usize = 52;

impl Lowering<'_> {
    /// Where the sink is not at the root: what tells the root how far the query is, which are all
    /// of its batches without their rows.
    pub(super) fn ends(&mut self, stream: &Stream) -> Vec<NodeId> {
        if self.sink_node == ROOT {
            return Vec::new();
        }
        let none = json!({"where": [{"value": false, "type": "bool"}]});
        let needs = Needs::Only(Vec::new());
        let one = |input: &NodeId| {
            self.operator("filter_rows", none.clone(), vec![*input], needs.clone())
        };
        let ends = stream.nodes.iter().map(one).collect();
        // They are where the rows are.
        self.own(stream.operator);
        ends
    }

    /// The query ends at the root when all of these have ended, wherever its sink is.
    pub(super) fn watch(&mut self, ends: Vec<NodeId>) {
        let sinks = self.plan.nodes.iter().enumerate().filter(|(_, n)| n.role == Role::Sink);
        let sinks: Vec<NodeId> = sinks.map(|(id, _)| id).collect();
        self.pins.extend(sinks.into_iter().map(|id| (id, self.sink_node)));
        if !ends.is_empty() {
            let node = self.plan.add(Role::Sink, Component::new("drop", json!({})), ends);
            self.needs.insert(node, Needs::Only(Vec::new()));
        }
    }

    /// Ends a query.
    pub(crate) fn sink(
        &mut self,
        mut stream: Stream,
        sink: &Sink,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let refuse = |text: String| Err(Diagnostic::error("sink", text, span));
        let view = |this: &mut Self, detail: &str, from: usize| {
            this.view.add("SINK", detail, &[from]);
        };
        match sink {
            Sink::Unsupported(name) => refuse(format!("the sink {name} is not supported")),
            Sink::Null => {
                view(self, "null", stream.operator);
                let inputs = std::mem::take(&mut stream.nodes);
                let node = self.plan.add(Role::Sink, Component::new("drop", json!({})), inputs);
                self.needs.insert(node, Needs::Only(Vec::new()));
                Ok(())
            }
            Sink::Print => {
                view(self, "print", stream.operator);
                let node = self.lines(stream, "\n", false);
                let stdout = Component::new("stdout", json!({}));
                self.plan.add(Role::Sink, stdout, vec![node]);
                Ok(())
            }
            Sink::File { path, .. } if path.is_empty() => {
                refuse("the path of a file sink must not be empty".into())
            }
            Sink::File { path, format, append, timestamp } => {
                view(self, "file", stream.operator);
                let node = self.formatted(stream, format, *timestamp, span)?;
                let mode = if *append { "append" } else { "overwrite" };
                // The language of the path is none: it is a plain text.
                let path = json!({"lang": "", "text": path});
                let mut settings = json!({"path": path, "mode": mode});
                if format == NES_FORMAT {
                    // Packed rows are no lines.
                    settings["codec"] = json!("append");
                }
                self.plan.add(Role::Sink, Component::new("file", settings), vec![node]);
                Ok(())
            }
            Sink::Mqtt(mqtt) => {
                view(self, "mqtt", stream.operator);
                let node = self.json(stream, false, span)?;
                self.plan.add(Role::Sink, mqtt_sink(mqtt), vec![node]);
                Ok(())
            }
        }
    }

    /// Rows in a format of files. With `stamp` each gets the time of its writing.
    fn formatted(
        &mut self,
        stream: Stream,
        format: &str,
        stamp: bool,
        span: Span,
    ) -> Result<usize, Diagnostic> {
        match format {
            "CSV_FORMAT" => Ok(self.lines(stream, "", stamp)),
            "JSON_FORMAT" => self.json(stream, stamp, span),
            "TEXT_FORMAT" => Ok(self.table(stream, stamp)),
            NES_FORMAT if stamp => {
                let text = "addTimestamp is not supported for NES_FORMAT, whose rows have the \
                            fields of the result and no others";
                Err(Diagnostic::error("sink", text, span))
            }
            NES_FORMAT => self.packed(stream, span),
            other => {
                let text = format!(
                    "the format {other} of a file sink is not supported: CSV_FORMAT, \
                     JSON_FORMAT, TEXT_FORMAT and NES_FORMAT are"
                );
                Err(Diagnostic::error("sink", text, span))
            }
        }
    }

    /// Rows as JSON objects with the whole names of their fields.
    fn json(&mut self, stream: Stream, stamp: bool, span: Span) -> Result<usize, Diagnostic> {
        let mut names = BTreeSet::new();
        if let Some(Column { name, .. }) = stream.fields.iter().find(|f| !names.insert(&f.name)) {
            let text = format!(
                "two fields of the result are called {name}, and a JSON object has one: give an \
                 input another name with as"
            );
            return Err(Diagnostic::error("field-exists", text, span));
        }
        let stream = self.visible(stream, true);
        let mut settings = json!({});
        set_nulls(&mut settings, &stream);
        if stamp {
            settings["stamp"] = json!(STAMP);
        }
        Ok(self.operator("encode_json", settings, stream.nodes, Needs::All))
    }

    /// Rows as CSV with a header, and `after` behind the last.
    fn lines(&mut self, stream: Stream, after: &str, stamp: bool) -> usize {
        let stream = self.visible(stream, false);
        let mut header: Vec<String> =
            stream.fields.iter().map(|f| format!("{}:{}", f.name, stream.type_text(f))).collect();
        let mut settings = json!({"six_decimals": true, "bool_digits": true});
        set_nulls(&mut settings, &stream);
        if stamp {
            header.push(STAMP.to_owned());
            settings["stamp"] = json!(true);
        }
        let rows = self.operator("encode_csv", settings, stream.nodes, Needs::All);
        let frame = json!({"before": header.join(",") + "\n", "after": after});
        self.operator("frame", frame, vec![rows], Needs::All)
    }

    /// Rows as a table in a frame.
    fn table(&mut self, stream: Stream, stamp: bool) -> usize {
        let stream = self.visible(stream, false);
        let name = |f: &Column| format!("{}:{}|", f.name, table_type(f.ty));
        let mut header: String = stream.fields.iter().map(name).collect();
        let mut settings = json!({"six_decimals": true, "bool_digits": true});
        settings["delimiter"] = json!("|");
        settings["edges"] = json!(true);
        set_nulls(&mut settings, &stream);
        if stamp {
            header = format!("{header}{STAMP}|");
            settings["stamp"] = json!(true);
        }
        let rows = self.operator("encode_csv", settings, stream.nodes, Needs::All);
        let border = format!("+{}+\n", "-".repeat(TABLE_WIDTH));
        let frame = json!({"before": format!("{border}|{header}\n{border}"), "after": border});
        self.operator("frame", frame, vec![rows], Needs::All)
    }

    /// Rows of one width, packed one behind the other, as a BINARY_SOURCE reads them.
    fn packed(&mut self, stream: Stream, span: Span) -> Result<usize, Diagnostic> {
        if let Some(field) = stream.fields.iter().find(|f| f.ty == Type::Text) {
            let text = format!(
                "NES_FORMAT has packed rows, which cannot hold the field {} of type Text",
                field.name
            );
            return Err(Diagnostic::error("sink", text, span));
        }
        let row: u64 = stream.fields.iter().map(|f| f.ty.row_bytes()).sum();
        if row == 0 || row > ROW_BYTES_MAX {
            let text = format!(
                "NES_FORMAT has packed rows of {row} bytes, and 1 to {ROW_BYTES_MAX} are possible"
            );
            return Err(Diagnostic::error("sink", text, span));
        }
        let stream = self.visible(stream, false);
        let width = |f: &Column| match f.ty {
            Type::FixedChar(bytes) => Some(json!({"column": f.column, "bytes": bytes})),
            _ => None,
        };
        let texts: Vec<Json> = stream.fields.iter().filter_map(width).collect();
        let settings = json!({"texts": texts});
        Ok(self.operator("encode_binary", settings, stream.nodes, Needs::All))
    }

    /// Drops the columns that are no fields; `named` also gives columns the names of their fields.
    fn visible(&mut self, stream: Stream, named: bool) -> Stream {
        let renamed = named && stream.fields.iter().any(|f| f.column != f.name);
        let renamed = renamed || stream.fields.iter().any(|f| f.null.is_some());
        if stream.hidden.is_empty() && !renamed {
            return stream;
        }
        let mut fields = stream.fields.clone();
        for field in fields.iter_mut().filter(|_| named) {
            field.column.clone_from(&field.name);
        }
        let pair = |from: &String, to: &String| json!({"from": from, "to": to});
        let pairs = stream.fields.iter().zip(&fields);
        let nulls = stream.fields.iter().flat_map(|f| &f.null);
        let columns: Vec<_> = pairs
            .map(|(f, to)| pair(&f.column, &to.column))
            .chain(nulls.map(|null| pair(null, null)))
            .collect();
        let needed = stream.fields.iter().flat_map(Column::columns).cloned().collect();
        let config = json!({"columns": columns});
        let node = self.operator("project", config, stream.nodes, Needs::Only(needed));
        Stream { nodes: vec![node], fields, hidden: Vec::new(), ..stream }
    }
}

/// The name of a type in the header of a table.
fn table_type(ty: Type) -> String {
    match ty {
        Type::FixedChar(bytes) => format!("CHAR[{bytes}]"),
        Type::Text => "TEXT".to_owned(),
        other => other.sql_name(),
    }
}

/// A message for each row.
fn mqtt_sink(mqtt: &Mqtt) -> Component {
    let Mqtt { address, topic, user, window, delay_ns, qos, client_id } = mqtt;
    let settings = json!({
        "url": address,
        "topic": topic,
        "user": user,
        "window": window,
        "delay_ns": delay_ns,
        "qos": qos,
        "client_id": client_id,
    });
    Component::new("mqtt", settings)
}

/// Tells an encoder which columns say where others have no value.
fn set_nulls(settings: &mut Json, stream: &Stream) {
    let null = |f: &Column| Some(json!({"column": f.column, "flag": f.null.as_ref()?}));
    let nulls: Vec<Json> = stream.fields.iter().filter_map(null).collect();
    if !nulls.is_empty() {
        settings["nulls"] = Json::Array(nulls);
    }
}
