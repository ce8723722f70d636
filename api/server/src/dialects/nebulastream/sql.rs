//! Statements of the SQL dialect: they change or show what the coordinator knows.

use nes::sql::Command;
use plan::Json;
use serde_json::json;

use super::query::message;
use super::routes::NebulaStream;
use super::types::error;
use crate::exchange::Reply;

/// What a statement changed, so that it is stored.
enum Changed {
    Sources,
    Created,
}

impl NebulaStream {
    /// Runs a statement that is no query.
    pub(super) async fn statement(&self, text: &str) -> Result<Reply, Reply> {
        let command = {
            let state = self.store.lock();
            nes::sql::command(text, &state.sources, &state.sinks)
        };
        match command.map_err(|d| error(400, message(&[d])))? {
            Command::Rows(rows) => Ok(Reply::json(200, &json!({"rows": rows}))),
            Command::Explain(plan) => Ok(Reply::json(200, &json!({"plan": plan}))),
            Command::ShowQueries(id) => self.show_queries(id).await,
            Command::DropQuery(id) => {
                self.refresh().await?;
                let query = self.store.lock().queries.get(id).cloned();
                let unknown = || nes::sql::unknown_query(id);
                let query = query.ok_or_else(|| error(400, unknown()))?;
                self.stop_query(&query).await
            }
            change => self.change(change).await,
        }
    }

    async fn show_queries(&self, id: Option<u64>) -> Result<Reply, Reply> {
        self.refresh().await?;
        let state = self.store.lock();
        let wanted = state.queries.all().filter(|q| id.is_none_or(|id| q.id == id));
        let rows: Vec<Json> = wanted
            .map(|q| json!({"id": q.id, "status": q.status.name(), "query": q.text}))
            .collect();
        Ok(Reply::json(200, &json!({"rows": rows})))
    }

    /// Changes the catalogs and stores them.
    async fn change(&self, change: Command) -> Result<Reply, Reply> {
        let (done, changed, name) = {
            let state = &mut *self.store.lock();
            match change {
                Command::CreateLogical(name, schema) => {
                    (state.sources.add(&name, schema).is_ok(), Changed::Sources, name)
                }
                Command::DropLogical(name) => {
                    (state.sources.remove(&name).is_ok(), Changed::Sources, name)
                }
                Command::CreatePhysical(source) => {
                    let name = source.name.clone();
                    (state.sources.add_physical(source).is_ok(), Changed::Created, name)
                }
                Command::DropPhysical(name) => {
                    (state.sources.remove_physical(&name), Changed::Created, name)
                }
                Command::CreateSink(sink) => {
                    let name = sink.name.clone();
                    (state.sinks.add(sink), Changed::Created, name)
                }
                Command::DropSink(name) => (state.sinks.remove(&name), Changed::Created, name),
                Command::Rows(_)
                | Command::Explain(_)
                | Command::ShowQueries(_)
                | Command::DropQuery(_) => (true, Changed::Created, String::new()),
            }
        };
        if !done {
            // It could be done a moment ago: somebody else was faster, or there are too many.
            return Err(error(400, format!("the catalog did not take {name}")));
        }
        match changed {
            Changed::Sources => self.store.put_sources().await?,
            Changed::Created => self.store.put_created().await?,
        }
        Ok(Reply::json(200, &json!({"success": true, "name": name})))
    }
}
