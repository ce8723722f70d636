//! Text to tokens with positions.
//!
//! What white space decides is decided here (spec/kdb-q.md §2): whether `-` belongs to a number,
//! whether `/` is a comment, and where a statement ends.

mod number;

use crate::error::{QError, Result};
use formats::k::{K, Sym};

/// A token and its place in the text.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// An iterator glyph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Adverb {
    Each,
    Over,
    Scan,
    Prior,
    EachRight,
    EachLeft,
}

impl Adverb {
    /// The glyph.
    pub(crate) fn glyph(self) -> &'static str {
        match self {
            Self::Each => "'",
            Self::Over => "/",
            Self::Scan => "\\",
            Self::Prior => "':",
            Self::EachRight => "/:",
            Self::EachLeft => "\\:",
        }
    }
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok {
    /// A literal, perhaps of several words.
    Lit(K),
    /// A name, dots included.
    Name(Sym),
    /// An operator such as `+` or `<>`.
    Op(&'static str),
    /// An iterator glyph.
    Adverb(Adverb),
    /// `:`
    Colon,
    /// `::`
    DoubleColon,
    /// `;`
    Semi,
    /// A new line at the margin: the end of a statement outside of brackets.
    Line,
    /// One of `(`, `[`, `{`.
    Open(u8),
    /// One of `)`, `]`, `}`.
    Close(u8),
    /// A line that begins with a backslash.
    Command(String),
    /// The end.
    End,
}

/// Operators, the longer first.
const OPERATORS: [&str; 23] = [
    "<>", "<=", ">=", "0:", "1:", "2:", "+", "-", "*", "%", "&", "|", "^", "=", "<", ">", "~", ",",
    "#", "_", "!", "?", "@",
];

/// Bytes that a program may have.
pub(crate) const SOURCE_MAX: usize = 4 << 20;

/// The tokens of a text, ended by [`Tok::End`].
///
/// # Errors
/// A text without end, or a byte that begins nothing, with its place.
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>> {
    if source.len() > SOURCE_MAX {
        return Err(QError::new("limit"));
    }
    let mut lexer = Lexer { source, bytes: source.as_bytes(), at: 0, depth: 0, out: Vec::new() };
    lexer.run()?;
    Ok(lexer.out)
}

/// The words of a text and what lies between them.
///
/// # Errors
/// As for [`tokens`].
pub(crate) fn pieces(source: &str) -> Result<Vec<&str>> {
    let mut out = Vec::new();
    let mut end = 0;
    for token in tokens(source)? {
        for (from, to) in [(end, token.start), (token.start, token.end)] {
            out.extend(source.get(from..to).filter(|piece| !piece.is_empty()));
        }
        end = token.end;
    }
    Ok(out)
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Open brackets: inside of them a new line ends nothing.
    depth: usize,
    out: Vec<Token>,
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'.'
}

impl<'a> Lexer<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).and_then(|i| self.bytes.get(i)).copied().unwrap_or(b'\n')
    }

    fn push(&mut self, tok: Tok, start: usize) {
        formats::budget::check();
        self.out.push(Token { tok, start, end: self.at });
    }

    fn text(&self, start: usize) -> &'a str {
        self.source.get(start..self.at).unwrap_or_default()
    }

    fn run(&mut self) -> Result<()> {
        while self.at < self.bytes.len() {
            if self.before() == b'\n' && self.margin()? {
                continue;
            }
            self.token()?;
        }
        let end = self.at;
        self.push(Tok::End, end);
        Ok(())
    }

    /// What only stands at the beginning of a line; false when nothing was taken.
    fn margin(&mut self) -> Result<bool> {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        match line.trim_end() {
            "/" => self.block_comment(),
            // The rest of the script is a comment.
            "\\" if self.depth == 0 => self.at = self.bytes.len(),
            _ if line.starts_with('/') || self.at == 0 && line.starts_with("#!") => {
                self.at += line.len();
            }
            text if text.starts_with('\\') && self.depth == 0 => {
                let start = self.at;
                self.at += line.len();
                self.push(Tok::Command(text.trim_start_matches('\\').to_owned()), start);
            }
            _ => {
                // Text at the margin begins a statement; a lone brace ends a definition.
                let first = self.peek(0);
                if self.depth == 0 && !first.is_ascii_whitespace() && first != b'}' {
                    let at = self.at;
                    self.push(Tok::Line, at);
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn block_comment(&mut self) {
        while self.at < self.bytes.len() {
            let rest = self.source.get(self.at..).unwrap_or_default();
            let line = rest.split('\n').next().unwrap_or_default();
            self.at = (self.at + line.len() + 1).min(self.bytes.len());
            if line.trim_end() == "\\" {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<()> {
        let start = self.at;
        let first = self.peek(0);
        match first {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'/' if self.before().is_ascii_whitespace() || self.before() == 0xa0 => {
                let rest = self.source.get(self.at..).unwrap_or_default();
                self.at += rest.split('\n').next().unwrap_or_default().len();
            }
            b'"' => self.string()?,
            b'`' => self.symbols()?,
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.depth += 1;
                self.push(Tok::Open(first), start);
            }
            b')' | b']' | b'}' => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                self.push(Tok::Close(first), start);
            }
            b';' => {
                self.at += 1;
                self.push(Tok::Semi, start);
            }
            b'\'' | b'/' | b'\\' => self.adverb(),
            b':' => {
                self.at += if self.peek(1) == b':' { 2 } else { 1 };
                let double = self.at - start == 2;
                self.push(if double { Tok::DoubleColon } else { Tok::Colon }, start);
            }
            0xc2 if self.blank() > 0 => self.at += self.blank(),
            _ if self.starts_number() => self.number()?,
            b'.' if self.peek(1).is_ascii_alphabetic() => self.name()?,
            _ if first.is_ascii_alphabetic() => self.name()?,
            _ => self.operator()?,
        }
        Ok(())
    }

    /// Bytes of the blank at hand, which may be one that does not break, as texts from web pages
    /// have it.
    fn blank(&self) -> usize {
        match (self.peek(0), self.peek(1)) {
            (b' ' | b'\t', _) => 1,
            (0xc2, 0xa0) => 2,
            _ => 0,
        }
    }

    fn adverb(&mut self) {
        let start = self.at;
        let colon = self.peek(1) == b':';
        let adverb = match (self.peek(0), colon) {
            (b'\'', true) => Adverb::Prior,
            (b'\'', false) => Adverb::Each,
            (b'/', true) => Adverb::EachRight,
            (b'/', false) => Adverb::Over,
            (_, true) => Adverb::EachLeft,
            (_, false) => Adverb::Scan,
        };
        self.at += if colon { 2 } else { 1 };
        self.push(Tok::Adverb(adverb), start);
    }

    fn name(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        while is_name(self.peek(0)) {
            self.at += 1;
        }
        while self.text(start).ends_with('.') {
            self.at -= 1;
        }
        let name = self.symbol(start)?;
        self.push(Tok::Name(name), start);
        Ok(())
    }

    /// The symbol of the text from a place on.
    fn symbol(&self, from: usize) -> Result<Sym> {
        let limit = || QError::limit("limit").at((from, self.at));
        Sym::named(self.text(from).as_bytes()).ok_or_else(limit)
    }

    fn operator(&mut self) -> Result<()> {
        let start = self.at;
        let rest = self.source.get(self.at..).unwrap_or_default();
        let found = OPERATORS.iter().chain(&[".", "$"]).find(|op| rest.starts_with(**op));
        let Some(op) = found else {
            let wide = rest.chars().next().map_or(1, char::len_utf8);
            return Err(QError::new("char").at((start, start + wide)));
        };
        self.at += op.len();
        self.push(Tok::Op(op), start);
        Ok(())
    }

    /// Whether a literal number begins here; a minus belongs to it unless it follows a noun.
    fn starts_number(&self) -> bool {
        let digit = |ahead: usize| {
            self.peek(ahead).is_ascii_digit()
                || self.peek(ahead) == b'.' && self.peek(ahead + 1).is_ascii_digit()
        };
        match self.peek(0) {
            b'-' => {
                let before = self.before();
                let noun = is_name(before) || matches!(before, b')' | b']' | b'}' | b'"' | b'`');
                !noun && digit(1)
            }
            b'.' => digit(0) && !is_name(self.before()),
            _ => {
                let glyph = matches!(self.peek(0), b'0'..=b'2') && self.peek(1) == b':';
                digit(0) && (!glyph || self.peek(2).is_ascii_digit())
            }
        }
    }

    /// One word of a literal, from its sign to its suffix.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        self.at += 1;
        loop {
            let next = self.peek(0);
            let exponent = matches!(next, b'-' | b'+')
                && self.before() == b'e'
                && self.peek(1).is_ascii_digit()
                && !self.text(start).starts_with("0x");
            let inside = next.is_ascii_alphanumeric() || next == b'.' || exponent;
            let colon = next == b':' && self.peek(1).is_ascii_digit();
            if !inside && !colon {
                return self.text(start);
            }
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<()> {
        let start = self.at;
        let mut words = vec![self.word()];
        loop {
            let end = self.at;
            while self.blank() > 0 {
                self.at += self.blank();
            }
            if self.at == end || !self.starts_number() {
                self.at = end;
                break;
            }
            words.push(self.word());
        }
        let error = || QError::new(self.text(start)).at((start, self.at));
        let value = number::literal(&words).ok_or_else(error)?;
        self.push(Tok::Lit(value), start);
        Ok(())
    }

    fn string(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.peek(0);
            if self.at >= self.bytes.len() {
                return Err(QError::new("\"").at((start, self.at)));
            }
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => text.push(self.escape()?),
                _ => text.push(byte),
            }
        }
        let value = if let [one] = text.as_slice() { K::char(*one) } else { K::str(text) };
        self.push(Tok::Lit(value), start);
        Ok(())
    }

    fn escape(&mut self) -> Result<u8> {
        let start = self.at - 1;
        let byte = self.peek(0);
        self.at += 1;
        Ok(match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'"' | b'\\' | b'/' => byte,
            b'0'..=b'7' => {
                let digits = self.source.get(start + 1..start + 4).unwrap_or_default();
                self.at += 2;
                u8::from_str_radix(digits, 8).map_err(|_| QError::new("\\").at((start, self.at)))?
            }
            0 => return Err(QError::new("\\").at((start, self.at))),
            _ => byte,
        })
    }

    fn symbols(&mut self) -> Result<()> {
        let start = self.at;
        let mut names = Vec::new();
        while self.peek(0) == b'`' {
            self.at += 1;
            let from = self.at;
            while is_name(self.peek(0))
                || self.peek(0) == b':'
                || self.peek(0) == b'/' && self.text(from).contains(':')
            {
                self.at += 1;
            }
            names.push(self.symbol(from)?);
        }
        let value = if let [one] = names.as_slice() { K::sym(*one) } else { K::syms(names) };
        self.push(Tok::Lit(value), start);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(source: &str) -> Vec<Tok> {
        let mut out: Vec<Tok> = tokens(source).unwrap().into_iter().map(|t| t.tok).collect();
        out.pop();
        out.retain(|t| *t != Tok::Line);
        out
    }

    #[test]
    fn a_minus_belongs_to_a_number_unless_it_follows_a_noun() {
        let long = |x| Tok::Lit(K::long(x));
        assert_eq!(lex("3 -2"), [Tok::Lit(K::longs(vec![3, -2]))]);
        assert_eq!(lex("3 - 2"), [long(3), Tok::Op("-"), long(2)]);
        assert_eq!(lex("x-1"), [Tok::Name(Sym::new("x")), Tok::Op("-"), long(1)]);
        assert_eq!(lex("10-3-2"), [long(10), Tok::Op("-"), long(3), Tok::Op("-"), long(2)]);
        assert_eq!(lex("-1%0"), [long(-1), Tok::Op("%"), long(0)]);
        assert_eq!(lex("3\u{a0}-2\u{a0}"), [Tok::Lit(K::longs(vec![3, -2]))]);
    }

    #[test]
    fn comments() {
        assert_eq!(lex("1 / one"), [Tok::Lit(K::long(1))]);
        assert_eq!(lex("/ all\n2"), [Tok::Lit(K::long(2))]);
        assert_eq!(lex("/\nblock\n\\\n3"), [Tok::Lit(K::long(3))]);
        assert_eq!(lex("+/"), [Tok::Op("+"), Tok::Adverb(Adverb::Over)]);
    }

    #[test]
    fn symbols_join_without_blanks_only() {
        let syms = |names: &[&str]| K::syms(names.iter().map(|n| Sym::new(n)).collect());
        assert_eq!(lex("`a`b"), [Tok::Lit(syms(&["a", "b"]))]);
        assert_eq!(lex("`a `b"), [Tok::Lit(K::sym("a")), Tok::Lit(K::sym("b"))]);
        assert_eq!(lex("``x"), [Tok::Lit(syms(&["", "x"]))]);
    }

    #[test]
    fn errors_have_places() {
        assert_eq!(tokens("1+\"abc").unwrap_err().span, Some((2, 6)));
        assert_eq!(tokens("1 12q3 4").unwrap_err().span, Some((0, 8)));
    }
}
