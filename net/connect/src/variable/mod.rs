//! Sink `variable`: values collected in a variable that somebody may read from outside.

mod join;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use formats::k::K;
use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Data, Env, Example, Fault, Json, LocalBoxFuture, Services, Sink,
    SinkError, SinkSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most items or rows that a variable collects.
pub const ITEMS_MAX: usize = 100_000_000;

/// What a new value does to the one that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Is joined to its end.
    #[default]
    Append,
    /// Replaces it.
    Overwrite,
    /// Replaces what has the same keys and is joined otherwise.
    Upsert,
}

/// Collects values in a variable of the pipeline.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Name of the variable.
    pub name: String,
    /// What a new value does to the one that is there.
    #[serde(default)]
    pub mode: Mode,
}

/// A running `variable` sink.
pub struct Variable {
    component: Component,
    services: Rc<dyn Services>,
    config: Config,
    value: RefCell<Option<K>>,
}

impl Variable {
    fn put(&self, value: K) -> Result<(), String> {
        let old = self.value.borrow_mut().take();
        let joined = match (old, self.config.mode) {
            (None, _) | (_, Mode::Overwrite) => Ok(value),
            (Some(old), _) if old.len() > ITEMS_MAX => {
                let text = format!("variable {} has more than {ITEMS_MAX} items", self.config.name);
                Err((old, text))
            }
            (Some(old), mode) => {
                // Given up by whoever reads it, so that it grows in place.
                self.services.publish(&self.config.name, K::Null);
                match mode {
                    Mode::Upsert => join::upsert(old, value),
                    _ => join::append(old, value),
                }
            }
        };
        let (value, result) = match joined {
            Ok(value) => (value, Ok(())),
            Err((old, text)) => (old, Err(text)),
        };
        *self.value.borrow_mut() = Some(value.clone());
        self.services.publish(&self.config.name, value);
        result
    }

    fn take(&self, batch: &Batch) -> Result<(), String> {
        match &batch.data {
            Data::Value(value) => self.put(value.clone()),
            Data::Records(records) => {
                let mut scratch = Vec::new();
                let texts =
                    (0..records.recs.len()).map(|i| records.bytes(i, &mut scratch).to_vec());
                let texts: Vec<K> = texts.map(K::str).collect();
                self.put(K::list(texts))
            }
            Data::Raw(_) | Data::Columns(_) => {
                Err("blocks and typed columns must become values before they are stored".into())
            }
        }
    }
}

impl Sink for Variable {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        let result = self.take(batch);
        let result = result.map_err(|text| SinkError::All(fault_of(&self.component, text)));
        Box::pin(std::future::ready(result))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Variable {
        component: env.component().clone(),
        services: env.services(),
        config,
        value: RefCell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "variable",
    since: "0.1.0",
    category: "utility",
    summary: "Collects values in a variable of the pipeline.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "all rows so far",
        config: r#"{"name":"out","mode":"append"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use formats::k::Sym;
    use serde_json::json;

    use super::*;
    use crate::testing::{TestEnv, both_modes};

    fn table(a: Vec<i64>) -> K {
        K::table(vec![Sym::new("a")], vec![K::longs(a)]).unwrap()
    }

    fn run(mode: &'static str, values: Vec<K>) -> (Vec<Result<(), SinkError>>, K) {
        let result = Rc::new(RefCell::new((Vec::new(), K::Null)));
        let slot = Rc::clone(&result);
        both_modes(move || {
            let (values, slot) = (values.clone(), Rc::clone(&slot));
            async move {
                let env = TestEnv::new();
                let config = json!({"name": "v", "mode": mode});
                let sink = (SPEC.build)(&config, &env).unwrap();
                let mut results = Vec::new();
                for value in values {
                    results.push(sink.write(&Batch::new(Data::Value(value))).await);
                }
                let last = env.services.published.borrow().last().cloned().unwrap();
                assert_eq!(last.0, "v");
                *slot.borrow_mut() = (results, last.1);
            }
        });
        result.take()
    }

    #[test]
    fn modes() {
        let two = || vec![table(vec![1, 2]), table(vec![3])];
        assert_eq!(run("append", two()).1, table(vec![1, 2, 3]));
        assert_eq!(run("overwrite", two()).1, table(vec![3]));
        assert_eq!(run("upsert", two()).1, table(vec![1, 2, 3]));
        let dict = |keys, values| K::dict(K::longs(keys), K::longs(values));
        let dicts = vec![dict(vec![1, 2], vec![10, 20]), dict(vec![2, 3], vec![21, 31])];
        let merged = dict(vec![1, 2, 3], vec![10, 21, 31]);
        assert_eq!(run("upsert", dicts.clone()).1, merged);
        assert_eq!(run("append", dicts).1, merged);
    }

    #[test]
    fn tables_of_other_columns_are_refused_and_nothing_is_lost() {
        let other = K::table(vec![Sym::new("b")], vec![K::longs(vec![1])]).unwrap();
        let (results, value) = run("append", vec![table(vec![1]), other, table(vec![2])]);
        assert!(results[1].is_err());
        assert_eq!(value, table(vec![1, 2]));
    }
}
