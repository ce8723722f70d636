//! Hands what comes to the ports of a pipeline to its instances, and decides how many there are.
//!
//! Between two numbers of instances everything that was given is done with: whatever a partition
//! had at its old instance is delivered before it has anything at the new one.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flume::{Receiver, Sender};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::{LocalBoxStream, SelectAll};
use plan::env::{Payload, Request, Response};
use plan::{Crew, LocalBoxFuture, Split};

use super::load::Load;
use super::ports::{CrewPorts, PIECES_MAX};
use super::scale::{PERIOD_NS, Scale, Verdict};
use crate::instance::Event;
use crate::stop::Flag;

/// What the control thread tells the router.
pub(crate) enum News {
    /// Another instance is there; how it is handed its share of each port.
    Joined(Vec<Sender<Request>>),
    /// No other could be built.
    NotBuilt,
    /// The instance that got no more has ended.
    Left,
}

/// One instance.
struct Member {
    /// How it is handed its share of each port. It comes to its end when nobody holds these.
    ways: Vec<Sender<Request>>,
    load: Rc<Load>,
}

/// What the router waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Nothing,
    /// Another instance, which is being built.
    Another,
    /// The end of one. Nothing is handed on until then: it may still write what it held.
    End,
}

enum Next {
    Call(usize, Request),
    Look,
    News(News),
    /// Nobody can call any more.
    Closed,
}

/// See the head of the file.
pub(crate) struct Router {
    token: u64,
    splits: Vec<Rc<dyn Split>>,
    calls: SelectAll<LocalBoxStream<'static, (usize, Request)>>,
    members: Vec<Member>,
    count: Arc<AtomicUsize>,
    news: Receiver<News>,
    events: Sender<Event>,
    scale: Scale,
    awaited: Awaited,
    /// When the load was last looked at, and the time until the next look where there is a reason.
    looked_ns: u64,
    timer: Option<LocalBoxFuture<'static, ()>>,
}

impl Router {
    /// The router of the first instance, and the way to tell it something; none where there is only
    /// one instance, or no port to share.
    pub(crate) fn new(
        token: u64,
        crew: Option<Crew>,
        ports: &CrewPorts,
        events: &Sender<Event>,
    ) -> Option<(Self, Sender<News>)> {
        let (crew, count) = (crew?, ports.count()?);
        let (mut splits, mut ways, mut calls) = (Vec::new(), Vec::new(), SelectAll::new());
        for (index, front) in ports.take().into_iter().enumerate() {
            splits.push(front.split);
            ways.push(front.own);
            calls.push(front.calls.into_stream().map(move |call| (index, call)).boxed_local());
        }
        if splits.is_empty() {
            return None;
        }
        let (news_in, news) = flume::unbounded();
        let router = Router {
            token,
            splits,
            calls,
            members: vec![Member { ways, load: Rc::default() }],
            count,
            news,
            events: events.clone(),
            scale: Scale::new(crew),
            awaited: Awaited::Nothing,
            looked_ns: rt::now().0,
            timer: None,
        };
        Some((router, news_in))
    }

    async fn work(&mut self) {
        loop {
            match self.next().await {
                Next::Call(port, request) => self.give(port, request).await,
                Next::Look => self.look().await,
                Next::News(news) => self.hear(news).await,
                Next::Closed => return,
            }
        }
    }

    async fn next(&mut self) -> Next {
        // Those that are there from the beginning are there before the first call.
        let closed = self.awaited == Awaited::End || self.members.len() < self.scale.min();
        let Router { news, calls, timer, .. } = self;
        let news = async { news.recv_async().await.map_or(Next::Closed, Next::News) };
        let look = async {
            match timer {
                Some(timer) => timer.await,
                None => pending().await,
            }
            Next::Look
        };
        let calls = async {
            if closed {
                return pending().await;
            }
            let next = calls.next().await;
            next.map_or(Next::Closed, |(port, request)| Next::Call(port, request))
        };
        let (news, look, calls) = (pin!(news), pin!(look), pin!(calls));
        let rare = pin!(async { select(news, look).await.factor_first().0 });
        select(rare, calls).await.factor_first().0
    }

    /// Hands each piece of a request to its instance, once that has room for it.
    async fn give(&mut self, port: usize, request: Request) {
        self.see_to_a_look();
        let Some(split) = self.splits.get(port) else { return };
        let count = self.members.len();
        let Request { path, remote, payload, reply, .. } = request;
        let pieces = split.split(payload, count);
        let caller = Rc::new(Caller::new(reply, pieces.len()));
        for (number, payload) in pieces {
            let Some(member) = self.members.get(number % count) else { continue };
            member.load.below(PIECES_MAX).await;
            let (reply, answers) = flume::bounded(1);
            let request = piece(path.clone(), remote.clone(), payload, reply);
            // Where it cannot be given, nobody has its reply any more, and it is done with.
            if let Some(way) = member.ways.get(port) {
                let _ = way.try_send(request);
            }
            let load = Rc::clone(&member.load);
            load.start(rt::now().0);
            rt::spawn(follow(answers, Rc::clone(&caller), load));
        }
    }

    /// Waits until everything that was given is done with.
    async fn quiet(&self) {
        for member in &self.members {
            member.load.below(1).await;
        }
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Joined(ways) => {
                self.quiet().await;
                self.members.push(Member { ways, load: Rc::default() });
                self.counted();
            }
            News::NotBuilt => self.scale.limit(self.members.len()),
            News::Left => {}
        }
        self.awaited = Awaited::Nothing;
        self.see_to_a_look();
    }

    fn counted(&self) {
        self.count.store(self.members.len(), Ordering::Relaxed);
    }

    /// Has the load looked at after a while.
    fn see_to_a_look(&mut self) {
        if self.timer.is_none() {
            self.looked_ns = rt::now().0;
            for member in &self.members {
                member.load.take(self.looked_ns);
            }
            self.timer = Some(Box::pin(rt::sleep(Duration::from_nanos(PERIOD_NS))));
        }
    }

    async fn look(&mut self) {
        let (now_ns, count) = (rt::now().0, self.members.len());
        let busy_ns: u64 = self.members.iter().map(|member| member.load.take(now_ns)).sum();
        let passed_ns = now_ns.saturating_sub(self.looked_ns).max(1);
        (self.looked_ns, self.timer) = (now_ns, None);
        // Where nothing happens any more, nobody looks: a pipeline that waits costs nothing.
        if busy_ns > 0 || count > self.scale.min() {
            self.timer = Some(Box::pin(rt::sleep(Duration::from_nanos(PERIOD_NS))));
        }
        if self.awaited != Awaited::Nothing {
            return;
        }
        match self.scale.look(count, busy_ns as f64 / passed_ns as f64) {
            Verdict::Stay => {}
            Verdict::Grow => {
                self.awaited = Awaited::Another;
                let _ = self.events.send(Event::Grow { token: self.token });
            }
            Verdict::Shrink => {
                self.quiet().await;
                // Nobody hands it anything any more: what it holds is written, and it ends.
                drop(self.members.pop());
                self.counted();
                self.awaited = Awaited::End;
            }
        }
    }
}

/// A piece of a request for one instance.
fn piece(path: String, remote: String, payload: Payload, reply: Sender<Response>) -> Request {
    Request {
        method: String::new(),
        path,
        query: Vec::new(),
        headers: Vec::new(),
        remote,
        payload,
        incoming: None,
        encryption: None,
        reply,
    }
}

/// Who has sent a request: is answered when all pieces are, with the error of one that has some.
struct Caller {
    reply: Sender<Response>,
    left: Cell<usize>,
    error: RefCell<Option<Response>>,
}

impl Caller {
    fn new(reply: Sender<Response>, pieces: usize) -> Self {
        Caller { reply, left: Cell::new(pieces), error: RefCell::default() }
    }

    fn answered(&self, response: Response) {
        if response.status >= 400 {
            self.error.borrow_mut().get_or_insert(response);
        }
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            let fine = || Response { status: 200, ..Response::default() };
            let _ = self.reply.try_send(self.error.take().unwrap_or_else(fine));
        }
    }
}

/// Follows a piece until it is done with.
async fn follow(answers: Receiver<Response>, caller: Rc<Caller>, load: Rc<Load>) {
    if let Ok(response) = answers.recv_async().await {
        caller.answered(response);
    }
    drop(caller);
    while answers.recv_async().await.is_ok() {}
    load.end(rt::now().0);
}

/// Runs the router beside an instance, if there is one, until that has ended or has to stop.
pub(crate) fn beside<'a, T: 'a>(
    router: Option<Router>,
    stop: &Flag,
    body: impl Future<Output = T> + 'a,
) -> LocalBoxFuture<'a, T> {
    // Most pipelines have none, and cost nothing more.
    match router {
        None => Box::pin(body),
        Some(router) => Box::pin(routed(router, stop.clone(), body)),
    }
}

async fn routed<T>(mut router: Router, stop: Flag, body: impl Future<Output = T>) -> T {
    let routing = async {
        let work = Box::pin(router.work());
        let _ = select(pin!(stop.wait()), work).await;
        drop(router); // who waits for its answer is told
    };
    match select(pin!(body), Box::pin(routing)).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), body)) => body.await,
    }
}
