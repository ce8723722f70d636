//! Looks for changes of the files of streams and resources and brings them to the streams.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use config::{Resources, Root};
use server::dialects::benthos::Streams;

use super::{Complaint, Files, PAUSE, STOP_MAX};
use crate::boot::wait;
use crate::load::{self, Environment};
use crate::{paths, stream_files};

/// Where files are looked for, and what was seen of them before they were read.
pub(crate) struct Watched {
    /// Paths of streams.
    paths: Vec<String>,
    /// Paths of resources.
    resource_paths: Vec<String>,
    files: Files,
    resource_files: Files,
    /// The streams of the files, by these.
    ids: BTreeMap<PathBuf, String>,
}

impl Watched {
    /// Files that are about to be read.
    ///
    /// # Errors
    /// A path that is not there.
    pub(crate) fn now(paths: &[String], resource_paths: &[String]) -> Result<Self, String> {
        let ids: BTreeMap<PathBuf, String> =
            stream_files::find(paths)?.into_iter().map(|(id, path)| (path, id)).collect();
        Ok(Watched {
            paths: paths.to_vec(),
            resource_paths: resource_paths.to_vec(),
            files: Files::now(ids.keys().cloned()),
            resource_files: Files::now(paths::files(resource_paths)?),
            ids,
        })
    }
}

/// A thread that looks for changes; it ends when this is dropped.
pub(crate) struct StreamWatch(
    #[allow(dead_code, reason = "its end is the message")] flume::Sender<()>,
);

impl StreamWatch {
    /// Starts to look for files that are new, have changed or are gone. The resources are those
    /// that are in no file that is looked at, and these together with those that are.
    ///
    /// # Errors
    /// The thread does not start.
    pub(crate) fn start(
        watched: Watched,
        streams: Arc<Streams>,
        environment: Environment,
        chilled: bool,
        (own, resources): (Resources, Resources),
    ) -> Result<Self, String> {
        let (sender, ended) = flume::bounded(0);
        let complaint = Complaint::default();
        let mut watcher =
            Watcher { watched, streams, environment, chilled, own, resources, complaint };
        let body = move || {
            while let Err(flume::RecvTimeoutError::Timeout) = ended.recv_timeout(PAUSE) {
                watcher.look();
            }
        };
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(body);
        thread.map_err(|e| format!("the thread that watches files did not start: {e}"))?;
        Ok(StreamWatch(sender))
    }
}

struct Watcher {
    watched: Watched,
    streams: Arc<Streams>,
    environment: Environment,
    chilled: bool,
    own: Resources,
    /// Those of files as they were last applied.
    resources: Resources,
    complaint: Complaint,
}

impl Watcher {
    /// Resources first: streams that are new may use those that are new.
    fn look(&mut self) {
        if let Err(text) = self.look_for_resources().and_then(|()| self.look_for_streams()) {
            self.complaint.say(format!("Failed to look for changed configs: {text}"));
        }
    }

    fn look_for_resources(&mut self) -> Result<(), String> {
        let found = paths::files(&self.watched.resource_paths)?;
        let there: Vec<PathBuf> = found.into_iter().filter(|path| path.exists()).collect();
        if self.watched.resource_files.changed(there.clone()).is_empty() {
            return Ok(());
        }
        match self.update_resources(&there) {
            Ok(()) => tracing::info!("Updated resources from their configs"),
            Err(text) => tracing::error!("Failed to read updated resources config: {text}"),
        }
        Ok(())
    }

    fn update_resources(&mut self, files: &[PathBuf]) -> Result<(), String> {
        let mut now = self.own.clone();
        for path in files {
            let catalog = self.streams.catalog();
            let (_, doc) = load::config(catalog, path, Root::Resources, &self.environment)?;
            self.pass(path, &doc.lints)?;
            doc.add_resources(&mut now).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        wait(self.streams.follow(&self.resources, &now)).map_err(|e| e.to_string())?;
        self.resources = now;
        Ok(())
    }

    fn look_for_streams(&mut self) -> Result<(), String> {
        let found = stream_files::find_present(&self.watched.paths)?;
        for path in self.watched.files.changed(found.values().cloned()) {
            let there = found.iter().find(|(_, file)| **file == path);
            match there {
                Some((id, _)) => {
                    self.watched.ids.insert(path.clone(), id.clone());
                    match self.update(id, &path) {
                        Ok(()) => tracing::info!(stream = id, "Updated stream from its config"),
                        Err(text) => {
                            tracing::error!("Failed to read updated stream config: {text}")
                        }
                    }
                }
                None => {
                    let Some(id) = self.watched.ids.remove(&path) else { continue };
                    // Another file may have become that of the stream.
                    if !found.contains_key(&id) {
                        self.remove(&id);
                    }
                }
            }
        }
        Ok(())
    }

    fn update(&self, id: &str, path: &Path) -> Result<(), String> {
        let doc = stream_files::read(&self.streams, path, &self.environment)?;
        self.pass(path, &doc.lints)?;
        let resources = self.streams.resources();
        let plan = doc.lower(self.streams.catalog(), &resources).map_err(|e| e.to_string())?;
        let put = self.streams.put_file(id, doc.config(), plan, STOP_MAX);
        wait(put).map_err(|e| e.to_string())
    }

    fn remove(&self, id: &str) {
        match wait(self.streams.remove_file(id, STOP_MAX)) {
            Ok(()) => tracing::info!(stream = id, "Removed stream whose config is gone"),
            Err(e) => tracing::error!("Failed to remove stream whose config is gone ({id}): {e}"),
        }
    }

    /// Complaints keep a file from being applied, unless they are let pass.
    fn pass(&self, path: &Path, lints: &[config::Lint]) -> Result<(), String> {
        match lints.first().filter(|_| !self.chilled) {
            Some(lint) => Err(format!("{}{lint}", path.display())),
            None => Ok(()),
        }
    }
}
