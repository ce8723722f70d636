//! Text to tokens of the SQL dialect.

use plan::Diagnostic;

use crate::scan::{self, Scanner, Signs, is_word};

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
pub(super) type Spanned = scan::Spanned<Token>;

static SIGNS: Signs = Signs {
    signs: &[
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
    ],
    comments: &["--", "#"],
    escaped: &['"', '\'', '\\'],
    long_texts: true,
};

/// Cuts a text into tokens, the last of which is [`Token::End`].
///
/// # Errors
/// The first place that is no token.
pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, Diagnostic> {
    scan::tokens(text, &SIGNS, token)
}

/// The first word of a text, in upper case.
pub(super) fn first_word(text: &str) -> String {
    let mut scanner = Scanner::new(text, &SIGNS);
    if scanner.skip_blank().is_err() {
        return String::new();
    }
    while scanner.rest.starts_with('(') {
        scanner.take(1);
        scanner.take_while(char::is_whitespace);
    }
    scanner.take_while(is_word).to_ascii_uppercase()
}

fn token(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    let Some(first) = scanner.rest.chars().next() else { return Ok(Token::End) };
    if scanner.at_number() {
        return number(scanner);
    }
    if is_word(first) {
        return Ok(Token::Word(scanner.take_while(is_word).to_ascii_uppercase()));
    }
    match first {
        '`' => quoted(scanner),
        '"' | '\'' => scanner.text(first).map(Token::Text),
        _ => scanner.sign().map(Token::Sign),
    }
}

/// A number; a name may begin with digits, too.
fn number(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    let (digits, float) = scanner.number();
    let rest = scanner.take_while(is_word);
    if !rest.is_empty() {
        let all = format!("{digits}{rest}");
        if all.chars().all(is_word) {
            return Ok(Token::Word(all.to_ascii_uppercase()));
        }
        return scanner.error(format!("'{all}' is neither a number nor a name"));
    }
    if !float {
        return scanner.int(digits).map(Token::Int);
    }
    let value = digits.parse().ok().filter(|value: &f64| value.is_finite());
    value.map_or_else(|| scanner.error("the number is too large"), |v| Ok(Token::Float(v)))
}

/// A name in back-quotes.
fn quoted(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    scanner.take(1);
    let name = scanner.take_while(|c| c != '`' && c != '\n').to_owned();
    if !scanner.rest.starts_with('`') {
        return scanner.error("the name has no closing quote");
    }
    scanner.take(1);
    if name.is_empty() || scanner.rest.starts_with('`') {
        return scanner.error("a name must neither be empty nor contain a quote");
    }
    Ok(Token::Quoted(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scan::QUERY_BYTES_MAX;

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
