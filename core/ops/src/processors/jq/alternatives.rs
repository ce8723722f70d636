//! Alternative destructuring, `term as [$a] ?// $a | body`, which the reader of queries does not
//! know: it is written with what that knows.
//!
//! The patterns are tried in their order until one takes the value and its body gives no error;
//! variables of the other patterns are null meanwhile.

use std::collections::BTreeSet;

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};

/// Names that stand for the value, the input and the body. Inner ones hide outer ones, as those
/// of any query do.
const VALUE: &str = "$__value";
const INPUT: &str = "$__input";
const BODY: &str = "__body";

/// The query with its alternatives of patterns written out; one without any, or that cannot be
/// read, as it is.
pub(super) fn written_out(text: &str) -> String {
    match text.contains("?//").then(|| Lexer::new(text).lex()) {
        Some(Ok(tokens)) => Query(text).rewritten(0, &tokens, text.len()),
        _ => text.to_owned(),
    }
}

/// Where an alternative of patterns is among its neighbours: tokens by number, ranges without
/// their end.
struct Binding {
    /// The keyword `as`.
    keyword: usize,
    patterns: Vec<(usize, usize)>,
    body: (usize, usize),
}

/// A query of which the tokens are parts.
struct Query<'q>(&'q str);

impl Query<'_> {
    fn start(&self, token: &Token<&str>) -> usize {
        token.0.as_ptr() as usize - self.0.as_ptr() as usize
    }

    /// The text between two places, with what stands in these tokens of it written out.
    fn rewritten(&self, from: usize, tokens: &[Token<&str>], to: usize) -> String {
        let Some(Binding { keyword, patterns, body }) = find(tokens) else {
            return self.inside(from, tokens, to);
        };
        let place = |at: usize| tokens.get(at).map_or(to, |token| self.start(token));
        let part = |range: (usize, usize)| {
            self.rewritten(place(range.0), &tokens[range.0..range.1], place(range.1))
        };
        let bound: Vec<Vec<&str>> =
            patterns.iter().map(|range| variables(&tokens[range.0..range.1])).collect();
        let names: BTreeSet<&str> = bound.iter().flatten().copied().collect();
        let called = |bound: &[&str]| {
            let given = names.iter().map(|name| if bound.contains(name) { name } else { "null" });
            format!("{BODY}({})", given.collect::<Vec<_>>().join("; "))
        };
        // Each but the last falls back on those that follow it.
        let tries =
            patterns.iter().zip(&bound).rev().fold(String::new(), |rest, (range, bound)| {
                let one = format!("{VALUE} as {} | {}", part(*range), called(bound));
                match rest.as_str() {
                    "" => one,
                    rest => format!("try ({one}) catch ({INPUT} | {rest})"),
                }
            });
        let before = self.inside(from, &tokens[..keyword], place(keyword));
        let names: Vec<&str> = names.into_iter().collect();
        let (names, inner) = (names.join("; "), part(body));
        let after = self.rewritten(place(body.1), &tokens[body.1..], to);
        format!("{before}as {VALUE} | . as {INPUT} | def {BODY}({names}): {inner}; {tries} {after}")
    }

    /// The same where no alternative stands among the tokens themselves, but perhaps within them.
    fn inside(&self, from: usize, tokens: &[Token<&str>], to: usize) -> String {
        let (mut out, mut from) = (String::new(), from);
        let blocks = tokens.iter().flat_map(|token| match &token.1 {
            Tok::Block(_) => vec![token],
            Tok::Str(parts) => parts.iter().filter_map(term).collect(),
            _ => Vec::new(),
        });
        for block in blocks {
            let Tok::Block(tokens) = &block.1 else { continue };
            let (start, end) = (self.start(block), self.start(block) + block.0.len());
            out.push_str(&self.0[from..start]);
            out.push_str(&self.rewritten(start, tokens, end));
            from = end;
        }
        out.push_str(&self.0[from..to]);
        out
    }
}

fn term<'t, 'q>(part: &'t StrPart<&'q str, Token<&'q str>>) -> Option<&'t Token<&'q str>> {
    match part {
        StrPart::Term(token) => Some(token),
        _ => None,
    }
}

/// The first alternative of patterns among tokens.
fn find(tokens: &[Token<&str>]) -> Option<Binding> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.0 == text);
    (0..tokens.len()).filter(|at| is(*at, "as")).find_map(|keyword| {
        let (mut patterns, mut first) = (Vec::new(), keyword + 1);
        for at in keyword + 1..tokens.len() {
            if is(at, "?") && is(at + 1, "//") {
                patterns.push((first, at));
                first = at + 2;
            } else if is(at, "|") {
                let body = (at + 1, at + 1 + length(&tokens[at + 1..]));
                patterns.push((first, at));
                return (patterns.len() > 1).then_some(Binding { keyword, patterns, body });
            }
        }
        None
    })
}

/// How many tokens belong to what begins here: it ends with its brackets, its branch, its argument
/// or its definition.
fn length(tokens: &[Token<&str>]) -> usize {
    let (mut branches, mut definitions) = (0usize, 0usize);
    let ends = tokens.iter().position(|token| {
        match token.0 {
            "if" => branches += 1,
            "def" => definitions += 1,
            "end" if branches > 0 => branches -= 1,
            ";" if definitions > 0 => definitions -= 1,
            "then" | "elif" | "else" => return branches == 0,
            "end" | ";" | ")" | "]" | "}" => return true,
            _ => {}
        }
        false
    });
    ends.unwrap_or(tokens.len())
}

/// The variables that a pattern sets; those in the expressions of its keys are not its own.
fn variables<'q>(pattern: &[Token<&'q str>]) -> Vec<&'q str> {
    let set = pattern.iter().flat_map(|token| match &token.1 {
        Tok::Var => vec![token.0],
        Tok::Block(inner) if !token.0.starts_with('(') => variables(inner),
        _ => Vec::new(),
    });
    set.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;

    fn hold(cases: &[(&str, &str, &str)]) {
        for (query, document, want) in cases {
            assert_eq!(ask(query, document), *want, "{query} of {document}");
        }
    }

    #[test]
    fn patterns_are_tried_in_their_order() {
        let three = ". as {$a} ?// [$a] ?// $a | $a";
        let names = ". as {$a, b: [$c, {$d}]} ?// [$a, {$b}, $e] ?// $f | [$a, $b, $c, $d, $e, $f]";
        hold(&[
            (three, r#"{"a":3}"#, "3"),
            (three, "[1]", "1"),
            (three, "4", "4"),
            (names, r#"{"a":1,"b":[2,{"d":3}]}"#, "[1,null,2,3,null,null]"),
            (names, r#"[4,{"b":5,"c":6},7,8]"#, "[4,5,null,null,7,null]"),
            (names, r#""x""#, r#"[null,null,null,null,null,"x"]"#),
        ]);
    }

    #[test]
    fn a_body_that_fails_goes_on_with_the_next_pattern() {
        hold(&[
            (
                r#". as [$a] ?// $a | if ($a | type) == "number" then error else $a end"#,
                "[1]",
                "[1]",
            ),
            (
                r#"[.[] as [$a] ?// $b | 1, (if $a then error("no") else $b end)]"#,
                "[[7]]",
                "[1,1,[7]]",
            ),
            (r#"try (. as [$a] ?// $a | error("both")) catch ."#, "[1]", "\"both\""),
        ]);
    }

    #[test]
    fn bodies_end_where_their_scope_does() {
        let branches = r#"if . as [$a] ?// $a | $a then "yes" else . as [$b] ?// $b | $b end"#;
        hold(&[
            ("def f: . as [$a] ?// $a | $a; [f, f]", "[1]", "[1,1]"),
            (". as [$a] ?// $a | def g: $a; def h(x): x + 1; h(g)", "2", "3"),
            (branches, "[true]", "\"yes\""),
            (branches, "[false]", "false"),
            (". as [$a] ?// $a | if $a then 1 elif . then 2 else 3 end, 4", "[true]", "[1,4]"),
            ("[(. as [$a] ?// $a | $a), 5]", "[1]", "[1,5]"),
            ("1 + (. as [$a] ?// $a | [$a] as [[$b]] ?// [$b] | $a + $b)", "[2]", "5"),
            (r#""<\(. as [$a] ?// $a | $a)>""#, "[1]", "\"<1>\""),
            (r#""k" as $k | . as {($k): $a} ?// $a | $a"#, r#"{"k":1}"#, "1"),
            (". as [$a] ?// $a | path(.[$a])", "[0]", "[0]"),
            (".a?//1", "{}", "1"),
        ]);
    }

    #[test]
    fn what_cannot_be_read_stays_wrong() {
        let wrong = super::super::run::Query::compile(". as [$a] ?// | $a").err();
        assert!(wrong.is_some_and(|text| text.starts_with("error parsing jq query: ")));
        assert_eq!(super::written_out("( ?// "), "( ?// ");
    }
}
