//! Source `callback`: a value for each call of a name over kdb+ IPC (spec/kdb-qsp.md §6).

use std::path::PathBuf;
use std::rc::Rc;

use flume::Receiver;
use plan::env::{Payload, Request, Response, read_config};
use plan::{
    Batch, BuildError, Data, Env, Example, Json, LocalBoxFuture, Log, Record, Records, Source,
    SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::replayed;
use crate::wait::{Ended, until_stopping};

/// Is called by name, with one argument, by clients of the IPC port.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The name that clients call.
    pub name: String,
    /// Field of dictionary events that tells their partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Json>,
    /// Partitions that the events belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Json>,
    /// Whether calls are kept on the device until they are delivered: a caller is answered when its
    /// call is there, and what the end of the process undoes is taken again from there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// A running `callback` source.
pub struct Callback {
    requests: Receiver<Request>,
    /// Where calls are kept.
    journal: Option<PathBuf>,
}

impl Callback {
    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        context.connected(true);
        loop {
            let request = match until_stopping(context, self.requests.recv_async()).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(Err(_)) => return Ok(()), // nobody can call any more
                Ended::Done(Ok(request)) => request,
            };
            // The caller is answered once there is room for its data: that is how a slow pipeline
            // slows its callers.
            match request.payload {
                Payload::Value(value) => drop(context.emit(Batch::new(Data::Value(value))).await?),
                Payload::Values(values) => context.emit_each(values).await?,
                Payload::Bytes(bytes) => {
                    let body = plan::Body::Own(std::sync::Arc::new(bytes.to_vec()));
                    let recs = vec![Record { body, ..Record::default() }];
                    let records = Records { recs, ..Records::default() };
                    drop(context.emit(Batch::records(records)).await?);
                }
            }
            let _ = request.reply.try_send(Response { status: 200, ..Response::default() });
        }
    }
}

impl Source for Callback {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            match &self.journal {
                Some(dir) => replayed::serve(dir, &self.requests, &context).await,
                None => self.serve(&context).await,
            }
        })
    }

    fn replays(&self) -> bool {
        self.journal.is_some()
    }
}

/// A name of a file for the name of a callback: letters and digits as they are, and the others as
/// the numbers of their bytes.
fn file_name(name: &str) -> String {
    let each = name.bytes().map(|byte| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("_{b:02x}"),
    });
    each.collect()
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let raw = config;
    let config: Config = read_config(config)?;
    if config.name.is_empty() {
        return Err(BuildError::new("field 'name': a callback needs a name"));
    }
    let services = env.services();
    let dir = services.journal_dir().filter(|_| config.replay);
    if config.replay && dir.is_none() {
        let text = "calls are not kept: there is no directory for state";
        services.log(Log::Warn, text, &[("callback", &config.name)]);
    }
    let journal = dir.map(|dir| dir.join(file_name(&config.name)));
    Ok(Box::new(Callback { requests: services.open_port("ipc", &config.name, raw)?, journal }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "callback",
    since: "0.1.0",
    category: "network",
    summary: "Takes values that clients send by calling a name over kdb+ IPC.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "calls of upd",
        config: r#"{"name":"upd"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
