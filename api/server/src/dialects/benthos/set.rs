//! `POST /streams`: all streams at once (spec/benthos-streams-api.md §3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use config::stream::{StreamDoc, parse_set};
use engine::{Patience, PipelineSpec, PutMode};
use futures_util::{StreamExt, stream};

use super::streams::{body_options, patience};
use super::table::Failure;
use super::{Benthos, answers};
use crate::exchange::{Reply, Request};

/// Changes under way at once, so that a large set does not fill the engine's mailbox.
const AT_ONCE_MAX: usize = 64;

/// What is to be done with one id.
enum Change {
    Create(String, StreamDoc),
    Update(String, StreamDoc),
    Delete(String),
}

impl Benthos {
    /// Sets all streams: those that are not named are removed, those that are there are replaced
    /// even when nothing changed, others are made. A body with anything wrong in it changes
    /// nothing; a component that cannot be constructed leaves the other changes standing.
    pub(super) async fn set(&self, request: &Request) -> Reply {
        let catalog = self.streams.catalog();
        let wanted = match parse_set(catalog, &request.body, &body_options(request)) {
            Ok(wanted) => wanted,
            Err(error) => return answers::refused(error),
        };
        let there: BTreeMap<String, Arc<PipelineSpec>> = match self.streams.list().await {
            Ok(views) => views.into_iter().map(|v| (v.spec.key.id.to_string(), v.spec)).collect(),
            Err(failure) => return failure.reply(),
        };
        let with_secrets = |(id, stream): (String, StreamDoc)| {
            let older = there.get(&id).map(|spec| &spec.document);
            Ok((id, stream.with_secrets_of(catalog, older)?))
        };
        let wanted: Vec<(String, StreamDoc)> =
            match wanted.into_iter().map(with_secrets).collect::<Result<_, _>>() {
                Ok(wanted) => wanted,
                Err(error) => return answers::refused(error),
            };
        let named: BTreeSet<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
        let unnamed = there.keys().filter(|id| !named.contains(id.as_str()));
        let mut changes: Vec<Change> = unnamed.cloned().map(Change::Delete).collect();
        changes.extend(wanted.into_iter().map(|(id, stream)| match there.contains_key(&id) {
            true => Change::Update(id, stream),
            false => Change::Create(id, stream),
        }));
        let patience = patience(request);
        let done = stream::iter(changes).map(|change| self.change(change, patience.clone()));
        let mut errors: Vec<String> =
            done.buffer_unordered(AT_ONCE_MAX).filter_map(async |error| error).collect().await;
        if errors.is_empty() {
            return answers::done();
        }
        errors.sort();
        answers::error(400, &errors.join("\n"))
    }

    /// Makes one change, whatever others have made of the id meanwhile; returns what went wrong.
    async fn change(&self, change: Change, patience: Patience) -> Option<String> {
        let (streams, mode) = (&self.streams, PutMode::Upsert);
        let (verb, result) = match change {
            Change::Create(id, stream) => {
                ("create", streams.put(&id, &stream, mode, patience).await)
            }
            Change::Update(id, stream) => {
                ("update", streams.put(&id, &stream, mode, patience).await)
            }
            Change::Delete(id) => match streams.remove(&id, patience).await {
                Err(Failure::Missing) => ("delete", Ok(())),
                result => ("delete", result),
            },
        };
        result.err().map(|failure| format!("failed to {verb} stream: {failure}"))
    }
}
