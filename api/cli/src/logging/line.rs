//! One line of the log: pairs of keys and values, or a JSON object.

use std::collections::BTreeMap;
use std::fmt::Write;

use config::service::Logger;
use jiff::Timestamp;
use plan::Json;
use tracing::Level;

/// An event.
#[derive(Default)]
pub(super) struct Line {
    pub(super) message: String,
    /// In the order in which they are written.
    pub(super) fields: BTreeMap<String, Json>,
}

impl Line {
    /// The pipeline that it is about.
    pub(super) fn pipeline(&self) -> Option<&str> {
        let names = ["stream", "pipeline"].into_iter();
        names.filter_map(|name| self.fields.get(name)?.as_str()).next()
    }
}

enum Format {
    Logfmt,
    Json,
}

/// How lines are written.
pub(super) struct Layout {
    format: Format,
    time: Option<String>,
    level: String,
    message: String,
    statics: BTreeMap<String, String>,
}

impl Layout {
    /// What a configuration says.
    ///
    /// # Errors
    /// A format that is none.
    pub(super) fn of(logger: &Logger) -> Result<Self, String> {
        let format = match logger.format.as_str() {
            "logfmt" => Format::Logfmt,
            "json" => Format::Json,
            other => return Err(format!("log format '{other}' not recognized")),
        };
        Ok(Layout {
            format,
            time: logger.add_timestamp.then(|| logger.timestamp_name.clone()),
            level: logger.level_name.clone(),
            message: logger.message_name.clone(),
            statics: logger.static_fields.clone(),
        })
    }

    /// The line of an event, its end included. An event's own field goes before one that every
    /// line has, and what the line itself says goes before both.
    pub(super) fn line(&self, level: Level, now: Timestamp, mut line: Line) -> String {
        for (key, value) in &self.statics {
            line.fields.entry(key.clone()).or_insert_with(|| value.as_str().into());
        }
        let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let own = self.time.iter().map(|key| (key, time.clone()));
        let said = [(&self.level, level_name(level).to_owned()), (&self.message, line.message)];
        let own: Vec<(&String, String)> = own.chain(said).collect();
        match self.format {
            Format::Logfmt => logfmt(&own, &line.fields),
            Format::Json => {
                let own = own.into_iter().map(|(key, value)| (key.clone(), Json::from(value)));
                line.fields.extend(own);
                format!("{}\n", Json::Object(line.fields.into_iter().collect()))
            }
        }
    }
}

fn logfmt(own: &[(&String, String)], fields: &BTreeMap<String, Json>) -> String {
    let mut text = String::new();
    let mut add = |key: &str, value: &str| {
        let space = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{space}{}={value}", key_of(key));
    };
    for (key, value) in own {
        add(key, &value_of(value));
    }
    for (key, value) in fields.iter().filter(|(key, _)| !own.iter().any(|(own, _)| own == key)) {
        match value {
            Json::String(text) => add(key, &value_of(text)),
            other => add(key, &value_of(&other.to_string())),
        }
    }
    text.push('\n');
    text
}

/// A key has no place for what would end it.
fn key_of(key: &str) -> String {
    let fits = |c: char| if c.is_ascii_graphic() && !"\"=".contains(c) { c } else { '_' };
    if key.is_empty() { "_".to_owned() } else { key.chars().map(fits).collect() }
}

/// A value as it stands, or in quotes where it is empty or has a character that needs them.
fn value_of(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    match !value.is_empty() && value.chars().all(plain) {
        true => value.to_owned(),
        false => quoted(value),
    }
}

fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => _ = write!(text, "\\u{:04x}", c as u32),
            c => text.push(c),
        }
    }
    text.push('"');
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(change: impl FnOnce(&mut Logger)) -> Layout {
        let mut logger = Logger::default();
        change(&mut logger);
        Layout::of(&logger).unwrap()
    }

    fn written(layout: &Layout, level: Level, fields: &[(&str, Json)]) -> String {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let line = Line { message: "say \"hi\"\nb".to_owned(), fields };
        layout.line(level, Timestamp::from_second(0).unwrap(), line)
    }

    #[test]
    fn pairs_stand_in_order_behind_time_level_and_message() {
        let fields = [("path", "root.input".into()), ("label", "".into()), ("n", 5.into())];
        assert_eq!(
            written(&layout(|_| {}), Level::WARN, &fields),
            "time=\"1970-01-01T00:00:00Z\" level=warning msg=\"say \\\"hi\\\"\\nb\" \
             @service=benthos label=\"\" n=5 path=root.input\n"
        );
        let bare = layout(|logger| {
            logger.add_timestamp = false;
            logger.level_name = "lvl".to_owned();
            logger.message_name = "m".to_owned();
            logger.static_fields = [("z".to_owned(), "a=b".to_owned())].into();
        });
        assert_eq!(
            written(&bare, Level::INFO, &[("a b", "\u{1b}".into()), ("lvl", "mine".into())]),
            "lvl=info m=\"say \\\"hi\\\"\\nb\" a_b=\"\\u001b\" z=\"a=b\"\n"
        );
    }

    #[test]
    fn json_has_its_keys_sorted() {
        let json = layout(|logger| {
            logger.format = "json".to_owned();
            logger.timestamp_name = "ts".to_owned();
        });
        assert_eq!(
            written(&json, Level::ERROR, &[("up", true.into()), ("@service", "own".into())]),
            "{\"@service\":\"own\",\"level\":\"error\",\"msg\":\"say \\\"hi\\\"\\nb\",\
             \"ts\":\"1970-01-01T00:00:00Z\",\"up\":true}\n"
        );
    }

    #[test]
    fn a_format_that_is_none_is_refused() {
        let logger = Logger { format: "xml".to_owned(), ..Logger::default() };
        let error = Layout::of(&logger).err();
        assert_eq!(error.as_deref(), Some("log format 'xml' not recognized"));
    }
}
