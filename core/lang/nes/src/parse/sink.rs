//! Sinks (spec/nes-query-language.md §7).

use plan::Diagnostic;

use super::{Parsed, Parser};
use crate::ast::Sink;
use crate::lex::Token;

/// Sinks that are part of the language and that have no connector.
const UNSUPPORTED: &[&str] = &[
    "ZmqSinkDescriptor",
    "MQTTSinkDescriptor",
    "KafkaSinkDescriptor",
    "OPCSinkDescriptor",
    "MonitoringSinkDescriptor",
    "NetworkSinkDescriptor",
];

impl Parser {
    /// A sink and, optionally, the node it is to run on.
    pub(crate) fn sink_call(&mut self) -> Parsed<Sink> {
        let sink = self.sink()?;
        if self.sign_if(",") {
            self.int()?;
        }
        Ok(sink)
    }

    fn sink(&mut self) -> Parsed<Sink> {
        let span = self.span();
        let name = self.any_word("a sink such as 'PrintSinkDescriptor'")?;
        let plain = match name.as_str() {
            "PrintSinkDescriptor" => Some(Sink::Print),
            "NullOutputSinkDescriptor" => Some(Sink::Null),
            "FileSinkDescriptor" => None,
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
        let sink = self.file()?;
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
