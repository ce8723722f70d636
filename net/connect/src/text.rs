//! Texts and numbers as configurations and users know them.

use std::io;
use std::path::Path;

use rustls::CertificateError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Bytesize(pub u64);

impl Bytesize {
    /// As an index; more than memory can hold counts as that.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What the system says about a failed call, without the number that Rust appends and in the lower
/// case that users know from other programs (`no such file or directory`).
#[must_use]
pub fn io_text(error: &io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            let why = match why {
                CertificateError::UnknownIssuer => "certificate signed by unknown authority".into(),
                why => why.to_string(),
            };
            format!("failed to verify certificate: x509: {why}")
        }
        _ => lowered(&error.to_string()),
    }
}

/// What is wrong with TLS, if that is what failed.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| tls_error(inner.downcast_ref()?))
}

/// The text of a call that failed on a path: `open ./x: no such file or directory`.
#[must_use]
pub fn path_text(call: &str, path: impl AsRef<Path>, error: &io::Error) -> String {
    let path = path.as_ref().display().to_string();
    let text = error.to_string();
    // The seam names the path in front of what the system says.
    let text = text.strip_prefix(&path).and_then(|t| t.strip_prefix(": ")).unwrap_or(&text);
    format!("{call} {path}: {}", lowered(text))
}

fn lowered(text: &str) -> String {
    let Some(end) = text.rfind(" (os error ") else { return text.to_owned() };
    let text = text.get(..end).unwrap_or_default();
    // After a place such as an address comes the sentence of the system.
    let start = text.rfind(": ").map_or(0, |at| at + 2);
    let (place, sentence) = text.split_at(start);
    let mut chars = sentence.chars();
    match (chars.next(), chars.clone().next()) {
        // A first word in capitals is a name.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            place.chars().chain(first.to_lowercase()).chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_users_know_them() {
        let text = |code| io_text(&io::Error::from_raw_os_error(code));
        assert_eq!(text(2), "no such file or directory");
        assert_eq!(text(13), "permission denied");
        assert_eq!(text(28), "no space left on device");
        assert_eq!(io_text(&io::Error::other("Odd")), "Odd");
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::other(unknown));
        let why = "failed to verify certificate: x509: certificate signed by unknown authority";
        assert_eq!(io_text(&nested), why);
        let named = io::Error::other("./x: No such file or directory (os error 2)");
        assert_eq!(path_text("open", "./x", &named), "open ./x: no such file or directory");
        assert_eq!(io_text(&named), "./x: no such file or directory");
    }
}
