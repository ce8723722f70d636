//! `grok`: reads fields out of texts by named patterns.

use formats::value::{Object, Text, Value};
use grok::{Grok, Pattern};
use plan::env::read_config;
use plan::{BuildError, Env, Example, OperatorSpec, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::each;

/// Configuration of `grok`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Expressions such as `%{WORD:verb} %{NUMBER:count:int}`; the first that matches counts.
    #[serde(default)]
    expressions: Vec<String>,
    /// Patterns of one's own, by name.
    #[serde(default)]
    pattern_definitions: BTreeMap<String, String>,
    /// Files with patterns: a name and a pattern on each line.
    #[serde(default)]
    pattern_paths: Vec<String>,
    /// Leaves out patterns without a name of their own.
    #[serde(default = "yes")]
    #[schemars(extend("advanced" = true))]
    named_captures_only: bool,
    /// Whether the usual patterns are known.
    #[serde(default = "yes")]
    #[schemars(extend("advanced" = true))]
    use_default_patterns: bool,
    /// Leaves out fields that matched nothing.
    #[serde(default = "yes")]
    #[schemars(extend("advanced" = true))]
    remove_empty_values: bool,
}

fn yes() -> bool {
    true
}

struct Parser {
    patterns: Vec<Pattern>,
    remove_empty: bool,
}

impl Parser {
    fn build(config: Config, env: &dyn Env) -> Result<Self, BuildError> {
        let mut grok =
            if config.use_default_patterns { Grok::with_default_patterns() } else { Grok::empty() };
        for path in &config.pattern_paths {
            let bytes = env.services().read_file(path).map_err(BuildError::new)?;
            for line in String::from_utf8_lossy(&bytes).lines() {
                let line = line.trim();
                if let Some((name, pattern)) = line.split_once(char::is_whitespace)
                    && !line.starts_with('#')
                {
                    grok.add_pattern(name, pattern.trim());
                }
            }
        }
        for (name, pattern) in &config.pattern_definitions {
            grok.add_pattern(name.as_str(), pattern.as_str());
        }
        let compiled = config.expressions.iter().map(|text| {
            grok.compile(text, config.named_captures_only).map_err(|e| {
                BuildError::new(format!("failed to compile Grok pattern '{text}': {e}"))
            })
        });
        Ok(Parser {
            patterns: compiled.collect::<Result<_, _>>()?,
            remove_empty: config.remove_empty_values,
        })
    }

    fn parse(&self, text: &str) -> Option<Value> {
        let matches = self.patterns.iter().find_map(|pattern| pattern.match_against(text))?;
        let mut object = Object::new();
        for (name, found) in matches.iter() {
            if found.is_empty() && self.remove_empty {
                continue;
            }
            let ty = matches.pattern().get_extract(name).unwrap_or_default();
            let number = found.trim();
            let value = match ty {
                "int" => number.parse().ok().map(Value::Int),
                "float" => number.parse().ok().map(Value::Float),
                _ => None,
            };
            object.insert(Text::from(name), value.unwrap_or_else(|| Value::text(found)));
        }
        (!object.is_empty()).then(|| Value::object(object))
    }
}

/// The processor `grok`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "grok",
    since: "0.1.0",
    category: "parsing",
    summary: "Reads fields out of texts by named patterns.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a verb and a number",
        config: r#"{"expressions":["%{WORD:verb} %{NUMBER:num:int} %{GREEDYDATA:rest}"]}"#,
        input: &["take 5 apples today", "none"],
        output: &[r#"{"num":5,"rest":"apples today","verb":"take"}"#, "none"],
    }],
    build: |config, env| {
        let parser = Parser::build(read_config(config)?, env)?;
        Ok(each::documents(env, move |bytes| {
            let found = parser.parse(&String::from_utf8_lossy(bytes));
            found.ok_or_else(|| "no pattern matches found".to_owned())
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, texts};

    #[test]
    fn patterns_of_ones_own() {
        let config = r#"{"expressions":["%{ORDER:order}"],
            "pattern_definitions":{"ORDER":"ord_%{INT:num:int}"}}"#;
        let out = Setup::default().run(&SPEC, config, &["x ord_42 y"]);
        assert_eq!(texts(&out), [r#"{"num":42,"order":"ord_42"}"#]);
    }

    #[test]
    fn an_unknown_pattern_is_refused() {
        assert!(Setup::default().try_build(&SPEC, r#"{"expressions":["%{NOPE:x}"]}"#).is_err());
    }
}
