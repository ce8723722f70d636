//! Source `fan_out`: what another pipeline of the process hands on.

use std::rc::Rc;
use std::time::Duration;

use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use plan::env::read_config;
use plan::{
    Batch, BuildError, Data, Emitted, Env, Example, Json, LocalBoxFuture, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counted, Item, MEET_MAX, Seat, Share, WAITING_MAX, handing_on};
use crate::wait::{Ended, until_stopping};

/// Pause before it is looked again whether somebody hands on.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Takes what passes the `fan_out` of the same name in another pipeline.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name under which it is handed on.
    pub name: String,
    /// What this receiver calls itself, for whoever expects it.
    pub who: String,
    /// Whether all of it is handed on to others by a `fan_out` of this pipeline, which sees first
    /// to it that nobody holds it up.
    #[serde(default)]
    pub relays: bool,
}

/// A running `fan_out` source.
pub struct FanOut {
    config: Config,
}

/// Ends of what a [`Seat`] consists of.
struct Mine {
    items: Receiver<Item>,
    there: Sender<()>,
    refused: Receiver<String>,
}

fn seat(config: &Config) -> (Seat, Mine) {
    let (items_in, items) = flume::bounded(WAITING_MAX);
    let (there, watched) = flume::bounded(1);
    let (refusal, refused) = flume::bounded(1);
    let seat = Seat {
        who: config.who.clone(),
        items: items_in,
        there: watched,
        refusal,
        relays: config.relays,
        resolved: std::sync::Arc::default(),
        counted: None,
    };
    (seat, Mine { items, there, refused })
}

/// Batches that were emitted; each resolves its share when it is delivered.
type OnTheWay = FuturesUnordered<LocalBoxFuture<'static, ()>>;

/// What comes next.
enum Next {
    Stop,
    Item(Item),
    /// Whoever handed on is gone.
    Gone,
    /// Whoever hands on passes this receiver over, and why.
    Refused(String),
}

fn resolving(emitted: Emitted, share: Share) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        // What is not delivered is sent again by this pipeline, until it is.
        emitted.outcome().await;
        share.ok();
    })
}

/// Takes note of what is delivered, without end.
async fn resolve(on_the_way: &mut OnTheWay) -> Next {
    while on_the_way.next().await.is_some() {}
    std::future::pending().await
}

/// Waits for the word that this receiver is passed over; one that is only not needed any more gets
/// none.
async fn refused(mine: &Mine) -> String {
    match mine.refused.recv_async().await {
        Ok(text) => text,
        Err(_) => std::future::pending().await,
    }
}

async fn next(context: &Rc<dyn SourceContext>, mine: &Mine, on_the_way: &mut OnTheWay) -> Next {
    let words = async {
        let refused = async { Next::Refused(refused(mine).await) };
        let resolving = resolve(on_the_way);
        select(std::pin::pin!(refused), std::pin::pin!(resolving)).await.factor_first().0
    };
    let item = async {
        match mine.items.recv_async().await {
            Ok(item) => Next::Item(item),
            // The word may have come with the end.
            Err(_) => mine.refused.try_recv().map_or(Next::Gone, Next::Refused),
        }
    };
    let (words, item) = (std::pin::pin!(words), std::pin::pin!(item));
    match until_stopping(context, select(words, item)).await {
        Ended::Stopping => Next::Stop,
        Ended::Done(first) => first.factor_first().0,
    }
}

impl FanOut {
    /// Comes to whoever hands on.
    async fn join(&self, context: &Rc<dyn SourceContext>) -> Result<Mine, SourceError> {
        let name = &self.config.name;
        let (mut seat, mine) = seat(&self.config);
        let end = rt::now() + MEET_MAX;
        let joining = async {
            loop {
                match handing_on(name) {
                    Some(port) => {
                        seat.counted = Some(Counted::new(port.receivers));
                        match port.joins.send_async(seat).await {
                            Ok(()) => return Ok(()),
                            Err(flume::SendError(back)) => seat = back,
                        }
                    }
                    None if rt::now() >= end => {
                        let text = format!("nobody hands on anything as {name} any more");
                        return Err(SourceError::Fatal(text));
                    }
                    None => {}
                }
                rt::sleep(LOOK_PAUSE).await;
            }
        };
        match until_stopping(context, joining).await {
            Ended::Stopping => Err(SourceError::Stopped),
            Ended::Done(joined) => joined.map(|()| mine),
        }
    }

    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let mine = self.join(context).await?;
        context.connected(true);
        let mut on_the_way = OnTheWay::new();
        loop {
            match next(context, &mine, &mut on_the_way).await {
                Next::Stop => return leave(context, mine, None, on_the_way).await,
                Next::Refused(text) => return give_up(context, mine, on_the_way, &text).await,
                Next::Gone => return gone(context, &self.config.name).await,
                Next::Item(Item::End) => {
                    while on_the_way.next().await.is_some() {}
                    return Ok(());
                }
                Next::Item(Item::Batch(data, share)) => match emit(context, &mine, &data).await {
                    Emission::Taken(emitted) => on_the_way.push(resolving(emitted, share)),
                    Emission::Stopped => {
                        return leave(context, mine, Some((data, share)), on_the_way).await;
                    }
                    Emission::Refused(text) => {
                        drop(share);
                        return give_up(context, mine, on_the_way, &text).await;
                    }
                },
            }
        }
    }
}

/// What becomes of a batch that is to be emitted.
enum Emission {
    Taken(Emitted),
    /// It was not taken: this pipeline is being stopped.
    Stopped,
    /// It was not taken in time.
    Refused(String),
}

async fn emit(context: &Rc<dyn SourceContext>, mine: &Mine, data: &Data) -> Emission {
    let refused = std::pin::pin!(refused(mine));
    match select(context.emit(Batch::new(data.clone())), refused).await {
        Either::Left((Ok(emitted), _)) => Emission::Taken(emitted),
        Either::Left((Err(_), _)) => Emission::Stopped,
        Either::Right((text, _)) => Emission::Refused(text),
    }
}

/// Takes no more, and brings what it has on its way.
async fn leave(
    context: &Rc<dyn SourceContext>,
    mine: Mine,
    held: Option<(Data, Share)>,
    mut on_the_way: OnTheWay,
) -> Result<(), SourceError> {
    let Mine { items, there, .. } = mine;
    drop(there);
    let waiting = std::iter::from_fn(|| match items.try_recv() {
        Ok(Item::Batch(data, share)) => Some((data, share)),
        _ => None,
    });
    for (data, share) in held.into_iter().chain(waiting) {
        let emitted = context.emit_kept(Batch::new(data)).await?;
        on_the_way.push(resolving(emitted, share));
    }
    while on_the_way.next().await.is_some() {}
    Err(SourceError::Stopped)
}

/// Holds up nobody any more; somebody will look and end this pipeline.
async fn give_up(
    context: &Rc<dyn SourceContext>,
    mine: Mine,
    on_the_way: OnTheWay,
    text: &str,
) -> Result<(), SourceError> {
    drop((mine, on_the_way));
    context.error(text);
    context.connected(false);
    context.stopping().await;
    Err(SourceError::Stopped)
}

/// Waits for whoever knows why nothing comes any more to end this pipeline.
async fn gone(context: &Rc<dyn SourceContext>, name: &str) -> Result<(), SourceError> {
    match until_stopping(context, rt::sleep(MEET_MAX)).await {
        Ended::Stopping => Err(SourceError::Stopped),
        Ended::Done(()) => {
            Err(SourceError::Fatal(format!("nobody hands on anything as {name} any more")))
        }
    }
}

impl Source for FanOut {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.serve(&context).await })
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    Ok(Box::new(FanOut { config: read_config(config)? }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "fan_out",
    since: "0.1.0",
    category: "utility",
    summary: "Takes what another pipeline of the process hands on.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "under a name",
        config: r#"{"name":"shared-1-2","who":"5"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
