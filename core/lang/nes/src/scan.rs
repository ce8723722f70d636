//! What the languages have in common in how a text is cut into tokens: places, white space and
//! comments, numbers, texts and signs.

use plan::{Diagnostic, Span};

/// Longest text of a query; bytes.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spanned<T> {
    /// The token.
    pub(crate) token: T,
    /// Its place.
    pub(crate) span: Span,
}

/// What a language writes in its own way.
pub(crate) struct Signs {
    /// Signs, the longer of two that begin alike first, and what each of them means.
    pub(crate) signs: &'static [(&'static str, &'static str)],
    /// What begins a comment that goes on to the end of the line.
    pub(crate) comments: &'static [&'static str],
    /// What stands for itself behind a backslash in a text.
    pub(crate) escaped: &'static [char],
    /// Whether a text may go on in the next line.
    pub(crate) long_texts: bool,
}

/// What is left of a text, and where that is.
pub(crate) struct Scanner<'a> {
    /// What is left.
    pub(crate) rest: &'a str,
    line: u32,
    column: u32,
    signs: &'static Signs,
}

/// Whether a character may be part of a word.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Cuts a text into tokens, the last of which is the one of its end.
///
/// # Errors
/// The first place that is no token.
pub(crate) fn tokens<T>(
    text: &str,
    signs: &'static Signs,
    token: impl Fn(&mut Scanner) -> Result<T, Diagnostic>,
) -> Result<Vec<Spanned<T>>, Diagnostic> {
    if text.len() > QUERY_BYTES_MAX {
        let text = format!("the text is longer than {QUERY_BYTES_MAX} bytes");
        return Err(Diagnostic::error("too-long", text, Span::default()));
    }
    let mut scanner = Scanner::new(text, signs);
    let mut tokens = Vec::new();
    loop {
        scanner.skip_blank()?;
        let (line, column) = (scanner.line, scanner.column);
        let ended = scanner.rest.is_empty();
        let token = token(&mut scanner)?;
        let len = if scanner.line == line { (scanner.column - column).max(1) } else { 1 };
        tokens.push(Spanned { token, span: Span { line, column, len } });
        if ended {
            return Ok(tokens);
        }
    }
}

impl<'a> Scanner<'a> {
    /// At the start of a text; lines and characters are counted from 1.
    pub(crate) fn new(text: &'a str, signs: &'static Signs) -> Self {
        Scanner { rest: text, line: 1, column: 1, signs }
    }

    /// An error at this place.
    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, Diagnostic> {
        let here = Span { line: self.line, column: self.column, len: 1 };
        Err(Diagnostic::error("syntax", message, here))
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

    /// Passes over white space and comments, which are those of the language and `/* */`.
    pub(crate) fn skip_blank(&mut self) -> Result<(), Diagnostic> {
        loop {
            self.take_while(char::is_whitespace);
            if self.signs.comments.iter().any(|sign| self.rest.starts_with(sign)) {
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

    /// Whether a number begins here.
    pub(crate) fn at_number(&self) -> bool {
        let digits = self.rest.strip_prefix('.').unwrap_or(self.rest);
        digits.starts_with(|c: char| c.is_ascii_digit())
    }

    /// The digits of a number, and whether there is a point or an exponent among them.
    pub(crate) fn number(&mut self) -> (&'a str, bool) {
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
        (start.get(..start.len() - self.rest.len()).unwrap_or_default(), float)
    }

    /// An integer of these digits.
    pub(crate) fn int(&self, digits: &str) -> Result<u64, Diagnostic> {
        digits.parse().or_else(|_| self.error(format!("{digits} does not fit 64 bits")))
    }

    /// A text, which ends as it begins.
    pub(crate) fn text(&mut self, quote: char) -> Result<String, Diagnostic> {
        let Signs { escaped: same, long_texts, .. } = self.signs;
        let goes_on = |c: char| *long_texts || c != '\n';
        let mut text = String::new();
        self.take(quote.len_utf8());
        loop {
            text.push_str(self.take_while(|c| c != quote && c != '\\' && goes_on(c)));
            let Some(next) = self.rest.chars().next().filter(|c| goes_on(*c)) else {
                return self.error("the text has no closing quote");
            };
            self.take(next.len_utf8());
            if next == quote {
                return Ok(text);
            }
            let Some(escaped) = self.rest.chars().next() else {
                return self.error("the text has no closing quote");
            };
            text.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                other if same.contains(&other) => other,
                other => return self.error(format!("'\\{other}' is no escape")),
            });
            self.take(escaped.len_utf8());
        }
    }

    /// What the sign that stands here means.
    pub(crate) fn sign(&mut self) -> Result<&'static str, Diagnostic> {
        let known = self.signs.signs.iter().find(|(sign, _)| self.rest.starts_with(sign));
        match known {
            Some((sign, meaning)) => {
                self.take(sign.len());
                Ok(meaning)
            }
            None => {
                let first = self.rest.chars().next().unwrap_or_default();
                self.error(format!("'{first}' has no meaning here"))
            }
        }
    }
}
