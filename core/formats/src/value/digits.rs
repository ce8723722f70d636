//! Numbers by their text.

use std::sync::Arc;

/// Bytes of a text that is kept in place. A text of this many digits and fewer is most numbers.
const SHORT_MAX: usize = 14;

/// The JSON text of a number. A short one is copied with its value, a long one is shared.
#[derive(Clone)]
pub struct Digits(Repr);

#[derive(Clone)]
enum Repr {
    Short {
        len: u8,
        bytes: [u8; SHORT_MAX],
    },
    /// Behind two pointers, so that a value is no larger for what is rare.
    Long(Arc<Box<str>>),
}

impl Digits {
    /// The text.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Long(text) => text.as_bytes(),
        }
    }

    /// Text that a reader found to be a number.
    #[inline]
    pub(crate) fn of_number(text: &[u8]) -> Self {
        debug_assert!(text.is_ascii(), "no number");
        Digits::short(text)
            .unwrap_or_else(|| Digits(Repr::Long(Arc::new(String::from_utf8_lossy(text).into()))))
    }

    #[inline]
    fn short(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT_MAX];
        bytes.get_mut(..text.len())?.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        Some(Digits(Repr::Short { len: text.len() as u8, bytes }))
    }
}

impl std::ops::Deref for Digits {
    type Target = str;

    fn deref(&self) -> &str {
        // A short text was made from one, so it is UTF-8.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Digits) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Digits {}

impl std::fmt::Debug for Digits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl From<&str> for Digits {
    fn from(text: &str) -> Self {
        Digits::short(text.as_bytes()).unwrap_or_else(|| Digits(Repr::Long(Arc::new(text.into()))))
    }
}

impl From<String> for Digits {
    fn from(text: String) -> Self {
        Digits::from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_keeps_its_text() {
        for len in 1..40 {
            let text = "7".repeat(len);
            assert_eq!(&*Digits::from(text.as_str()), text);
            assert_eq!(Digits::of_number(text.as_bytes()).as_bytes(), text.as_bytes());
        }
    }
}
