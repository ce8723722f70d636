//! Sink `console`: lines for whoever watches the pipeline.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Services, Sink,
    SinkError, SinkSpec, schema_of,
};
use rt::file::File;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::text::io_text;

/// Appends messages, as lines of text, to the console of the pipeline.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Writes the lines to standard output of the process, too, at once.
    pub stdout: bool,
}

/// A running `console` sink.
pub struct Console {
    component: Component,
    services: Rc<dyn Services>,
    stdout: bool,
    file: RefCell<Option<Rc<File>>>,
}

impl Console {
    fn fault(&self, text: impl Into<String>) -> SinkError {
        SinkError::All(fault_of(&self.component, text))
    }

    fn file(&self) -> std::io::Result<Rc<File>> {
        let mut slot = self.file.borrow_mut();
        if let Some(file) = &*slot {
            return Ok(Rc::clone(file));
        }
        let file = Rc::new(rt::file::stdout()?);
        *slot = Some(Rc::clone(&file));
        Ok(file)
    }

    async fn print(&self, batch: &Batch) -> Result<(), SinkError> {
        let encoded = Codec::Lines.encode(batch, Vec::new()).map_err(|text| self.fault(text))?;
        let bytes = encoded.as_slice();
        self.services.console(&String::from_utf8_lossy(bytes));
        if !self.stdout || bytes.is_empty() {
            return Ok(());
        }
        let write = |e: std::io::Error| self.fault(format!("write /dev/stdout: {}", io_text(&e)));
        let file = self.file().map_err(write)?;
        file.write_all(bytes.to_vec()).await.0.map_err(write)
    }
}

impl Sink for Console {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.print(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Console {
        component: env.component().clone(),
        services: env.services(),
        stdout: config.stdout,
        file: RefCell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "console",
    since: "0.1.0",
    category: "utility",
    summary: "Appends messages to the console of the pipeline.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "on standard output, too",
        config: r#"{"stdout":true}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{TestEnv, batch, both_modes};

    #[test]
    fn lines_reach_the_console() {
        both_modes(|| async {
            let env = TestEnv::new();
            let sink = (SPEC.build)(&json!({}), &env).unwrap();
            sink.write(&batch(&["a", "b\n"])).await.unwrap();
            assert_eq!(*env.services.console.borrow(), "a\nb\n");
        });
    }
}
