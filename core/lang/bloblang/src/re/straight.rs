//! Expressions that are matched in one go, as those for lines of logs nearly always are.
//!
//! Such an expression is a row of literals, characters of a class repeated, and groups. A search
//! that tries every way begins with one: each repetition takes as much as it can (or, if it is
//! lazy, as little), from the beginning of the text on. Where that way leads to the end of the
//! expression it is the match, since no other way is preferred to it; where it does not, the search
//! is left to the engine of expressions, which tries the others.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// Where groups begin and end, the whole match first.
pub(super) type Places = Vec<(usize, usize)>;

/// An expression of this kind, for texts of ASCII alone.
pub(super) struct Straight {
    parts: Vec<Part>,
    groups: usize,
}

enum Part {
    Literal(Box<[u8]>),
    /// Bytes of a class, so many times.
    Run {
        class: Box<[bool; 256]>,
        min: usize,
        max: usize,
    },
    Begin(usize),
    End(usize),
    TextBegin,
    TextEnd,
}

impl Straight {
    /// Prepares an expression in the syntax of our engine; `None` for one of another kind.
    pub(super) fn new(pattern: &str) -> Option<Straight> {
        let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()?;
        let mut straight = Straight { parts: Vec::new(), groups: 1 };
        straight.add(&hir)?;
        Some(straight)
    }

    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => self.parts.push(Part::Literal(literal.0.clone())),
            HirKind::Class(_) => self.parts.push(run(hir, 1, 1)?),
            HirKind::Look(Look::Start) => self.parts.push(Part::TextBegin),
            HirKind::Look(Look::End) => self.parts.push(Part::TextEnd),
            HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
                let min = usize::try_from(*min).ok()?;
                let max = match max {
                    Some(max) => usize::try_from(*max).ok()?,
                    None => usize::MAX,
                };
                self.parts.push(run(sub, min, if *greedy { max } else { min })?);
            }
            HirKind::Capture(capture) => {
                let group = usize::try_from(capture.index).ok()?;
                self.groups = self.groups.max(group + 1);
                self.parts.push(Part::Begin(group));
                self.add(&capture.sub)?;
                self.parts.push(Part::End(group));
            }
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part))?,
            HirKind::Look(_) | HirKind::Alternation(_) => return None,
        }
        Some(())
    }

    /// Whether the preferred way matches, from the beginning of the text on; `places` are then
    /// those of its groups.
    pub(super) fn find(&self, text: &[u8], places: &mut Places) -> bool {
        places.clear();
        places.resize(self.groups, (0, 0));
        let mut at = 0;
        for part in &self.parts {
            let rest = text.get(at..).unwrap_or_default();
            match part {
                Part::Literal(literal) if rest.starts_with(literal) => at += literal.len(),
                Part::Run { class, min, max } => {
                    let within = &rest[..rest.len().min(*max)];
                    let other = within.iter().position(|byte| !class[usize::from(*byte)]);
                    let count = other.unwrap_or(within.len());
                    if count < *min {
                        return false;
                    }
                    at += count;
                }
                Part::Begin(group) => places[*group].0 = at,
                Part::End(group) => places[*group].1 = at,
                Part::TextBegin if at == 0 => {}
                Part::TextEnd if rest.is_empty() => {}
                Part::Literal(_) | Part::TextBegin | Part::TextEnd => return false,
            }
        }
        places[0].1 = at;
        true
    }
}

/// A class, or one byte, so many times.
fn run(hir: &Hir, min: usize, max: usize) -> Option<Part> {
    let mut class = Box::new([false; 256]);
    match hir.kind() {
        HirKind::Class(Class::Bytes(bytes)) => {
            for range in bytes.ranges() {
                class[usize::from(range.start())..=usize::from(range.end())].fill(true);
            }
        }
        HirKind::Literal(literal) => match *literal.0 {
            [byte] => class[usize::from(byte)] = true,
            _ => return None,
        },
        _ => return None,
    }
    Some(Part::Run { class, min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_leads_nowhere_is_no_match() {
        let straight = |pattern| Straight::new(pattern).unwrap();
        let mut places = Vec::new();
        assert!(straight("^(a+)(b*?)c").find(b"aaac!", &mut places));
        assert_eq!(places, [(0, 4), (0, 3), (3, 3)]);
        // Others ways match, and are left to the engine.
        assert!(!straight("^(a+)a$").find(b"aaa", &mut places));
        assert!(!straight("b").find(b"ab", &mut places));
        assert!(Straight::new("a|bc").is_none() && Straight::new("(ab)+").is_none());
        assert!(Straight::new("\\bx").is_none());
    }
}
