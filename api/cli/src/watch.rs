//! Looks for changes of stream files and brings them to the streams.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use engine::{Patience, PutMode};
use server::dialects::benthos::Streams;

use crate::boot::wait;
use crate::load::Environment;
use crate::stream_files;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a stream may take to stop whose file has changed.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What tells that a file has changed.
type Mark = Option<(SystemTime, u64)>;

fn mark(path: &Path) -> Mark {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// A thread that looks for changes; it ends when this is dropped.
pub(crate) struct Watch(#[allow(dead_code, reason = "its end is the message")] flume::Sender<()>);

impl Watch {
    /// Starts to look for files that are new or have changed under these paths. A file that is
    /// gone changes nothing, because editors take files away for a moment.
    ///
    /// # Errors
    /// The thread does not start.
    pub(crate) fn start(
        paths: Vec<String>,
        streams: Arc<Streams>,
        environment: Environment,
        chilled: bool,
    ) -> Result<Self, String> {
        let (sender, ended) = flume::bounded(0);
        let known = stream_files::find(&paths)?;
        let known = known.into_values().map(|path| (path.clone(), mark(&path))).collect();
        let mut watcher = Watcher { paths, streams, environment, chilled, known };
        let body = move || {
            while let Err(flume::RecvTimeoutError::Timeout) = ended.recv_timeout(PAUSE) {
                watcher.look();
            }
        };
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(body);
        thread.map_err(|e| format!("the thread that watches files did not start: {e}"))?;
        Ok(Watch(sender))
    }
}

struct Watcher {
    paths: Vec<String>,
    streams: Arc<Streams>,
    environment: Environment,
    chilled: bool,
    known: BTreeMap<PathBuf, Mark>,
}

impl Watcher {
    fn look(&mut self) {
        let found = match stream_files::find(&self.paths) {
            Ok(found) => found,
            Err(text) => return tracing::error!("Failed to look for stream configs: {text}"),
        };
        for (id, path) in found {
            let now = mark(&path);
            if now.is_none() || self.known.get(&path) == Some(&now) {
                continue;
            }
            self.known.insert(path.clone(), now);
            match self.update(&id, &path) {
                Ok(()) => tracing::info!(stream = id, "Updated stream from its config"),
                Err(text) => tracing::error!("Failed to read updated stream config: {text}"),
            }
        }
    }

    fn update(&self, id: &str, path: &Path) -> Result<(), String> {
        let doc = stream_files::read(&self.streams, path, &self.environment)?;
        if let Some(lint) = doc.lints.first().filter(|_| !self.chilled) {
            return Err(format!("{}{lint}", path.display()));
        }
        let resources = self.streams.resources();
        let plan = doc.lower(self.streams.catalog(), &resources).map_err(|e| e.to_string())?;
        let mode = PutMode::Upsert;
        let put = self.streams.put_plan(id, doc.config(), plan, mode, Patience::Within(STOP_MAX));
        wait(put).map_err(|e| e.to_string())
    }
}
