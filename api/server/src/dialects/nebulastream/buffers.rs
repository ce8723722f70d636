//! How many logical buffers the sources of a query have produced: the rows that were read, by the
//! rows of a buffer.

use engine::{Key, PipelineView};
use nes::catalog::Query;
use plan::{Json, Role};
use serde_json::json;

use super::OWNER;
use super::routes::NebulaStream;
use super::state::State;
use super::types::{error, number};
use crate::exchange::{Reply, Request};

impl NebulaStream {
    /// Logical buffers that the sources of a query have produced, or had when it ended.
    pub(super) async fn produced(&self, request: &Request) -> Result<Reply, Reply> {
        let id = number(request, "queryId")?;
        self.refresh().await?;
        let query = self.store.lock().queries.get(id).cloned();
        let none = || error(404, format!("no statistics available for query with ID: {id}"));
        let query = query.ok_or_else(none)?;
        let buffers = match query.status.is_final() {
            true => query.buffers,
            false => self.count_buffers(&query).await?,
        };
        Ok(Reply::json(200, &json!({"producedBuffers": buffers})))
    }

    /// Keeps the number for when the query does not run any more.
    pub(super) async fn keep_buffers(&self, id: u64) {
        let query = self.store.lock().queries.get(id).cloned();
        let Some(query) = query else { return };
        if let Ok(buffers) = self.count_buffers(&query).await {
            self.store.lock().queries.produced(id, buffers);
        }
    }

    async fn count_buffers(&self, query: &Query) -> Result<u64, Reply> {
        // What others share with it has sources, where it shares any.
        let readers = self.store.lock().readers(query.id);
        let mut buffers = 0;
        for reader in readers {
            let view = self.store.engine.get(Key::new(OWNER, reader), true).await;
            let Some(view) = view.map_err(|_| Reply::unavailable())? else { continue };
            let sizes = self.store.lock().buffer_rows(query, &view);
            buffers += match sizes.is_empty() {
                true => view.bytes.div_ceil(self.config.buffer_bytes),
                false => buffers_of(view.events, &sizes),
            };
        }
        Ok(buffers)
    }
}

/// The buffers of so many rows, where sources have buffers of so many. Which rows are whose is not
/// known: they are taken to be spread evenly.
fn buffers_of(rows: u64, sizes: &[u64]) -> u64 {
    let (count, first) = (sizes.len() as u64, rows % (sizes.len() as u64).max(1));
    let of = |(number, size): (u64, &u64)| {
        let rows = rows / count + u64::from(number < first);
        rows.div_ceil((*size).max(1))
    };
    (0..).zip(sizes).map(of).sum()
}

impl State {
    /// The rows of a buffer of each source that a pipeline reads for a query; empty where that is
    /// not known.
    fn buffer_rows(&self, query: &Query, view: &PipelineView) -> Vec<u64> {
        let sources = view.spec.plan.nodes.iter().filter(|node| node.role == Role::Source);
        // What is made up comes in buffers as they are.
        let made = sources.clone().filter(|node| node.component.name == "repeat");
        let made = made.filter_map(|node| node.component.config["text"].as_str());
        let made: Vec<u64> = made.map(|text| text.lines().count() as u64).collect();
        if made.len() == sources.count() {
            return made;
        }
        let name = |line: &str| {
            let (_, name) = line.trim().strip_prefix("SOURCE(")?.split_once(',')?;
            Some(name.trim_end_matches(')').to_owned())
        };
        let mut sizes = Vec::new();
        for name in query.tree.lines().filter_map(name) {
            let Some(schema) = self.sources.schema(&name) else { return Vec::new() };
            for source in self.sources.physical(&name) {
                let whole = |key: &str| match source.config.get(key) {
                    Some(Json::String(text)) => text.parse().ok(),
                    value => value.and_then(Json::as_u64),
                };
                let bytes = whole("bufferSizeInBytes").filter(|bytes| *bytes > 0);
                let rows = whole("numberOfTuplesToProducePerBuffer").filter(|rows| *rows > 0);
                let bytes = bytes.unwrap_or(nes::catalog::BUFFER_BYTES_DEFAULT);
                sizes.push(rows.unwrap_or_else(|| schema.rows_of_buffer(bytes)));
            }
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fill_the_buffers_of_their_sources() {
        for (rows, sizes, buffers) in [
            (0, &[10][..], 0),
            (1, &[10], 1),
            (10, &[10], 1),
            (11, &[10], 2),
            (21, &[10, 10], 3),
            (20, &[10, 1], 11),
            (3, &[0], 3),
        ] {
            assert_eq!(buffers_of(rows, sizes), buffers, "{rows} of {sizes:?}");
        }
    }
}
