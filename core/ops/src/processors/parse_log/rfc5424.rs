//! Lines of the syslog protocol (RFC 5424).

use std::collections::BTreeMap;

use formats::value::{Object, Text, Value};

use super::scan::{DateTime, Fields, Scan, Stop};

pub(super) const ELEMENT: &str = "expecting a structured data element id (from 1 to max 32 US-ASCII \
                       characters; except `=`, ` `, `]`, and `\"`";
pub(super) const PARAMETER: &str = "expecting a structured data parameter (`key=\"value\"`, both part from 1 \
                         to max 32 US-ASCII characters; key cannot contain `=`, ` `, `]`, and \
                         `\"`, while value cannot contain `]`, backslash, and `\"` unless escaped)";
pub(super) const ESCAPE: &str =
    "expecting chars `]`, `\"`, and `\\` to be escaped within param value";
pub(super) const DATA: &str = "expecting a structured data section containing one or more elements \
                    (`[id( key=\"value\")*]+`) or a nil value";
const NAME_MAX: usize = 32;

/// Reads a line.
pub(super) fn parse(line: &[u8]) -> Result<Value, String> {
    let mut scan = Scan { line, at: 0 };
    let mut fields = Fields::of_priority(scan.priority()?);
    fields.int("version", version(&mut scan)?);
    if let Some(time) = timestamp(&mut scan)? {
        fields.text("timestamp", time.as_bytes());
    }
    for (name, max, what) in [
        ("hostname", 255, "an hostname (from 1 to max 255"),
        ("appname", 48, "an app-name (from 1 to max 48"),
        ("procid", 128, "a procid (from 1 to max 128"),
        ("msgid", 32, "a msgid (from 1 to max 32"),
    ] {
        let word = scan.word(max, |byte| byte.is_ascii_graphic());
        match word.and_then(|word| scan.byte(b' ').map(|()| word)) {
            Ok(word) => fields.named(name, word),
            Err(Stop) => {
                let text = format!("expecting {what} US-ASCII characters) or a nil value");
                return Err(scan.error(&text));
            }
        }
    }
    if let Some(data) = structured(&mut scan)? {
        fields.set("structureddata", data);
    }
    if scan.peek().is_some() {
        scan.at += 1;
        let message = line.get(scan.at..).unwrap_or_default();
        if let Err(error) = std::str::from_utf8(message) {
            // The column is that of the byte which cannot follow those before it.
            scan.at += error.valid_up_to() + started(message, error.valid_up_to());
            let what = "expecting a free-form optional message in UTF-8 (starting with or \
                        without BOM)";
            return Err(scan.error(what));
        }
        fields.text("message", message);
    }
    Ok(fields.into_value())
}

/// How many bytes of a character that is not valid could have begun one.
fn started(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    // A longer beginning is valid as far as the error does not say where it ends.
    let begins = |len: &usize| {
        let part = rest.get(..*len).unwrap_or_default();
        std::str::from_utf8(part).is_err_and(|error| error.error_len().is_none())
    };
    (1..=rest.len().min(3)).take_while(begins).count()
}

fn version(scan: &mut Scan<'_>) -> Result<i64, String> {
    let from = scan.at;
    let wrong = |scan: &Scan<'_>| scan.error("expecting a version value in the range 1-999");
    if scan.take(|byte| matches!(byte, b'1'..=b'9')).is_err() {
        return Err(wrong(scan));
    }
    while scan.at - from < 3 && scan.take(|byte| byte.is_ascii_digit()).is_ok() {}
    let digits = scan.line.get(from..scan.at).unwrap_or_default();
    match (scan.byte(b' '), digits.len()) {
        (Ok(()), _) => Ok(digits.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0'))),
        (Err(Stop), 1) => Err(scan.error("parsing error")),
        (Err(Stop), _) => Err(wrong(scan)),
    }
}

fn timestamp(scan: &mut Scan<'_>) -> Result<Option<String>, String> {
    let from = scan.at;
    let mut time = None;
    if scan.byte(b'-').is_err() {
        let read = scan.date().and_then(|day| {
            scan.byte(b'T')?;
            scan.time()?;
            if scan.byte(b'.').is_ok() {
                scan.word(6, |byte| byte.is_ascii_digit())?;
            }
            scan.offset()?;
            Ok(day)
        });
        let Ok((year, month, day)) = read else {
            return Err(scan.error("expecting a RFC3339MICRO timestamp or a nil value"));
        };
        let text = scan.line.get(from..scan.at).unwrap_or_default();
        let read = DateTime { text, year, month, day };
        read.checked(scan.at)?;
        time = Some(read.written());
    }
    scan.byte(b' ').map(|()| time).map_err(|Stop| scan.error("parsing error"))
}

/// The structured data, up to the space before the message or the end.
fn structured(scan: &mut Scan<'_>) -> Result<Option<Value>, String> {
    if scan.byte(b'-').is_ok() {
        return match scan.peek() {
            None | Some(b' ') => Ok(None),
            Some(_) => Err(scan.error("parsing error")),
        };
    }
    let mut elements: BTreeMap<Text, Object> = BTreeMap::new();
    loop {
        match scan.peek() {
            Some(b'[') => element(scan, &mut elements)?,
            None | Some(b' ') if !elements.is_empty() => break,
            _ => return Err(scan.error(DATA)),
        }
    }
    let elements = elements.into_iter().map(|(id, params)| (id, Value::object(params)));
    Ok(Some(Value::object(elements.collect())))
}

fn name<'l>(scan: &mut Scan<'l>) -> Result<&'l [u8], Stop> {
    scan.word(NAME_MAX, |b| b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"'))
}

/// One element in brackets.
fn element(scan: &mut Scan<'_>, elements: &mut BTreeMap<Text, Object>) -> Result<(), String> {
    scan.at += 1;
    let id = name(scan).map_err(|Stop| scan.error(ELEMENT))?;
    let id = Text::from(id);
    if elements.contains_key(&id) {
        return Err(scan.error("duplicate structured data element id"));
    }
    if !matches!(scan.peek(), Some(b' ' | b']')) {
        return Err(scan.error(ELEMENT));
    }
    let mut params = Object::new();
    while scan.byte(b' ').is_ok() {
        let key = name(scan).map_err(|Stop| scan.error(PARAMETER))?;
        let opened = scan.byte(b'=').and_then(|()| scan.byte(b'"'));
        opened.map_err(|Stop| scan.error(PARAMETER))?;
        params.insert(Text::from(key), Value::text(value(scan)?));
    }
    scan.byte(b']').map_err(|Stop| scan.error(PARAMETER))?;
    elements.insert(id, params);
    Ok(())
}

/// The value of a parameter, up to its quote.
fn value(scan: &mut Scan<'_>) -> Result<Vec<u8>, String> {
    let mut value = Vec::new();
    loop {
        match scan.peek() {
            Some(b'"') => break,
            Some(b'\\') => {
                scan.at += 1;
                let escaped = scan.take(|byte| matches!(byte, b'"' | b']' | b'\\'));
                value.push(escaped.map_err(|Stop| scan.error(ESCAPE))?);
            }
            None | Some(b']') => return Err(scan.error(ESCAPE)),
            Some(byte) if byte.is_ascii() => {
                value.push(byte);
                scan.at += 1;
            }
            Some(_) => {
                let rest = scan.line.get(scan.at..).unwrap_or_default();
                let chunk = rest.utf8_chunks().next();
                let valid = chunk.and_then(|chunk| chunk.valid().chars().next());
                let Some(character) = valid else {
                    let started = started(rest, 0);
                    scan.at += started;
                    return Err(scan.error(if started == 0 { ESCAPE } else { PARAMETER }));
                };
                scan.at += character.len_utf8();
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    scan.at += 1;
    Ok(value)
}
