//! Statements of the SQL dialect: they change or show what the coordinator knows.

use nes::sql::Command;
use plan::Json;
use serde_json::json;

use super::query::message;
use super::routes::NebulaStream;
use super::state::State;
use super::types::error;
use crate::exchange::Reply;

/// Takes a change back.
type Undo = Box<dyn FnOnce(&mut State)>;

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

    /// Changes the catalogs and stores them. Where that fails, what changed is undone.
    async fn change(&self, change: Command) -> Result<Reply, Reply> {
        let (name, is_logical) = match &change {
            Command::CreateLogical(name, _) | Command::DropLogical(name) => (name.clone(), true),
            Command::CreatePhysical(source) => (source.name.clone(), false),
            Command::CreateSink(sink) => (sink.name.clone(), false),
            Command::DropPhysical(name) | Command::DropSink(name) => (name.clone(), false),
            _ => (String::new(), false),
        };
        let made = make(&mut self.store.lock(), change);
        let Some(undo) = made else {
            // It could be done a moment ago: somebody else was faster, or there are too many.
            return Err(error(400, format!("the catalog did not take {name}")));
        };
        let stored = match is_logical {
            true => self.store.put_sources().await,
            false => self.store.put_created().await,
        };
        if let Err(reply) = stored {
            undo(&mut self.store.lock());
            return Err(reply);
        }
        Ok(Reply::json(200, &json!({"success": true, "name": name})))
    }
}

/// Changes the catalogs; returns how to undo that, if it could be done. To undo can only fail when
/// somebody else has changed the same since.
fn make(state: &mut State, change: Command) -> Option<Undo> {
    match change {
        Command::CreateLogical(name, schema) => {
            state.sources.add(&name, schema).ok()?;
            Some(Box::new(move |state| drop(state.sources.remove(&name))))
        }
        Command::DropLogical(name) => {
            let before = state.sources.remove(&name).ok()?;
            Some(Box::new(move |state| {
                let _ = state.sources.put_back(&name, before);
            }))
        }
        Command::CreatePhysical(source) => {
            state.sources.add_physical(source.clone()).ok()?;
            Some(Box::new(move |state| drop(state.sources.remove_physical(|p| *p == source))))
        }
        Command::DropPhysical(name) => {
            let before = state.sources.remove_physical(|source| source.name == name);
            let any = !before.is_empty();
            let undo: Undo = Box::new(|state| {
                let _ = state.sources.put_back_physical(before);
            });
            any.then_some(undo)
        }
        Command::CreateSink(sink) => {
            let name = sink.name.clone();
            let undo: Undo = Box::new(move |state| drop(state.sinks.remove(&name)));
            state.sinks.add(sink).then_some(undo)
        }
        Command::DropSink(name) => {
            let before = state.sinks.remove(&name)?;
            Some(Box::new(move |state| {
                state.sinks.put_back(before);
            }))
        }
        Command::Rows(_)
        | Command::Explain(_)
        | Command::ShowQueries(_)
        | Command::DropQuery(_) => None,
    }
}
