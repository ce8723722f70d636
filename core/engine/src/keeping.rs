//! The states of durable pipelines, as the pipeline table sees to them: where they are kept, and
//! until when.

use std::path::PathBuf;
use std::sync::Arc;

use rt::storage::StorageError;
use rt::storage::files::Files;

use crate::api::{PipelineSpec, PutError};
use crate::checkpoint::{Durable, States, Vault, prefix_of};
use crate::journal::Stored;
use crate::journals;
use crate::table::Table;

impl Table {
    /// What a pipeline is built with that is durable. `goes_on`: from what is kept of it.
    pub(crate) async fn durable(
        &self,
        spec: &PipelineSpec,
        goes_on: bool,
    ) -> Result<Option<Durable>, PutError> {
        if !spec.plan.durable {
            return Ok(None);
        }
        let Some(storage) = &self.storage else {
            if !self.told.replace(true) {
                tracing::warn!(
                    "What windows and joins remember is lost with the process: there is no \
                     directory for state"
                );
            }
            return Ok(None);
        };
        let refused = |error: StorageError| PutError::Journal(error.to_string());
        let vault = Vault::new(storage.files().map_err(refused)?, &spec.key);
        let mut states = States::default();
        if goes_on {
            states = match vault.load().await {
                Ok(kept) => Arc::new(kept),
                Err(StorageError::NotAFile(path)) => {
                    tracing::error!(
                        stream = &*spec.key.id,
                        "{} is damaged, and the pipeline begins anew",
                        path.display()
                    );
                    vault.clear().await;
                    States::default()
                }
                Err(error) => return Err(refused(error)),
            };
        }
        Ok(Some(Durable { vault, states }))
    }

    /// The way to what is kept, when anything may be.
    fn files(&self) -> Option<Files> {
        let storage = self.storage.as_ref().filter(|storage| storage.has_files())?;
        match storage.files() {
            Ok(files) => Some(files),
            Err(error) => {
                tracing::error!("States that were kept cannot be reached: {error}");
                None
            }
        }
    }

    /// Where sources keep what must not be lost.
    fn journals(&self) -> Option<PathBuf> {
        self.storage.as_ref().map(|storage| journals::below(storage.dir()))
    }

    /// Forgets the states of a pipeline that will not go on.
    pub(crate) async fn clear(&self, spec: &PipelineSpec) {
        if spec.plan.keeps()
            && let Some(journals) = self.journals()
        {
            journals::clear(journals, &spec.key).await;
        }
        if spec.plan.durable
            && let Some(files) = self.files()
        {
            Vault::new(files, &spec.key).clear().await;
        }
    }

    /// Forgets the states of all pipelines that will not go on: the process was killed before.
    pub(crate) async fn sweep(&self, pipelines: impl Iterator<Item = &Stored>) {
        let pipelines: Vec<&Stored> = pipelines.collect();
        if let Some(journals) = self.journals() {
            let running = pipelines.iter().filter(|stored| stored.ended.is_none());
            journals::keep_only(journals, running.map(|stored| &stored.spec.key)).await;
        }
        let Some(files) = self.files() else { return };
        let goes_on = |stored: &&Stored| stored.ended.is_none() && stored.spec.plan.durable;
        let kept = pipelines.into_iter().filter(goes_on).map(|stored| prefix_of(&stored.spec.key));
        match files.keep_only(kept.collect()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "States of pipelines that have ended were removed"),
            Err(error) => tracing::error!("A state that is not needed any more stays: {error}"),
        }
    }
}
