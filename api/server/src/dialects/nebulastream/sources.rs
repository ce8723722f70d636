//! The source catalog (spec/nes-rest.md §5).

use nes::catalog::{SourceCatalog, SourceError};
use nes::schema::Schema;
use plan::Json;
use serde_json::json;

use super::routes::{NebulaStream, unknown};
use super::schema::{from_named, to_proto};
use super::types::{error, named, object, required, success};
use crate::exchange::{Reply, Request};

impl NebulaStream {
    pub(super) async fn source_catalog(
        &self,
        method: &str,
        call: &str,
        request: &Request,
    ) -> Result<Reply, Reply> {
        match (method, call) {
            ("GET", "allLogicalSource") => Ok(self.logical_sources()),
            ("GET", "allPhysicalSource") => self.physical_sources(request),
            ("GET", "schema") => self.schema(request),
            ("POST", "addLogicalSource") => {
                let (name, schema) = named_schema(request)?;
                self.add_source(&name, schema).await
            }
            ("POST", "addLogicalSource-ex") => {
                let (name, schema) = packed_schema(request)?;
                self.add_source(&name, schema).await
            }
            ("POST", "updateLogicalSource") => {
                let (name, schema) = named_schema(request)?;
                self.update_source(&name, schema).await
            }
            ("POST", "updateLogicalSource-ex") => {
                let (name, schema) = packed_schema(request)?;
                self.update_source(&name, schema).await
            }
            ("DELETE", "deleteLogicalSource") => self.delete_source(request).await,
            _ => Err(unknown()),
        }
    }

    fn logical_sources(&self) -> Reply {
        let state = self.store.lock();
        let all: Vec<Json> = state
            .sources
            .logical()
            .map(|(name, schema)| json!({name: schema.to_string()}))
            .collect();
        if all.is_empty() { Reply::empty(404) } else { Reply::json(200, &Json::Array(all)) }
    }

    fn physical_sources(&self, request: &Request) -> Result<Reply, Reply> {
        let name = required(request, "logicalSourceName")?;
        let state = self.store.lock();
        if state.sources.schema(&name).is_none() {
            return Err(error(400, format!("Resource not found: no logical source {name}")));
        }
        let all: Vec<String> =
            state.sources.physical(&name).iter().map(ToString::to_string).collect();
        if all.is_empty() {
            return Err(error(404, no_physical(&name)));
        }
        Ok(Reply::json(200, &json!({"Physical Sources": all})))
    }

    fn schema(&self, request: &Request) -> Result<Reply, Reply> {
        let name = required(request, "logicalSourceName")?;
        let state = self.store.lock();
        let Some(schema) = state.sources.schema(&name) else {
            return Err(error(400, format!("Resource Not Found: No Schema found for {name}")));
        };
        let bytes = to_proto(&name, schema);
        Ok(Reply::empty(200).header("content-type", "application/octet-stream").with_body(bytes))
    }

    async fn add_source(&self, name: &str, schema: Schema) -> Result<Reply, Reply> {
        let added = self.store.lock().sources.add(name, schema);
        match added {
            Ok(()) => {}
            Err(SourceError::Full) => return Err(error(400, "There are too many sources")),
            Err(_) => {
                let text = format!(
                    "Logical Source name: {name} already exists! Logical Source with same name already exists!"
                );
                return Err(error(400, text));
            }
        }
        self.keep_sources(|sources| sources.remove(name).map(drop)).await
    }

    async fn update_source(&self, name: &str, schema: Schema) -> Result<Reply, Reply> {
        let before = {
            let mut state = self.store.lock();
            let before = state.sources.schema(name).cloned();
            state.sources.update(name, schema).map(|()| before)
        };
        let Ok(Some(before)) = before else {
            return Err(error(400, format!("Unable to update logical source {name}")));
        };
        self.keep_sources(|sources| sources.update(name, before)).await
    }

    async fn delete_source(&self, request: &Request) -> Result<Reply, Reply> {
        let name = required(request, "logicalSourceName")?;
        let removed = self.store.lock().sources.remove(&name);
        let before = removed.map_err(|why| {
            let why = match why {
                SourceError::InUse => "there are still physical sources mapped to it",
                _ => "it does not exist",
            };
            error(400, format!("Could not remove logical source {name}: {why}"))
        })?;
        self.keep_sources(|sources| sources.put_back(&name, before)).await
    }

    /// Stores the logical sources as they are now. Where that fails, what changed is undone.
    async fn keep_sources(
        &self,
        undo: impl FnOnce(&mut SourceCatalog) -> Result<(), SourceError>,
    ) -> Result<Reply, Reply> {
        if let Err(reply) = self.store.put_sources().await {
            // It can only fail when somebody else has changed the same source since.
            let _ = undo(&mut self.store.lock().sources);
            return Err(reply);
        }
        Ok(success())
    }
}

fn no_physical(name: &str) -> String {
    format!("Resource Not Found: Logical source {name} has no physical source defined.")
}

fn packed_schema(request: &Request) -> Result<(String, Schema), Reply> {
    let (name, schema) = from_named(&request.body).map_err(|e| error(400, e))?;
    named(&name, "logicalSourceName")?;
    Ok((name, schema))
}

fn named_schema(request: &Request) -> Result<(String, Schema), Reply> {
    let body = object(request)?;
    let text = |key: &str| {
        let found = body.get(key).and_then(Json::as_str);
        let missing = format!(
            "Wrong input format: Request body must contain '{key}'. Parameter logicalSourceName \
             and schema must be provided"
        );
        found.map(str::to_owned).ok_or_else(|| error(400, missing))
    };
    let (name, schema) = (text("logicalSourceName")?, text("schema")?);
    named(&name, "logicalSourceName")?;
    let schema = nes::parse_schema(&schema).map_err(|d| {
        let text = format!(
            "Compilation failed: Unable to compile the submitted schema: {} (line {}, column {})",
            d.message, d.span.line, d.span.column
        );
        error(400, text)
    })?;
    Ok((name, schema))
}
