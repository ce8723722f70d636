//! Expressions and what they find, or what is wrong with them.

use crate::re::compile;

fn found(pattern: &str, text: &str) -> String {
    match compile(pattern) {
        Ok(pattern) => {
            let all = pattern.find_iter(text.as_bytes());
            all.map(|m| String::from_utf8_lossy(m.as_bytes())).collect::<Vec<_>>().join("|")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn syntax_is_that_of_go() {
    for (pattern, text, expected) in [
        ("[[a]", "a[b", "a|["),
        ("[a&&b]", "a&b", "a|&|b"),
        ("[a-z&&[^b]]", "a] b] 1]", "a]|b]"),
        ("[]a]", "]a", "]|a"),
        ("[^]a]", "]ab", "b"),
        ("[[:alpha:]_]+", "a_1", "a_"),
        (r"\Qa.b\E+", "a.bb", "a.bb"),
        ("a{,2}", "a{,2}", "a{,2}"),
        ("{x}", "{x}", "{x}"),
        (r"\101\x42\x{43}", "ABC", "ABC"),
        (r"\<\>", "<>", "<>"),
        (r"\d+\D", "12éa", "12é"),
        (r"[\d-z]+", "1-z", "1-z"),
        (r"\bé", "é", ""),
        (r"\pL+|\p{^L}", "aé1", "aé|1"),
        ("(?i)k+", "kK", "kK"),
        ("(?U)a+", "aa", "a|a"),
        ("#a b", "#a b", "#a b"),
        ("a*?b??", "b", "|"),
    ] {
        assert_eq!(found(pattern, text), expected, "{pattern}");
    }
}

#[test]
fn errors_are_those_of_go() {
    for (pattern, error) in [
        ("[a--b]", "invalid character class range: `a--`"),
        ("[a", "missing closing ]: `[a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("(a{100}){20}", "invalid repeat count: `{20}`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{3}{2}", "invalid nested repetition operator: `{3}{2}`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\u0041", r"invalid escape sequence: `\u`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("(?x) a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?P<a-b>a)", "invalid named capture: `(?P<a-b>`"),
        ("(?P<a", "invalid named capture: `(?P<a`"),
        (r"\p{Script=Greek}", r"invalid character class range: `\p{Script=Greek}`"),
        (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
    ] {
        assert_eq!(found(pattern, ""), format!("error parsing regexp: {error}"), "{pattern}");
    }
}

proptest::proptest! {
    #[test]
    fn any_pattern_compiles_or_fails(pattern in "[a-c\\[\\]\\\\(){}?*+|^$.:,0-9<>PpQEdxi=-]{0,24}") {
        let _ = found(&pattern, "abc");
    }
}
