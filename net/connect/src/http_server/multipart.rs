//! Multipart bodies: several messages in one request or answer.

use bytes::Bytes;
use memchr::memmem;

/// Most parts of one body.
pub const PARTS_MAX: usize = 65_536;
/// Bytes of the head of a part.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// A body that is not what its head promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the multipart body is not well formed")]
pub struct BadBody;

/// The boundary of a content type such as `multipart/form-data; boundary=x`; `None` for a body
/// that is one message.
///
/// # Errors
/// When there are several parts, but no word about what is between them.
pub fn boundary(content_type: &str) -> Result<Option<String>, BadBody> {
    let mut params = content_type.split(';');
    let kind = params.next().unwrap_or_default().trim().to_ascii_lowercase();
    if !kind.starts_with("multipart/") {
        return Ok(None);
    }
    for param in params {
        let Some((name, value)) = param.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("boundary") {
            let value = value.trim().trim_matches('"');
            if !value.is_empty() && value.len() <= 200 {
                return Ok(Some(value.to_owned()));
            }
        }
    }
    Err(BadBody)
}

/// The contents of the parts of a body.
///
/// # Errors
/// When it is cut off, or has more than [`PARTS_MAX`] parts.
pub fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Bytes>, BadBody> {
    let mark = format!("--{boundary}");
    let inner = format!("\r\n{mark}");
    let finder = memmem::Finder::new(inner.as_bytes());
    let mut found = Vec::new();
    let mut at = match body.starts_with(mark.as_bytes()) {
        true => mark.len(),
        // What stands in front of the first mark is not looked at.
        false => finder.find(body).ok_or(BadBody)? + inner.len(),
    };
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(found);
        }
        let line = memmem::find(rest, b"\r\n").ok_or(BadBody)?;
        let start = at + line; // the line break before the head, so that an empty head is found
        let head = body.get(start..).unwrap_or_default();
        let head = memmem::find(head, b"\r\n\r\n").filter(|n| *n <= HEAD_BYTES_MAX);
        let content = start + head.ok_or(BadBody)? + 4;
        // A mark may follow the head at once: the part is empty then.
        let search = content - 2;
        let end = finder.find(body.get(search..).unwrap_or_default()).ok_or(BadBody)? + search;
        if found.len() >= PARTS_MAX {
            return Err(BadBody);
        }
        found.push(body.slice(content.min(end)..end.max(content.min(end))));
        at = end + inner.len();
    }
}

/// Puts parts together, each with its content type; returns the content type of the whole.
pub fn join(parts: &[Vec<u8>], boundary: &str, out: &mut Vec<u8>) -> String {
    for part in parts {
        let kind = super::sniff::content_type(part);
        push(&format!("Content-Type: {kind}\r\n"), part, boundary, out);
    }
    close(boundary, out)
}

/// Appends a part with a head of whole lines.
pub fn push(head: &str, part: &[u8], boundary: &str, out: &mut Vec<u8>) {
    let start = if out.is_empty() { "" } else { "\r\n" };
    out.extend_from_slice(format!("{start}--{boundary}\r\n{head}\r\n").as_bytes());
    out.extend_from_slice(part);
}

/// Ends a body of parts; returns the content type of the whole.
pub fn close(boundary: &str, out: &mut Vec<u8>) -> String {
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    format!("multipart/form-data; boundary={boundary}")
}

/// What separates the parts of a body: 60 digits, from a source of random numbers.
pub fn new_boundary(mut random: impl FnMut() -> u64) -> String {
    let mut text = String::new();
    while text.len() < 60 {
        text.push_str(&format!("{:016x}", random()));
    }
    text.truncate(60);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn boundaries() {
        assert_eq!(boundary("text/plain"), Ok(None));
        assert_eq!(boundary("multipart/mixed; boundary=\"a b\""), Ok(Some("a b".into())));
        assert_eq!(boundary("multipart/form-data"), Err(BadBody));
    }

    #[test]
    fn parts_of_a_form() {
        let body = "pre\r\n--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n\
                    --X\r\n\r\ntwo\r\n\r\n--X--\r\n";
        let got = parts(&Bytes::from(body), "X").unwrap();
        assert_eq!(got, [Bytes::from("one"), Bytes::from("two\r\n")]);
        assert_eq!(parts(&Bytes::from("--X--"), "X"), Ok(vec![]));
        for bad in ["", "--X", "--X\r\n\r\nx", "--X\r\nhead\r\nx\r\n--X--"] {
            assert_eq!(parts(&Bytes::from(bad), "X"), Err(BadBody), "{bad:?}");
        }
    }

    #[test]
    fn parts_are_so_many_and_their_heads_so_long_and_no_more() {
        let body = |count| Bytes::from("--X\r\n\r\n\r\n".repeat(count) + "--X--");
        assert_eq!(parts(&body(PARTS_MAX), "X").map(|found| found.len()), Ok(PARTS_MAX));
        assert_eq!(parts(&body(PARTS_MAX + 1), "X"), Err(BadBody));
        let head = |length| Bytes::from(format!("--X\r\n{}\r\n\r\na\r\n--X--", "h".repeat(length)));
        // The line break in front of the head counts.
        assert_eq!(parts(&head(HEAD_BYTES_MAX - 2), "X"), Ok(vec![Bytes::from("a")]));
        assert_eq!(parts(&head(HEAD_BYTES_MAX - 1), "X"), Err(BadBody));
    }

    proptest! {
        #[test]
        fn what_is_joined_comes_apart(texts in prop::collection::vec("[a\r\n-]{0,9}", 1..5)) {
            let whole: Vec<Vec<u8>> = texts.iter().map(|t| t.clone().into_bytes()).collect();
            let mut out = Vec::new();
            let kind = join(&whole, "0123456789", &mut out);
            let mark = boundary(&kind).unwrap().unwrap();
            let got = parts(&Bytes::from(out), &mark).unwrap();
            prop_assert_eq!(got, whole);
        }

        #[test]
        fn random_bodies_do_no_harm(body in "(--X|\r\n|a|-){0,40}") {
            let _ = parts(&Bytes::from(body), "X");
        }
    }
}
