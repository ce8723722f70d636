//! Sink `stdout`: standard output of the process.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError,
    SinkSpec, schema_of,
};
use rt::file::File;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::{Codec, CodecName, Encoded};
use crate::text::io_text;

/// Writes messages to standard output.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How messages are written: `all-bytes`, `append`, `lines`, `delim:x`.
    pub codec: CodecName,
}

/// A running `stdout` sink.
pub struct Stdout {
    component: Component,
    codec: Codec,
    file: RefCell<Option<Rc<File>>>,
    scratch: Cell<Vec<u8>>,
}

impl Stdout {
    fn fault(&self, call: &str, error: &std::io::Error) -> Arc<Fault> {
        fault_of(&self.component, format!("{call} /dev/stdout: {}", io_text(error)))
    }

    fn file(&self) -> Result<Rc<File>, Arc<Fault>> {
        let mut slot = self.file.borrow_mut();
        if let Some(file) = &*slot {
            return Ok(Rc::clone(file));
        }
        let file = Rc::new(rt::file::stdout().map_err(|e| self.fault("open", &e))?);
        *slot = Some(Rc::clone(&file));
        Ok(file)
    }

    async fn write_batch(&self, batch: &Batch) -> Result<(), SinkError> {
        let file = self.file().map_err(SinkError::All)?;
        let encoded = self.codec.encode(batch, self.scratch.take());
        let encoded = encoded.map_err(|t| SinkError::All(fault_of(&self.component, t)))?;
        let written = match encoded {
            Encoded::Shared(bytes) => file.write_all(bytes).await.0,
            Encoded::Gathered(bytes) => {
                let (written, bytes) = file.write_all(bytes).await;
                self.scratch.set(bytes);
                written
            }
        };
        written.map_err(|e| SinkError::All(self.fault("write", &e)))
    }
}

impl Sink for Stdout {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move { self.file().map(drop) })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.write_batch(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            self.file.borrow_mut().take();
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Stdout {
        component: env.component().clone(),
        codec: config.codec.codec()?,
        file: RefCell::default(),
        scratch: Cell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "stdout",
    since: "0.1.0",
    category: "local",
    summary: "Writes messages to standard output of the process.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "lines",
        config: r#"{"codec":"lines"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
