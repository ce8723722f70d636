//! Texts as titles, as Go's `cases.Title(language.English)` makes them: every word begins with a
//! capital and goes on in small letters.

/// The text as a title. Bytes that are no UTF-8 become U+FFFD.
#[must_use]
pub fn title(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        let mut copy = text.to_vec();
        ascii_title(&mut copy);
        return copy;
    }
    full_title(text)
}

/// The same for letters of one byte.
pub(crate) fn ascii_title(text: &mut [u8]) {
    text.make_ascii_lowercase();
    let belongs = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let mut in_word = false;
    for at in 0..text.len() {
        let joins = in_word && text.get(at + 1).is_some_and(|next| belongs(*next));
        let c = &mut text[at];
        let inside = belongs(*c) || joins && matches!(c, b'\'' | b'.' | b':');
        if !inside {
            in_word = false;
        } else if !in_word && c.is_ascii_lowercase() {
            in_word = true;
            c.make_ascii_uppercase();
        }
    }
}

fn full_title(text: &[u8]) -> Vec<u8> {
    let small = String::from_utf8_lossy(text).to_lowercase();
    let mut out = String::with_capacity(small.len());
    let mut in_word = false;
    let mut chars = small.chars().peekable();
    while let Some(c) = chars.next() {
        // Marks such as an apostrophe join the letters around them.
        let joins = |next: Option<&char>| in_word && next.is_some_and(|next| belongs(*next));
        let inside = belongs(c) || is_mid(c) && joins(chars.peek());
        if !inside {
            in_word = false;
            out.push(c);
        } else if in_word || !is_cased(c) {
            out.push(c);
        } else {
            in_word = true;
            push_title(&mut out, c);
        }
    }
    out.into_bytes()
}

/// Whether a character is part of a word.
fn belongs(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '\u{203f}' | '\u{2040}' | '\u{200c}' | '\u{200d}' | '\u{ad}')
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether a character joins letters into one word.
fn is_mid(c: char) -> bool {
    matches!(
        c,
        '\'' | '.'
            | ':'
            | '\u{b7}'
            | '\u{387}'
            | '\u{55f}'
            | '\u{5f4}'
            | '\u{2018}'
            | '\u{2019}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{fe13}'
            | '\u{fe52}'
            | '\u{fe55}'
            | '\u{ff07}'
            | '\u{ff0e}'
            | '\u{ff1a}'
    )
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

/// Appends the form that a letter has at the begin of a word.
fn push_title(out: &mut String, c: char) {
    let shifted = |by: i32| u32::from(c).checked_add_signed(by).and_then(char::from_u32);
    let title = match c {
        'Ǆ' | 'ǅ' | 'ǆ' => Some('ǅ'),
        'Ǉ' | 'ǈ' | 'ǉ' => Some('ǈ'),
        'Ǌ' | 'ǋ' | 'ǌ' => Some('ǋ'),
        'Ǳ' | 'ǲ' | 'ǳ' => Some('ǲ'),
        // Georgian has no capitals in titles.
        'ა'..='ჿ' => Some(c),
        'ᾀ'..='ᾇ' | 'ᾐ'..='ᾗ' | 'ᾠ'..='ᾧ' => shifted(8),
        'ᾳ' | 'ῃ' | 'ῳ' => shifted(9),
        _ => None,
    };
    if let Some(title) = title {
        out.push(title);
        return;
    }
    // A letter whose capital is several, such as `ß`, has only the first of them large.
    let mut capitals = c.to_uppercase();
    out.extend(capitals.next());
    match c {
        'ŉ' => out.extend(capitals),
        _ => out.extend(capitals.flat_map(char::to_lowercase)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{full_title, title};

    proptest! {
        #[test]
        fn one_byte_letters_are_no_exception(text in "[a-cA-C0-1'.:_ -]{0,12}|[ -~]{0,12}") {
            prop_assert_eq!(title(text.as_bytes()), full_title(text.as_bytes()));
        }
    }

    #[test]
    fn words_begin_with_capitals() {
        for (text, expected) in [
            ("ÉCOLE élan ßtraße", "École Élan Sstraße"),
            ("ǆungla ǅabc", "ǅungla ǅabc"),
            ("3rd place, 21ST c.", "3Rd Place, 21St C."),
            ("HELLO wORLD_foo-bar", "Hello World_foo-Bar"),
            ("don't o'neil's 'tis", "Don't O'neil's 'Tis"),
            ("ΟΔΟΣ", "Οδος"),
        ] {
            assert_eq!(String::from_utf8(title(text.as_bytes())).unwrap(), expected);
        }
    }
}
