//! Upper and lower case as Go has them: character by character, never one to several.

/// The characters of a text, each as its bytes; a byte that starts none counts as one.
pub fn chars(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let len = match first {
            0..0x80 => 1,
            _ => rest
                .utf8_chunks()
                .next()
                .map_or(1, |chunk| chunk.valid().chars().next().map_or(1, char::len_utf8)),
        };
        let (head, tail) = rest.split_at(len.min(rest.len()));
        rest = tail;
        Some(head)
    })
}

/// The text in capital letters. Bytes that are no UTF-8 become U+FFFD, unless all is ASCII.
#[must_use]
pub fn uppercase(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    convert(text, upper)
}

/// The text in small letters. Bytes that are no UTF-8 become U+FFFD, unless all is ASCII.
#[must_use]
pub fn lowercase(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    convert(text, lower)
}

fn convert(text: &[u8], change: fn(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            out.extend_from_slice(change(c).encode_utf8(&mut [0; 4]).as_bytes());
        }
        for _ in chunk.invalid() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out
}

/// The capital of a character, where it is one character.
#[must_use]
pub fn upper(c: char) -> char {
    let mut capitals = c.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => c,
    }
}

/// The small letter of a character, where it is one character.
#[must_use]
pub fn lower(c: char) -> char {
    // The only one with a small form of two characters has a plain one in Go.
    if c == 'İ' {
        return 'i';
    }
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(small), None) => small,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_stays_one() {
        assert_eq!(uppercase("straße ŉ ﬁ ǆ é".as_bytes()), "STRAßE ŉ ﬁ Ǆ É".as_bytes());
        assert_eq!(lowercase("İÀΣ".as_bytes()), "iàσ".as_bytes());
        assert_eq!(uppercase(b"ab\xff"), "AB\u{fffd}".as_bytes());
        assert_eq!(chars("aé\u{20ac}".as_bytes()).count(), 3);
        assert_eq!(chars(b"\xe2\x82").count(), 2);
    }
}
