//! Source `repeat`: the same lines again and again.

use std::rc::Rc;

use bytes::Bytes;
use plan::env::{Services, read_config};
use plan::{
    Batch, BuildError, Data, Env, Example, Json, LocalBoxFuture, RawBlock, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wait::{Ended, until_stopping};

/// Longest text; bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Emits a text again and again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Lines, each with its end.
    pub text: String,
    /// How often; 0: for ever.
    #[serde(default)]
    pub count: u64,
    /// Milliseconds between two times; 0: as fast as they are taken.
    #[serde(default)]
    pub interval_ms: u64,
}

/// A running `repeat` source.
pub struct Repeat {
    text: Bytes,
    /// How often still; `None` for ever.
    left: Option<u64>,
    interval_ns: u64,
    services: Rc<dyn Services>,
}

impl Repeat {
    async fn repeat(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        context.connected(true);
        loop {
            match &mut self.left {
                Some(0) => return Ok(()),
                Some(left) => *left -= 1,
                None => {}
            }
            let bytes = self.text.clone();
            let raw = RawBlock { bytes, meta: None, offset: 0, only: None };
            drop(context.emit(Batch::new(Data::Raw(raw))).await?);
            if self.interval_ns > 0 && self.left != Some(0) {
                let sleep = self.services.sleep(self.interval_ns);
                if until_stopping(context, sleep).await == Ended::Stopping {
                    return Err(SourceError::Stopped);
                }
            }
        }
    }
}

impl Source for Repeat {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.repeat(&context).await })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.text.len() > TEXT_BYTES_MAX {
        return Err(BuildError::new(format!("text: at most {TEXT_BYTES_MAX} bytes")));
    }
    Ok(Box::new(Repeat {
        text: config.text.into(),
        left: (config.count > 0).then_some(config.count),
        interval_ns: config.interval_ms.saturating_mul(1_000_000),
        services: env.services(),
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "repeat",
    since: "0.1.0",
    category: "utility",
    summary: "Emits the same lines again and again.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a line a second, three times",
        config: r#"{"text":"1,1\n","count":3,"interval_ms":1000}"#,
        input: &[],
        output: &[],
    }],
    build,
};
