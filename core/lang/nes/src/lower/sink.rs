//! Sinks (spec/nes-query-language.md §7).

use plan::serde_json::json;
use plan::{Component, Diagnostic, Role, Span};

use super::Lowering;
use super::needs::Needs;
use super::stream::Stream;
use crate::ast::Sink;

impl Lowering<'_> {
    /// Ends a query.
    pub(super) fn sink(
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
                    "JSON_FORMAT" => {
                        let stream = self.visible(stream, true);
                        self.operator("encode_json", json!({}), stream.nodes, Needs::All)
                    }
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
        }
    }

    /// Rows as CSV with a header, and `after` behind the last.
    fn csv(&mut self, stream: Stream, after: &str) -> usize {
        let stream = self.visible(stream, false);
        let header: Vec<String> =
            stream.fields.iter().map(|f| format!("{}:{}", f.name, f.ty)).collect();
        let settings = json!({"six_decimals": true, "bool_digits": true});
        let rows = self.operator("encode_csv", settings, stream.nodes, Needs::All);
        let frame = json!({"before": header.join(",") + "\n", "after": after});
        self.operator("frame", frame, vec![rows], Needs::All)
    }

    /// Drops the columns that are no fields; `named` also gives columns the names of their fields.
    fn visible(&mut self, stream: Stream, named: bool) -> Stream {
        let renamed = named && stream.fields.iter().any(|f| f.column != f.name);
        if stream.hidden.is_empty() && !renamed {
            return stream;
        }
        let columns: Vec<_> = stream
            .fields
            .iter()
            .map(|f| {
                let to = if named { &f.name } else { &f.column };
                json!({"from": f.column, "to": to})
            })
            .collect();
        let needed = stream.fields.iter().map(|f| f.column.clone()).collect();
        let config = json!({"columns": columns});
        let node = self.operator("project", config, stream.nodes, Needs::Only(needed));
        Stream { nodes: vec![node], hidden: Vec::new(), ..stream }
    }
}
