//! What differs between two JSON documents, shown as those who know Benthos expect it: the
//! document over several lines, with what is missing in green, what is too much in red, and what
//! has another value in yellow.

use plan::Json;
use plan::serde_json::{self, Map};

/// How the first document relates to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// They are the same.
    Full,
    /// The first holds the second and more.
    Superset,
    /// Something of the second is not in the first.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Added,
    Removed,
    Changed,
}

impl Tone {
    fn begin(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Added => "\u{1b}[0;32m",
            Tone::Removed => "\u{1b}[0;31m",
            Tone::Changed => "\u{1b}[0;33m",
        }
    }

    fn end(self) -> &'static str {
        if self == Tone::Plain { "" } else { "\u{1b}[0m" }
    }
}

struct Shown {
    out: String,
    level: usize,
    tone: Tone,
    found: Match,
}

/// Compares two documents.
#[must_use]
pub fn compare(a: &Json, b: &Json) -> (Match, String) {
    let mut shown = Shown { out: String::new(), level: 0, tone: Tone::Plain, found: Match::Full };
    shown.pair(a, b);
    shown.tone(Tone::Plain);
    (shown.found, shown.out)
}

/// Compares two texts, which should be JSON. Of each only the first document counts.
#[must_use]
pub fn compare_texts(a: &[u8], b: &[u8]) -> (Match, String) {
    let parsed = |text| serde_json::Deserializer::from_slice(text).into_iter::<Json>().next();
    let (a, b) = (parsed(a).and_then(Result::ok), parsed(b).and_then(Result::ok));
    let invalid = |which: &str| (Match::None, format!("{which} invalid json"));
    match (a, b) {
        (None, None) => invalid("both arguments are"),
        (None, _) => invalid("first argument is"),
        (_, None) => invalid("second argument is"),
        (Some(a), Some(b)) => compare(&a, &b),
    }
}

fn keys_of<'j>(a: &'j Map<String, Json>, b: &'j Map<String, Json>) -> Vec<&'j String> {
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    keys
}

impl Shown {
    fn tone(&mut self, tone: Tone) {
        if self.tone != tone {
            self.out.push_str(self.tone.end());
            self.out.push_str(tone.begin());
            self.tone = tone;
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str(self.tone.end());
        self.out.push('\n');
        self.out.push_str(&"    ".repeat(self.level));
        self.out.push_str(self.tone.begin());
    }

    fn saw(&mut self, found: Match) {
        self.found = self.found.max(found);
    }

    fn key(&mut self, key: Option<&String>) {
        if let Some(key) = key {
            self.out.push_str(&quoted(key));
            self.out.push_str(": ");
        }
    }

    fn pair(&mut self, a: &Json, b: &Json) {
        match (a, b) {
            (Json::Object(a), Json::Object(b)) => {
                let keys = keys_of(a, b);
                let pairs = keys.into_iter().map(|key| (Some(key), a.get(key), b.get(key)));
                self.all("{", "}", pairs.collect());
            }
            (Json::Array(a), Json::Array(b)) => {
                let pairs = (0..a.len().max(b.len())).map(|at| (None, a.get(at), b.get(at)));
                self.all("[", "]", pairs.collect());
            }
            (a, b) if a == b => {
                self.tone(Tone::Plain);
                self.single(a);
            }
            (a, b) => {
                self.tone(Tone::Changed);
                self.single(a);
                self.out.push_str(" => ");
                self.single(b);
                self.saw(Match::None);
            }
        }
    }

    fn all(
        &mut self,
        open: &str,
        close: &str,
        pairs: Vec<(Option<&String>, Option<&Json>, Option<&Json>)>,
    ) {
        self.tone(Tone::Plain);
        if pairs.is_empty() {
            self.out.push_str(open);
            return self.out.push_str(close);
        }
        self.level += 1;
        self.line(open);
        let last = pairs.len() - 1;
        for (at, (key, a, b)) in pairs.into_iter().enumerate() {
            match (a, b) {
                (Some(a), Some(b)) => {
                    self.key(key);
                    self.pair(a, b);
                }
                (Some(only), None) => self.one_sided(Tone::Removed, Match::Superset, key, only),
                (None, Some(only)) => self.one_sided(Tone::Added, Match::None, key, only),
                (None, None) => {}
            }
            self.tone(Tone::Plain);
            if at < last {
                self.line(",");
            }
        }
        self.level -= 1;
        self.line("");
        self.out.push_str(close);
    }

    fn one_sided(&mut self, tone: Tone, found: Match, key: Option<&String>, value: &Json) {
        self.tone(tone);
        self.key(key);
        self.whole(value);
        self.saw(found);
    }

    /// A value of one document over several lines.
    fn whole(&mut self, value: &Json) {
        let (open, close, members): (_, _, Vec<(Option<&String>, &Json)>) = match value {
            Json::Array(items) => ("[", "]", items.iter().map(|item| (None, item)).collect()),
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| *key);
                ("{", "}", members.into_iter().map(|(key, value)| (Some(key), value)).collect())
            }
            single => return self.single(single),
        };
        if members.is_empty() {
            self.out.push_str(open);
            return self.out.push_str(close);
        }
        self.level += 1;
        self.line(open);
        let last = members.len() - 1;
        for (at, (key, value)) in members.into_iter().enumerate() {
            self.key(key);
            self.whole(value);
            if at < last {
                self.line(",");
            }
        }
        self.level -= 1;
        self.line("");
        self.out.push_str(close);
    }

    /// A value within a line; of lists and objects only what they are.
    fn single(&mut self, value: &Json) {
        match value {
            Json::Array(_) => self.out.push_str("[]"),
            Json::Object(_) => self.out.push_str("{}"),
            Json::String(text) => self.out.push_str(&quoted(text)),
            other => self.out.push_str(&other.to_string()),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use plan::serde_json::json;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn differences_are_shown_in_their_place() {
        let a = json!({"a": 1, "b": [1, 2, {"x": "y"}], "c": "s"});
        let b = json!({"a": 2, "b": [1, 3, {"x": "z"}, 4], "d": null});
        let (found, text) = compare(&a, &b);
        assert_eq!(found, Match::None);
        let want = "{\n    \"a\": \u{1b}[0;33m1 => 2\u{1b}[0m,\n    \"b\": [\n        1,\n        \
                    \u{1b}[0;33m2 => 3\u{1b}[0m,\n        {\n            \"x\": \u{1b}[0;33m\"y\" \
                    => \"z\"\u{1b}[0m\n        },\n        \u{1b}[0;32m4\u{1b}[0m\n    ],\n    \
                    \u{1b}[0;31m\"c\": \"s\"\u{1b}[0m,\n    \u{1b}[0;32m\"d\": null\u{1b}[0m\n}";
        assert_eq!(text, want);
        let removed = "{\n    \u{1b}[0;31m\"b\": [\u{1b}[0m\n        \
                       \u{1b}[0;31m1\u{1b}[0m\n    \u{1b}[0;31m]\u{1b}[0m\n}";
        let (found, text) = compare(&json!({"b": [1]}), &json!({}));
        assert_eq!((found, text.as_str()), (Match::Superset, removed));
    }

    #[test]
    fn what_is_no_json_is_said() {
        for (a, b, want) in [
            ("x", "y", "both arguments are invalid json"),
            ("x", "{}", "first argument is invalid json"),
            ("1", "", "second argument is invalid json"),
        ] {
            let (found, text) = compare_texts(a.as_bytes(), b.as_bytes());
            assert_eq!((found, text.as_str()), (Match::None, want));
        }
        assert_eq!(compare_texts(b"{\"a\":1}", b" { \"a\" : 1 } ").0, Match::Full);
        assert_eq!(compare_texts(b"1.0", b"1").0, Match::None);
    }

    #[test]
    fn deep_documents_are_refused_and_not_walked() {
        let deep = "[".repeat(100_000);
        assert_eq!(compare_texts(deep.as_bytes(), b"[]").1, "first argument is invalid json");
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            (0..5i64).prop_map(Json::from),
            "[ab\"\n]{0,3}".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_equal_documents_match_in_full(a in any_json(), b in any_json()) {
            let (found, shown) = compare(&a, &b);
            prop_assert_eq!(found == Match::Full, a == b);
            let toned = shown.contains(Tone::Plain.end()) && shown.contains("[0m");
            prop_assert_eq!(found == Match::Full, !toned);
        }

        #[test]
        fn who_holds_the_other_misses_nothing_the_other_way(a in any_json(), b in any_json()) {
            if compare(&a, &b).0 == Match::Superset {
                let added = compare(&a, &b).1.contains(Tone::Added.begin());
                prop_assert!(!added);
                prop_assert_eq!(compare(&b, &a).0, Match::None);
            }
        }
    }
}
