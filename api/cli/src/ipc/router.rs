//! What clients of the port may ask of the pipelines of the process.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use connect::ipc::{Port, Router, Said, give};
use engine::{EngineHandle, PipelineView, State};
use formats::k::K;
use plan::{LocalBoxFuture, Plan};
use server::Ports;

/// The pipelines of the process, as clients see them.
#[derive(Clone)]
pub(super) struct Pipelines {
    pub(super) engine: EngineHandle,
    ports: Arc<Ports>,
    /// Where the port is, once that is known.
    pub(super) address: Arc<OnceLock<SocketAddr>>,
    /// Whether anything is evaluated.
    evaluates: bool,
}

impl Pipelines {
    pub(super) fn new(
        engine: EngineHandle,
        ports: Arc<Ports>,
        address: Arc<OnceLock<SocketAddr>>,
        evaluates: bool,
    ) -> Self {
        Pipelines { engine, ports, address, evaluates }
    }

    /// All pipelines, the newest first, so that names mean what they mean where callbacks are
    /// called.
    pub(super) async fn newest(&self) -> Result<Vec<PipelineView>, String> {
        let mut views = self.engine.list(None, false).await.map_err(|e| e.to_string())?;
        views.reverse();
        Ok(views)
    }

    /// The q pipelines that run, the newest first.
    pub(super) async fn specs(&self) -> Result<Vec<PipelineView>, String> {
        let mut views = self.newest().await?;
        views.retain(|view| view.state == State::Running && is_spec(&view.spec.plan));
        Ok(views)
    }

    /// The pipeline that an argument names by its id or name; without one the only one that runs.
    pub(super) async fn one(&self, named: Option<&K>) -> Result<PipelineView, String> {
        let mut views = self.specs().await?;
        if let Some(name) = named.and_then(K::as_sym) {
            let of = |view: &PipelineView| &*view.spec.key.id == name.as_str();
            let id = views.iter().position(of);
            let of = |view: &PipelineView| view.spec.name == name.as_str();
            let at = id.or_else(|| views.iter().position(of));
            return at.map(|at| views.swap_remove(at)).ok_or_else(|| name.as_str().to_owned());
        }
        match views.len() {
            0 => Err("no pipeline runs".to_owned()),
            1 => Ok(views.swap_remove(0)),
            n => Err(format!("{n} pipelines run")),
        }
    }

    async fn published(&self, name: &str) -> Result<Option<K>, String> {
        for view in self.newest().await?.iter().filter(|view| q::publishes(&view.spec.plan, name)) {
            let value = self.engine.variable(view.spec.key.clone(), name).await;
            if let Some(value) = q::together(value.map_err(|e| e.to_string())?) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Evaluates a request; a callback gets the value of its argument.
    async fn evaluated(&self, request: &K) -> Result<K, String> {
        let call = request.as_text().and_then(q::remote::parts);
        let fed = call.and_then(|(name, argument)| Some((self.port(&name)?, name, argument)));
        match fed {
            None => self.asked(request).await,
            Some((port, name, argument)) => {
                let value = self.asked(&K::str(argument)).await?;
                give(port.requests, name, value).await
            }
        }
    }

    /// Asks the environment of the only pipeline that runs.
    async fn asked(&self, request: &K) -> Result<K, String> {
        let view = self.one(None).await?;
        self.inquire(&view, request.clone()).await
    }

    /// Asks the environment of a pipeline.
    pub(super) async fn inquire(&self, view: &PipelineView, question: K) -> Result<K, String> {
        let answer = self.engine.inquire(view.spec.key.clone(), question).await;
        let gone = || Err("the pipeline does not run".to_owned());
        answer.map_err(|e| e.to_string())?.unwrap_or_else(gone)
    }
}

/// Whether a plan is a spec in q.
fn is_spec(plan: &Plan) -> bool {
    plan.prelude.as_ref().is_some_and(|prelude| prelude.lang == q::NAME)
}

impl Router for Pipelines {
    fn port(&self, name: &str) -> Option<Port> {
        let port = self.ports.find("ipc", name)?;
        Some(Port { requests: port.sender.upgrade()?, home: Some(port.shard) })
    }

    fn read(&self, text: &[u8]) -> Result<Option<Said>, String> {
        let said = q::remote::said(text).map_err(|error| error.text.clone())?;
        Ok(said.map(|said| match said {
            q::remote::Said::Name(name) => Said::Name(name),
            q::remote::Said::Call(name, arguments) => Said::Call(name, arguments),
        }))
    }

    fn variable<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<K>, String>> {
        Box::pin(self.published(name))
    }

    fn function<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [K],
    ) -> LocalBoxFuture<'a, Option<Result<K, String>>> {
        Box::pin(self.documented(name, arguments))
    }

    fn evaluate<'a>(&'a self, request: &'a K) -> LocalBoxFuture<'a, Option<Result<K, String>>> {
        Box::pin(async move {
            match self.evaluates {
                true => Some(self.evaluated(request).await),
                false => None,
            }
        })
    }
}
