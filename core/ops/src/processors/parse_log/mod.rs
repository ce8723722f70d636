//! `parse_log`: reads the fields of log lines (spec/benthos-components.md §C).

mod rfc3164;
mod rfc5424;
mod scan;

use std::sync::Arc;

use formats::value::Value;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plan::env::read_config;
use plan::{
    Batch, Body, BuildError, Class, Env, Example, Operator, OperatorError, OperatorSpec, Record,
    Step, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batches::{Faults, Frame, bytes_of, done};

/// Configuration of `parse_log`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The form of the lines.
    format: Format,
    /// Whether a line of `syslog_rfc3164` that ends too early gives the fields that were read.
    #[serde(default = "yes")]
    #[schemars(extend("advanced" = true))]
    best_effort: bool,
    /// Whether `syslog_rfc3164` also takes times with a year, such as `2020-10-11T22:14:15Z`.
    #[serde(default = "yes")]
    #[schemars(extend("advanced" = true))]
    allow_rfc3339: bool,
    /// The year of the times of `syslog_rfc3164`: a number, or `current`. Empty is none.
    #[serde(default = "current")]
    #[schemars(extend("advanced" = true))]
    default_year: String,
    /// The time zone that times of `syslog_rfc3164` are shown in, such as `Europe/Rome`.
    #[serde(default = "utc")]
    #[schemars(extend("advanced" = true))]
    default_timezone: String,
    /// Does nothing.
    #[serde(default, rename = "codec")]
    #[schemars(extend("deprecated" = true))]
    _codec: Option<String>,
}

/// Forms of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
enum Format {
    /// The syslog protocol.
    #[serde(rename = "syslog_rfc5424")]
    Rfc5424,
    /// BSD syslog.
    #[serde(rename = "syslog_rfc3164")]
    Rfc3164,
}

fn yes() -> bool {
    true
}

fn current() -> String {
    "current".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

struct ParseLog {
    /// Options of `syslog_rfc3164`; without them it is the other format.
    bsd: Option<rfc3164::Options>,
    faults: Faults,
}

impl ParseLog {
    fn build(config: &Config, env: &dyn Env) -> Result<Self, BuildError> {
        let faults = Faults::of(env.component());
        if config.format == Format::Rfc5424 {
            return Ok(ParseLog { bsd: None, faults });
        }
        let year = match config.default_year.as_str() {
            "current" => {
                let now = Timestamp::from_nanosecond(env.services().wall_ns());
                now.map_or(0, |now| i64::from(now.to_zoned(TimeZone::UTC).year()))
            }
            "" => 0,
            year => year.parse().map_err(|_| {
                BuildError::new(format!(
                    "failed to convert year {year} into integer:  strconv.Atoi: parsing \
                     {year:?}: invalid syntax"
                ))
            })?,
        };
        let zone = match config.default_timezone.as_str() {
            "" | "UTC" => None,
            "Local" => Some(TimeZone::system()),
            name => Some(TimeZone::get(name).map_err(|_| {
                let text = format!("failed to lookup timezone UTC - unknown time zone {name}");
                BuildError::new(text)
            })?),
        };
        let (best_effort, rfc3339) = (config.best_effort, config.allow_rfc3339);
        Ok(ParseLog { bsd: Some(rfc3164::Options { best_effort, rfc3339, year, zone }), faults })
    }

    fn parse(&self, line: &[u8]) -> Result<Value, String> {
        match &self.bsd {
            Some(options) => rfc3164::parse(line, options),
            None => rfc5424::parse(line),
        }
    }

    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut scratch = Vec::new();
        let recs = records.recs.iter().map(|rec| {
            match self.parse(bytes_of(&records, rec, &mut scratch)) {
                Ok(value) => Record { body: Body::Doc(Arc::new(value)), ..rec.clone() },
                Err(text) => Record { fault: Some(self.faults.fault(text)), ..rec.clone() },
            }
        });
        let recs = recs.collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

impl Operator for ParseLog {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `parse_log`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "parse_log",
    since: "0.1.0",
    category: "parsing",
    summary: "Reads the fields of log lines.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "the syslog protocol",
            config: r#"{"format":"syslog_rfc5424"}"#,
            input: &[r#"<34>1 2003-10-11T22:14:15.003Z box su - ID47 [id a="b"] it failed"#],
            output: &[concat!(
                r#"{"appname":"su","facility":4,"hostname":"box","message":"it failed","#,
                r#""msgid":"ID47","priority":34,"severity":2,"structureddata":{"id":{"a":"b"}},"#,
                r#""timestamp":"2003-10-11T22:14:15.003Z","version":1}"#
            )],
        },
        Example {
            title: "BSD syslog",
            config: r#"{"format":"syslog_rfc3164","default_year":"2020"}"#,
            input: &["<34>Oct 11 22:14:15 box su[7]: it failed"],
            output: &[concat!(
                r#"{"appname":"su","facility":4,"hostname":"box","message":"it failed","#,
                r#""priority":34,"procid":"7","severity":2,"timestamp":"2020-10-11T22:14:15Z"}"#
            )],
        },
    ],
    build: |config, env| Ok(Box::new(ParseLog::build(&read_config(config)?, env)?)),
};

#[cfg(test)]
mod tests;
