//! One pass over a JSON text that tells a visitor what it meets, without recursion. It accepts and
//! refuses what Go's `encoding/json` decoder does, with the same errors.

use super::error::JsonError;
use super::scan::{READ, plain_len};

/// Deepest nesting of containers, as in Go.
pub const DEPTH_MAX: usize = 10_000;

/// What a text consists of, in order.
pub trait Visit<'t> {
    /// `null`.
    fn null(&mut self);
    /// A truth value.
    fn boolean(&mut self, value: bool);
    /// The text of a number.
    fn number(&mut self, text: &'t [u8]);
    /// The inside of a string; a `plain` one is ASCII without escapes.
    fn string(&mut self, inside: &'t [u8], plain: bool);
    /// As `string`, for the key of the member whose value follows.
    fn key(&mut self, inside: &'t [u8], plain: bool);
    /// The beginning of an array or an object.
    fn begin(&mut self);
    /// The end of an array.
    fn end_array(&mut self);
    /// The end of an object.
    fn end_object(&mut self);
}

/// A visitor that only wants to know whether the text is valid.
pub(crate) struct Ignore;

impl Visit<'_> for Ignore {
    fn null(&mut self) {}
    fn boolean(&mut self, _: bool) {}
    fn number(&mut self, _: &[u8]) {}
    fn string(&mut self, _: &[u8], _: bool) {}
    fn key(&mut self, _: &[u8], _: bool) {}
    fn begin(&mut self) {}
    fn end_array(&mut self) {}
    fn end_object(&mut self) {}
}

/// Length of the first document of `text`, white space before it included. What follows is not
/// looked at.
///
/// # Errors
/// When there is no valid document; [`JsonError::Eof`] when there is only white space.
pub fn document_len(text: &[u8]) -> Result<usize, JsonError> {
    read(text, &mut Ignore)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value.
    Value,
    /// Behind `[`.
    FirstElement,
    /// Behind `{`.
    FirstKey,
    /// Behind `,` in an object.
    Key,
    /// Behind a value in a container.
    AfterValue,
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

/// Reads the first document of `text` and returns its length, white space before it included.
pub(crate) fn read<'t>(text: &'t [u8], visit: &mut impl Visit<'t>) -> Result<usize, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let mut open = Vec::new(); // `[` or `{` of each container around the position
    let mut state = State::Value;
    if reader.next_visible().is_none() {
        return Err(JsonError::Eof);
    }
    loop {
        let c = reader.next_visible().ok_or(JsonError::UnexpectedEof)?;
        state = match (state, c) {
            (State::FirstElement, b']') | (State::FirstKey, b'}') => {
                reader.at += 1;
                close(&mut open, visit)
            }
            (State::FirstKey | State::Key, b'"') => {
                let (inside, plain) = reader.string()?;
                visit.key(inside, plain);
                reader.colon()?;
                State::Value
            }
            (State::FirstKey | State::Key, _) => {
                return Err(reader.syntax("looking for beginning of object key string"));
            }
            (State::AfterValue, b',') => {
                reader.at += 1;
                if open.last() == Some(&b'{') { State::Key } else { State::Value }
            }
            (State::AfterValue, b']') if open.last() == Some(&b'[') => {
                reader.at += 1;
                close(&mut open, visit)
            }
            (State::AfterValue, b'}') if open.last() == Some(&b'{') => {
                reader.at += 1;
                close(&mut open, visit)
            }
            (State::AfterValue, _) if open.last() == Some(&b'{') => {
                return Err(reader.syntax("after object key:value pair"));
            }
            (State::AfterValue, _) => return Err(reader.syntax("after array element")),
            (State::Value | State::FirstElement, b'[' | b'{') => {
                if open.len() >= DEPTH_MAX {
                    return Err(JsonError::TooDeep);
                }
                reader.at += 1;
                open.push(c);
                visit.begin();
                if c == b'[' { State::FirstElement } else { State::FirstKey }
            }
            (State::Value | State::FirstElement, _) => {
                reader.scalar(c, visit)?;
                State::AfterValue
            }
        };
        if open.is_empty() {
            return Ok(reader.at);
        }
    }
}

fn close<'t>(open: &mut Vec<u8>, visit: &mut impl Visit<'t>) -> State {
    if open.pop() == Some(b'[') {
        visit.end_array()
    } else {
        visit.end_object()
    }
    State::AfterValue
}

impl<'t> Reader<'t> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is no white space, which is not consumed.
    #[inline]
    fn next_visible(&mut self) -> Option<u8> {
        loop {
            let c = self.peek()?;
            if !matches!(c, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(c);
            }
            self.at += 1;
        }
    }

    /// The error that the byte at the position is.
    fn syntax(&self, context: &'static str) -> JsonError {
        match self.peek() {
            Some(byte) => JsonError::Syntax { byte, context, at: self.at },
            None => JsonError::UnexpectedEof,
        }
    }

    fn colon(&mut self) -> Result<(), JsonError> {
        match self.next_visible() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.syntax("after object key")),
        }
    }

    /// A string whose opening quote is at the position: its inside, and whether that is ASCII
    /// without escapes.
    #[inline]
    fn string(&mut self) -> Result<(&'t [u8], bool), JsonError> {
        let start = self.at + 1;
        self.at = start;
        let mut escapes = false;
        loop {
            let rest = self.text.get(self.at..).unwrap_or(&[]);
            self.at += plain_len(rest, READ);
            match self.peek() {
                Some(b'"') => {
                    let inside = self.text.get(start..self.at).unwrap_or(&[]);
                    self.at += 1;
                    return Ok((inside, !escapes && inside.is_ascii()));
                }
                Some(b'\\') => {
                    escapes = true;
                    self.escape()?;
                }
                _ => return Err(self.syntax("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|c| c.is_ascii_hexdigit()) {
                        return Err(self.syntax("in \\u hexadecimal character escape"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.syntax("in string escape code")),
        }
        Ok(())
    }

    fn scalar(&mut self, first: u8, visit: &mut impl Visit<'t>) -> Result<(), JsonError> {
        match first {
            b'"' => {
                let (inside, plain) = self.string()?;
                visit.string(inside, plain);
            }
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                self.number()?;
                visit.number(self.text.get(start..self.at).unwrap_or(&[]));
            }
            b't' => {
                self.literal(b"true", &TRUE)?;
                visit.boolean(true);
            }
            b'f' => {
                self.literal(b"false", &FALSE)?;
                visit.boolean(false);
            }
            b'n' => {
                self.literal(b"null", &NULL)?;
                visit.null();
            }
            _ => return Err(self.syntax("looking for beginning of value")),
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8], contexts: &[&'static str]) -> Result<(), JsonError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(());
        }
        self.at += 1;
        for (&c, context) in word.iter().skip(1).zip(contexts) {
            if self.peek() != Some(c) {
                return Err(self.syntax(context));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, context: &'static str) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.syntax(context));
        }
        self.digits();
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.some_digits("in numeric literal")?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        Ok(())
    }
}

const TRUE: [&str; 3] = [
    "in literal true (expecting 'r')",
    "in literal true (expecting 'u')",
    "in literal true (expecting 'e')",
];
const FALSE: [&str; 4] = [
    "in literal false (expecting 'a')",
    "in literal false (expecting 'l')",
    "in literal false (expecting 's')",
    "in literal false (expecting 'e')",
];
const NULL: [&str; 3] = [
    "in literal null (expecting 'u')",
    "in literal null (expecting 'l')",
    "in literal null (expecting 'l')",
];
