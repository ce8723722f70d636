//! Websockets of source `http_server`: a message for each that is received, one after another, and
//! what the pipeline responds.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use formats::value::Value;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::env::Request;
use plan::{
    Batch, Body, Component, Log, Meta, Origin, Outcome, RateLimit, Record, Records, Services,
    SourceContext, SourceError,
};
use wire::websocket::Kind;

use super::input::pairs_of;
use super::upgrade::{agree, place};
use super::{Port, path, plain};
use crate::wait::{Ended, until_stopping};
use crate::websocket::session::{Reader, Session};

/// Websockets of one source at a time; further ones are answered 503.
pub(super) const WEBSOCKETS_MAX: usize = 4096;
/// Times that a message is sent again at once when it could not be delivered.
const QUICK_RETRIES: u32 = 3;
/// Pause before it is sent again after that.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The code of a server that goes away.
const GOING_AWAY: u16 = 1001;

/// What all websockets of a source share.
pub(super) struct Talks {
    pub(super) welcome: String,
    pub(super) slow_down: String,
    pub(super) limit: Option<Rc<dyn RateLimit>>,
    pub(super) services: Rc<dyn Services>,
    pub(super) component: Component,
}

impl Talks {
    /// Talks to everybody who comes to a port until the source must stop.
    pub(super) async fn serve(&self, port: &Port, context: &Rc<dyn SourceContext>) {
        let mut open = FuturesUnordered::new();
        while let Ended::Done(Some(request)) =
            until_stopping(context, arrival(port, &mut open)).await
        {
            if open.len() < WEBSOCKETS_MAX {
                open.push(self.talk(request, &port.path, context));
            } else {
                // A client that went away hears nothing.
                let _ = request.reply.try_send(plain(503, "Service unavailable\n"));
            }
        }
        // All of them see that it is over; what arrives now is dropped, which tells its sender.
        let told = std::pin::pin!(async { while open.next().await.is_some() {} });
        let refused = std::pin::pin!(async {
            while port.requests.recv_async().await.is_ok() {}
            std::future::pending::<()>().await;
        });
        select(refused, told).await;
    }

    fn log(&self, level: Log, text: &str) {
        self.services.log(level, text, &place(&self.component));
    }

    async fn talk(&self, request: Request, pattern: &str, context: &Rc<dyn SourceContext>) {
        let meta = Arc::new(meta(&request, pattern));
        let Some((mut reader, session)) = agree(request, &*self.services, &self.component) else {
            return;
        };
        let listened = self.listen(&mut reader, &session, &meta, context);
        let why = match until_stopping(context, listened).await {
            Ended::Done(why) => why,
            Ended::Stopping => None,
        };
        match why {
            Some(why) => {
                let text = format!("Websocket request failed: {why}");
                self.log(Log::Debug, &text);
            }
            None => session.close(GOING_AWAY).await,
        }
        session.end().await;
    }

    /// Takes messages until the connection or the source ends; says why where it was not the
    /// source.
    async fn listen(
        &self,
        reader: &mut Reader,
        session: &Session,
        meta: &Arc<Meta>,
        context: &Rc<dyn SourceContext>,
    ) -> Option<String> {
        if !self.welcome.is_empty()
            && let Err(text) = session.send(Kind::Binary, self.welcome.as_bytes()).await
        {
            let text = format!("Failed to send welcome message: {text}");
            self.log(Log::Error, &text);
        }
        loop {
            let message = match reader.one().await {
                Ok(message) => message,
                Err(why) => return Some(why),
            };
            self.wait_for_limit(session).await;
            let outcome = self.deliver(message, meta, context).await.ok()?;
            for (_, bytes) in outcome.replies {
                if let Err(text) = session.send(Kind::Text, &bytes).await {
                    let text = format!("Failed to send sync response over websocket: {text}");
                    self.log(Log::Error, &text);
                }
            }
        }
    }

    /// Waits until the rate limit grants a message. The client is told once that it has to wait.
    async fn wait_for_limit(&self, session: &Session) {
        let Some(limit) = &self.limit else { return };
        let mut told = self.slow_down.is_empty();
        loop {
            let pause = match limit.access().await {
                Ok(0) => return,
                Ok(wait_ns) => Duration::from_nanos(wait_ns),
                Err(text) => {
                    let text = format!("Failed to access rate limit: {text}");
                    self.log(Log::Warn, &text);
                    RETRY_PAUSE
                }
            };
            if !std::mem::replace(&mut told, true)
                && let Err(text) = session.send(Kind::Binary, self.slow_down.as_bytes()).await
            {
                let text = format!("Failed to send rate limit message: {text}");
                self.log(Log::Error, &text);
            }
            rt::sleep(pause).await;
        }
    }

    /// Hands a message on until it is delivered.
    async fn deliver(
        &self,
        message: Bytes,
        meta: &Arc<Meta>,
        context: &Rc<dyn SourceContext>,
    ) -> Result<Outcome, SourceError> {
        let mut failures = 0u32;
        loop {
            let record = Record {
                body: Body::Own(Arc::new(message.to_vec())),
                meta: Some(Arc::clone(meta)),
                fault: None,
                origin: Origin { ack: 0, tag: 0 },
            };
            let records = Records { recs: vec![record], ..Records::default() };
            let outcome = context.emit(Batch::records(records)).await?.outcome().await;
            if outcome.is_ok() {
                return Ok(outcome);
            }
            failures = failures.saturating_add(1);
            if failures > QUICK_RETRIES {
                rt::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// The next request, while those who came before go on.
async fn arrival<F>(port: &Port, open: &mut FuturesUnordered<F>) -> Option<Request>
where
    F: Future<Output = ()>,
{
    loop {
        let arrived = std::pin::pin!(port.requests.recv_async());
        if open.is_empty() {
            return arrived.await.ok();
        }
        match select(arrived, open.next()).await {
            Either::Left((request, _)) => return request.ok(),
            Either::Right(_) => {}
        }
    }
}

/// What every message of a connection knows of the request that it began with.
fn meta(request: &Request, pattern: &str) -> Meta {
    let mut meta = Meta::new();
    let agent = request.headers.iter().find(|(name, _)| name == "User-Agent");
    let agent = agent.map_or("", |(_, agent)| agent);
    meta.set("http_server_user_agent", Value::text(agent));
    pairs_of(request, &path::variables(pattern, &request.path), &mut meta);
    meta
}

#[cfg(test)]
#[path = "talk_tests.rs"]
mod tests;
