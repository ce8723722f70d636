//! Sink `dynamic`: sinks that come and go over HTTP.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use futures_util::future::{Either, join_all, select};
use plan::drafts::{Drafts, Shown, Workshop};
use plan::env::{Response, read_config};
use plan::fields::Output;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};
use rt::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::END_MAX;
use super::desk::{Change, Desk, done, failed};
use crate::compose::backoff::{self, Backoff};
use crate::compose::child::Child;
use crate::compose::part::write_part;
use crate::compose::{CATEGORY, CHILDREN_MAX};
use crate::signal::Signal;

/// How long a request waits for its child to connect, which then goes on when it is written to.
const OPEN_MAX: Time = Time::from_secs(1);

/// Writes to outputs that are made, changed and removed over HTTP while the pipeline runs: a POST
/// to `/outputs/{id}` makes or replaces one, a GET shows it, a DELETE removes it, `/outputs` lists
/// all, and `/outputs/{id}/uptime` tells how long one has been running. All of them get every
/// message; what one refuses it is given again. Messages wait while there is none.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-drafts" = "outputs"))]
pub struct Config {
    /// The outputs it begins with, by name.
    pub outputs: BTreeMap<String, Output>,
    /// What the paths begin with.
    pub prefix: String,
    /// What reads further outputs.
    #[schemars(skip)]
    pub drafts: Drafts,
}

/// A child and what is under way to it.
struct Member {
    child: Child,
    writes: Cell<usize>,
    /// Whether it is to be removed: what was refused is not given again.
    leaving: Cell<bool>,
    /// Whether it is removed, whatever is under way.
    gone: Cell<bool>,
    changed: Signal,
}

/// Counts a write while it lives.
struct Writing<'a>(&'a Member);

impl<'a> Writing<'a> {
    fn new(member: &'a Member) -> Self {
        member.writes.set(member.writes.get() + 1);
        Writing(member)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writes.set(self.0.writes.get() - 1);
        self.0.changed.wake();
    }
}

impl Member {
    fn new(sink: Box<dyn Sink>) -> Rc<Self> {
        Rc::new(Member {
            child: Child::new(sink),
            writes: Cell::new(0),
            leaving: Cell::new(false),
            gone: Cell::new(false),
            changed: Signal::default(),
        })
    }

    /// Connects, if that does not take long.
    async fn open(&self) {
        // Whoever writes to it tries again.
        let _ = rt::timeout(OPEN_MAX, self.child.open()).await;
    }

    /// Writes until everything is taken; false when it was removed before.
    async fn insist(&self, batch: &Batch) -> bool {
        let _writing = Writing::new(self);
        let write = std::pin::pin!(async {
            let mut backoff = Backoff::new(backoff::Config::default());
            let mut rest: Vec<usize> = (0..batch.len().max(1)).collect();
            while let Err(refused) = write_part(&self.child, batch, &rest).await {
                if self.leaving.get() {
                    return false;
                }
                rest = refused.into_iter().map(|(at, _)| at).collect();
                let pause = std::pin::pin!(backoff.pause());
                let leaving = self.changed.until(|| self.leaving.get().then_some(()));
                select(pause, std::pin::pin!(leaving)).await;
            }
            true
        });
        let gone = std::pin::pin!(self.changed.until(|| self.gone.get().then_some(())));
        matches!(select(write, gone).await, Either::Left((true, _)))
    }

    /// Waits for what is under way, but not for ever, and closes.
    async fn remove(&self) {
        self.leaving.set(true);
        self.changed.wake();
        let idle = self.changed.until(|| (self.writes.get() == 0).then_some(()));
        if rt::timeout(END_MAX, idle).await.is_err() {
            self.gone.set(true);
            self.changed.wake();
            self.changed.until(|| (self.writes.get() == 0).then_some(())).await;
        }
        // What it says at its end changes nothing.
        let _ = rt::timeout(END_MAX, self.child.close()).await;
    }
}

struct Shared {
    desk: Desk,
    workshop: Rc<dyn Workshop>,
    members: RefCell<BTreeMap<String, Rc<Member>>>,
    changed: Signal,
    path: String,
}

impl Shared {
    /// All children, when there are any.
    fn all(&self) -> Option<Vec<Rc<Member>>> {
        let members = self.members.borrow();
        (!members.is_empty()).then(|| members.values().cloned().collect())
    }

    async fn remove(&self, id: &str) {
        let member = self.members.borrow_mut().remove(id);
        if let Some(member) = member {
            member.remove().await;
            self.desk.stopped(id);
        }
    }

    async fn change(&self, change: Change) -> Response {
        match change {
            Change::Remove(id) => {
                self.remove(&id).await;
                self.desk.removed(&id);
            }
            Change::Set(id, text) => {
                let path = format!("{}.dynamic.outputs.{id}", self.path);
                let (sink, shown) = match self.workshop.sink(&text, &path) {
                    Ok(made) => made,
                    Err(complaint) => return failed(&complaint),
                };
                self.remove(&id).await;
                let member = Member::new(sink);
                member.open().await;
                self.desk.started(&id, shown, Some(text));
                self.members.borrow_mut().insert(id, member);
                self.changed.wake();
            }
        }
        done()
    }

    async fn serve(&self) {
        while let Some((which, request)) = self.desk.next().await {
            let response = match self.desk.look(which, &request) {
                Ok(change) => self.change(change).await,
                Err(response) => response,
            };
            // Whoever went away is not told.
            let _ = request.reply.try_send(response);
        }
    }
}

/// A running `dynamic` sink.
pub struct Dynamic {
    shared: Rc<Shared>,
    server: RefCell<Option<Task<()>>>,
}

impl Sink for Dynamic {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let first = self.shared.all().unwrap_or_default();
            join_all(first.iter().map(|member| member.open())).await;
            let shared = Rc::clone(&self.shared);
            let serve = async move { shared.serve().await };
            *self.server.borrow_mut() = Some(rt::spawn(serve).abort_on_drop());
            Ok(())
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                let members = self.shared.changed.until(|| self.shared.all()).await;
                let writes = join_all(members.iter().map(|member| member.insist(batch))).await;
                // When all were removed before they had it, it is for those that come.
                if writes.contains(&true) {
                    return Ok(());
                }
            }
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            self.server.borrow_mut().take();
            let members = self.shared.all().unwrap_or_default();
            let closed = join_all(members.iter().map(|member| member.child.close())).await;
            closed.into_iter().collect()
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let mut config: Config = read_config(config)?;
    if config.outputs.len() > CHILDREN_MAX {
        let text = format!("there may be {CHILDREN_MAX} of them at most");
        return Err(BuildError::new(format!("field 'outputs': {text}")));
    }
    let desk = Desk::open(&config.prefix, "output", env)?;
    let mut members = BTreeMap::new();
    for (id, output) in config.outputs {
        let shown: Shown = config.drafts.shown.remove(&id).unwrap_or_default();
        members.insert(id.clone(), Member::new(env.sink(&output)?));
        desk.started(&id, shown, None);
    }
    let shared = Shared {
        desk,
        workshop: env.workshop(&config.drafts)?,
        members: RefCell::new(members),
        changed: Signal::default(),
        path: env.component().path.clone(),
    };
    Ok(Box::new(Dynamic { shared: Rc::new(shared), server: RefCell::default() }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "dynamic",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Writes to outputs that come and go over HTTP.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a file at first",
        config: r#"{"outputs":{"all":{"name":"file","config":{"path":"./all.txt"}}}}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
