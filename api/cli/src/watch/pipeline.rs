//! Looks for changes of the files of one pipeline, which is then replaced.

use std::path::{Path, PathBuf};
use std::pin::pin;

use engine::{EngineHandle, Key, PipelineSpec, PutMode};
use futures_util::future::{Either, select};

use super::{Complaint, Files, STOP_MAX};
use crate::boot::wait;
use crate::load::{self, ConfigOptions};
use crate::paths;

/// The files that a pipeline is made from.
pub(crate) struct PipelineWatch {
    file: PathBuf,
    options: ConfigOptions,
    files: Files,
    complaint: Complaint,
}

/// All files that a change may be in.
fn sources(file: &Path, options: &ConfigOptions) -> Result<Vec<PathBuf>, String> {
    let mut all = paths::files(&options.read.resources)?;
    all.push(file.to_owned());
    Ok(all)
}

impl PipelineWatch {
    /// Files that are about to be read.
    ///
    /// # Errors
    /// A path that cannot be looked into.
    pub(crate) fn now(file: &Path, options: &ConfigOptions) -> Result<Self, String> {
        let files = Files::now(sources(file, options)?);
        let (file, options) = (file.to_owned(), options.clone());
        Ok(PipelineWatch { file, options, files, complaint: Complaint::default() })
    }

    /// Looks once, and replaces the pipeline where files have changed; the new one is built before
    /// the old one stops. Returns the name of a signal that came meanwhile.
    pub(crate) fn look(
        &mut self,
        engine: &EngineHandle,
        key: &Key,
        signals: &flume::Receiver<&'static str>,
    ) -> Option<&'static str> {
        let found = match sources(&self.file, &self.options) {
            Ok(found) => found,
            Err(text) => {
                self.complaint.say(format!("Failed to look for changed configs: {text}"));
                return None;
            }
        };
        if self.files.changed(found).is_empty() {
            return None;
        }
        let loaded = load::file(Some(&self.file), &self.options);
        let plan = match loaded.map_err(|text| match text.as_str() {
            load::CHILL => "it has linting errors, and --chilled was not given".to_owned(),
            _ => text,
        }) {
            Ok(loaded) => loaded.plan.into(),
            Err(text) => {
                tracing::error!("Failed to read updated config: {text}");
                return None;
            }
        };
        let (key, document) = (key.clone(), plan::Json::Null);
        let spec = PipelineSpec { key, name: "run".into(), document, plan };
        let put = pin!(engine.put(spec, PutMode::Replace, Some(STOP_MAX)));
        let put = match wait(select(put, pin!(signals.recv_async()))) {
            Either::Left((put, _)) => put,
            Either::Right((signal, _)) => return signal.ok(),
        };
        match put.map_err(|e| e.to_string()).and_then(|put| put.map_err(|e| e.to_string())) {
            Ok(()) => tracing::info!("Updated pipeline from its config"),
            Err(text) => tracing::error!("Failed to apply updated config: {text}"),
        }
        None
    }
}
