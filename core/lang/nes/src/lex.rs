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
    /// A character, as the number that a field of type CHAR has for it.
    Char(u8),
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
    if first == '\'' {
        return character(scanner);
    }
    scanner.sign().map(Token::Sign)
}

/// A character in single quotes.
fn character(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    let text = scanner.text('\'')?;
    match one_char(&text) {
        Some(code) => Ok(Token::Char(code)),
        None => scanner.error("between single quotes there is one character of a CHAR"),
    }
}

/// A number and its suffix.
fn number(scanner: &mut Scanner) -> Result<Token, Diagnostic> {
    let (radix, prefix) = match scanner.rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, 2),
        [b'0', b'b' | b'B', ..] => (2, 2),
        [b'0', b'0'..=b'9' | b'\'', ..] if !is_float(scanner.rest) => (8, 0),
        _ => (10, 0),
    };
    scanner.take(prefix);
    let mut digits = digits(scanner, radix);
    let float = radix == 10 && scanner.rest.starts_with(['.', 'e', 'E']);
    let (rest, float) = if float { scanner.number() } else { ("", false) };
    digits.push_str(rest);
    let mut suffix = scanner.take_while(is_word).to_uppercase();
    let known: &[&str] =
        if float { &["", "F", "L"] } else { &["", "U", "L", "UL", "LU", "LL", "ULL", "LLU"] };
    if !known.contains(&suffix.as_str()) {
        return scanner.error(format!("'{suffix}' is no suffix of a number"));
    }
    if float {
        let value = digits.parse().or_else(|_| scanner.error("this is no number"))?;
        return Ok(Token::Float(value, suffix == "F"));
    }
    if radix == 10 {
        return Ok(Token::Int(scanner.int(&digits)?, suffix));
    }
    if digits.is_empty() {
        return scanner.error("there are no digits behind the sign of their base");
    }
    let value = u64::from_str_radix(&digits, radix)
        .or_else(|_| scanner.error(format!("{digits} does not fit 64 bits")))?;
    // What is not written in decimal has no sign where it fits only without one.
    let wide = suffix.contains('L');
    let signed = if wide { value <= i64::MAX as u64 } else { value <= i32::MAX as u64 };
    let unsigned = value > i64::MAX as u64 || (!wide && value <= u64::from(u32::MAX));
    if !signed && unsigned && !suffix.contains('U') {
        suffix.push('U');
    }
    Ok(Token::Int(value, suffix))
}

/// Whether a number that begins with 0 goes on as one with a point or an exponent.
fn is_float(text: &str) -> bool {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    after.starts_with(['.', 'e', 'E'])
}

/// Digits, between which there may be single quotes.
fn digits(scanner: &mut Scanner, radix: u32) -> String {
    let mut digits = String::new();
    loop {
        digits.push_str(scanner.take_while(|c| c.is_digit(radix)));
        let next = scanner.rest.strip_prefix('\'').and_then(|rest| rest.chars().next());
        if digits.is_empty() || !next.is_some_and(|c| c.is_digit(radix)) {
            return digits;
        }
        scanner.take(1);
    }
}

/// What a field of type CHAR holds of a text: its only character, which has a number of one byte.
pub(crate) fn one_char(text: &str) -> Option<u8> {
    let mut all = text.chars();
    let first = all.next()?;
    u8::try_from(u32::from(first)).ok().filter(|_| all.next().is_none())
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
    fn constants_are_those_of_cpp() {
        let int = |value, suffix: &str| Token::Int(value, suffix.to_owned());
        for (text, token) in [
            ("'x'", Token::Char(b'x')),
            ("'\\''", Token::Char(b'\'')),
            ("'\\n'", Token::Char(b'\n')),
            ("'é'", Token::Char(0xe9)),
            ("0x10", int(16, "")),
            ("0XfFu", int(255, "U")),
            ("0xFFFFFFFF", int(0xFFFF_FFFF, "U")),
            ("0xFFFFFFFFL", int(0xFFFF_FFFF, "L")),
            ("0x1FFFFFFFF", int(0x1_FFFF_FFFF, "")),
            ("0xFFFFFFFFFFFFFFFF", int(u64::MAX, "U")),
            ("0b101", int(5, "")),
            ("017", int(15, "")),
            ("0", int(0, "")),
            ("00", int(0, "")),
            ("1'000'000ULL", int(1_000_000, "ULL")),
            ("0x1'0", int(16, "")),
            ("1'000.5", Token::Float(1000.5, false)),
            ("07.5", Token::Float(7.5, false)),
            ("09e1", Token::Float(90.0, false)),
        ] {
            assert_eq!(tokens(text), [token, Token::End], "{text}");
        }
        for text in ["''", "'ab'", "'€'", "'x", "0x", "0xg", "0b2", "08", "0x10000000000000000"] {
            assert!(lex(text).is_err(), "{text}");
        }
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
