//! `protobuf`: documents of protobuf messages, and messages of documents.

use plan::env::read_config;
use plan::{BuildError, Env, Example, Json, Operator, OperatorSpec, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::each;
use crate::protobuf::{Shape, document, from_json, load};

/// Configuration of `protobuf`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What is made of a message.
    operator: Way,
    /// The full name of the protobuf message, such as `shop.Order`.
    message: String,
    /// With `from_json`, leaves out members that the message does not have.
    #[serde(default)]
    discard_unknown: bool,
    /// Names members as the definition does, not as JSON names them.
    #[serde(default)]
    use_proto_names: bool,
    /// Folders with `.proto` files, which are searched for more folders.
    #[serde(default)]
    import_paths: Option<Vec<String>>,
    /// Shows enumerations as numbers, not as names.
    #[serde(default)]
    use_enum_numbers: bool,
    /// Registries that hold the definitions; none can be asked, so it must be empty.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    bsr: Vec<Registry>,
}

/// A registry of definitions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to say that it cannot be used")]
struct Registry {
    /// The module.
    module: String,
    /// The address of the registry.
    #[serde(default)]
    url: String,
    /// A key to it.
    #[serde(default)]
    api_key: plan::Secret<String>,
    /// The version of the module.
    #[serde(default)]
    version: String,
}

/// What is made of a message.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// JSON, as the standard says.
    ToJson,
    /// A protobuf message of such JSON.
    FromJson,
    /// A document in which numbers, bytes and times are what they are.
    Decode,
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    let folders = match (config.import_paths, config.bsr.is_empty()) {
        (Some(folders), true) => folders,
        (Some(folders), false) if !folders.is_empty() => {
            let text = "both `import_paths` and `bsr` can't be set simultaneously";
            return Err(BuildError::new(text));
        }
        (_, false) => {
            let text = "`bsr` cannot be used: definitions are read from `import_paths` only";
            return Err(BuildError::new(text));
        }
        (None, true) => {
            return Err(BuildError::new("at least one of `import_paths`and `bsr` must be set"));
        }
    };
    let name = config.message;
    if name.is_empty() {
        return Err(BuildError::new("message field must not be empty"));
    }
    let pool = load(&*env.services(), &folders);
    let pool = pool.map_err(|e| match config.operator {
        Way::FromJson => BuildError::new(e),
        _ => BuildError::new(format!("unable to load protos: {e}")),
    })?;
    let descriptor = pool.get_message_by_name(&name).ok_or_else(|| match config.operator {
        Way::FromJson => BuildError::new(format!(
            "unable to find message '{name}' definition within '[{}]'",
            folders.join(" ")
        )),
        _ => BuildError::new(format!("unable to find protobuf type {name:?}: proto: not found")),
    })?;
    let shape = Shape {
        proto_names: config.use_proto_names,
        enum_numbers: config.use_enum_numbers,
        native: matches!(config.operator, Way::Decode),
    };
    let lenient = config.discard_unknown;
    Ok(match config.operator {
        Way::FromJson => each::bytes(env, move |json| from_json(&descriptor, json, lenient)),
        _ => each::documents(env, move |bytes| document(&descriptor, bytes, shape)),
    })
}

/// The processor `protobuf`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "protobuf",
    since: "0.1.0",
    category: "parsing",
    summary: "Makes documents of protobuf messages, or messages of documents.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "a message as JSON",
            config: concat!(
                r#"{"operator":"to_json","message":"pets.Pet","#,
                r#""import_paths":["schemas"],"use_proto_names":true}"#
            ),
            input: &["\n\u{3}Rex\u{10}\u{3} \u{1}"],
            output: &[r#"{"age":3,"first_name":"Rex","kind":"KIND_DOG"}"#],
        },
        Example {
            title: "JSON as a message",
            config: concat!(
                r#"{"operator":"from_json","message":"pets.Pet","#,
                r#""import_paths":["schemas"]}"#
            ),
            input: &[r#"{"firstName":"Rex","age":3}"#],
            output: &["\n\u{3}Rex\u{10}\u{3}"],
        },
    ],
    build,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, texts};

    #[test]
    fn what_is_not_fit_is_flagged_and_kept() {
        for (operator, input, said) in [
            ("from_json", r#"{"x":1}"#, "unmarshalling JSON message 'pets.Pet': proto: "),
            ("to_json", "\n", "unmarshalling protobuf message: 'pets.Pet': "),
            ("decode", "\n", "unmarshalling protobuf message: 'pets.Pet': "),
        ] {
            let config = format!(
                r#"{{"operator":"{operator}","message":"pets.Pet","import_paths":["schemas"]}}"#
            );
            let out = Setup::default().run(&SPEC, &config, &[input]);
            assert!(faults(&out)[0].starts_with(said), "{:?}", faults(&out));
            assert_eq!(texts(&out), [input]);
        }
        let config = r#"{"operator":"from_json","message":"pets.Pet","import_paths":["schemas"],
            "discard_unknown":true}"#;
        assert_eq!(faults(&Setup::default().run(&SPEC, config, &[r#"{"x":1}"#])), [""]);
    }

    #[test]
    fn definitions_are_found_or_missed_in_known_words() {
        for (rest, said) in [
            (r#""message":"a""#, "at least one of `import_paths`and `bsr` must be set"),
            (
                r#""message":"a","import_paths":["x"],"bsr":[{"module":"m"}]"#,
                "both `import_paths` and `bsr` can't be set simultaneously",
            ),
            (r#""message":"a","bsr":[{"module":"m"}]"#, "`bsr` cannot be used: "),
            (r#""message":"","import_paths":["schemas"]"#, "message field must not be empty"),
            (
                r#""message":"pets.Cow","import_paths":["schemas"]"#,
                "unable to find protobuf type \"pets.Cow\": proto: not found",
            ),
            (r#""message":"a","import_paths":["broken"]"#, "unable to load protos: "),
        ] {
            let config = format!(r#"{{"operator":"to_json",{rest}}}"#);
            let error = Setup::default().try_build(&SPEC, &config).err().unwrap();
            assert!(error.text.starts_with(said), "{config}: {error}");
        }
        let config = r#"{"operator":"from_json","message":"a.B","import_paths":["schemas","x"]}"#;
        let error = Setup::default().try_build(&SPEC, config).err().unwrap();
        assert_eq!(error.text, "unable to find message 'a.B' definition within '[schemas x]'");
    }
}
