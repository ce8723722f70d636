//! Source `read_until`: another source, until a message passes a check or nothing comes for a
//! while.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration as Time;

use futures_util::future::{Either, select};
use plan::env::read_config;
use plan::fields::{Duration, Input, Query};
use plan::{
    Batch, BuildError, Emitted, Env, Example, Expr, Form, Json, LocalBoxFuture, Source,
    SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::CATEGORY;
use crate::compose::records::records_of;
use crate::nested::Nested;
use crate::signal::Signal;

/// Pause before a child that ended is started again.
const RESTART_PAUSE: Time = Time::from_millis(100);

/// Reads another input until a message passes a check, which is the last one.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The input.
    pub input: Input,
    /// Whether a message is the last one.
    #[serde(default)]
    pub check: Query,
    /// Time without a message after which the input ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<String>,
    /// Starts the input again when it ends too early.
    #[serde(default)]
    pub restart_input: bool,
}

/// The context of the child: what it emits is looked at first.
struct Looking {
    outer: Rc<dyn SourceContext>,
    check: Rc<RefCell<Option<Box<dyn Expr>>>>,
    last_ns: Cell<rt::Nanos>,
    found: Cell<bool>,
    /// Set once the last message was taken.
    sent: Cell<bool>,
    changed: Signal,
}

impl Looking {
    async fn look(&self, batch: Batch) -> Result<Emitted, SourceError> {
        if self.found.get() {
            return Err(SourceError::Stopped);
        }
        self.last_ns.set(rt::now());
        let mut batch = match records_of(batch.data) {
            Ok(records) => Batch::records(records),
            Err(other) => Batch::new(other),
        };
        if let Some(last) = self.last(&batch)
            && let Some(records) = batch.as_records_mut()
        {
            records.recs.truncate(last + 1);
            self.found.set(true);
        }
        let emitted = self.outer.emit(batch).await;
        self.last_ns.set(rt::now());
        if self.found.get() {
            self.sent.set(true);
            self.changed.wake();
        }
        emitted
    }

    fn last(&self, batch: &Batch) -> Option<usize> {
        let mut check = self.check.borrow_mut();
        let mut mask = Vec::new();
        check.as_mut()?.test(batch, &mut mask).ok()?;
        mask.iter().position(|passes| matches!(passes, Ok(true)))
    }

    /// Waits until the last message was sent on or nothing came for too long.
    async fn over(&self, idle: Option<Time>) {
        loop {
            let found = self.changed.until(|| self.sent.get().then_some(()));
            let Some(idle) = idle else { return found.await };
            let left = (self.last_ns.get() + idle).since(rt::now());
            if left.is_zero() || rt::timeout(left, found).await.is_ok() {
                return;
            }
        }
    }
}

impl SourceContext for Looking {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.look(batch))
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        self.outer.stopping()
    }

    fn is_stopping(&self) -> bool {
        self.found.get() || self.outer.is_stopping()
    }

    fn connected(&self, up: bool) {
        self.outer.connected(up);
    }

    fn error(&self, text: &str) {
        self.outer.error(text);
    }

    fn instance(&self) -> (usize, usize) {
        self.outer.instance()
    }
}

/// A running `read_until` source.
pub struct ReadUntil {
    child: Nested,
    replays: bool,
    check: Rc<RefCell<Option<Box<dyn Expr>>>>,
    idle: Option<Time>,
    restarts: bool,
}

impl Source for ReadUntil {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let looking = Rc::new(Looking {
                outer: context,
                check: Rc::clone(&self.check),
                last_ns: Cell::new(rt::now()),
                found: Cell::new(false),
                sent: Cell::new(false),
                changed: Signal::default(),
            });
            let inner: Rc<dyn SourceContext> = looking.clone();
            loop {
                let run = std::pin::pin!(self.child.run(&inner));
                let over = std::pin::pin!(looking.over(self.idle));
                let ended = match select(over, run).await {
                    Either::Left(_) => return Ok(()),
                    Either::Right((ended, _)) => ended,
                };
                if looking.sent.get() {
                    return Ok(());
                }
                if !self.restarts {
                    return ended;
                }
                ended?;
                rt::sleep(RESTART_PAUSE).await;
            }
        })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    let idle = match config.idle_timeout.as_deref().filter(|t| !t.is_empty()) {
        None => None,
        Some(text) => {
            let parsed = Duration::parse(text);
            let parsed = parsed.map_err(|e| {
                BuildError::new(format!("unable to parse idle_timeout string: {e}"))
            })?;
            Some(Time::from_nanos(parsed.wait_ns()))
        }
    };
    if config.check.is_empty() && idle.is_none() {
        return Err(BuildError::new("it is required to set either check or idle_timeout"));
    }
    let check = match config.check.is_empty() {
        true => None,
        false => Some(env.expr(&config.check.0, Form::Query)?),
    };
    let source = env.source(&config.input)?;
    let replays = source.replays();
    Ok(Box::new(ReadUntil {
        child: Nested::new(source, replays),
        replays,
        check: Rc::new(RefCell::new(check)),
        idle,
        restarts: config.restart_input,
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "read_until",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Reads another input until a message passes a check.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "until a line says so",
        config: r#"{"input":{"name":"stdin"},"check":"content() == \"stop\""}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
