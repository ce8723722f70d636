//! Values that must never be shown.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Json;

/// What is printed in the place of a secret.
pub const SCRUBBED: &str = "!!!SECRET_SCRUBBED!!!";

/// The key of the object that holds a secret in the configuration of a component, so that whoever
/// prints a plan knows it.
const KEY: &str = "!secret";

/// A value that prints and serialises as [`SCRUBBED`]. In the schema of a configuration it says
/// what it is, and then it is hidden wherever the configuration is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

/// A secret as a lowering writes it into the configuration of a component.
#[must_use]
pub fn sealed(value: Json) -> Json {
    Json::Object([(KEY.to_owned(), value)].into_iter().collect())
}

/// A configuration of a component without its secrets.
#[must_use]
pub fn without_secrets(config: &Json) -> Json {
    match config {
        Json::Object(fields) if fields.contains_key(KEY) => SCRUBBED.into(),
        Json::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), without_secrets(value))).collect()
        }
        Json::Array(items) => items.iter().map(without_secrets).collect(),
        single => single.clone(),
    }
}

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

impl<T: Default + PartialEq> Serialize for Secret<T> {
    /// What is empty hides nothing.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 == T::default() { "" } else { SCRUBBED })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<T> {
            Sealed {
                #[serde(rename = "!secret")]
                value: T,
            },
            Plain(T),
        }
        // The usual error would show the value.
        let wrong = |_| serde::de::Error::custom("the secret has the wrong type");
        Written::deserialize(deserializer).map_err(wrong).map(|written| match written {
            Written::Sealed { value } | Written::Plain(value) => Secret(value),
        })
    }
}

impl JsonSchema for Secret<String> {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "x-kind": "secret"})
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
        assert_eq!(serde_json::to_string(&Secret::new(String::new())).unwrap(), "\"\"");
    }

    #[test]
    fn is_read_plain_and_sealed_and_left_out_of_what_is_printed() {
        let sealed = sealed("pass".into());
        for written in ["pass".into(), sealed.clone()] {
            let read: Secret<String> = serde_json::from_value(written).unwrap();
            assert_eq!(read.expose(), "pass");
        }
        let wrong = serde_json::from_value::<Secret<String>>(["pass"].into_iter().collect());
        assert!(!wrong.unwrap_err().to_string().contains("pass"));
        let config = serde_json::json!({"a": [{"key": sealed, "b": 1}]});
        let shown = serde_json::json!({"a": [{"key": SCRUBBED, "b": 1}]});
        assert_eq!(without_secrets(&config), shown);
    }
}
