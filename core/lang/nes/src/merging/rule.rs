//! The rules of merging by their names (spec/nes-system.md §8).

/// The name of the rule that merges nothing.
const OFF: &str = "DefaultQueryMergerRule";

/// Names of rules, those of older generations too, with what they are here. The original finds
/// equality in many ways; here there are two, and containment only looks at beginnings.
const RULES: [(&str, Rule); 17] = [
    ("SyntaxBasedCompleteQueryMergerRule", Rule::new(false, false)),
    ("SyntaxBasedPartialQueryMergerRule", Rule::new(true, false)),
    ("Z3SignatureBasedCompleteQueryMergerRule", Rule::new(false, true)),
    ("Z3SignatureBasedPartialQueryMergerRule", Rule::new(true, true)),
    ("Z3SignatureBasedPartialQueryMergerBottomUpRule", Rule::new(true, true)),
    ("Z3SignatureBasedBottomUpQueryContainmentRule", Rule::new(true, true)),
    ("Z3SignatureBasedTopDownQueryContainmentMergerRule", Rule::new(true, true)),
    ("HashSignatureBasedCompleteQueryMergerRule", Rule::new(false, true)),
    ("HashSignatureBasedPartialQueryMergerRule", Rule::new(true, true)),
    ("ImprovedHashSignatureBasedCompleteQueryMergerRule", Rule::new(false, true)),
    ("ImprovedHashSignatureBasedPartialQueryMergerRule", Rule::new(true, true)),
    ("StringSignatureBasedCompleteQueryMergerRule", Rule::new(false, true)),
    ("StringSignatureBasedPartialQueryMergerRule", Rule::new(true, true)),
    ("ImprovedStringSignatureBasedCompleteQueryMergerRule", Rule::new(false, true)),
    ("ImprovedStringSignatureBasedPartialQueryMergerRule", Rule::new(true, true)),
    ("HybridCompleteQueryMergerRule", Rule::new(false, true)),
    (OFF, Rule::new(false, false)),
];

/// Which queries are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether queries are merged that only begin in the same way; otherwise those that are the
    /// same up to their sinks.
    pub partial: bool,
    /// Whether conditions are the same in whatever order they name what must hold.
    pub by_signature: bool,
}

impl Rule {
    const fn new(partial: bool, by_signature: bool) -> Rule {
        Rule { partial, by_signature }
    }

    /// The rule of a name; none for the one that merges nothing.
    ///
    /// # Errors
    /// There is no such rule; the text lists those that there are.
    pub fn named(name: &str) -> Result<Option<Rule>, String> {
        match RULES.iter().find(|(known, _)| *known == name) {
            Some((known, rule)) => Ok((*known != OFF).then_some(*rule)),
            None => {
                let all: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
                Err(format!("there is no rule '{name}'; there are {}", all.join(", ")))
            }
        }
    }
}
