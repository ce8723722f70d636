//! Text whose bytes may be no UTF-8, read as Go reads it: each byte that starts no character counts
//! as one U+FFFD. (Rust's own lossy conversion replaces a truncated character once, not per byte.)

/// The bytes of U+FFFD.
pub(crate) const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Calls `text` for each run of valid UTF-8 and `invalid` once for each byte outside of one.
pub(crate) fn runs<S>(
    bytes: &[u8],
    state: &mut S,
    mut text: impl FnMut(&mut S, &str),
    mut invalid: impl FnMut(&mut S),
) {
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            text(state, chunk.valid());
        }
        for _ in chunk.invalid() {
            invalid(state);
        }
    }
}

/// Appends `bytes` with each invalid byte replaced by U+FFFD.
pub(crate) fn push_replaced(out: &mut Vec<u8>, bytes: &[u8]) {
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        out.extend_from_slice(bytes);
        return;
    }
    runs(
        bytes,
        out,
        |out, text| out.extend_from_slice(text.as_bytes()),
        |out| out.extend_from_slice(REPLACEMENT),
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_invalid_byte_is_replaced() {
        let mut out = Vec::new();
        super::push_replaced(&mut out, b"a\xe2\x80z\xff\xed\xa0\x80");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a\u{fffd}\u{fffd}z\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
    }
}
