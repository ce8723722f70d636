//! `log`: writes a line to the log for each message.

use formats::value::Value;
use plan::env::read_config;
use plan::fields::{Interpolated, Query};
use plan::{
    Batch, BuildError, Class, Env, Example, Expr, Form, Log, Operator, OperatorSpec, Services,
    Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Configuration of `log`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// `FATAL`, `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`, `ALL`, `OFF` or `NONE`.
    #[serde(default = "info")]
    level: String,
    /// Fields of the line, by name.
    #[serde(default)]
    #[schemars(extend("deprecated" = true))]
    fields: BTreeMap<String, Interpolated>,
    /// More fields: the members of the object that this makes.
    #[serde(default)]
    fields_mapping: Query,
    /// The text of the line.
    #[serde(default)]
    message: Interpolated,
}

fn info() -> String {
    "INFO".to_owned()
}

struct LogLines {
    /// Nothing when lines of this level are never written.
    level: Option<Log>,
    fields: Vec<(String, Box<dyn Expr>)>,
    mapping: Option<Box<dyn Expr>>,
    message: Box<dyn Expr>,
    services: Rc<dyn Services>,
}

fn level(name: &str) -> Result<Option<Log>, BuildError> {
    Ok(Some(match name.to_ascii_uppercase().as_str() {
        "FATAL" | "ERROR" => Log::Error,
        "WARN" => Log::Warn,
        "INFO" => Log::Info,
        "DEBUG" => Log::Debug,
        "TRACE" | "ALL" => Log::Trace,
        "OFF" | "NONE" => return Ok(None),
        _ => return Err(BuildError::new(format!("log level not recognised: {name}"))),
    }))
}

impl LogLines {
    fn build(config: Config, env: &dyn Env) -> Result<Self, BuildError> {
        let mut fields = Vec::new();
        for (name, text) in &config.fields {
            fields.push((name.clone(), env.expr(&text.0, Form::Text)?));
        }
        let mapping = match config.fields_mapping.is_empty() {
            true => None,
            false => Some(env.expr(&config.fields_mapping.0, Form::Query)?),
        };
        Ok(LogLines {
            level: level(&config.level)?,
            fields,
            mapping,
            message: env.expr(&config.message.0, Form::Text)?,
            services: env.services(),
        })
    }

    fn line(&mut self, level: Log, batch: &Batch, index: usize) {
        let mut fields = vec![("custom_source".to_owned(), "true".to_owned())];
        for (name, expr) in &mut self.fields {
            fields.push((name.clone(), text_of(&mut **expr, batch, index)));
        }
        if let Some(mapping) = &mut self.mapping {
            match mapping.value(batch, index) {
                Ok(Value::Object(members)) => {
                    for (key, value) in members.iter() {
                        fields.push((key.to_str_lossy().into_owned(), printed(value)));
                    }
                }
                Ok(_) => {
                    let text = "fields mapping did not make an object";
                    self.services.log(Log::Error, text, &[]);
                }
                Err(fault) => self.services.log(Log::Error, &fault.text, &[]),
            }
        }
        let text = text_of(&mut *self.message, batch, index);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.services.log(level, &text, &fields);
    }
}

fn text_of(expr: &mut dyn Expr, batch: &Batch, index: usize) -> String {
    let mut text = Vec::new();
    match expr.text(batch, index, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(fault) => fault.text,
    }
}

fn printed(value: &Value) -> String {
    if let Value::String(text) = value {
        return text.to_str_lossy().into_owned();
    }
    let mut bytes = Vec::new();
    match formats::json::write_value(&mut bytes, value) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => "null".to_owned(),
    }
}

impl Operator for LogLines {
    fn class(&self) -> Class {
        let mut exprs: Vec<&dyn Expr> = self.fields.iter().map(|(_, expr)| &**expr).collect();
        exprs.extend(self.mapping.as_deref());
        exprs.push(&*self.message);
        exprs.into_iter().map(Expr::class).max().unwrap_or(Class::Stateless)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        if let Some(level) = self.level {
            for index in 0..batch.len() {
                self.line(level, &batch, index);
            }
        }
        out.push(batch);
        Step::Done(Ok(()))
    }
}

/// The processor `log`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "log",
    since: "0.1.0",
    category: "utility",
    summary: "Writes a line to the log for each message, which goes on as it is.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "what came",
        config: r#"{"level":"DEBUG","message":"got ${! content() }"}"#,
        input: &["a"],
        output: &["a"],
    }],
    build: |config, env| Ok(Box::new(LogLines::build(read_config(config)?, env)?)),
};
