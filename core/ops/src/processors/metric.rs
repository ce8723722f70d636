//! `metric`: makes a metric of the user's own from messages (spec/benthos-components.md §C).

use std::collections::BTreeMap;
use std::rc::Rc;

use plan::env::{Counter, Gauge, Timing, read_config};
use plan::fields::Interpolated;
use plan::shared::text_of;
use plan::{
    Batch, BuildError, Class, Env, Example, Expr, Form, Json, Log, Meters, Operator, OperatorSpec,
    Services, Step, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration of `metric`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What kind of metric it is.
    r#type: Kind,
    /// Name of the metric.
    name: String,
    /// Labels of the metric, by name. Each set of values is a series of its own, and a stream may
    /// have 4,096 series: what has many values does not belong here.
    #[serde(default)]
    labels: BTreeMap<String, Interpolated>,
    /// The number to add or to set, where the kind wants one.
    #[serde(default)]
    value: Interpolated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Counts messages.
    Counter,
    /// Adds the value; of a fraction the whole part.
    CounterBy,
    /// Is set to the value.
    Gauge,
    /// Takes the value as a duration in nanoseconds.
    Timing,
}

/// A series.
enum Cell {
    Counter(Counter),
    Gauge(Gauge),
    Timing(Timing),
}

struct Metric {
    kind: Kind,
    name: String,
    labels: Vec<(String, Box<dyn Expr>)>,
    value: Box<dyn Expr>,
    meters: Rc<dyn Meters>,
    services: Rc<dyn Services>,
    /// The series of the last message with the values of its labels; the next one mostly has the
    /// same.
    last: Option<(Vec<String>, Cell)>,
}

/// A number that is not negative, as it stands in a text.
fn number(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("'{text}' is not a number"))?;
    if value < 0.0 { Err(format!("value {text} is negative")) } else { Ok(value) }
}

impl Metric {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let config: Config = read_config(config)?;
        if config.name.is_empty() {
            return Err(BuildError::new("metric name must not be empty"));
        }
        let label = |(name, text): (String, Interpolated)| {
            env.expr(&text.0, Form::Text).map(|expr| (name, expr))
        };
        let mut metric = Metric {
            kind: config.r#type,
            name: config.name,
            labels: config.labels.into_iter().map(label).collect::<Result<_, _>>()?,
            value: env.expr(&config.value.0, Form::Text)?,
            meters: env.meters(""),
            services: env.services(),
            last: None,
        };
        if metric.labels.is_empty() {
            // It is there before the first message.
            metric.last = Some((Vec::new(), metric.cell(&[])));
        }
        Ok(Box::new(metric))
    }

    fn cell(&self, values: &[String]) -> Cell {
        let names = self.labels.iter().map(|(name, _)| name.as_str());
        let labels: Vec<(&str, &str)> = names.zip(values.iter().map(String::as_str)).collect();
        match self.kind {
            Kind::Counter | Kind::CounterBy => {
                Cell::Counter(self.meters.counter(&self.name, &labels))
            }
            Kind::Gauge => Cell::Gauge(self.meters.gauge(&self.name, &labels)),
            Kind::Timing => Cell::Timing(self.meters.timing(&self.name, &labels)),
        }
    }

    fn one(&mut self, batch: &Batch, index: usize) -> Result<(), String> {
        let value = text_of(&mut *self.value, "value", batch, index)?;
        let mut values = Vec::with_capacity(self.labels.len());
        for (_, expr) in &mut self.labels {
            let text = text_of(&mut **expr, "label", batch, index)?;
            values.push(String::from_utf8_lossy(&text).into_owned());
        }
        let number = || number(&String::from_utf8_lossy(&value));
        let (kind, value) = match self.kind {
            Kind::Counter => (self.kind, 1.0),
            kind => (kind, number()?),
        };
        if self.last.as_ref().is_none_or(|(known, _)| *known != values) {
            let cell = self.cell(&values);
            self.last = Some((values, cell));
        }
        match (self.last.as_ref().map(|(_, cell)| cell), kind) {
            (Some(Cell::Counter(counter)), _) => counter.add(value as u64),
            (Some(Cell::Gauge(gauge)), _) => gauge.set(value),
            (Some(Cell::Timing(_)), _) if value.fract() != 0.0 => {
                return Err(format!("value {value} is not a whole number"));
            }
            (Some(Cell::Timing(timing)), _) => timing.record(value as u64, 1),
            (None, _) => {}
        }
        Ok(())
    }
}

impl Operator for Metric {
    fn class(&self) -> Class {
        // The value of a gauge is that of the last message.
        let own = if self.kind == Kind::Gauge { Class::Bound } else { Class::Stateless };
        let labels = self.labels.iter().map(|(_, expr)| expr.class());
        labels.chain([self.value.class()]).fold(own, Class::max)
    }

    fn counted(&self) -> bool {
        false
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let mut failed = Vec::new();
        for index in 0..batch.len() {
            failed.extend(self.one(&batch, index).err());
        }
        // A message is not at fault when no metric can be made of it.
        if let Some(text) = failed.first() {
            let text = format!("Handler error: {text}");
            let messages = failed.len().to_string();
            self.services.log(Log::Error, &text, &[("messages", &messages)]);
        }
        out.push(batch);
        Step::Done(Ok(()))
    }
}

/// The processor `metric`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "metric",
    since: "0.1.0",
    category: "utility",
    summary: "Makes a metric from messages, which go on as they are.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "orders by kind",
        config: r#"{"type":"counter","name":"orders","labels":{"kind":"${! json(\"kind\") }"}}"#,
        input: &[r#"{"kind":"new"}"#],
        output: &[r#"{"kind":"new"}"#],
    }],
    build: Metric::build,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_negative() {
        assert_eq!(number("5"), Ok(5.0));
        assert_eq!(number("0.5"), Ok(0.5));
        assert_eq!(number("-1").unwrap_err(), "value -1 is negative");
        assert_eq!(number("x").unwrap_err(), "'x' is not a number");
    }
}
