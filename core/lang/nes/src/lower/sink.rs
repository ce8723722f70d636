//! Sinks (spec/nes-query-language.md §7).

use plan::serde_json::json;
use plan::{Component, Diagnostic, Json, NodeId, Role, Span};

use super::Lowering;
use super::needs::Needs;
use super::stream::{Column, Stream};
use crate::ast::{Mqtt, Sink};
use crate::catalog::ROOT;

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
                let node = self.csv(stream, "\n");
                let stdout = Component::new("stdout", json!({}));
                self.plan.add(Role::Sink, stdout, vec![node]);
                Ok(())
            }
            Sink::File { path, .. } if path.is_empty() => {
                refuse("the path of a file sink must not be empty".into())
            }
            Sink::File { timestamp: true, .. } => {
                refuse("addTimestamp of a file sink is not supported".into())
            }
            Sink::File { path, format, append, .. } => {
                view(self, "file", stream.operator);
                let node = match format.as_str() {
                    "CSV_FORMAT" => self.csv(stream, ""),
                    "JSON_FORMAT" => self.json(stream),
                    other => {
                        return refuse(format!(
                            "the format {other} of a file sink is not supported"
                        ));
                    }
                };
                let mode = if *append { "append" } else { "overwrite" };
                // The language of the path is none: it is a plain text.
                let path = json!({"lang": "", "text": path});
                let file = Component::new("file", json!({"path": path, "mode": mode}));
                self.plan.add(Role::Sink, file, vec![node]);
                Ok(())
            }
            Sink::Mqtt(mqtt) => {
                view(self, "mqtt", stream.operator);
                let node = self.json(stream);
                self.plan.add(Role::Sink, mqtt_sink(mqtt), vec![node]);
                Ok(())
            }
        }
    }

    /// Rows as JSON objects with the whole names of their fields.
    fn json(&mut self, stream: Stream) -> usize {
        let stream = self.visible(stream, true);
        let mut settings = json!({});
        set_nulls(&mut settings, &stream);
        self.operator("encode_json", settings, stream.nodes, Needs::All)
    }

    /// Rows as CSV with a header, and `after` behind the last.
    fn csv(&mut self, stream: Stream, after: &str) -> usize {
        let stream = self.visible(stream, false);
        let header: Vec<String> =
            stream.fields.iter().map(|f| format!("{}:{}", f.name, stream.type_text(f))).collect();
        let mut settings = json!({"six_decimals": true, "bool_digits": true});
        set_nulls(&mut settings, &stream);
        let rows = self.operator("encode_csv", settings, stream.nodes, Needs::All);
        let frame = json!({"before": header.join(",") + "\n", "after": after});
        self.operator("frame", frame, vec![rows], Needs::All)
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
