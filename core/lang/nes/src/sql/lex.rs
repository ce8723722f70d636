//! Text to tokens of the SQL dialect.

use plan::{Diagnostic, Span};

use crate::lex::{Lexer, QUERY_BYTES_MAX};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name without quotes or a keyword, in upper case.
    Word(String),
    /// A name in back-quotes.
    Quoted(String),
    /// A text.
    Text(String),
    /// An integer.
    Int(u64),
    /// A number with a point or exponent.
    Float(f64),
    /// An operator or bracket.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spanned {
    /// The token.
    pub(super) token: Token,
    /// Its place.
    pub(super) span: Span,
}

/// Signs, the longer of two that begin alike first, and those that mean the same.
const SIGNS: &[(&str, &str)] = &[
    ("<=>", "<=>"),
    ("==", "=="),
    ("=", "=="),
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    ("!>", "<="),
    (">=", ">="),
    ("!<", ">="),
    ("||", "||"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    (".", "."),
    (";", ";"),
    ("<", "<"),
    (">", ">"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("%", "%"),
    ("!", "!"),
    ("&", "&"),
    ("|", "|"),
    ("^", "^"),
    ("~", "~"),
];

/// Cuts a text into tokens, the last of which is [`Token::End`].
///
/// # Errors
/// The first place that is no token.
pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, Diagnostic> {
    if text.len() > QUERY_BYTES_MAX {
        let text = format!("the text is longer than {QUERY_BYTES_MAX} bytes");
        return Err(Diagnostic::error("too-long", text, Span::default()));
    }
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    loop {
        skip_blank(&mut lexer)?;
        let (line, column) = (lexer.line, lexer.column);
        let token = token(&mut lexer)?;
        let len = if lexer.line == line { (lexer.column - column).max(1) } else { 1 };
        let ended = token == Token::End;
        tokens.push(Spanned { token, span: Span { line, column, len } });
        if ended {
            return Ok(tokens);
        }
    }
}

/// The first word of a text, in upper case.
pub(super) fn first_word(text: &str) -> String {
    let mut lexer = Lexer::new(text);
    if skip_blank(&mut lexer).is_err() {
        return String::new();
    }
    while lexer.rest.starts_with('(') {
        lexer.take(1);
        lexer.take_while(char::is_whitespace);
    }
    lexer.take_while(is_word).to_ascii_uppercase()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Passes over white space and comments: `--` and `#` to the end of a line, `/* */`.
fn skip_blank(lexer: &mut Lexer) -> Result<(), Diagnostic> {
    loop {
        lexer.take_while(char::is_whitespace);
        if lexer.rest.starts_with("--") || lexer.rest.starts_with('#') {
            lexer.take_while(|c| c != '\n');
        } else if lexer.rest.starts_with("/*") {
            match lexer.rest.find("*/") {
                Some(end) => lexer.take(end + 2),
                None => return lexer.error("the comment has no end"),
            };
        } else {
            return Ok(());
        }
    }
}

fn token(lexer: &mut Lexer) -> Result<Token, Diagnostic> {
    let Some(first) = lexer.rest.chars().next() else { return Ok(Token::End) };
    let second = lexer.rest.chars().nth(1);
    if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
        return number(lexer);
    }
    if is_word(first) {
        return Ok(Token::Word(lexer.take_while(is_word).to_ascii_uppercase()));
    }
    match first {
        '`' => return quoted(lexer),
        '"' | '\'' => return text(lexer, first),
        _ => {}
    }
    match SIGNS.iter().find(|(sign, _)| lexer.rest.starts_with(*sign)) {
        Some((sign, meaning)) => {
            lexer.take(sign.len());
            Ok(Token::Sign(meaning))
        }
        None => lexer.error(format!("'{first}' has no meaning here")),
    }
}

/// A number; a name may begin with digits, too.
fn number(lexer: &mut Lexer) -> Result<Token, Diagnostic> {
    let start = lexer.rest;
    lexer.take_while(|c| c.is_ascii_digit());
    let mut float = false;
    if lexer.rest.starts_with('.') {
        float = true;
        lexer.take(1);
        lexer.take_while(|c| c.is_ascii_digit());
    }
    if lexer.rest.starts_with(['e', 'E']) {
        let after = lexer.rest.get(1..).unwrap_or_default();
        let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            float = true;
            lexer.take(1 + after.len() - digits.len());
            lexer.take_while(|c| c.is_ascii_digit());
        }
    }
    let rest = lexer.take_while(is_word);
    let all = start.get(..start.len() - lexer.rest.len()).unwrap_or_default();
    if !rest.is_empty() {
        if all.chars().all(is_word) {
            return Ok(Token::Word(all.to_ascii_uppercase()));
        }
        return lexer.error(format!("'{all}' is neither a number nor a name"));
    }
    if float {
        let value: Option<f64> = all.parse().ok();
        let value = value.filter(|v| v.is_finite());
        return value
            .map_or_else(|| lexer.error("the number is too large"), |v| Ok(Token::Float(v)));
    }
    match all.parse() {
        Ok(value) => Ok(Token::Int(value)),
        Err(_) => lexer.error(format!("{all} does not fit 64 bits")),
    }
}

/// A name in back-quotes.
fn quoted(lexer: &mut Lexer) -> Result<Token, Diagnostic> {
    lexer.take(1);
    let name = lexer.take_while(|c| c != '`' && c != '\n').to_owned();
    if !lexer.rest.starts_with('`') {
        return lexer.error("the name has no closing quote");
    }
    lexer.take(1);
    if name.is_empty() || lexer.rest.starts_with('`') {
        return lexer.error("a name must neither be empty nor contain a quote");
    }
    Ok(Token::Quoted(name))
}

fn text(lexer: &mut Lexer, quote: char) -> Result<Token, Diagnostic> {
    let mut text = String::new();
    lexer.take(1);
    loop {
        text.push_str(lexer.take_while(|c| c != quote && c != '\\'));
        let Some(next) = lexer.rest.chars().next() else {
            return lexer.error("the text has no closing quote");
        };
        lexer.take(1);
        if next == quote {
            return Ok(Token::Text(text));
        }
        let Some(escaped) = lexer.rest.chars().next() else {
            return lexer.error("the text has no closing quote");
        };
        text.push(match escaped {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '0' => '\0',
            '"' | '\'' | '\\' => escaped,
            other => return lexer.error(format!("'\\{other}' is no escape")),
        });
        lexer.take(escaped.len_utf8());
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
        let word = |w: &str| Token::Word(w.into());
        assert_eq!(
            tokens("Select `a b` <> -- c\n1 .5 2e3 2nd '\\'' \"x\" /* */ !< # d"),
            [
                word("SELECT"),
                Token::Quoted("a b".into()),
                Token::Sign("!="),
                Token::Int(1),
                Token::Float(0.5),
                Token::Float(2000.0),
                word("2ND"),
                Token::Text("'".into()),
                Token::Text("x".into()),
                Token::Sign(">="),
                Token::End,
            ]
        );
        assert_eq!(first_word(" -- x\n ( (select"), "SELECT");
    }

    #[test]
    fn what_is_no_token_has_a_place() {
        let place = |text: &str| {
            let error = lex(text).unwrap_err();
            (error.span.line, error.span.column)
        };
        assert_eq!(place("a\n  ? b"), (2, 3));
        assert_eq!(place("'abc"), (1, 5));
        assert_eq!(place("`ab\n`"), (1, 4));
        assert_eq!(place("``"), (1, 3));
        assert_eq!(place("/* x"), (1, 1));
        assert!(lex("99999999999999999999").is_err());
        assert!(lex("1e999").is_err());
        assert!(lex("1.5x").is_err());
        assert_eq!(lex(&" ".repeat(QUERY_BYTES_MAX + 1)).unwrap_err().code, "too-long");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,60}|[a-z0-9.eE\"'`\\\\/*#\\n -]{0,40}") {
            let _ = lex(&text);
            let _ = first_word(&text);
        }
    }
}
