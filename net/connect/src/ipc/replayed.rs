//! Calls that are kept until they are delivered: each is in a journal on the device before its
//! caller is answered, and what was not delivered when the process ended comes again, with the
//! number that it had, when the pipeline goes on.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use flume::Receiver;
use formats::k::K;
use formats::k::ipc::{Endian, decode, encode};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use plan::env::{Payload, Request, Response};
use plan::{Batch, Data, Emitted, LocalBoxFuture, SourceContext, SourceError};
use rt::storage::StorageError;
use rt::storage::spool::{Appended, Options, RECORD_BYTES, Spool, Standing, Stored};

/// Bytes of a journal; a caller waits when there are more.
const JOURNAL_BYTES_MAX: u64 = 16 << 30;
/// Bytes of one of its files, which is removed when all of it is delivered.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// How large a journal may become.
#[derive(Clone, Copy)]
struct Limits {
    journal_bytes_max: u64,
    segment_bytes_max: u64,
}

const LIMITS: Limits =
    Limits { journal_bytes_max: JOURNAL_BYTES_MAX, segment_bytes_max: SEGMENT_BYTES_MAX };
/// Calls that are on their way to the journal at once; those of one request may be more.
const LANDINGS_MAX: usize = 256;
/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;
/// How long a pipeline that is stopped waits for what it has emitted. What is not delivered by then
/// is in a state that is kept, or comes again.
const LEAVE_MAX: Duration = Duration::from_millis(500);

/// A call on its way to the journal.
struct Landing {
    value: K,
    bytes: u64,
    answer: Receiver<Result<Appended, StorageError>>,
    caller: Rc<Caller>,
    /// Its place among the calls of its request.
    place: usize,
}

impl Landing {
    /// It is in the journal, or not.
    fn tell(&self, error: Option<&StorageError>) {
        self.caller.told(self.place, error.map(ToString::to_string));
    }
}

/// Who is answered when all calls of a request are in the journal, or refused.
struct Caller {
    reply: flume::Sender<Response>,
    calls: usize,
    /// Calls that are on their way.
    left: Cell<usize>,
    refused: RefCell<Vec<(usize, String)>>,
}

impl Caller {
    fn new(reply: flume::Sender<Response>, calls: usize) -> Rc<Self> {
        let left = Cell::new(calls);
        Rc::new(Caller { reply, calls, left, refused: RefCell::default() })
    }

    /// What became of a call.
    fn told(&self, place: usize, refused: Option<String>) {
        let mut all = self.refused.borrow_mut();
        all.extend(refused.map(|text| (place, text)));
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() > 0 {
            return;
        }
        let mut refused = std::mem::take(&mut *all);
        if let (1, Some((_, text))) = (self.calls, refused.first()) {
            return refuse(&self.reply, text);
        }
        refused.sort_unstable();
        let response = Response { status: 200, refused, ..Response::default() };
        let _ = self.reply.try_send(response);
    }
}

/// The journal of one callback, while its source runs.
struct Journal {
    spool: Spool,
    limits: Limits,
    standing: Standing,
    landings: VecDeque<Landing>,
    landing_bytes: u64,
    /// Numbers of what was emitted, when it is delivered.
    on_the_way: FuturesUnordered<LocalBoxFuture<'static, Option<u64>>>,
}

/// What comes next.
enum Next {
    Stop,
    Call(Request),
    /// Nobody can call any more.
    Closed,
    Landed(Result<Appended, StorageError>),
    Delivered(Option<u64>),
}

fn trouble(error: StorageError) -> SourceError {
    match error {
        StorageError::Io { .. } => SourceError::Retry(error.to_string()),
        other => SourceError::Fatal(other.to_string()),
    }
}

/// Keeps calls in a directory and emits them.
///
/// # Errors
/// Those of the directory, and of the pipeline.
pub(super) async fn serve(
    dir: &Path,
    requests: &Receiver<Request>,
    context: &Rc<dyn SourceContext>,
) -> Result<(), SourceError> {
    serve_within(LIMITS, dir, requests, context).await
}

async fn serve_within(
    limits: Limits,
    dir: &Path,
    requests: &Receiver<Request>,
    context: &Rc<dyn SourceContext>,
) -> Result<(), SourceError> {
    let mode = rt::reactor::current().map_or(rt::IoMode::Epoll, rt::Driver::mode);
    let options = Options {
        limit: limits.journal_bytes_max,
        segment_bytes: limits.segment_bytes_max,
        sync_period: Duration::ZERO,
    };
    let (spool, stored) = Spool::open(dir, options, mode).await.map_err(trouble)?;
    let mut journal = Journal {
        spool,
        limits,
        standing: stored.standing,
        landings: VecDeque::new(),
        landing_bytes: 0,
        on_the_way: FuturesUnordered::new(),
    };
    let served = async {
        journal.again(stored, context).await?;
        context.connected(true);
        journal.work(requests, context).await
    };
    let served = served.await;
    journal.leave(context).await?;
    served
}

impl Journal {
    /// Emits what was not delivered before.
    async fn again(
        &mut self,
        stored: Stored,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let acked: HashSet<u64> = stored.acked.into_iter().collect();
        let (mut place, mut next) = (stored.place, stored.first);
        while next < stored.next {
            let chunk = self.spool.read(place, next, READ_BYTES).await.map_err(trouble)?;
            for (sequence, payload) in chunk.records {
                if sequence < self.standing.low || acked.contains(&sequence) {
                    continue;
                }
                let value = decode(&payload, Endian::Little);
                let value = value.map_err(|e| SourceError::Fatal(format!("a kept call: {e}")))?;
                self.emit(sequence, value, context).await?;
            }
            (place, next) = (chunk.place, chunk.next);
        }
        Ok(())
    }

    async fn emit(
        &mut self,
        sequence: u64,
        value: K,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let emitted = context.emit(numbered(sequence, value)).await?;
        self.on_the_way.push(delivery(sequence, emitted));
        Ok(())
    }

    async fn work(
        &mut self,
        requests: &Receiver<Request>,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        loop {
            match self.next(requests, context).await {
                Next::Stop => return Err(SourceError::Stopped),
                Next::Closed => return Ok(()),
                Next::Call(request) => self.keep(request)?,
                Next::Landed(landed) => self.landed(landed, context).await?,
                Next::Delivered(sequence) => self.delivered(sequence).await?,
            }
        }
    }

    async fn next(
        &mut self,
        requests: &Receiver<Request>,
        context: &Rc<dyn SourceContext>,
    ) -> Next {
        let Journal { landings, on_the_way, standing, landing_bytes, limits, .. } = self;
        let room = landings.len() < LANDINGS_MAX
            && standing.used + *landing_bytes < limits.journal_bytes_max - limits.segment_bytes_max;
        let call = async {
            match room {
                true => requests.recv_async().await.map_or(Next::Closed, Next::Call),
                false => std::future::pending().await,
            }
        };
        let landed = async {
            match landings.front() {
                Some(landing) => {
                    let answer = landing.answer.recv_async().await;
                    Next::Landed(answer.unwrap_or(Err(StorageError::Stopped)))
                }
                None => std::future::pending().await,
            }
        };
        let delivered = async {
            match on_the_way.next().await {
                Some(sequence) => Next::Delivered(sequence),
                None => std::future::pending().await,
            }
        };
        let stop = async {
            context.stopping().await;
            Next::Stop
        };
        let (landed, delivered) = (pin!(landed), pin!(delivered));
        let known = select(landed, delivered).map(|first| first.factor_first().0);
        let call = pin!(call);
        let more = select(known, call).map(|first| first.factor_first().0);
        select(pin!(stop), more).await.factor_first().0
    }

    /// Sends the calls of a request on their way to the journal, which keeps them together.
    fn keep(&mut self, request: Request) -> Result<(), SourceError> {
        let values = match request.payload {
            Payload::Value(value) => vec![value],
            Payload::Values(values) => values,
            Payload::Bytes(_) => {
                refuse(&request.reply, "only values can be kept");
                return Ok(());
            }
        };
        let caller = Caller::new(request.reply, values.len());
        let mut kept = Ok(());
        for (place, value) in values.into_iter().enumerate() {
            match &kept {
                Ok(()) => kept = self.keep_one(value, &caller, place).map_err(trouble),
                // The caller may send it again.
                Err(error) => caller.told(place, Some(error.to_string())),
            }
        }
        kept
    }

    fn keep_one(
        &mut self,
        value: K,
        caller: &Rc<Caller>,
        place: usize,
    ) -> Result<(), StorageError> {
        let mut payload = Vec::new();
        if let Err(error) = encode(&value, Endian::Little, &mut payload) {
            caller.told(place, Some(error.to_string()));
            return Ok(());
        }
        let bytes = (payload.len() + RECORD_BYTES) as u64;
        match self.spool.append(payload) {
            Ok(answer) => {
                self.landing_bytes += bytes;
                let caller = Rc::clone(caller);
                self.landings.push_back(Landing { value, bytes, answer, caller, place });
                Ok(())
            }
            Err(error) => {
                caller.told(place, Some(error.to_string()));
                if matches!(error, StorageError::RecordTooLarge(_)) { Ok(()) } else { Err(error) }
            }
        }
    }

    /// The first call on its way is in the journal, or not, and perhaps others behind it.
    async fn landed(
        &mut self,
        landed: Result<Appended, StorageError>,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let mut next = Some(landed);
        while let Some(landed) = next {
            self.landed_one(landed, context).await?;
            next = match self.landings.front().map(|landing| landing.answer.try_recv()) {
                Some(Ok(landed)) => Some(landed),
                Some(Err(flume::TryRecvError::Disconnected)) => Some(Err(StorageError::Stopped)),
                Some(Err(flume::TryRecvError::Empty)) | None => None,
            };
        }
        Ok(())
    }

    async fn landed_one(
        &mut self,
        landed: Result<Appended, StorageError>,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let Some(landing) = self.landings.pop_front() else { return Ok(()) };
        self.landing_bytes -= landing.bytes;
        match landed {
            Ok(appended) => {
                self.standing = appended.standing;
                landing.tell(None);
                self.emit(appended.sequence, landing.value, context).await
            }
            Err(error) => {
                // The caller may send it again; nothing of it is kept.
                landing.tell(Some(&error));
                context.error(&error.to_string());
                Ok(())
            }
        }
    }

    async fn delivered(&mut self, sequence: Option<u64>) -> Result<(), SourceError> {
        let mut sequences: Vec<u64> = sequence.into_iter().collect();
        while let Some(Some(more)) = self.on_the_way.next().now_or_never() {
            sequences.extend(more);
        }
        if !sequences.is_empty() {
            self.standing = self.spool.acked(sequences).await.map_err(trouble)?;
        }
        Ok(())
    }

    /// Answers those whose calls are kept, and takes note of what is delivered.
    async fn leave(mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        while let Some(landing) = self.landings.pop_front() {
            match landing.answer.recv_async().await {
                Ok(Ok(appended)) => {
                    landing.tell(None);
                    let sequence = appended.sequence;
                    let emitted = context.emit_kept(numbered(sequence, landing.value)).await?;
                    self.on_the_way.push(delivery(sequence, emitted));
                }
                Ok(Err(error)) => landing.tell(Some(&error)),
                Err(_) => landing.tell(Some(&StorageError::Stopped)),
            }
        }
        let rest = async {
            while let Some(sequence) = self.on_the_way.next().await {
                self.delivered(sequence).await?;
            }
            Ok::<(), SourceError>(())
        };
        let over = rt::sleep(LEAVE_MAX);
        if let Either::Left((done, _)) = select(pin!(rest), pin!(over)).await {
            done?;
        }
        self.spool.close().await.map_err(trouble)
    }
}

fn numbered(sequence: u64, value: K) -> Batch {
    Batch { seq: sequence, ..Batch::new(Data::Value(value)) }
}

/// The number of what was emitted, once it is delivered.
fn delivery(sequence: u64, emitted: Emitted) -> LocalBoxFuture<'static, Option<u64>> {
    Box::pin(async move { emitted.outcome().await.is_ok().then_some(sequence) })
}

fn refuse(reply: &flume::Sender<Response>, text: &str) {
    let body = text.as_bytes().to_vec();
    let _ = reply.try_send(Response { status: 500, body, ..Response::default() });
}
