//! Hostile texts, limits, and how errors read.

use proptest::prelude::*;

use super::cursor::{HEIGHT_MAX, NESTING_MAX};
use super::program::MAPPING_CHARS_MAX;
use crate::local::Local;
use crate::{Interpolated, Mapping, ParseError};

fn fail(text: &str) -> ParseError {
    Mapping::parse(text, &Local::setup()).err().unwrap()
}

#[test]
fn three_renderings() {
    let error = fail("root.a = 1\nroot.b 2\nroot.c = 3");
    assert_eq!(error.to_string(), "line 2 char 8: expected =");
    assert_eq!(error.lint(), "expected =, got: 2\nroo");
    assert_eq!(
        error.caret("root.a = 1\nroot.b 2\nroot.c = 3"),
        "line 2 char 8: expected =\n  |\n2 | root.b 2\n  |        ^---"
    );
    let error = fail("root.a = this.x.nope()");
    assert_eq!(error.lint(), "unrecognised method 'nope'");
    assert_eq!(error.diagnostic().span.column, 23);
    let error = fail("root.a = 1 # x");
    assert_eq!(error.lint(), "expected line break, but reached end of input");
}

#[test]
fn nesting_has_a_limit() {
    let nested = |n: usize| format!("root = {}1{}", "(".repeat(n), ")".repeat(n));
    assert!(Mapping::parse(&nested(300), &Local::setup()).is_ok());
    let error = fail(&nested(100_000));
    assert_eq!(error.message, format!("expressions are nested deeper than {NESTING_MAX}"));
    let error = fail(&"if true {\n".repeat(10_000));
    assert!(error.message.contains("nested deeper"), "{error}");
}

#[test]
fn rows_have_a_limit() {
    let row = |n: usize| format!("root = this.a{}", " + this.a".repeat(n));
    assert!(Mapping::parse(&row(1_000), &Local::setup()).is_ok());
    let error = fail(&row(50_000));
    assert!(error.message.contains(&HEIGHT_MAX.to_string()), "{error}");
    let error = fail(&format!("root = this.a{}", ".string()".repeat(50_000)));
    assert!(error.message.contains(&HEIGHT_MAX.to_string()), "{error}");
}

#[test]
fn texts_have_a_limit() {
    let error = fail(&" ".repeat(MAPPING_CHARS_MAX + 1));
    assert!(error.message.contains("longer than"), "{error}");
}

#[test]
fn ambiguous_texts_end() {
    let error = fail(&format!("root = {}", "match { ".repeat(60)));
    assert!(!error.message.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = Mapping::parse(&text, &Local::setup());
        let _ = Interpolated::parse(&text, &Local::setup());
    }

    #[test]
    fn no_row_of_words_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "root", "this", ".", "a", " ", "\n", "=", " = ", "(", ")", "{", "}", "[", "]", "\"",
                "\\", "x -> ", "if ", "else", "match ", "_ => ", "=>", "let ", "meta ", "map ", "$", "@",
                "1", "-", "1.5", "!", "|", "&&", "==", "+", "/", "%", ",", ":", "#", "\"\"\"", "${!",
                ".uppercase()", ".map_each(", "import ", "from ", "null", "é", "9999999999999999999",
            ]),
            0..24,
        ),
    ) {
        let text = words.concat();
        let errors = [
            Mapping::parse(&text, &Local::setup()).err(),
            Interpolated::parse(&text, &Local::setup()).err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
            let _ = error.caret(&text);
        }
    }
}
