//! Source `file`: files, one after another, through a scanner.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use formats::value::{Timestamp, Value};
use plan::env::read_config;
use plan::{
    BuildError, Env, Example, Json, LocalBoxFuture, Meta, Source, SourceContext, SourceError,
    SourceSpec, schema_of,
};
use rt::file::{File, FileInfo, FileKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reader::{Bytestream, End, Pending, pump};
use crate::scanners::{self, Cut, MESSAGE_BYTES_MAX, Stream};
use crate::text::{Bytesize, path_text};

use super::watch::Watch;
use crate::wait::{Ended, until_stopping};

/// Smallest block that a file is read by, in bytes.
const BLOCK_BYTES_MIN: usize = 16 << 10;
/// Smallest block that a configuration may ask for, in bytes.
const BLOCK_BYTES_LEAST: usize = 64;

/// Reads files one after another and ends after the last one.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Files to read, in this order. A pattern (`*`, `?`, `[a-z]`, `**`) stands for the files that
    /// it matches when reading begins, sorted.
    #[serde(default)]
    pub paths: Vec<String>,
    /// How a file is cut into messages.
    #[serde(flatten)]
    pub cut: Cut,
    /// Removes a file when all its messages were delivered.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub delete_on_finish: bool,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
    /// Bytes that one read of a file asks for; 0: what suits the file. This and what follows is for
    /// plans of languages whose readers have it; streams have none.
    #[serde(default)]
    #[schemars(skip)]
    pub block: Bytesize,
    /// Bytes that are passed over at the beginning of each file.
    #[serde(default)]
    #[schemars(skip)]
    pub offset: u64,
    /// Goes on with files that appear later, and with those in a path that is a directory.
    #[serde(default)]
    #[schemars(skip)]
    pub watch: bool,
    /// Takes paths as the names of files, whatever signs are in them.
    #[serde(default)]
    #[schemars(skip)]
    pub literal: bool,
    /// How often a file that cannot be opened is tried again, after which the source fails; for
    /// ever without. Where there is an end to it, a directory fails the source, too.
    #[serde(default)]
    #[schemars(skip)]
    pub retries: Option<u32>,
    /// Fails on what it cannot read, instead of passing over it: a directory, and what is wrong
    /// within a file. It is connected when it has a file.
    #[serde(default)]
    #[schemars(skip)]
    pub strict: bool,
}

/// A running `file` source.
pub struct FileSource {
    scanner: scanners::Config,
    block: usize,
    offset: u64,
    watch: Option<Watch>,
    retries: Option<u32>,
    /// How often the file at hand could not be opened.
    failed: u32,
    delete_on_finish: bool,
    strict: bool,
    replays: bool,
    patterns: Vec<String>,
    literal: bool,
    /// Files yet to be read; unknown before the first run.
    queue: Option<VecDeque<String>>,
}

impl FileSource {
    /// A source over these paths.
    ///
    /// # Errors
    /// When the scanner's options are not valid.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        Ok(FileSource {
            scanner: config.cut.config()?,
            block: config.block.as_usize(),
            offset: config.offset,
            watch: config.watch.then(Watch::default),
            retries: config.retries.filter(|_| !config.watch),
            failed: 0,
            delete_on_finish: config.delete_on_finish,
            strict: config.strict,
            replays: config.auto_replay_nacks,
            patterns: config.paths,
            literal: config.literal,
            queue: None,
        })
    }

    /// Expands patterns once; a plain path stays even when nothing is there yet.
    async fn expand(&mut self) -> Result<(), SourceError> {
        if self.queue.is_some() {
            return Ok(());
        }
        if let Some(watch) = &mut self.watch {
            let there = watch.first(&self.patterns).await.map_err(SourceError::Fatal)?;
            self.queue = Some(there.into());
            return Ok(());
        }
        let mut queue = VecDeque::new();
        for pattern in &self.patterns {
            if self.literal || !rt::file::is_glob(pattern) {
                queue.push_back(pattern.clone());
                continue;
            }
            let found = rt::file::glob(pattern).await;
            let found = found.map_err(|e| SourceError::Fatal(path_text("glob", pattern, &e)))?;
            for path in found {
                let path = path.to_string_lossy().into_owned();
                // As Go's Glob, which gives clean paths for `./*`.
                queue.push_back(path.strip_prefix("./").unwrap_or(&path).to_owned());
            }
        }
        self.queue = Some(queue);
        Ok(())
    }

    async fn read_all(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        // Waiting for a file that is not there yet counts as being ready, unless it is to be seen.
        if !self.strict {
            context.connected(true);
        }
        self.expand().await?;
        loop {
            while let Some(path) = self.queue.as_ref().and_then(|q| q.front().cloned()) {
                self.read_one(&path, context).await?;
                if let Some(queue) = &mut self.queue {
                    queue.pop_front();
                }
            }
            let Some(watch) = &mut self.watch else { break };
            match until_stopping(context, watch.next(&self.patterns)).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(found) => {
                    self.queue = Some(found.map_err(SourceError::Fatal)?.into());
                }
            }
        }
        // Run again, it reads everything again.
        self.queue = None;
        Ok(())
    }

    /// What becomes of a file, or of the rest of one, that cannot be read and never will be.
    fn cannot_read(
        &self,
        text: String,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        if self.strict {
            return Err(SourceError::Fatal(text));
        }
        context.error(&text);
        Ok(())
    }

    /// Why what was opened cannot be read.
    fn unreadable(&self, path: &str, file: &File, info: &FileInfo) -> Option<String> {
        if info.kind == FileKind::Dir {
            return Some(format!("failed to read file: read {path}: is a directory"));
        }
        let skips = self.offset > 0 && !file.is_regular();
        skips.then(|| format!("failed to read file {path}: it has no offsets"))
    }

    /// The bytes that one read of a file asks for.
    fn block_bytes(&self, info: &FileInfo) -> usize {
        match info.kind {
            _ if self.block > 0 => self.block.clamp(BLOCK_BYTES_LEAST, MESSAGE_BYTES_MAX),
            // One byte more, so that the read that finds the end needs no larger buffer.
            FileKind::File => {
                let len = usize::try_from(info.len).unwrap_or(usize::MAX).saturating_add(1);
                len.clamp(BLOCK_BYTES_MIN, scanners::BLOCK_BYTES)
            }
            _ => scanners::BLOCK_BYTES,
        }
    }

    async fn read_one(
        &mut self,
        path: &str,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let (file, info) = match (opened(path).await, &mut self.watch) {
            (Ok(opened), None) => opened,
            (Ok(opened), Some(watch)) => {
                watch.opened(path);
                opened
            }
            // It must not hold up those behind it, and comes again later.
            (Err(text), Some(watch)) => {
                watch.not_opened(path);
                context.error(&format!("failed to read file: {text}"));
                return Ok(());
            }
            (Err(text), None) => return Err(again(&mut self.failed, self.retries, text)),
        };
        self.failed = 0;
        if let Some(text) = self.unreadable(path, &file, &info) {
            if self.retries.is_some() {
                return Err(SourceError::Fatal(text));
            }
            return self.cannot_read(text, context);
        }
        if self.strict {
            context.connected(true);
        }
        let block_bytes = self.block_bytes(&info);
        let mut scanner = match self.scanner.open(Stream { name: path, block_bytes }) {
            Ok(scanner) => scanner,
            Err(error) => {
                let text = format!("failed to create scanner: {}", error.text);
                return self.cannot_read(text, context);
            }
        };
        let meta = Some(Arc::new(metadata(path, info.modified)));
        let mut pending = self.delete_on_finish.then(Pending::default);
        let mut stream = FileStream { file, offset: self.offset };
        let end =
            pump(context, &mut stream, &mut *scanner, meta.as_ref(), pending.as_mut()).await?;
        if let End::Failed(text) = end {
            return self.cannot_read(format!("failed to read file {path}: {text}"), context);
        }
        if let Some(pending) = &mut pending
            && pending.all_delivered().await
            && let Err(error) = rt::file::remove(path).await
        {
            context.error(&format!("failed to delete file: {}", path_text("remove", path, &error)));
        }
        Ok(())
    }
}

/// A file that is not there yet may come; so may the right to read it. It is tried again so often.
fn again(failed: &mut u32, retries: Option<u32>, text: String) -> SourceError {
    *failed = failed.saturating_add(1);
    match retries {
        Some(retries) if *failed > retries => SourceError::Fatal(text),
        _ => SourceError::Retry(text),
    }
}

/// Opens a file, and tells what it is.
async fn opened(path: &str) -> Result<(File, FileInfo), String> {
    let file = File::open(path).await.map_err(|e| path_text("open", path, &e))?;
    let info = file.info().await.map_err(|e| path_text("stat", path, &e))?;
    Ok((file, info))
}

/// Metadata of every message of a file (spec/benthos-components.md §A.13).
pub(crate) fn metadata(path: &str, modified_ns: i64) -> Meta {
    let seconds = modified_ns.div_euclid(1_000_000_000);
    let mut time = Vec::new();
    let whole = i128::from(seconds) * 1_000_000_000;
    let stamp = Timestamp { unix_ns: whole, offset_s: 0, zone: "UTC".into() };
    formats::rfc3339::write(&mut time, &stamp);
    let mut meta = Meta::new();
    meta.set("path", Value::text(path));
    meta.set("mod_time_unix", Value::Int(seconds));
    meta.set("mod_time", Value::text(time));
    meta
}

/// Reads a file by position where it has any, so that a retried read repeats nothing.
struct FileStream {
    file: File,
    offset: u64,
}

impl Bytestream for FileStream {
    fn read(&mut self, buffer: Vec<u8>) -> LocalBoxFuture<'_, (std::io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            if !self.file.is_regular() {
                return self.file.read(buffer).await;
            }
            let (result, buffer) = self.file.read_at(buffer, self.offset).await;
            if let Ok(count) = &result {
                self.offset += *count as u64;
            }
            (result, buffer)
        })
    }
}

impl Source for FileSource {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.read_all(&context).await })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    Ok(Box::new(FileSource::new(read_config(config)?)?))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "file",
    since: "0.1.0",
    category: "local",
    summary: "Reads files, one after another, through a scanner.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "all logs of a directory, line by line",
        config: r#"{"paths":["./logs/*.log"],"scanner":{"lines":{}}}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
