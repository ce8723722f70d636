//! Text to tokens. The text is written as C++, so that is what its words, numbers and comments are
//! (spec/nes-query-language.md §1).

use plan::Diagnostic;

use crate::scan::{self, Scanner, Signs, is_word};

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
pub(crate) type Spanned = scan::Spanned<Token>;

static SIGNS: Signs = Signs {
    signs: &[
        ("::", "::"),
        ("->", "->"),
        ("==", "=="),
        ("!=", "!="),
        ("<=", "<="),
        (">=", ">="),
        ("&&", "&&"),
        ("||", "||"),
        ("++", "++"),
        ("--", "--"),
        (":=", ":="),
        ("(", "("),
        (")", ")"),
        ("{", "{"),
        ("}", "}"),
        ("[", "["),
        ("]", "]"),
        (",", ","),
        (".", "."),
        (";", ";"),
        ("=", "="),
        ("<", "<"),
        (">", ">"),
        ("+", "+"),
        ("-", "-"),
        ("*", "*"),
        ("/", "/"),
        ("%", "%"),
        ("!", "!"),
        (":", ":"),
    ],
    comments: &["//"],
    escaped: &['"', '\\', '\'', '?'],
    long_texts: false,
};

/// Cuts a text into tokens, the last of which is [`Token::End`].
///
/// # Errors
/// The first place that is no token.
pub(crate) fn lex(text: &str) -> Result<Vec<Spanned>, Diagnostic> {
    scan::tokens(text, &SIGNS, token)
}

fn token(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    let Some(first) = scanner.rest.chars().next() else { return Ok(Token::End) };
    if first.is_alphabetic() || first == '_' {
        return Ok(Token::Word(scanner.take_while(is_word).to_owned()));
    }
    if scanner.at_number() {
        return number(scanner);
    }
    if first == '"' {
        return scanner.text(first).map(Token::Text);
    }
    scanner.sign().map(Token::Sign)
}

/// A number and its suffix.
fn number(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    let (digits, float) = scanner.number();
    let suffix = scanner.take_while(is_word).to_uppercase();
    let known: &[&str] =
        if float { &["", "F", "L"] } else { &["", "U", "L", "UL", "LU", "LL", "ULL", "LLU"] };
    if !known.contains(&suffix.as_str()) {
        return scanner.error(format!("'{suffix}' is no suffix of a number"));
    }
    if float {
        let value = digits.parse().or_else(|_| scanner.error("this is no number"))?;
        return Ok(Token::Float(value, suffix == "F"));
    }
    Ok(Token::Int(scanner.int(digits)?, suffix))
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
