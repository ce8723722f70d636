//! Streams and resources that come from files. The latest change wins, be it one of a file or one
//! over REST: a file counts when it is new or has changed since it was last applied, also while
//! the process was down; otherwise what was done to its stream over REST stands.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use config::Resources;
use engine::{Key, Patience, PutMode};
use plan::{Json, Plan};
use sha2::{Digest, Sha256};

use super::resources::owner;
use super::table::{Failure, Streams};

/// The owner under which the engine keeps what the files of streams held when they were last
/// applied, by the streams' ids.
const FILES: &str = "files/streams";

/// What tells one document from another. The document itself stands with its stream.
fn digest(document: &Json) -> Json {
    STANDARD_NO_PAD.encode(Sha256::digest(document.to_string())).into()
}

/// What files held when they were last applied.
pub struct Applied(BTreeMap<String, Json>);

impl Applied {
    /// Whether the file of a stream holds what it held then.
    #[must_use]
    pub fn is(&self, id: &str, document: &Json) -> bool {
        self.0.get(id) == Some(&digest(document))
    }

    /// The ids of all streams that files were applied for.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Streams {
    /// What files held when they were last applied, by this process or one before it.
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn applied(&self) -> Result<Applied, Failure> {
        let kept = self.engine.documents(FILES).await.map_err(|_| Failure::Unavailable)?;
        Ok(Applied(kept.into_iter().map(|(key, digest)| (key.id.to_string(), digest)).collect()))
    }

    /// Makes or replaces the stream of a file.
    ///
    /// # Errors
    /// What keeps the stream from being made; an old one of that id goes on.
    pub async fn put_file(
        &self,
        id: &str,
        document: Json,
        plan: Plan,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let digest = digest(&document);
        let patience = Patience::Within(timeout);
        self.put_plan(id, document, plan, PutMode::Upsert, patience).await?;
        self.keep(Key::new(FILES, id), Some(digest)).await
    }

    /// Removes the stream of a file that is gone, if it is still there.
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn remove_file(&self, id: &str, timeout: Duration) -> Result<(), Failure> {
        match self.remove(id, Patience::Within(timeout)).await {
            Ok(()) | Err(Failure::Missing) => self.keep(Key::new(FILES, id), None).await,
            other => other,
        }
    }

    /// Takes over what has changed between two states of the files with resources. Streams that
    /// run and use them begin anew.
    ///
    /// # Errors
    /// A resource that does not fit, and then nothing is changed; or the engine did not answer.
    pub async fn follow(&self, before: &Resources, after: &Resources) -> Result<(), Failure> {
        let changed = after.differing(before);
        let now = self.resources().followed(&self.catalog, after, &changed);
        self.set_resources(now.map_err(Failure::Init)?);
        for (kind, label) in changed {
            // What was made over REST under this label is older.
            self.keep(Key::new(owner(kind), label), None).await?;
        }
        self.renew(true).await
    }

    async fn keep(&self, key: Key, document: Option<Json>) -> Result<(), Failure> {
        let kept = self.engine.put_document(key, document).await;
        kept.map_err(|_| Failure::Unavailable)?.map_err(|error| Failure::Engine(error.to_string()))
    }
}
