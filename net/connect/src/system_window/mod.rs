//! Buffer `system_window`: messages are put together by windows of time, as the clock of the
//! system has it (spec/benthos-components.md §E). Whoever sent a message hears what became of it
//! when its window was delivered; what no window wants any more counts as delivered.

mod kept;
mod stamps;
#[cfg(test)]
mod tests;
mod windows;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use formats::value::{Timestamp, Value};
use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use futures_util::stream::FuturesUnordered;
use plan::env::read_config;
use plan::fields::{Duration, Input, Mapping, Part};
use plan::{
    Batch, Body, BuildError, Emitted, Env, Example, Fault, Form, Json, LocalBoxFuture, Origin,
    Outcome, Records, Source, SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::leave_to;
use crate::compose::records::records_of;
use crate::nested::{Nested, REPLAY_PAUSE};
use kept::{Counts, Kept, Message, Share, Ticket};
use stamps::Stamps;
use windows::Windows;

/// Bytes of messages that wait for their windows; an input that brings more waits.
pub const BYTES_MAX: usize = 512 << 20;
/// Windows that are on their way through the pipeline at once.
const IN_FLIGHT_MAX: usize = 64;
/// Bytes that a message counts for besides its content.
const MESSAGE_BYTES: usize = 128;
/// Longest time to sleep before the clock of the system is looked at again: somebody may set it.
const SLEEP_MAX: Time = Time::from_secs(60);
/// The metadata with the end of a message's window.
const END_KEY: &str = "window_end_timestamp";

/// Puts the messages of each window of time together.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The time of a message: a number of seconds since 1970, or a text such as
    /// `2026-11-29T09:49:35Z`. A message that is too late for every window is left out.
    #[serde(default = "now")]
    pub timestamp_mapping: Mapping,
    /// How long a window is, such as `30s`. Windows of an hour begin with the hours of UTC.
    pub size: String,
    /// How long after the one before a window begins, where windows overlap. A message is
    /// delivered with each of its windows; the first of them decides whether it counts as
    /// delivered.
    #[serde(default)]
    pub slide: String,
    /// By how much windows begin later, or earlier: `-6h`.
    #[serde(default)]
    pub offset: String,
    /// How long a window waits after its end for messages that are late.
    #[serde(default)]
    pub allowed_lateness: String,
}

fn now() -> Mapping {
    "root = now()".into()
}

impl Config {
    /// The windows, and the nanoseconds that they wait.
    fn windows(&self) -> Result<(Windows, i128), BuildError> {
        let read = |name: &str, text: &str| match text {
            "" if name != "size" => Ok(Duration::default()),
            text => Duration::parse(text).map_err(|error| {
                BuildError::new(format!("failed to parse field '{name}' as duration: {error}"))
            }),
        };
        let size = read("size", &self.size)?;
        let slide = read("slide", &self.slide)?;
        let below = |name: &str, one: Duration, other: &str, limit: Duration| match one < limit {
            true => Ok(()),
            false => Err(BuildError::new(format!(
                "invalid {name} '{one}' must be lower than the {other} '{limit}'"
            ))),
        };
        below("window slide", slide, "size", size)?;
        let offset = read("offset", &self.offset)?;
        below("offset", offset, "size", size)?;
        let slides = slide.ns > 0;
        if slides {
            below("offset", offset, "slide", slide)?;
        }
        let lateness = read("allowed_lateness", &self.allowed_lateness)?;
        below("allowed_lateness", lateness, "size", size)?;
        let step = if slides { slide } else { size };
        // With a slide that goes back the size may do so, too.
        if step.ns <= 0 {
            let text = format!("invalid window size '{size}' must be higher than 0");
            return Err(BuildError::new(text));
        }
        let ns = |duration: Duration| i128::from(duration.ns);
        let windows = Windows { size: ns(size), step: ns(step), offset: ns(offset) };
        Ok((windows, ns(lateness).max(0)))
    }
}

/// The configuration with the input that fills the buffer, as a lowering makes it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Filled {
    /// The input.
    pub input: Input,
    #[serde(flatten)]
    config: Config,
}

/// The context of the input: what it emits waits for its window.
struct Filling {
    outer: Rc<dyn SourceContext>,
    kept: Rc<Kept>,
}

impl Filling {
    async fn keep(&self, batch: Batch) -> Result<Emitted, SourceError> {
        let (kept, batches) = (&self.kept, batch.batches());
        let Ok(records) = records_of(batch.data) else {
            let fault = Arc::new(Fault::new("a window takes messages only"));
            let outcome = Outcome { failures: vec![(None, fault)], replies: Vec::new() };
            return Ok(Emitted(Box::pin(std::future::ready(outcome))));
        };
        let share = Share::new(records.recs.len());
        let messages = messages(&records, &share);
        let bytes = messages.iter().map(|message| message.bytes).sum();
        let room = std::pin::pin!(kept.changed.until(|| kept.has_room(bytes).then_some(())));
        if let Either::Left(_) = select(self.outer.stopping(), room).await {
            return Err(SourceError::Stopped);
        }
        kept.counts.received.add(messages.len() as u64);
        kept.counts.batch_received.add(batches as u64);
        kept.open.set(kept.open.get() + messages.len());
        kept.take(messages);
        // An input that never waits must not keep others from their turn.
        rt::yield_now().await;
        Ok(Emitted(share.outcome()))
    }
}

/// Messages that each have their own bytes, so that none of them keeps a block.
fn messages(records: &Records, share: &Rc<Share>) -> Vec<Message> {
    let mut scratch = Vec::new();
    let all = records.recs.iter().enumerate();
    let message = all.map(|(index, record)| {
        let mut record = record.clone();
        let content = records.bytes(index, &mut scratch);
        let bytes = content.len() + MESSAGE_BYTES;
        if let Body::Range { .. } = record.body {
            record.body = Body::Own(Arc::new(content.to_vec()));
        }
        let ticket = Ticket::new(share, u32::try_from(index).unwrap_or(u32::MAX));
        Message { record, bytes, ticket }
    });
    message.collect()
}

impl SourceContext for Filling {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.keep(batch))
    }

    leave_to!(outer);
}

/// What is to be done next.
enum Turn {
    /// A window has ended.
    Window(Vec<Message>),
    /// A window that was on its way has arrived.
    Arrived,
    /// Nothing is left and nothing more comes.
    Over,
    Stopping,
}

/// A running buffer with its input.
pub struct SystemWindow {
    input: Nested,
    kept: Rc<Kept>,
}

/// Hands windows on as they end, until nothing is left and nothing more comes.
struct Drain<'a> {
    outer: &'a Rc<dyn SourceContext>,
    kept: &'a Kept,
    /// Whether nothing more comes.
    ended: &'a Cell<bool>,
}

impl Drain<'_> {
    fn is_over(&self) -> Option<()> {
        (self.ended.get() && self.kept.open.get() == 0).then_some(())
    }

    async fn run(&self) -> Result<(), SourceError> {
        let mut on_the_way = FuturesUnordered::new();
        loop {
            let turn = {
                let full = on_the_way.len() >= IN_FLIGHT_MAX;
                let next =
                    async { if full { std::future::pending().await } else { self.next().await } };
                let next = std::pin::pin!(next);
                let arrived = async {
                    if on_the_way.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _: Option<()> = on_the_way.next().await;
                    Turn::Arrived
                };
                let arrived = std::pin::pin!(arrived);
                let either = select(next, arrived);
                match select(self.outer.stopping(), either).await {
                    Either::Left(_) => Turn::Stopping,
                    Either::Right((either, _)) => either.factor_first().0,
                }
            };
            match turn {
                Turn::Window(messages) => on_the_way.push(self.send(messages).await?),
                Turn::Arrived => {}
                Turn::Over => return Ok(()),
                Turn::Stopping => {
                    let text = "message rejected as window did not complete";
                    self.kept.refuse_all(&Arc::new(Fault::new(text)));
                    while on_the_way.next().await.is_some() {}
                    return Err(SourceError::Stopped);
                }
            }
        }
    }

    /// Waits for a window with messages to end. Given up in the middle, it loses nothing.
    async fn next(&self) -> Turn {
        let kept = self.kept;
        loop {
            let next = kept.next_window();
            let due = next.end + kept.lateness;
            while Kept::now() < due {
                let left = u64::try_from(due - Kept::now()).unwrap_or(0);
                let left = Time::from_nanos(left).min(SLEEP_MAX);
                let left = kept.until_again().map_or(left, |again| again.min(left));
                // A signal wakes those who look for something new as well: it is waited for anew.
                if rt::timeout(left, kept.changed.until(|| self.is_over())).await.is_ok() {
                    return Turn::Over;
                }
                kept.try_again();
            }
            let messages = kept.hand_on(next);
            if !messages.is_empty() {
                return Turn::Window(messages);
            }
        }
    }

    /// Hands a window on.
    async fn send(
        &self,
        messages: Vec<Message>,
    ) -> Result<impl Future<Output = ()> + use<'_>, SourceError> {
        let (kept, end) = (self.kept, self.kept.last_end());
        let mut text = Vec::new();
        let zone: Arc<str> = "UTC".into();
        formats::rfc3339::write(&mut text, &Timestamp { unix_ns: end, offset_s: 0, zone });
        let end = Value::text(String::from_utf8_lossy(&text).into_owned());
        let recs = messages.iter().zip(0..).map(|(message, tag)| {
            let mut record = message.record.clone();
            record.origin = Origin { ack: 0, tag };
            record.meta_mut().set(END_KEY, end.clone());
            record
        });
        let records = Records { recs: recs.collect(), ..Records::default() };
        let emitted = self.outer.emit(Batch::records(records)).await;
        if emitted.is_err() {
            let fault = Arc::new(Fault::new("the pipeline stopped"));
            messages.iter().for_each(|message| kept.tell(&message.ticket, Some(&fault)));
            let text = "message rejected as window did not complete";
            kept.refuse_all(&Arc::new(Fault::new(text)));
        }
        let emitted = emitted?;
        Ok(async move { arrived(kept, messages, emitted.outcome().await).await })
    }
}

/// Tells what became of the messages of a window. What was refused looks for another window, where
/// nobody else sends it again.
async fn arrived(kept: &Kept, messages: Vec<Message>, outcome: Outcome) {
    let counts = &kept.counts;
    let whole = outcome.failures.iter().find(|(tag, _)| tag.is_none());
    let mut refused = Vec::new();
    let mut delivered = 0;
    for (message, tag) in messages.into_iter().zip(0..) {
        let failure = outcome.failures.iter().find(|(failed, _)| *failed == Some(tag)).or(whole);
        let Some((_, fault)) = failure else {
            delivered += 1;
            let ns = rt::now().since(message.ticket.since).as_nanos() as u64;
            counts.latency.record(ns, 1);
            kept.tell(&message.ticket, None);
            continue;
        };
        if !kept.replays {
            kept.tell(&message.ticket, Some(fault));
        } else if !Kept::was_told(&message.ticket) && !message.ticket.waits.get() {
            refused.push(message);
        }
    }
    if delivered > 0 {
        counts.sent.add(delivered);
        counts.batch_sent.add(1);
    }
    if !refused.is_empty() {
        rt::sleep(REPLAY_PAUSE).await;
        kept.take(refused);
    }
}

impl Source for SystemWindow {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let (kept, ended) = (Rc::clone(&self.kept), Cell::new(false));
            let filling: Rc<dyn SourceContext> =
                Rc::new(Filling { outer: Rc::clone(&context), kept: Rc::clone(&kept) });
            let fill = async {
                let filled = self.input.run(&filling).await;
                ended.set(true);
                kept.changed.wake();
                filled
            };
            let drain = Drain { outer: &context, kept: &kept, ended: &ended };
            let (filled, drained) = join(fill, drain.run()).await;
            filled.and(drained)
        })
    }

    fn replays(&self) -> bool {
        // What is refused looks for another window.
        false
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let Filled { input, config } = read_config(config)?;
    let windows = config.windows()?;
    let stamps = Stamps::new(env.expr(&config.timestamp_mapping.0, Form::Mapping)?);
    let input = env.source(&input)?;
    let meters = env.meters("");
    let counter = |name: &str| meters.counter(name, &[]);
    let counts = Counts {
        received: counter("buffer_received"),
        batch_received: counter("buffer_batch_received"),
        sent: counter("buffer_sent"),
        batch_sent: counter("buffer_batch_sent"),
        latency: meters.timing("buffer_latency_ns", &[]),
    };
    let kept = Kept::new(windows, stamps, input.replays(), env.services(), counts);
    Ok(Box::new(SystemWindow { input: Nested::new(input, true), kept: Rc::new(kept) }))
}

/// How it is called in configurations.
pub static PART: Part = Part {
    kind: "buffer",
    name: "system_window",
    summary: "Puts the messages of each window of time together.",
    schema: schema_of::<Config>,
};

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "system_window_buffer",
    since: "0.1.0",
    category: plan::component::BUFFER,
    summary: "An input whose messages are put together by windows of time.",
    schema: schema_of::<Filled>,
    examples: &[Example {
        title: "what was made in each hour, five minutes of delay allowed",
        config: r#"{"input":{"name":"stdin"},"size":"1h","allowed_lateness":"5m",
            "timestamp_mapping":{"lang":"bloblang","text":"root = this.created_at"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
