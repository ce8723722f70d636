//! Types of configuration fields that say in the schema what they are.
//!
//! Whoever reads a configuration (lint, lowering, editors) is driven by the schemas of the
//! components. These types add the keyword [`KIND`] to it, so that a reader knows where a nested
//! component, a piece of code, a text with embedded code or a duration stands. A lowering turns
//! the user's spelling of such a field into what these types read: code into [`Code`], a nested
//! component into [`Component`].

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::component::Component;
use crate::expr::Code;

pub use crate::duration::{Duration, DurationError};

/// The schema keyword that holds the kind of a field.
pub const KIND: &str = "x-kind";

/// The schema keyword that holds what a field is called in paths of components, where it is a part
/// that many components have: it stands beside what each of them does.
pub const PART: &str = "x-part";

/// The schema of a field that says what it is.
macro_rules! schema {
    ($name:ident, $type:literal, $kind:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": $type, "x-kind": $kind})
            }
        }
    };
}

macro_rules! code_field {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Code);

        impl $name {
            /// Whether nothing was written.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.text.is_empty()
            }
        }

        impl From<&str> for $name {
            /// A default of a field. A lowering reads it from the schema and writes it into the
            /// configuration with its language, because components know none.
            fn from(text: &str) -> Self {
                $name(Code { text: text.to_owned(), ..Code::default() })
            }
        }

        impl Serialize for $name {
            /// As the user writes it: the text alone.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0.text)
            }
        }

        schema! { $name, "string", $kind }
    };
}

code_field! {
    /// Code that makes or changes a message: compile it with [`crate::Form::Mapping`] or
    /// [`crate::Form::Mutation`].
    Mapping, "mapping"
}
code_field! {
    /// Code with one value per message, such as a condition: compile it with
    /// [`crate::Form::Query`].
    Query, "query"
}
code_field! {
    /// Text with embedded queries: compile it with [`crate::Form::Text`].
    Interpolated, "text"
}

macro_rules! nested {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Component);

        impl std::ops::Deref for $name {
            type Target = Component;

            fn deref(&self) -> &Component {
                &self.0
            }
        }

        schema! { $name, "object", $kind }
    };
}

nested! {
    /// A nested processor; [`crate::Env::operator`] builds it.
    Processor, "processor"
}
nested! {
    /// A nested input; [`crate::Env::source`] builds it. One with processors of its own is wrapped
    /// in a component named `processed` with the fields `input` and `processors`.
    Input, "input"
}
nested! {
    /// A nested output; [`crate::Env::sink`] builds it. One with processors of its own is wrapped
    /// in a component named `processed` with the fields `processors` and `output`.
    Output, "output"
}
nested! {
    /// How a stream of bytes is cut into messages. Whoever owns the bytes knows what to do with
    /// its name.
    Scanner, "scanner"
}

macro_rules! shared {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Component);

        impl $name {
            /// Whether none was named.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.label.is_empty()
            }
        }

        impl Serialize for $name {
            /// As the user writes it: the label.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0.label)
            }
        }

        schema! { $name, "string", $kind }
    };
}

shared! {
    /// The label of a cache. A lowering puts the cache's definition in its place;
    /// [`crate::Env::cache`] gives a line to it.
    CacheLabel, "cache_label"
}
shared! {
    /// The label of a rate limit, as [`CacheLabel`]; [`crate::Env::rate_limit`] gives a line to it.
    RateLimitLabel, "rate_limit_label"
}
shared! {
    /// The label of a processor, as [`CacheLabel`]; [`crate::Env::operator`] builds one of it.
    ProcessorLabel, "processor_label"
}

schema! { Duration, "string", "duration" }

/// The table entry of a part that is configured by name within or beside other components and is
/// neither source nor operator nor sink: scanners, buffers, caches, rate limits. Whoever uses it
/// builds it.
#[derive(Debug)]
pub struct Part {
    /// What it is: the [`KIND`] of the fields in which it stands.
    pub kind: &'static str,
    /// Name in configurations.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Schema of its configuration, with the documentation of every field.
    pub schema: fn() -> crate::Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_say_what_a_field_is() {
        #[derive(JsonSchema)]
        #[allow(dead_code)]
        struct Config {
            /// What to do.
            mapping: Mapping,
            #[serde(default)]
            key: Interpolated,
            processors: Vec<Processor>,
            timeout: Option<Duration>,
        }
        let schema = crate::schema_of::<Config>();
        let fields = &schema["properties"];
        assert_eq!(fields["mapping"][KIND], "mapping");
        assert_eq!(fields["mapping"]["description"], "What to do.");
        assert_eq!(fields["key"]["default"], "");
        assert_eq!(fields["processors"]["items"][KIND], "processor");
        assert!(schema.to_string().contains("\"duration\""), "{schema}");
    }

    #[test]
    fn code_reads_with_its_language() {
        let json = serde_json::json!({"lang": "b", "text": "root = this"});
        let Mapping(code) = Mapping::deserialize(&json).unwrap();
        assert_eq!((code.lang.as_str(), code.text.as_str()), ("b", "root = this"));
    }
}
