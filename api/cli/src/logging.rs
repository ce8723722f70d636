//! Log lines on standard error or output, as `key=value` pairs (spec/benthos-components.md §G).

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes every event as one line.
struct Logfmt {
    level: Level,
    to: To,
    spans: AtomicU64,
}

/// Where log lines go.
#[derive(Clone, Copy)]
pub(crate) enum To {
    /// Standard error.
    Error,
    /// Standard output.
    Output,
}

/// Starts logging to standard error at a level: `off`, `error`, `warn`, `info`, `debug` or `trace`.
///
/// # Errors
/// The level is none of these.
pub(crate) fn start(level: &str) -> Result<(), String> {
    start_on(level, To::Error)
}

/// Starts logging to a place of choice.
///
/// # Errors
/// The level is none.
pub(crate) fn start_on(level: &str, to: To) -> Result<(), String> {
    let level = match level.to_ascii_lowercase().as_str() {
        "off" | "none" => return Ok(()),
        "fatal" | "error" => Level::ERROR,
        "warn" | "warning" => Level::WARN,
        "info" => Level::INFO,
        "debug" => Level::DEBUG,
        "trace" | "all" => Level::TRACE,
        other => {
            return Err(format!("log level '{other}': off, error, warn, info, debug or trace"));
        }
    };
    // A second start, as in tests, keeps the first.
    let _ = tracing::subscriber::set_global_default(Logfmt { level, to, spans: AtomicU64::new(1) });
    Ok(())
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Fields {
    fn add(&mut self, name: &str, value: &str) {
        if name == "fields" {
            if !value.is_empty() {
                let _ = write!(self.rest, " {value}");
            }
        } else {
            let _ = write!(self.rest, " {name}={}", quoted(value));
        }
    }
}

/// A value as it stands, or in quotes where it is empty or has a character that needs them.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("{value:?}")
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field.name(), &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.add(field.name(), value);
        }
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

impl Subscriber for Logfmt {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let level = level_name(*event.metadata().level());
        let (message, rest) = (fields.message, fields.rest);
        let line =
            format!("time=\"{time}\" level={level} msg={message:?} @service=mainstem{rest}\n");
        // One write a line, so that lines of several threads do not mix.
        let _ = match self.to {
            To::Error => std::io::stderr().lock().write_all(line.as_bytes()),
            To::Output => std::io::stdout().lock().write_all(line.as_bytes()),
        };
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
