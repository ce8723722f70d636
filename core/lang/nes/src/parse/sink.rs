//! Sinks (spec/nes-query-language.md §7).

use plan::Diagnostic;

use super::{Parsed, Parser};
use crate::ast::{Mqtt, Sink};
use crate::lex::Token;

/// Sinks that are part of the language and that have no connector.
const UNSUPPORTED: &[&str] = &[
    "ZmqSinkDescriptor",
    "KafkaSinkDescriptor",
    "OPCSinkDescriptor",
    "MonitoringSinkDescriptor",
    "NetworkSinkDescriptor",
];

/// Units of time and their nanoseconds.
const UNITS: &[(&str, u64)] =
    &[("nanoseconds", 1), ("milliseconds", 1_000_000), ("seconds", 1_000_000_000)];

/// How surely messages arrive.
const QUALITIES: &[(&str, u8)] = &[("atMostOnce", 0), ("atLeastOnce", 1), ("exactlyOnce", 2)];

impl Parser {
    /// A sink and, optionally, the node it is to run on.
    pub(crate) fn sink_call(&mut self) -> Parsed<(Sink, Option<u64>)> {
        let sink = self.sink()?;
        let node = if self.sign_if(",") { Some(self.int()?) } else { None };
        Ok((sink, node))
    }

    fn sink(&mut self) -> Parsed<Sink> {
        let span = self.span();
        let name = self.any_word("a sink such as 'PrintSinkDescriptor'")?;
        let plain = match name.as_str() {
            "PrintSinkDescriptor" => Some(Sink::Print),
            "NullOutputSinkDescriptor" => Some(Sink::Null),
            "FileSinkDescriptor" | "MQTTSinkDescriptor" => None,
            name if UNSUPPORTED.contains(&name) => {
                self.sign("::")?;
                self.word("create")?;
                self.sign("(")?;
                self.skip_sink_arguments()?;
                return Ok(Sink::Unsupported(name.to_owned()));
            }
            _ => {
                let text = format!("there is no sink '{name}'");
                return Err(Diagnostic::error("unknown-sink", text, span));
            }
        };
        self.sign("::")?;
        self.word("create")?;
        self.sign("(")?;
        if let Some(sink) = plain {
            self.sign(")")?;
            return Ok(sink);
        }
        let sink = match name.as_str() {
            "MQTTSinkDescriptor" => Sink::Mqtt(self.mqtt()?),
            _ => self.file()?,
        };
        self.sign(")")?;
        Ok(sink)
    }

    fn skip_sink_arguments(&mut self) -> Parsed<()> {
        let mut open = 1u32;
        while open > 0 {
            match self.next() {
                Token::End => return self.error("')'"),
                Token::Sign("(") => open += 1,
                Token::Sign(")") => open -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// `path`, `path, addTimestamp` or `path, format, mode [, addTimestamp]`.
    fn file(&mut self) -> Parsed<Sink> {
        let path = self.text()?;
        let (mut format, mut append, mut timestamp) = ("CSV_FORMAT".to_owned(), false, false);
        if self.sign_if(",") {
            if let Some(flag) = self.flag() {
                timestamp = flag;
            } else {
                format = self.text()?;
                if self.sign_if(",") {
                    append = self.mode()?;
                }
                if self.sign_if(",") {
                    match self.flag() {
                        Some(flag) => timestamp = flag,
                        None => return self.error("'true' or 'false'"),
                    }
                }
            }
        }
        Ok(Sink::File { path, format, append, timestamp })
    }

    /// `address, topic, user, buffered, unit, delay, quality, asynchronous, id`, of which the first
    /// two have to be there.
    fn mqtt(&mut self) -> Parsed<Mqtt> {
        let address = self.text()?;
        self.sign(",")?;
        let topic = self.text()?;
        let (user, client_id) = ("user".to_owned(), String::new());
        let mut mqtt = Mqtt { address, topic, user, window: 1000, delay_ns: 0, qos: 1, client_id };
        if self.sign_if(",") {
            mqtt.user = self.text()?;
        }
        if self.sign_if(",") {
            mqtt.window = self.int()?;
        }
        let mut unit_ns = 1_000_000;
        if self.sign_if(",") {
            unit_ns = self.one_of("a unit of time", UNITS)?;
        }
        if self.sign_if(",") {
            mqtt.delay_ns = self.int()?.saturating_mul(unit_ns);
        }
        if self.sign_if(",") {
            mqtt.qos = self.one_of("a quality of service", QUALITIES)?;
        }
        // Whether the client of the original waits makes no difference here.
        if self.sign_if(",") && self.flag().is_none() {
            return self.error("'true' or 'false'");
        }
        if self.sign_if(",") {
            mqtt.client_id = self.text()?;
        }
        Ok(mqtt)
    }

    /// A constant by its name; what it is part of may stand before it: `A::B::name`.
    fn one_of<T: Copy>(&mut self, what: &str, known: &[(&str, T)]) -> Parsed<T> {
        let mut span = self.span();
        let mut name = self.any_word(what)?;
        while self.sign_if("::") {
            span = self.span();
            name = self.any_word(what)?;
        }
        let found = known.iter().find(|(known, _)| *known == name);
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let text = || format!("'{name}' is not {what}: {}", names.join(", "));
        found.map(|(_, it)| *it).ok_or_else(|| Diagnostic::error("sink", text(), span))
    }

    fn flag(&mut self) -> Option<bool> {
        if self.word_if("true") {
            return Some(true);
        }
        self.word_if("false").then_some(false)
    }

    fn mode(&mut self) -> Parsed<bool> {
        let span = self.span();
        match self.text()?.as_str() {
            "APPEND" => Ok(true),
            "OVERWRITE" => Ok(false),
            other => {
                let text = format!("'{other}' is no mode of a file sink: APPEND or OVERWRITE");
                Err(Diagnostic::error("sink", text, span))
            }
        }
    }
}
