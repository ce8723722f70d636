//! A URL taken apart, as Go's `url.Parse` does.

use super::{Part, escape, unescape};
use crate::go_format::quote;

/// The parts of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// What stands before the first colon, in small letters.
    pub scheme: Vec<u8>,
    /// All that follows the scheme, when no slash does.
    pub opaque: Vec<u8>,
    /// User name and password.
    pub user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// Host, with the port where there is one.
    pub host: Vec<u8>,
    /// Path, unescaped.
    pub path: Vec<u8>,
    /// Path as it was written, when escaping the path would give another text.
    pub raw_path: Vec<u8>,
    /// Query as it was written.
    pub raw_query: Vec<u8>,
    /// What follows `#`, unescaped.
    pub fragment: Vec<u8>,
    /// The fragment as it was written, when escaping it would give another text.
    pub raw_fragment: Vec<u8>,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// `parse "http://h/%zz": invalid URL escape "%zz"` and the like.
    pub fn parse(text: &[u8]) -> Result<Url, String> {
        let (before, fragment) = cut(text, b'#');
        let fail = |shown: &[u8], why: String| format!("parse {}: {why}", quote(shown));
        let mut url = Url::default();
        url.read(before).map_err(|why| fail(before, why))?;
        if let Some(fragment) = fragment {
            let (plain, raw) =
                unescaped(fragment, Part::Fragment).map_err(|why| fail(text, why))?;
            (url.fragment, url.raw_fragment) = (plain, raw);
        }
        Ok(url)
    }

    /// Reads all but the fragment.
    fn read(&mut self, text: &[u8]) -> Result<(), String> {
        if text.iter().any(|&b| b < b' ' || b == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        if text == b"*" {
            self.path = text.to_vec();
            return Ok(());
        }
        let (scheme, rest) = scheme(text)?;
        self.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        self.raw_query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !self.scheme.is_empty() {
                self.opaque = rest.to_vec();
                return Ok(());
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if (!self.scheme.is_empty() || !rest.starts_with(b"///"))
            && let Some(behind) = rest.strip_prefix(b"//")
        {
            let at = memchr::memchr(b'/', behind).unwrap_or(behind.len());
            let (authority, path) = behind.split_at(at);
            self.authority(authority)?;
            rest = path;
        }
        (self.path, self.raw_path) = unescaped(rest, Part::Path)?;
        Ok(())
    }

    /// Reads user, password and host.
    fn authority(&mut self, text: &[u8]) -> Result<(), String> {
        let Some(at) = memchr::memrchr(b'@', text) else {
            self.host = host(text)?;
            return Ok(());
        };
        let (user, behind) = text.split_at(at);
        self.host = host(behind.get(1..).unwrap_or_default())?;
        let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
        if !user.iter().all(valid) {
            return Err("net/url: invalid userinfo".into());
        }
        let (name, password) = cut(user, b':');
        let password = password.map(|text| unescape(text, Part::User)).transpose()?;
        self.user = Some((unescape(name, Part::User)?, password));
        Ok(())
    }
}

/// The text before a byte, and after it where it stands.
fn cut(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(byte, text) {
        Some(at) => (&text[..at], text.get(at + 1..)),
        None => (text, None),
    }
}

/// A part unescaped, and as it was written where escaping gives another text.
fn unescaped(text: &[u8], part: Part) -> Result<(Vec<u8>, Vec<u8>), String> {
    let plain = unescape(text, part)?;
    let raw = if escape(&plain, part) == text { Vec::new() } else { text.to_vec() };
    Ok((plain, raw))
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn host(text: &[u8]) -> Result<Vec<u8>, String> {
    let port_at = if text.starts_with(b"[") {
        let Some(end) = memchr::memrchr(b']', text) else {
            return Err("missing ']' in host".into());
        };
        end + 1
    } else {
        memchr::memrchr(b':', text).unwrap_or(text.len())
    };
    let port = text.get(port_at..).unwrap_or_default();
    if let Some((colon, digits)) = port.split_first()
        && (*colon != b':' || !digits.iter().all(u8::is_ascii_digit))
    {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    // The zone of an address in brackets may hold what a host may not.
    let zone = text
        .starts_with(b"[")
        .then(|| memchr::memmem::find(text.get(..port_at).unwrap_or_default(), b"%25"));
    match zone.flatten() {
        Some(at) => {
            let mut out = unescape(&text[..at], Part::Host)?;
            out.extend(unescape(&text[at..port_at - 1], Part::Zone)?);
            out.extend(unescape(&text[port_at - 1..], Part::Host)?);
            Ok(out)
        }
        None => unescape(text, Part::Host),
    }
}

#[cfg(test)]
mod tests {
    use super::Url;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(text: Vec<u8>, soup in "[a-z:/?#@%\\[\\]25 ]{0,30}") {
            let _ = (Url::parse(&text), Url::parse(soup.as_bytes()));
        }
    }

    #[test]
    fn errors_are_those_of_go() {
        for (text, error) in [
            ("http://h/%zz", "parse \"http://h/%zz\": invalid URL escape \"%zz\""),
            (
                "http://h/\u{1}",
                "parse \"http://h/\\x01\": net/url: invalid control character in URL",
            ),
            (":a", "parse \":a\": missing protocol scheme"),
            ("a_b:c/d", "parse \"a_b:c/d\": first path segment in URL cannot contain colon"),
            ("http://h:x/", "parse \"http://h:x/\": invalid port \":x\" after host"),
            ("http://[::1/", "parse \"http://[::1/\": missing ']' in host"),
            ("http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"),
            ("http://u\"@h/", "parse \"http://u\\\"@h/\": net/url: invalid userinfo"),
        ] {
            assert_eq!(Url::parse(text.as_bytes()).unwrap_err(), error);
        }
    }

    #[test]
    fn zones_and_fragments() {
        let url = Url::parse(b"http://[fe80::1%25en%200]:80/a#b%20c").unwrap();
        assert_eq!(url.host, b"[fe80::1%en 0]:80");
        assert_eq!((&*url.fragment, &*url.raw_fragment), (&b"b c"[..], &b""[..]));
    }
}
