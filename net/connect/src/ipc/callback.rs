//! Source `callback`: a value for each call of a name over kdb+ IPC (spec/kdb-qsp.md §6).

use std::future::pending;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;

use flume::Receiver;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use plan::env::{Payload, Request, Response, read_config};
use plan::{
    Batch, BuildError, Data, Emitted, Env, Example, Json, LocalBoxFuture, Log, Record, Records,
    Source, SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::partitions::Partitions;
use super::replayed;
use crate::wait::{Ended, until_stopping};

/// Is called by name, with one argument, by clients of the IPC port.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The name that clients call.
    pub name: String,
    /// Column of tables, and field of dictionaries, whose value is their partition. Where several
    /// instances of a pipeline share the calls, a partition belongs to one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Json>,
    /// Names of partitions, which the instances share evenly. Without a key, calls belong to one
    /// after the other.
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
    /// Whether other instances have calls of the same name, so that somebody may want to know when
    /// a call is done with.
    shared: bool,
}

impl Callback {
    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        context.connected(true);
        let mut on_the_way = FuturesUnordered::new();
        loop {
            let next = async {
                loop {
                    let done = async {
                        match on_the_way.is_empty() {
                            true => pending().await,
                            false => on_the_way.next().await,
                        }
                    };
                    match select(pin!(self.requests.recv_async()), pin!(done)).await {
                        Either::Left((call, _)) => return call,
                        Either::Right(_) => {}
                    }
                }
            };
            let request = match until_stopping(context, next).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(Err(_)) => return Ok(()), // nobody can call any more
                Ended::Done(Ok(request)) => request,
            };
            let Request { payload, reply, .. } = request;
            // The caller is answered once there is room for its data: that is how a slow pipeline
            // slows its callers.
            let emitted = take(context, payload).await?;
            let _ = reply.try_send(Response { status: 200, ..Response::default() });
            if self.shared {
                on_the_way.push(async move {
                    emitted.outcome().await;
                    drop(reply);
                });
            }
        }
    }
}

/// Hands on what a request carries. All of it is taken, or nothing.
async fn take(context: &Rc<dyn SourceContext>, payload: Payload) -> Result<Emitted, SourceError> {
    match payload {
        Payload::Values(values) => context.emit_each(values).await,
        Payload::Value(value) => context.emit(Batch::new(Data::Value(value))).await,
        Payload::Bytes(bytes) => {
            let body = plan::Body::Own(std::sync::Arc::new(bytes.to_vec()));
            let recs = vec![Record { body, ..Record::default() }];
            context.emit(Batch::records(Records { recs, ..Records::default() })).await
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
    let partitions = Partitions::of(&config)?.filter(|_| !config.replay);
    let shared = partitions.is_some();
    let requests = match partitions {
        Some(partitions) => {
            services.open_shared_port("ipc", &config.name, raw, Rc::new(partitions))?
        }
        None => services.open_port("ipc", &config.name, raw)?,
    };
    Ok(Box::new(Callback { requests, journal, shared }))
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
