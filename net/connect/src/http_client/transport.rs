//! The thread on which HTTP clients talk to the network.
//!
//! It is started when the first request is made, and stays. A shard hands it a job and waits for
//! the answer; when the shard does not wait any more, the job is dropped where it stands.

use std::io::Read;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;

/// Requests that wait for the thread; beyond it whoever asks waits.
pub(super) const WAITING_MAX: usize = 1024;
/// Requests that are under way at once.
pub(super) const IN_FLIGHT_MAX: usize = 4096;
/// Bytes of an answer that is taken as a whole.
pub(super) const BODY_BYTES_MAX: usize = 128 << 20;
/// Headers of an answer.
pub(super) const HEADERS_MAX: usize = 256;
/// Pieces of an endless answer that were received and not yet read.
const PIECES_MAX: usize = 16;
/// Threads that look up names.
const LOOKUPS_MAX: usize = 8;
/// A request without a limit in time.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

pub(super) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

static THREAD: OnceLock<Option<flume::Sender<Job>>> = OnceLock::new();

/// Both ends of the way to the thread.
pub(super) fn way() -> (flume::Sender<Job>, flume::Receiver<Job>) {
    flume::bounded(WAITING_MAX)
}

/// The thread, started if it is not there.
fn thread() -> Option<&'static flume::Sender<Job>> {
    let started = || {
        let (sender, jobs) = way();
        start(jobs)
            .map(|()| sender)
            .inspect_err(|error| tracing::error!(%error, "cannot start the thread of HTTP clients"))
            .ok()
    };
    THREAD.get_or_init(started).as_ref()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUPS_MAX)
        .thread_name("http-names")
        .build()
}

fn start(jobs: flume::Receiver<Job>) -> std::io::Result<()> {
    let runtime = runtime()?;
    let thread = std::thread::Builder::new().name("http-client".to_owned());
    let run = move || {
        rt::probe::unpin();
        runtime.block_on(work(jobs));
    };
    thread.spawn(run).map(drop)
}

/// Runs jobs until nobody can send any.
async fn work(jobs: flume::Receiver<Job>) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let Ok(job) = jobs.recv_async().await else { return };
        tokio::spawn(async move {
            job.await;
            drop(place);
        });
    }
}

/// Runs `work` on the thread of HTTP clients. Dropping the future drops the work.
async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let thread = thread().ok_or_else(|| Failure::text("there is no thread for HTTP clients"))?;
    run_on(thread, work).await
}

async fn run_on<T: Send + 'static>(
    thread: &flume::Sender<Job>,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let (mut answer, answered) = oneshot::channel();
    let job: Job = Box::pin(async move {
        let done = match select(pin!(work), pin!(answer.closed())).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => return,
        };
        let _ = answer.send(done); // nobody waits any more
    });
    let lost = || Failure::text("the request was lost");
    thread.send_async(job).await.map_err(|_| lost())?;
    answered.await.unwrap_or_else(|_| Err(lost()))
}

/// An answer that was received as a whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer whose body is still being received.
pub(super) struct Stream {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: mpsc::Receiver<Result<Bytes, String>>,
}

/// A request to send.
pub(super) struct Outgoing {
    pub(super) client: reqwest::Client,
    pub(super) request: reqwest::Request,
    /// How long it may take; 0: for ever.
    pub(super) timeout: Duration,
}

impl Outgoing {
    fn deadline(&self) -> Instant {
        Instant::now() + if self.timeout.is_zero() { FOR_EVER } else { self.timeout }
    }

    async fn head(self) -> Result<reqwest::Response, Failure> {
        let deadline = self.deadline();
        match timeout_at(deadline, self.client.execute(self.request)).await {
            Ok(answer) => answer.map_err(|error| Failure::of(&error)),
            Err(_) => Err(Failure::no_head()),
        }
    }

    pub(super) async fn whole(mut self) -> Result<Answer, Failure> {
        let deadline = self.deadline();
        // Whoever asks for an encoding takes what comes as it is.
        let asks = self.request.headers().contains_key(ACCEPT_ENCODING);
        let unpacks = !asks && self.request.method() != reqwest::Method::HEAD;
        if unpacks {
            let gzip = HeaderValue::from_static("gzip");
            self.request.headers_mut().insert(ACCEPT_ENCODING, gzip);
        }
        let mut answer = self.head().await?;
        let status = answer.status().as_u16();
        let mut headers = std::mem::take(answer.headers_mut());
        let body = match timeout_at(deadline, body_of(answer, &headers)).await {
            Ok(body) => body?,
            Err(_) => return Err(Failure::no_body()),
        };
        let packed = headers.get(CONTENT_ENCODING).is_some_and(|with| with == "gzip");
        if !unpacks || !packed {
            return Ok(Answer { status, headers, body });
        }
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        Ok(Answer { status, headers, body: unpacked(&body)? })
    }
}

async fn body_of(mut answer: reqwest::Response, headers: &HeaderMap) -> Result<Bytes, Failure> {
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    // Whoever asked for the head alone is told how long the body would be.
    let first = answer.chunk().await.map_err(|error| Failure::of(&error))?;
    let Some(first) = first else { return Ok(Bytes::new()) };
    if length.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(Failure::too_large());
    }
    let mut second = answer.chunk().await.map_err(|error| Failure::of(&error))?;
    if second.is_none() {
        return Ok(first);
    }
    let mut body = BytesMut::with_capacity(length.unwrap_or(first.len()).min(BODY_BYTES_MAX));
    body.extend_from_slice(&first);
    while let Some(chunk) = second {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Failure::too_large());
        }
        body.extend_from_slice(&chunk);
        second = answer.chunk().await.map_err(|error| Failure::of(&error))?;
    }
    Ok(body.freeze())
}

fn unpacked(body: &[u8]) -> Result<Bytes, Failure> {
    let mut out = Vec::new();
    let limit = BODY_BYTES_MAX as u64 + 1;
    let unpack = flate2::read::MultiGzDecoder::new(body).take(limit).read_to_end(&mut out);
    unpack.map_err(|error| Failure::text(format!("gzip: {error}")))?;
    if out.len() > BODY_BYTES_MAX { Err(Failure::too_large()) } else { Ok(out.into()) }
}

/// Sends a request and receives the whole answer.
///
/// # Errors
/// When there is none, whatever its status.
pub(super) async fn exchange(outgoing: Outgoing) -> Result<Answer, Failure> {
    run(outgoing.whole()).await
}

/// Starts work on the thread of HTTP clients, which goes on whoever waits for it.
///
/// # Errors
/// There is no such thread, or it has enough to do.
pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Result<(), Failure> {
    let thread = thread().ok_or_else(|| Failure::text("there is no thread for HTTP clients"))?;
    let full = |_| Failure::text("too many requests wait for the thread of HTTP clients");
    thread.try_send(Box::pin(work)).map_err(full)
}

/// The same for a thread that has nothing else to do meanwhile; never a shard.
///
/// # Errors
/// As [`exchange`].
pub(super) fn exchange_here(outgoing: Outgoing) -> Result<Answer, Failure> {
    let thread = thread().ok_or_else(|| Failure::text("there is no thread for HTTP clients"))?;
    let (answer, answered) = flume::bounded(1);
    let job: Job = Box::pin(async move {
        let _ = answer.send(outgoing.whole().await); // nobody waits any more
    });
    let lost = || Failure::text("the request was lost");
    thread.send(job).map_err(|_| lost())?;
    answered.recv().unwrap_or_else(|_| Err(lost()))
}

/// What came of a request whose answer may be endless.
pub(super) enum Opened {
    /// An answer that is taken as it comes.
    Stream(Stream),
    /// One that says that something is wrong, as a whole.
    Refused(Answer),
}

/// Sends a request and receives the head of the answer; `wanted` says by its status whether the
/// body is taken as it comes.
///
/// # Errors
/// When there is no answer.
pub(super) async fn open(
    outgoing: Outgoing,
    wanted: impl FnOnce(u16) -> bool + Send + 'static,
) -> Result<Opened, Failure> {
    run(async move {
        let mut answer = outgoing.head().await?;
        let status = answer.status().as_u16();
        let headers = std::mem::take(answer.headers_mut());
        if !wanted(status) {
            let body = body_of(answer, &headers).await?;
            return Ok(Opened::Refused(Answer { status, headers, body }));
        }
        let (pieces, body) = mpsc::channel(PIECES_MAX);
        // It has no place among those under way: it may go on for ever.
        tokio::spawn(pass_on(answer, pieces));
        Ok(Opened::Stream(Stream { status, headers, body }))
    })
    .await
}

/// Hands the pieces of a body on until nobody takes them.
async fn pass_on(mut answer: reqwest::Response, pieces: mpsc::Sender<Result<Bytes, String>>) {
    loop {
        let next = match select(pin!(answer.chunk()), pin!(pieces.closed())).await {
            Either::Left((next, _)) => next,
            Either::Right(_) => return,
        };
        let piece = match next {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => return,
            Err(error) => Err(Failure::of(&error).text),
        };
        let last = piece.is_err();
        if pieces.send(piece).await.is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
