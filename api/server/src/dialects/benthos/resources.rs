//! `POST /resources/{type}/{id}`: components that streams share
//! (spec/benthos-streams-api.md §4).

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use config::catalog::RESOURCE_KINDS;
use config::stream::{BodyError, ResourceDoc, StreamDoc, parse_resource};
use config::yaml::Node;
use config::{Kind, Resources};
use engine::{Key, Patience, PipelineView, PutMode};
use plan::{Json, Plan};

use super::streams::body_options;
use super::table::{Failure, Streams, is_active};
use super::{Benthos, answers};
use crate::exchange::{Reply, Request};

/// How long a stream may take to stop that has to begin anew with a replaced resource.
const SWAP_MAX: Duration = Duration::from_secs(10);

/// The owner under which the engine keeps the documents of a kind of resources.
pub(super) fn owner(kind: Kind) -> String {
    format!("resources/{}", kind.name())
}

impl Benthos {
    /// Makes or replaces a resource. Streams that run and use it begin anew with it before this is
    /// answered.
    pub(super) async fn set_resource(&self, kind: &str, label: &str, request: &Request) -> Reply {
        let streams = &self.streams;
        let resource =
            match parse_resource(streams.catalog(), kind, &request.body, &body_options(request)) {
                Ok(resource) => resource,
                Err(error) => return answers::refused(error),
            };
        let replaced = match streams.add_resource(label, &resource) {
            Ok(replaced) => replaced,
            Err(error) => return answers::refused(error),
        };
        let key = Key::new(owner(resource.kind), label);
        match streams.engine.put_document(key, Some(resource.config.clone())).await {
            Err(_) => return Reply::unavailable(),
            Ok(Err(error)) => return answers::error(500, &error.to_string()),
            Ok(Ok(())) => {}
        }
        match if replaced { streams.renew(false).await } else { Ok(()) } {
            Ok(()) => answers::done(),
            Err(failure) => failure.reply(),
        }
    }
}

impl Streams {
    /// Adds a resource; returns whether there was one of its label.
    fn add_resource(&self, label: &str, resource: &ResourceDoc) -> Result<bool, BodyError> {
        let mut slot = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = slot.has(resource.kind, label);
        let mut changed = Resources::clone(&slot);
        resource.add(&self.catalog, label, &mut changed)?;
        *slot = Arc::new(changed);
        Ok(replaced)
    }

    /// Takes over the resources that the engine kept.
    pub(super) async fn recover_resources(&self) -> Result<(), Failure> {
        for kind in RESOURCE_KINDS {
            let kept = self.engine.documents(&owner(kind)).await;
            let kept = kept.map_err(|_| Failure::Unavailable)?;
            let mut slot = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
            let mut changed = Resources::clone(&slot);
            for (key, document) in kept {
                let set = changed.set(kind, &key.id, Arc::new(Node::from_json(&document)));
                set.map_err(Failure::Engine)?;
            }
            *slot = Arc::new(changed);
        }
        Ok(())
    }

    /// Lets every running stream begin anew whose plan is another one with the resources as they
    /// are now: of `all` streams, or of those that have the label of a resource in them. One that
    /// cannot be made keeps no other from it.
    ///
    /// # Errors
    /// What first kept a stream from being made, which goes on as it was; or the engine did not
    /// answer.
    pub async fn renew(&self, all: bool) -> Result<(), Failure> {
        let resources = self.resources();
        let labels: BTreeSet<&str> =
            RESOURCE_KINDS.iter().flat_map(|kind| resources.labels(*kind)).collect();
        let mut renewed = Ok(());
        for view in self.list().await? {
            if is_active(&view.state) && (all || mentions(&view.spec.document, &labels)) {
                renewed = renewed.and(self.renew_stream(&view.spec.key.id, all).await);
            }
        }
        renewed
    }

    /// The same for one stream. It begins anew when the stream is changed meanwhile: whoever
    /// changed it may have known the resources as they were before.
    pub(super) async fn renew_stream(&self, id: &str, all: bool) -> Result<(), Failure> {
        loop {
            let view = match self.get(id).await {
                Ok(view) if is_active(&view.state) => view,
                Ok(_) | Err(Failure::Missing) => return Ok(()),
                Err(failure) => return Err(failure),
            };
            let Some(plan) = self.renewed(&view, all) else { return Ok(()) };
            let (document, mode) = (view.spec.document.clone(), PutMode::ReplaceOf(view.instance));
            match self.put_plan(id, document, plan, mode, Patience::Within(SWAP_MAX)).await {
                Err(Failure::Changed) => {}
                Err(Failure::Missing) => return Ok(()),
                // The resources may have been replaced once more.
                Ok(()) => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The plan of a stream with the resources as they are now, if it is another one.
    fn renewed(&self, view: &PipelineView, all: bool) -> Option<Plan> {
        let (resources, document) = (self.resources(), &view.spec.document);
        let labels: BTreeSet<&str> =
            RESOURCE_KINDS.iter().flat_map(|kind| resources.labels(*kind)).collect();
        if !all && !mentions(document, &labels) {
            return None;
        }
        let lowered =
            StreamDoc::from_config(&self.catalog, document).map_err(|error| error.body).and_then(
                |stream| stream.lower(&self.catalog, &resources).map_err(|error| error.to_string()),
            );
        match lowered {
            Ok(mut plan) => {
                // What the command line said of the stream beyond its document stays.
                plan.strict = view.spec.plan.strict;
                (plan != *view.spec.plan).then_some(plan)
            }
            Err(text) => {
                let id = &*view.spec.key.id;
                tracing::error!(stream = id, "a replaced resource is not used: {text}");
                None
            }
        }
    }
}

/// Whether a document has one of these words as a value anywhere. The depth of documents is
/// bounded by the reader's.
fn mentions(document: &Json, words: &BTreeSet<&str>) -> bool {
    match document {
        Json::String(text) => words.contains(text.as_str()),
        Json::Array(items) => items.iter().any(|item| mentions(item, words)),
        Json::Object(fields) => fields.values().any(|value| mentions(value, words)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_found_at_any_depth() {
        let document = json!({"pipeline": {"processors": [{"a": {"resource": "x"}}]}, "x": 1});
        assert!(mentions(&document, &BTreeSet::from(["y", "x"])));
        assert!(!mentions(&document, &BTreeSet::from(["y", "resource"])));
    }
}
