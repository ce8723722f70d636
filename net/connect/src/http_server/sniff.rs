//! The content type of an answer whose configuration names none, as Go's HTTP server guesses it.

/// Bytes that are looked at.
const LOOK_BYTES: usize = 512;

/// A content type for these bytes.
pub(super) fn content_type(bytes: &[u8]) -> &'static str {
    let head = bytes.get(..LOOK_BYTES).unwrap_or(bytes);
    let blank = head.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let text = head.get(blank..).unwrap_or_default();
    const HTML: [&[u8]; 6] = [b"<!DOCTYPE HTML", b"<HTML", b"<HEAD", b"<BODY", b"<TITLE", b"<DIV"];
    let tag = |tag: &&[u8]| {
        let end = text.get(tag.len());
        text.get(..tag.len()).is_some_and(|t| t.eq_ignore_ascii_case(tag))
            && end.is_some_and(|b| matches!(b, b' ' | b'>'))
    };
    if HTML.iter().any(tag) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let signatures: [(&[u8], &str); 7] = [
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"\x1f\x8b\x08", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
    ];
    if let Some((_, name)) = signatures.iter().find(|(start, _)| head.starts_with(start)) {
        return name;
    }
    let binary = |b: &u8| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if head.iter().any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(content_type(b""), "text/plain; charset=utf-8");
        assert_eq!(content_type(b"{\"a\":1}"), "text/plain; charset=utf-8");
        assert_eq!(content_type(b"\x00\x01"), "application/octet-stream");
        assert_eq!(content_type(b" <html>x"), "text/html; charset=utf-8");
        assert_eq!(content_type(b"\x1f\x8b\x08\x00"), "application/x-gzip");
    }
}
