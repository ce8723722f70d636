//! The log of the process: what is written of an event, how, and where
//! (spec/benthos-components.md §G).

mod file;
mod line;

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use config::service::Logger;
use plan::Json;
use server::logs::Logs;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use file::LogFile;
use line::{Layout, Line};

/// Writes every event as one line.
struct Log {
    level: Level,
    layout: Layout,
    out: Out,
    spans: AtomicU64,
}

/// Where lines about pipelines are kept for whoever asks, if somebody does.
static KEPT: OnceLock<Arc<Logs>> = OnceLock::new();

/// Keeps the last lines about each pipeline there from here on.
pub(crate) fn keep(logs: &Arc<Logs>) {
    // A second start, as in tests, keeps the first.
    let _ = KEPT.set(Arc::clone(logs));
}

/// Where lines go.
enum Out {
    Stderr,
    Stdout,
    File(Mutex<LogFile>),
}

/// Starts the log as the configuration says; `level` goes before its level.
///
/// # Errors
/// A level of the command line or a format that is none, or a file that cannot be opened.
pub(crate) fn start(level: Option<&str>, logger: &Logger) -> Result<(), String> {
    start_on(level, logger, Out::Stderr)
}

/// The same on standard output, for what a user wants to read there.
///
/// # Errors
/// Those of [`start`].
pub(crate) fn start_on_stdout(level: &str) -> Result<(), String> {
    start_on(Some(level), &Logger::default(), Out::Stdout)
}

fn start_on(level: Option<&str>, logger: &Logger, out: Out) -> Result<(), String> {
    let wanted = level.unwrap_or(&logger.level);
    let (level, unknown) = match (named(wanted), level) {
        (Some(level), _) => (level, false),
        // A file with another word runs all the same, as it does elsewhere.
        (None, None) => (Some(Level::INFO), true),
        (None, Some(other)) => {
            return Err(format!("log level '{other}': off, error, warn, info, debug or trace"));
        }
    };
    let Some(level) = level else { return Ok(()) };
    let failed = |text: String| format!("failed to create logger: {text}");
    let layout = Layout::of(logger).map_err(failed)?;
    let out = match logger.file.path.is_empty() {
        true => out,
        false => Out::File(Mutex::new(LogFile::open(&logger.file).map_err(failed)?)),
    };
    // A second start, as in tests, keeps the first.
    let log = Log { level, layout, out, spans: AtomicU64::new(1) };
    let _ = tracing::subscriber::set_global_default(log);
    if unknown {
        tracing::warn!("The log level '{wanted}' is none, and info is used");
    }
    Ok(())
}

/// The level that a word stands for, if it is one; none of it for `off`.
fn named(word: &str) -> Option<Option<Level>> {
    Some(match word.to_ascii_lowercase().as_str() {
        "off" | "none" => None,
        "fatal" | "error" => Some(Level::ERROR),
        "warn" | "warning" => Some(Level::WARN),
        "info" | "" => Some(Level::INFO),
        "debug" => Some(Level::DEBUG),
        "trace" | "all" => Some(Level::TRACE),
        _ => return None,
    })
}

/// Collects the fields of an event.
#[derive(Default)]
struct Collected(Line);

impl Collected {
    fn add(&mut self, name: &str, value: Json) {
        match (name, value) {
            ("message", Json::String(text)) => self.0.message.push_str(&text),
            // Pairs that a component gives with its message.
            ("fields", Json::String(pairs)) => {
                let pairs = plan::serde_json::from_str(&pairs).unwrap_or_default();
                if let Json::Object(pairs) = pairs {
                    self.0.fields.extend(pairs);
                }
            }
            (name, value) => drop(self.0.fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Collected {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut collected = Collected::default();
        event.record(&mut collected);
        let now = jiff::Timestamp::now();
        let kept = KEPT.get().and_then(|logs| Some((logs, collected.0.pipeline()?.to_owned())));
        let line = self.layout.line(*event.metadata().level(), now, collected.0);
        if let Some((logs, pipeline)) = kept {
            logs.add(&pipeline, &line);
        }
        // One write a line, so that lines of several threads do not mix.
        match &self.out {
            Out::Stderr => _ = std::io::stderr().lock().write_all(line.as_bytes()),
            Out::Stdout => _ = std::io::stdout().lock().write_all(line.as_bytes()),
            Out::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.write(line.as_bytes(), now);
            }
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_in_any_case() {
        for (word, want) in [
            ("OFF", Some(None)),
            ("none", Some(None)),
            ("Fatal", Some(Some(Level::ERROR))),
            ("ERROR", Some(Some(Level::ERROR))),
            ("warn", Some(Some(Level::WARN))),
            ("INFO", Some(Some(Level::INFO))),
            ("debug", Some(Some(Level::DEBUG))),
            ("All", Some(Some(Level::TRACE))),
            ("trace", Some(Some(Level::TRACE))),
            ("loud", None),
        ] {
            assert_eq!(named(word), want, "{word}");
        }
    }
}
