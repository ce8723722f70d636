//! Names: those without quotes are folded to upper case and match in any case, those in back-quotes
//! match as they are (spec/nes-query-language.md §11).

use crate::lower::stream::Column;
use crate::schema::{SEPARATOR, bare, qualifier};

/// What a part of a name begins with when it stood in quotes.
pub(crate) const QUOTE: char = '`';

/// Whether a part of a name means this text.
fn matches(part: &str, text: &str) -> bool {
    match part.strip_prefix(QUOTE) {
        Some(exact) => exact == text,
        None => part.eq_ignore_ascii_case(text),
    }
}

/// Those that a name means: the ones spelt just so, or else all that it matches.
pub(crate) fn meant<'f, T>(
    all: impl Iterator<Item = &'f T> + Clone,
    name: &str,
    text: impl Fn(&T) -> &str,
) -> Vec<&'f T> {
    let exact = name.strip_prefix(QUOTE).unwrap_or(name);
    let same: Vec<&T> = all.clone().filter(|item| text(item) == exact).collect();
    if same.is_empty() { all.filter(|item| matches(name, text(item))).collect() } else { same }
}

/// The fields that a name may mean, which may have a qualifier.
pub(crate) fn candidates<'f>(fields: &'f [Column], name: &str) -> Vec<&'f Column> {
    match name.rsplit_once(SEPARATOR) {
        None => meant(fields.iter(), name, |f| bare(&f.name)),
        Some((of, name)) => {
            let of = |f: &&Column| matches(of, qualifier(&f.name));
            let fields: Vec<&Column> = fields.iter().filter(of).collect();
            meant(fields.iter(), name, |f| bare(&f.name)).into_iter().copied().collect()
        }
    }
}

/// The name as it is stored: what is folded stays folded.
pub(crate) fn plain(name: &str) -> String {
    name.replace(QUOTE, "")
}

/// The name as errors show it.
pub(crate) fn shown(name: &str) -> String {
    plain(name).replace(SEPARATOR, ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UINT64;

    #[test]
    fn folded_names_match_in_any_case_and_quoted_ones_as_they_are() {
        let fields: Vec<Column> =
            ["s$id", "s$Id", "t$ID", "t$x"].map(|n| Column::new(n, n, UINT64)).to_vec();
        let found = |name: &str| -> Vec<&str> {
            candidates(&fields, name).into_iter().map(|f| f.name.as_str()).collect()
        };
        assert_eq!(found("ID"), ["t$ID"], "the one spelt just so");
        assert_eq!(found("X"), ["t$x"]);
        assert_eq!(found("`X"), [""; 0]);
        assert_eq!(found("`Id"), ["s$Id"]);
        assert_eq!(found("S$ID"), ["s$id", "s$Id"]);
        assert_eq!(found("`S$ID"), [""; 0]);
        assert_eq!(shown("S$`Id"), "S.Id");
    }
}
