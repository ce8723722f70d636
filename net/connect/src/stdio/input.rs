//! Source `stdin`: standard input of the process through a scanner.

use std::rc::Rc;

use plan::env::read_config;
use plan::{
    BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError, SourceSpec,
    schema_of,
};
use rt::file::File;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reader::{Bytestream, End, pump};
use crate::scanners::{self, Cut, Stream};
use crate::text::io_text;

/// Reads standard input and ends when it ends.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// How the input is cut into messages.
    #[serde(flatten)]
    pub cut: Cut,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
}

/// A running `stdin` source.
pub struct Stdin {
    scanner: scanners::Config,
    replays: bool,
}

impl Bytestream for File {
    fn read(&mut self, buffer: Vec<u8>) -> LocalBoxFuture<'_, (std::io::Result<usize>, Vec<u8>)> {
        Box::pin(File::read(self, buffer))
    }
}

impl Source for Stdin {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let opened = rt::file::stdin();
            let mut input = opened
                .map_err(|e| SourceError::Fatal(format!("cannot open stdin: {}", io_text(&e))))?;
            context.connected(true);
            let stream = Stream { name: "", block_bytes: scanners::BLOCK_BYTES };
            let mut scanner = self.scanner.open(stream).map_err(|e| SourceError::Fatal(e.text))?;
            match pump(&context, &mut input, &mut *scanner, None, None).await? {
                End::Done => {}
                End::Failed(text) => context.error(&format!("failed to read stdin: {text}")),
            }
            Ok(())
        })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Stdin { scanner: config.cut.config()?, replays: config.auto_replay_nacks }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "stdin",
    since: "0.1.0",
    category: "local",
    summary: "Reads standard input of the process.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "messages that end with a semicolon",
        config: r#"{"scanner":{"lines":{"custom_delimiter":";"}}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
