//! Values that must never be shown.

use serde::{Deserialize, Serialize, Serializer};

/// What is printed in the place of a secret.
pub const SCRUBBED: &str = "!!!SECRET_SCRUBBED!!!";

/// A value that prints and serialises as [`SCRUBBED`].
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(SCRUBBED)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SCRUBBED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_shown() {
        let secret = Secret::new("pass".to_owned());
        assert_eq!(format!("{secret:?}"), SCRUBBED);
        assert_eq!(serde_json::to_string(&secret).unwrap(), format!("\"{SCRUBBED}\""));
        assert_eq!(secret.expose(), "pass");
    }
}
