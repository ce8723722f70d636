//! Source `dynamic`: sources that come and go over HTTP.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::drafts::{Drafts, Shown, Workshop};
use plan::env::{Request, Response, read_config};
use plan::fields::Input;
use plan::{
    Batch, BuildError, Emitted, Env, Example, Json, LocalBoxFuture, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::END_MAX;
use super::desk::{Change, Desk, Which, done, failed};
use crate::compose::{CATEGORY, CHILDREN_MAX};
use crate::nested::Nested;
use crate::signal::Signal;

/// Reads inputs that are made, changed and removed over HTTP while the pipeline runs: a POST to
/// `/inputs/{id}` makes or replaces one, a GET shows it, a DELETE removes it, `/inputs` lists all,
/// and `/inputs/{id}/uptime` tells how long one has been running. It never ends.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-drafts" = "inputs"))]
pub struct Config {
    /// The inputs it begins with, by name.
    pub inputs: BTreeMap<String, Input>,
    /// What the paths begin with.
    pub prefix: String,
    /// What reads further inputs.
    #[schemars(skip)]
    pub drafts: Drafts,
}

/// Ends one child.
#[derive(Default)]
struct Leave {
    told: Cell<bool>,
    changed: Signal,
}

impl Leave {
    fn tell(&self) {
        self.told.set(true);
        self.changed.wake();
    }

    async fn until(&self) {
        self.changed.until(|| self.told.get().then_some(())).await;
    }
}

/// What a child sees: it must stop when all must, or when it alone is told to.
struct Within {
    outer: Rc<dyn SourceContext>,
    leave: Rc<Leave>,
}

impl SourceContext for Within {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        match self.leave.told.get() {
            true => Box::pin(std::future::ready(Err(SourceError::Stopped))),
            false => self.outer.emit(batch),
        }
    }

    fn emit_kept(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        self.outer.emit_kept(batch)
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        let (all, leave) = (self.outer.stopping(), Rc::clone(&self.leave));
        Box::pin(async move {
            let one = std::pin::pin!(leave.until());
            select(all, one).await;
        })
    }

    fn is_stopping(&self) -> bool {
        self.leave.told.get() || self.outer.is_stopping()
    }

    fn connected(&self, _: bool) {
        // Children that come and go do not say whether the whole is ready.
    }

    fn error(&self, text: &str) {
        self.outer.error(text);
    }

    fn instance(&self) -> (usize, usize) {
        self.outer.instance()
    }
}

/// A child that runs; its result is its name and number.
type Running = LocalBoxFuture<'static, (String, u64)>;

/// The children that run.
#[derive(Default)]
struct Children {
    running: FuturesUnordered<Running>,
    known: BTreeMap<String, (u64, Rc<Leave>, Rc<Leave>)>,
    last: u64,
}

impl Children {
    fn start(&mut self, id: &str, source: Box<dyn Source>, context: &Rc<dyn SourceContext>) {
        self.last += 1;
        let (number, name) = (self.last, id.to_owned());
        let (leave, force) = (Rc::<Leave>::default(), Rc::<Leave>::default());
        self.known.insert(name.clone(), (number, Rc::clone(&leave), Rc::clone(&force)));
        let outer = Rc::clone(context);
        self.running.push(Box::pin(async move {
            let within: Rc<dyn SourceContext> = Rc::new(Within { outer: Rc::clone(&outer), leave });
            let mut nested = Nested::new(source, false);
            {
                let run = std::pin::pin!(nested.run(&within));
                let forced = std::pin::pin!(force.until());
                if let Either::Left((Err(SourceError::Fatal(text)), _)) = select(run, forced).await
                {
                    outer.error(&text);
                }
            }
            (name, number)
        }));
    }

    /// Ends a child and waits for that; one that takes too long is dropped.
    async fn end(&mut self, id: &str, desk: &Desk) {
        let Some((number, leave, force)) = self.known.get(id) else { return };
        let (number, force) = (*number, Rc::clone(force));
        leave.tell();
        if rt::timeout(END_MAX, self.ended(number, desk)).await.is_err() {
            force.tell();
            self.ended(number, desk).await;
        }
    }

    /// Goes on until this child has ended.
    async fn ended(&mut self, number: u64, desk: &Desk) {
        while self.known.values().any(|(known, ..)| *known == number) {
            match self.running.next().await {
                Some(ended) => self.forget(&ended, desk),
                None => return,
            }
        }
    }

    fn forget(&mut self, (id, number): &(String, u64), desk: &Desk) {
        if self.known.get(id).is_some_and(|(known, ..)| known == number) {
            self.known.remove(id);
            desk.stopped(id);
        }
    }
}

/// What a running source does next.
enum Turn {
    Stop,
    Ended((String, u64)),
    Request(Option<(Which, Request)>),
}

/// A running `dynamic` source.
pub struct Dynamic {
    desk: Desk,
    workshop: Rc<dyn Workshop>,
    /// Those it begins with, until it runs.
    first: Vec<(String, Box<dyn Source>, Shown)>,
    path: String,
}

impl Dynamic {
    async fn change(
        &self,
        change: Change,
        children: &mut Children,
        context: &Rc<dyn SourceContext>,
    ) -> Response {
        match change {
            Change::Remove(id) => {
                children.end(&id, &self.desk).await;
                self.desk.removed(&id);
            }
            Change::Set(id, text) => {
                let path = format!("{}.dynamic.inputs.{id}", self.path);
                let (source, shown) = match self.workshop.source(&text, &path) {
                    Ok(made) => made,
                    Err(complaint) => return failed(&complaint),
                };
                children.end(&id, &self.desk).await;
                self.desk.started(&id, shown, Some(text));
                children.start(&id, source, context);
            }
        }
        done()
    }

    /// Waits for what comes next.
    async fn turn(&self, children: &mut Children, stop: &mut LocalBoxFuture<'static, ()>) -> Turn {
        let request = std::pin::pin!(self.desk.next());
        let ended = std::pin::pin!(async {
            match children.running.next().await {
                Some(ended) => ended,
                None => std::future::pending().await,
            }
        });
        match select(stop, select(request, ended)).await {
            Either::Left(_) => Turn::Stop,
            Either::Right((Either::Left((request, _)), _)) => Turn::Request(request),
            Either::Right((Either::Right((ended, _)), _)) => Turn::Ended(ended),
        }
    }

    async fn serve(&self, children: &mut Children, context: &Rc<dyn SourceContext>) {
        let mut stop = context.stopping();
        loop {
            match self.turn(children, &mut stop).await {
                Turn::Stop => return,
                Turn::Ended(ended) => children.forget(&ended, &self.desk),
                Turn::Request(None) => break,
                Turn::Request(Some((which, request))) => {
                    let response = match self.desk.look(which, &request) {
                        Ok(change) => self.change(change, children, context).await,
                        Err(response) => response,
                    };
                    // Whoever went away is not told.
                    let _ = request.reply.try_send(response);
                }
            }
        }
        // Without a front end nothing changes any more, and the children go on.
        while let Some(ended) = children.running.next().await {
            children.forget(&ended, &self.desk);
        }
        stop.await;
    }
}

impl Source for Dynamic {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let mut children = Children::default();
            for (id, source, shown) in std::mem::take(&mut self.first) {
                self.desk.started(&id, shown, None);
                children.start(&id, source, &context);
            }
            context.connected(true);
            self.serve(&mut children, &context).await;
            while children.running.next().await.is_some() {}
            Err(SourceError::Stopped)
        })
    }

    fn replays(&self) -> bool {
        // Each child does it for itself, or does not.
        false
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let mut config: Config = read_config(config)?;
    if config.inputs.len() > CHILDREN_MAX {
        let text = format!("there may be {CHILDREN_MAX} of them at most");
        return Err(BuildError::new(format!("field 'inputs': {text}")));
    }
    let mut first = Vec::new();
    for (id, input) in config.inputs {
        let shown = config.drafts.shown.remove(&id).unwrap_or_default();
        first.push((id, env.source(&input)?, shown));
    }
    let desk = Desk::open(&config.prefix, "input", env)?;
    let workshop = env.workshop(&config.drafts)?;
    Ok(Box::new(Dynamic { desk, workshop, first, path: env.component().path.clone() }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "dynamic",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Reads inputs that come and go over HTTP.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "none at first, under a path of its own",
        config: r#"{"inputs":{},"prefix":"/orders"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
