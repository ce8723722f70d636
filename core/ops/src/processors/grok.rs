//! `grok`: reads fields out of texts by named patterns.

use formats::value::{Object, Text, Value};
use grok::{Grok, Pattern};
use plan::env::read_config;
use plan::{
    Batch, Body, BuildError, Class, Env, Example, Operator, OperatorError, OperatorSpec, Record,
    Records, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batches::{Faults, Frame, bytes_of, done};

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
    faults: Faults,
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
            faults: Faults::of(env.component()),
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

    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut scratch = Vec::new();
        let recs = records.recs.iter().map(|rec| {
            let text = String::from_utf8_lossy(bytes_of(&records, rec, &mut scratch));
            match self.parse(&text) {
                Some(value) => Record { body: Body::Doc(Arc::new(value)), ..rec.clone() },
                None => {
                    let text = "no pattern matches found";
                    Record { fault: Some(self.faults.fault(text)), ..rec.clone() }
                }
            }
        });
        let recs = recs.collect();
        frame.close(Records { block: records.block, recs }, out);
        Ok(())
    }
}

impl Operator for Parser {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
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
    build: |config, env| Ok(Box::new(Parser::build(read_config(config)?, env)?)),
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
