//! Patterns of `like`, `ss` and `ssr`: `?` is any character, `*` any text, `[...]` one of a set.

use formats::budget;

/// Comparisons of a byte that are one step.
const COMPARED: usize = 16;

/// A pattern ready to match.
pub(super) struct Pattern(Vec<Part>);

enum Part {
    /// Any text.
    Any,
    /// One byte.
    Byte(u8),
    /// Any one byte.
    One,
    /// One byte that is, or is not, in the ranges.
    Set(bool, Vec<(u8, u8)>),
}

impl Part {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Byte(b) => *b == byte,
            Self::Set(not, ranges) => ranges.iter().any(|(a, b)| (*a..=*b).contains(&byte)) != *not,
        }
    }
}

impl Pattern {
    /// A pattern of `like`.
    pub(super) fn new(text: &[u8]) -> Self {
        Self::parse(text, true)
    }

    /// A pattern of `ss`, in which a star is itself.
    pub(super) fn plain(text: &[u8]) -> Self {
        Self::parse(text, false)
    }

    fn parse(text: &[u8], stars: bool) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let [first, tail @ ..] = rest {
            rest = tail;
            match *first {
                b'*' if stars => parts.push(Part::Any),
                b'?' => parts.push(Part::One),
                b'[' => match set(tail) {
                    Some((part, after)) => {
                        parts.push(part);
                        rest = after;
                    }
                    None => parts.push(Part::Byte(b'[')),
                },
                byte => parts.push(Part::Byte(byte)),
            }
        }
        Self(parts)
    }

    /// Bytes that a match of a plain pattern has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Counts the steps that a text may take: each of its bytes may be compared with each part.
    fn count(&self, text: &[u8]) {
        budget::step((text.len().saturating_mul(self.len()) / COMPARED) as u64);
    }

    /// Whether a whole text matches. Takes time in the product of the lengths at most.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.count(text);
        let (mut part, mut at) = (0, 0);
        // Where to go on when what follows the last star does not fit.
        let mut back: Option<(usize, usize)> = None;
        while at < text.len() {
            match (self.0.get(part), text.get(at)) {
                (Some(Part::Any), _) => {
                    back = Some((part, at));
                    part += 1;
                }
                (Some(p), Some(byte)) if p.takes(*byte) => {
                    part += 1;
                    at += 1;
                }
                _ => match &mut back {
                    Some((star, from)) => {
                        *from += 1;
                        at = *from;
                        part = *star + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0.get(part..).unwrap_or_default().iter().all(|p| matches!(p, Part::Any))
    }

    /// The places where a plain pattern occurs, none overlapping the one before.
    pub(super) fn find_all(&self, text: &[u8]) -> Vec<usize> {
        self.count(text);
        let mut found = Vec::new();
        let mut at = 0;
        while self.len() > 0 && at + self.len() <= text.len() {
            let window = text.get(at..at + self.len()).unwrap_or_default();
            if self.0.iter().zip(window).all(|(p, b)| p.takes(*b)) {
                found.push(at);
                at += self.len();
            } else {
                at += 1;
            }
        }
        found
    }
}

/// A set after its bracket, and what follows it.
fn set(text: &[u8]) -> Option<(Part, &[u8])> {
    let (not, body) = match text {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // A closing bracket that comes first is a member.
    let end = body.iter().skip(1).position(|b| *b == b']')? + 1;
    let (members, rest) = (body.get(..end)?, body.get(end + 1..)?);
    let mut ranges = Vec::new();
    let mut left = members;
    while let [first, tail @ ..] = left {
        left = tail;
        match tail {
            [b'-', last, after @ ..] => {
                ranges.push((*first, *last));
                left = after;
            }
            _ => ranges.push((*first, *first)),
        }
    }
    Some((Part::Set(not, ranges), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let like = |t: &str, p: &str| Pattern::new(p.as_bytes()).matches(t.as_bytes());
        assert!(like("abc", "a*") && like("abc", "*c") && like("abc", "*b*") && like("", "*"));
        assert!(like("abc", "[xa]bc") && like("abc", "?bc") && like("abc", "[^x]bc"));
        assert!(like("a5", "a[0-9]") && !like("ab", "a[0-9]") && !like("abc", "ab"));
        assert!(!like(&"a".repeat(1000), &("a*".repeat(30) + "b")));
    }
}
