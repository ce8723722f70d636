//! Canonical JSON, written down as plainly as it can be: a reader by recursion and a writer byte by
//! byte. It shares no code with the readers and writers that it judges.

use std::collections::BTreeMap;

/// Deepest nesting of containers.
const DEPTH_MAX: usize = 10_000;
const REPLACEMENT: &[u8] = b"\xef\xbf\xbd";

/// A document; scalars but strings by their text.
#[derive(Clone, Debug)]
pub enum Plain {
    /// `null`, `true`, `false` or a number.
    Word(Vec<u8>),
    /// The bytes of a string.
    Text(Vec<u8>),
    /// A list.
    Array(Vec<Plain>),
    /// Members by key; of equal keys the last one.
    Object(BTreeMap<Vec<u8>, Plain>),
}

/// Reads a text that is one document.
#[must_use]
pub fn read(text: &[u8]) -> Option<Plain> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let plain = reader.value()?;
    reader.spaces();
    (reader.at == text.len()).then_some(plain)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Option<Plain> {
        self.spaces();
        match self.peek()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => self.string().map(Plain::Text),
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Plain>) -> Option<Plain> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let plain = read(self)?;
        self.depth -= 1;
        Some(plain)
    }

    fn word(&mut self, word: &[u8]) -> Option<Plain> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())?;
        Some(Plain::Word(word.to_vec()))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<Plain> {
        let start = self.at;
        let _ = self.take(b'-');
        match self.take(b'0') {
            Some(()) => {}
            None => self.digits()?,
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Plain::Word(self.text[start..self.at].to_vec()))
    }

    fn array(&mut self) -> Option<Plain> {
        let mut items = Vec::new();
        self.spaces();
        if self.take(b']').is_some() {
            return Some(Plain::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.spaces();
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(Plain::Array(items));
            }
        }
    }

    fn object(&mut self) -> Option<Plain> {
        let mut members = BTreeMap::new();
        self.spaces();
        if self.take(b'}').is_some() {
            return Some(Plain::Object(members));
        }
        loop {
            self.spaces();
            let key = self.string()?;
            self.spaces();
            self.take(b':')?;
            members.insert(key, self.value()?);
            self.spaces();
            if self.take(b',').is_none() {
                self.take(b'}')?;
                return Some(Plain::Object(members));
            }
        }
    }

    /// Bytes that are no UTF-8 are replaced one by one.
    fn string(&mut self) -> Option<Vec<u8>> {
        self.take(b'"')?;
        let mut out = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(out);
                }
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                0..0x20 => return None,
                _ => {
                    let len = character(&self.text[self.at..]);
                    match len {
                        0 => out.extend_from_slice(REPLACEMENT),
                        len => out.extend_from_slice(&self.text[self.at..self.at + len]),
                    }
                    self.at += len.max(1);
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let letter = self.peek()?;
        self.at += 1;
        out.push(match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(out),
            _ => return None,
        });
        Some(())
    }

    fn unicode(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let high = self.hex()?;
        let mut code = high;
        if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            } else {
                self.at = before;
            }
        }
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    }

    fn hex(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + char::from(self.peek()?).to_digit(16)?;
            self.at += 1;
        }
        Some(code)
    }
}

/// Length of the character at the beginning of a text; 0 when the first byte begins none.
fn character(text: &[u8]) -> usize {
    let is_one = |len: &usize| text.get(..*len).is_some_and(|t| std::str::from_utf8(t).is_ok());
    (1..=4).find(is_one).unwrap_or(0)
}

/// Appends a document in canonical form.
pub fn write(out: &mut Vec<u8>, plain: &Plain) {
    match plain {
        Plain::Word(text) => out.extend_from_slice(text),
        Plain::Text(text) => write_text(out, text),
        Plain::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, item);
            }
            out.push(b']');
        }
        Plain::Object(members) => {
            out.push(b'{');
            for (i, (key, item)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_text(out, key);
                out.push(b':');
                write(out, item);
            }
            out.push(b'}');
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for c in String::from_utf8_lossy(text).chars() {
        let escaped = match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\0'..' ' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        out.extend_from_slice(escaped.as_bytes());
    }
    out.push(b'"');
}
