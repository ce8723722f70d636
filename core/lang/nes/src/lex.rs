//! Text to tokens. The text is written as C++, so that is what its words, numbers and comments are
//! (spec/nes-query-language.md §1).

use plan::{Diagnostic, Span};

/// Longest text of a query; bytes.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name or keyword.
    Word(String),
    /// An integer and its suffix, in upper case.
    Int(u64, String),
    /// A number with a point or exponent, and whether it is of single precision.
    Float(f64, bool),
    /// A text.
    Text(String),
    /// An operator or bracket.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spanned {
    /// The token.
    pub(crate) token: Token,
    /// Its place.
    pub(crate) span: Span,
}

/// Signs, the longer of two that begin alike first.
const SIGNS: &[&str] = &[
    "::", "->", "==", "!=", "<=", ">=", "&&", "||", "++", "--", ":=", "(", ")", "{", "}", "[", "]",
    ",", ".", ";", "=", "<", ">", "+", "-", "*", "/", "%", "!", ":",
];

/// What is left of a text, and where that is.
pub(crate) struct Lexer<'a> {
    /// What is left.
    pub(crate) rest: &'a str,
    /// The line, from 1.
    pub(crate) line: u32,
    /// The character within the line, from 1.
    pub(crate) column: u32,
}

/// Cuts a text into tokens, the last of which is [`Token::End`].
///
/// # Errors
/// The first place that is no token.
pub(crate) fn lex(text: &str) -> Result<Vec<Spanned>, Diagnostic> {
    if text.len() > QUERY_BYTES_MAX {
        let text = format!("the text is longer than {QUERY_BYTES_MAX} bytes");
        return Err(Diagnostic::error("too-long", text, Span::default()));
    }
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let (line, column) = (lexer.line, lexer.column);
        let token = lexer.token()?;
        let len = if lexer.line == line { (lexer.column - column).max(1) } else { 1 };
        let ended = token == Token::End;
        tokens.push(Spanned { token, span: Span { line, column, len } });
        if ended {
            return Ok(tokens);
        }
    }
}

impl<'a> Lexer<'a> {
    /// At the start of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Lexer { rest: text, line: 1, column: 1 }
    }

    /// This place.
    pub(crate) fn here(&self) -> Span {
        Span { line: self.line, column: self.column, len: 1 }
    }

    /// An error at this place.
    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, Diagnostic> {
        Err(Diagnostic::error("syntax", message, self.here()))
    }

    /// Goes on by so many bytes and returns them.
    pub(crate) fn take(&mut self, bytes: usize) -> &'a str {
        let (head, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for c in head.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
        head
    }

    /// Goes on while characters pass a test, and returns them.
    pub(crate) fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !test(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn skip_blank(&mut self) -> Result<(), Diagnostic> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                match self.rest.find("*/") {
                    Some(end) => self.take(end + 2),
                    None => return self.error("the comment has no end"),
                };
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, Diagnostic> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if first.is_alphabetic() || first == '_' {
            let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
            return Ok(Token::Word(word.to_owned()));
        }
        let second = self.rest.chars().nth(1);
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
            return self.number();
        }
        if first == '"' {
            return self.text();
        }
        match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
            Some(sign) => {
                self.take(sign.len());
                Ok(Token::Sign(sign))
            }
            None => self.error(format!("'{first}' has no meaning here")),
        }
    }

    fn number(&mut self) -> Result<Token, Diagnostic> {
        let start = self.rest;
        self.take_while(|c| c.is_ascii_digit());
        let mut float = false;
        if self.rest.starts_with('.') {
            float = true;
            self.take(1);
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.rest.starts_with(['e', 'E']) {
            let after = self.rest.get(1..).unwrap_or_default();
            let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
            if digits.starts_with(|c: char| c.is_ascii_digit()) {
                float = true;
                self.take(1 + after.len() - digits.len());
                self.take_while(|c| c.is_ascii_digit());
            }
        }
        let digits = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        let suffix = self.take_while(|c| c.is_alphanumeric() || c == '_').to_uppercase();
        if float {
            let single = suffix == "F";
            if !suffix.is_empty() && !single && suffix != "L" {
                return self.error(format!("'{suffix}' is no suffix of a number"));
            }
            let value = digits.parse().or_else(|_| self.error("this is no number"))?;
            return Ok(Token::Float(value, single));
        }
        if !matches!(suffix.as_str(), "" | "U" | "L" | "UL" | "LU" | "LL" | "ULL" | "LLU") {
            return self.error(format!("'{suffix}' is no suffix of a number"));
        }
        match digits.parse() {
            Ok(value) => Ok(Token::Int(value, suffix)),
            Err(_) => self.error(format!("{digits} does not fit 64 bits")),
        }
    }

    fn text(&mut self) -> Result<Token, Diagnostic> {
        let mut text = String::new();
        self.take(1);
        loop {
            text.push_str(self.take_while(|c| !matches!(c, '"' | '\\' | '\n')));
            let Some(next) = self.rest.chars().next().filter(|c| *c != '\n') else {
                return self.error("the text has no closing quote");
            };
            self.take(1);
            if next == '"' {
                return Ok(Token::Text(text));
            }
            let Some(escaped) = self.rest.chars().next() else {
                return self.error("the text has no closing quote");
            };
            text.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                '"' | '\\' | '\'' | '?' => escaped,
                other => return self.error(format!("'\\{other}' is no escape")),
            });
            self.take(escaped.len_utf8());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        lex(text).unwrap().into_iter().map(|t| t.token).collect()
    }

    #[test]
    fn words_numbers_texts_and_signs() {
        assert_eq!(
            tokens("a::b 42u 1ULL 1.5f .5 2e3 \"x\\\"y\" -> /* c */ == // d\n;"),
            [
                Token::Word("a".into()),
                Token::Sign("::"),
                Token::Word("b".into()),
                Token::Int(42, "U".into()),
                Token::Int(1, "ULL".into()),
                Token::Float(1.5, true),
                Token::Float(0.5, false),
                Token::Float(2000.0, false),
                Token::Text("x\"y".into()),
                Token::Sign("->"),
                Token::Sign("=="),
                Token::Sign(";"),
                Token::End,
            ]
        );
    }

    #[test]
    fn places_count_characters_from_1() {
        let all = lex("é =\n  \"ü\" x").unwrap();
        let places: Vec<(u32, u32, u32)> =
            all.iter().map(|t| (t.span.line, t.span.column, t.span.len)).collect();
        assert_eq!(places, [(1, 1, 1), (1, 3, 1), (2, 3, 3), (2, 7, 1), (2, 8, 1)]);
    }

    #[test]
    fn what_is_no_token_has_a_place() {
        for (text, column) in [("a & b", 3), ("a | b", 3), ("\"abc", 5), ("/* x", 1), ("1x", 3)] {
            assert_eq!(lex(text).unwrap_err().span.column, column, "{text}");
        }
        assert!(lex("99999999999999999999").is_err());
        assert!(lex(&" ".repeat(QUERY_BYTES_MAX + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,60}|[a-z0-9.eEuULfF\"\\\\/*\\n ]{0,40}") {
            let _ = lex(&text);
        }
    }
}
