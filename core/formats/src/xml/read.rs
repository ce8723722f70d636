//! XML into a [`Value`].

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::errors::{Error, SyntaxError};
use quick_xml::events::{BytesStart, Event};

use super::XmlError;
use super::element::Element;
use super::words::{illegal, local_name, plain};
use crate::value::Value;

/// Elements that may be nested in one another, as many as containers in JSON.
pub const DEPTH_MAX: usize = crate::json::DEPTH_MAX;

/// Reads the first element of a text and all that is in it; what follows does not count. With
/// `casts`, texts that are numbers or truth values become such.
///
/// # Errors
/// When there is none.
pub fn parse(bytes: &[u8], casts: bool) -> Result<Value, XmlError> {
    let text = decoded(bytes)?;
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    let mut document = Document { text: &text, at: 0, casts, open: Vec::new(), run: None };
    loop {
        document.at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| document.wrong(&error))?;
        let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        if let Some(value) = document.take(event, end)? {
            return Ok(value);
        }
    }
}

/// The text of a document, which says itself what its encoding is.
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let label = encoding(bytes).filter(|label| !label.eq_ignore_ascii_case(b"utf-8"));
    if let Some(label) = label {
        let unknown = || XmlError::Charset(String::from_utf8_lossy(label).into_owned());
        let encoding = encoding_rs::Encoding::for_label(label).ok_or_else(unknown)?;
        return Ok(encoding.decode_without_bom_handling(bytes).0);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(XmlError::Syntax { line: line(good), what: "invalid UTF-8".to_owned() })
        }
    }
}

/// What the declaration at the beginning of a text says of its encoding.
fn encoding(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = rest.windows(2).position(|two| two == b"?>")?;
    let declared = rest.get(..end)?;
    let at = declared.windows(8).position(|word| word == b"encoding")?;
    let value = declared.get(at + 8..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let end = value.iter().position(|b| b == quote)?;
    value.get(..end).filter(|label| !label.is_empty())
}

/// The line on which what follows some bytes stands.
fn line(before: &[u8]) -> usize {
    before.iter().filter(|b| **b == b'\n').count() + 1
}

struct Document<'t> {
    text: &'t str,
    /// Where the event that is being taken begins.
    at: usize,
    casts: bool,
    open: Vec<Element>,
    /// Where the text that is being read began: references cut it into several events.
    run: Option<usize>,
}

impl<'t> Document<'t> {
    fn syntax(&self, what: impl Into<String>) -> XmlError {
        let before = self.text.as_bytes().get(..self.at).unwrap_or(self.text.as_bytes());
        XmlError::Syntax { line: line(before), what: what.into() }
    }

    fn wrong(&self, error: &Error) -> XmlError {
        match error {
            Error::Syntax(SyntaxError::InvalidBangMarkup) => {
                self.syntax("invalid sequence <! not part of a directive")
            }
            Error::Syntax(_) => self.syntax("unexpected EOF"),
            other => self.syntax(other.to_string()),
        }
    }

    /// Takes an event; the document, when it is complete.
    fn take(&mut self, event: Event<'_>, end: usize) -> Result<Option<Value>, XmlError> {
        if matches!(event, Event::Text(_) | Event::GeneralRef(_)) {
            self.run.get_or_insert(self.at);
            return Ok(None);
        }
        if let Some(from) = self.run.take() {
            let text = self.text;
            self.put(&plain(text.get(from..self.at).unwrap_or_default()))?;
        }
        match event {
            Event::Start(tag) => self.begin(&tag)?,
            Event::Empty(tag) => {
                self.begin(&tag)?;
                return self.end(None);
            }
            Event::End(tag) => {
                let name = local_name(name_of(tag.name().0));
                let name = name.ok_or_else(|| self.syntax("expected element name after </"))?;
                return self.end(Some(name));
            }
            Event::CData(_) => {
                // What stands between `<![CDATA[` and `]]>`.
                let text = self.text.get(self.at + 9..end.saturating_sub(3)).unwrap_or_default();
                self.put(&text.replace("\r\n", "\n").replace('\r', "\n"))?;
            }
            Event::Eof if self.open.is_empty() => return Err(XmlError::Eof),
            Event::Eof => return Err(self.syntax("unexpected EOF")),
            _ => {}
        }
        Ok(None)
    }

    fn put(&mut self, text: &str) -> Result<(), XmlError> {
        if let Some(what) = illegal(text) {
            return Err(self.syntax(what));
        }
        if let Some(element) = self.open.last_mut() {
            element.set_text(text, self.casts);
        }
        Ok(())
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        let name = local_name(name_of(tag.name().0));
        let name = name.ok_or_else(|| self.syntax("expected element name after <"))?;
        let mut element = Element::new(name);
        for attribute in tag.html_attributes().with_checks(false) {
            let expected = || self.syntax("expected attribute name in element");
            let attribute = attribute.map_err(|_| expected())?;
            let name = local_name(name_of(attribute.key.0)).ok_or_else(expected)?;
            let value = std::str::from_utf8(&attribute.value).map_err(|_| expected())?;
            if value.contains('<') {
                return Err(self.syntax("unescaped < inside quoted string"));
            }
            let value = plain(value);
            if let Some(what) = illegal(&value) {
                return Err(self.syntax(what));
            }
            element.set_attribute(name, &value, self.casts);
        }
        self.open.push(element);
        Ok(())
    }

    /// Ends the innermost element, or all up to the one that is named.
    fn end(&mut self, name: Option<&str>) -> Result<Option<Value>, XmlError> {
        loop {
            let Some(element) = self.open.pop() else {
                let name = name.unwrap_or_default();
                return Err(self.syntax(format!("unexpected end element </{name}>")));
            };
            let last = name.is_none_or(|name| name == element.name);
            match self.open.last_mut() {
                None => return Ok(Some(element.into_document())),
                Some(outer) => outer.add(element),
            }
            if last {
                return Ok(None);
            }
        }
    }
}

/// A name within a text is one itself.
fn name_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
