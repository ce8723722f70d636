//! The groups of the first match, without memory for each match.

use std::cell::RefCell;

use formats::value::Text;
use regex::bytes::{CaptureLocations, Regex};

use super::find::{Steps, group_keys};
use super::straight::{Places, Straight};
use super::{compile, compile_ascii};
use crate::error::Error;

/// An expression whose groups are asked for again and again.
pub struct Groups {
    any: Finder,
    /// The same for texts of ASCII alone, where every class is one of bytes; where there is one.
    ascii: Option<Finder>,
    /// The same for texts of ASCII that it matches in one go, and where it did.
    straight: Option<(Straight, RefCell<Places>)>,
    /// What the groups are called and their numbers, sorted by what they are called.
    keys: Vec<(Text, usize)>,
}

struct Finder {
    pattern: Regex,
    places: RefCell<CaptureLocations>,
}

impl Finder {
    fn new(pattern: Regex) -> Self {
        let places = RefCell::new(pattern.capture_locations());
        Finder { pattern, places }
    }

    /// Whether there is a match, the places of whose groups are then at hand.
    fn find(&self, text: &[u8]) -> bool {
        let mut places = self.places.borrow_mut();
        let mut steps = Steps::new(text);
        while let Some(at) = steps.at() {
            match self.pattern.captures_read_at(&mut places, text, at) {
                Some(all) if steps.accept(all.start(), all.end()) => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }
}

impl Groups {
    /// Compiles an expression.
    ///
    /// # Errors
    /// In the words of Go's `regexp`.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        let any = compile(pattern)?;
        let mut keys: Vec<(Text, usize)> = group_keys(&any).into_iter().zip(0..).collect();
        keys.sort();
        let (ascii, straight) = compile_ascii(pattern).unzip();
        let straight = straight.flatten().map(|straight| (straight, RefCell::default()));
        Ok(Groups { any: Finder::new(any), ascii: ascii.map(Finder::new), straight, keys })
    }

    /// Number of groups, the whole match included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// Calls `each` with the groups of the first match that Go finds, sorted by what they are
    /// called; a group that took no part is empty. Whether there is a match.
    pub fn first<'t>(&self, text: &'t [u8], each: impl FnMut(&Text, &'t [u8])) -> bool {
        let is_ascii = text.is_ascii();
        if let Some((straight, places)) = self.straight.as_ref().filter(|_| is_ascii)
            && straight.find(text, &mut places.borrow_mut())
        {
            let places = places.borrow();
            self.tell(text, |group| places.get(group).copied(), each);
            return true;
        }
        let finder = match &self.ascii {
            Some(ascii) if is_ascii => ascii,
            _ => &self.any,
        };
        if !finder.find(text) {
            return false;
        }
        let places = finder.places.borrow();
        self.tell(text, |group| places.get(group), each);
        true
    }

    fn tell<'t>(
        &self,
        text: &'t [u8],
        place: impl Fn(usize) -> Option<(usize, usize)>,
        mut each: impl FnMut(&Text, &'t [u8]),
    ) {
        for (key, group) in &self.keys {
            let found = place(*group).and_then(|(start, end)| text.get(start..end));
            each(key, found.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::re::{each_captures, object_of};
    use crate::val::Val;
    use proptest::prelude::*;

    const PATTERNS: &[&str] = &[
        "(?P<b>[a-z]+)(?P<a>\\d*)",
        "(?i)(k|é)(\\S*)",
        "^(\\S+) (\\W)?",
        "(a*)(?P<z>b)?",
        "\\b(.)\\B",
        "[^é]$",
        "(\\pL+)",
        "x*",
        "^(?P<a>\\S+)([ -]?)(k*?)x",
        "(?P<b>[^ ]+)-?(?P<a>\\S*)1$",
        "^a(.{1,2})(b+?)?",
    ];

    proptest! {
        #[test]
        fn groups_are_those_of_one_match(
            pattern in prop::sample::select(PATTERNS),
            text in "[abkKx1 é\u{212a}\n-]{0,12}",
        ) {
            let groups = Groups::new(pattern).unwrap();
            let mut found = Vec::new();
            let any = groups.first(text.as_bytes(), |key, group| {
                found.push(format!("{key:?} {group:?}"));
            });
            let plain = compile(pattern).unwrap();
            let mut expected = None;
            each_captures(&plain, text.as_bytes(), |captures| {
                expected = Some(object_of(&group_keys(&plain), captures, &Val::text("")));
                false
            });
            prop_assert_eq!(any, expected.is_some());
            let Some(formats::value::Value::Object(expected)) = expected else { return Ok(()) };
            let expected: Vec<String> = expected
                .iter()
                .map(|(key, value)| format!("{key:?} {:?}", Val::from(value.clone()).as_text().unwrap()))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
