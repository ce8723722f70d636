//! `xml`: documents of XML.

use formats::xml;
use plan::env::read_config;
use plan::{BuildError, Env, Example, Json, Operator, OperatorSpec, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::each;

/// Configuration of `xml`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What is made of a message: `to_json`.
    #[serde(default)]
    operator: String,
    /// Makes numbers and truth values of texts that are such.
    #[serde(default)]
    cast: bool,
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { operator, cast } = read_config(config)?;
    if operator != "to_json" {
        return Err(BuildError::new(format!("operator not recognised: {operator}")));
    }
    Ok(each::documents(env, move |bytes| xml::parse(bytes, cast).map_err(|e| e.to_string())))
}

/// The processor `xml`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "xml",
    since: "0.1.0",
    category: "parsing",
    summary: "Makes documents of XML.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "attributes and repeated elements",
            config: r#"{"operator":"to_json"}"#,
            input: &[r#"<pets><dog age="3">Rex</dog><dog>Fido</dog><cat/></pets>"#],
            output: &[r##"{"pets":{"cat":"","dog":[{"#text":"Rex","-age":"3"},"Fido"]}}"##],
        },
        Example {
            title: "numbers as numbers",
            config: r#"{"operator":"to_json","cast":true}"#,
            input: &[r#"<reading valid="true">21.5</reading>"#],
            output: &[r##"{"reading":{"#text":21.5,"-valid":true}}"##],
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
        let out = Setup::default().run(&SPEC, r#"{"operator":"to_json"}"#, &["<a>", "<a/>"]);
        let said = "xml.Decoder.Token() - XML syntax error on line 1: unexpected EOF";
        assert_eq!(faults(&out), [said, ""]);
        assert_eq!(texts(&out), ["<a>", r#"{"a":""}"#]);
    }

    #[test]
    fn there_is_one_operator() {
        for config in ["{}", r#"{"operator":"from_json"}"#] {
            let error = Setup::default().try_build(&SPEC, config).err().unwrap();
            assert!(error.text.starts_with("operator not recognised: "), "{error}");
        }
    }
}
