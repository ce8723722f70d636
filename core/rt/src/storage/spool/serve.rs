//! The thread of all spools: a task for each, which takes commands and commits appends together.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::store::Store;
use super::{Appended, Chunk, Place, Standing};
use crate::clock;
use crate::error::panic_text;
use crate::probe::{IoMode, probe};
use crate::storage::disk::Kind;
use crate::storage::error::StorageError;
use crate::storage::{GROUP_WAIT, Reply, start_thread};

/// Spools that wait to be opened; who opens one more waits.
const GUESTS_MAX: usize = 64;

/// What handles ask of a spool.
pub(super) enum Command {
    Append { payload: Vec<u8>, reply: Reply<Appended> },
    Acked { sequences: Vec<u64>, reply: Reply<Standing> },
    Read { from: Place, sequence: u64, bytes_max: usize, reply: Reply<Chunk> },
    Close { reply: Reply<()> },
}

/// Opens a spool on the thread and serves it.
pub(super) type Guest =
    Box<dyn FnOnce(Kind) -> futures_util::future::LocalBoxFuture<'static, ()> + Send>;

/// The thread for files of each kind, as long as the process lives.
static THREADS: [OnceLock<Result<flume::Sender<Guest>, String>>; 2] =
    [const { OnceLock::new() }; 2];

/// The way to the thread that fits a mode. It starts with the first spool. Blocks until it runs.
pub(super) fn thread(mode: IoMode) -> Result<flume::Sender<Guest>, StorageError> {
    let answer = probe(mode).map_err(|error| StorageError::Start(error.to_string()))?;
    if answer.direct_storage {
        match started(Kind::Direct) {
            Ok(thread) => return Ok(thread),
            Err(reason) => tracing::warn!("spools are on plain files: {reason}"),
        }
    }
    started(Kind::Plain).map_err(StorageError::Start)
}

fn started(kind: Kind) -> Result<flume::Sender<Guest>, String> {
    let [direct, plain] = &THREADS;
    let thread = if kind == Kind::Direct { direct } else { plain };
    let started = thread.get_or_init(|| {
        let (sender, guests) = flume::bounded(GUESTS_MAX);
        start_thread("spools", kind, None, move || host(kind, guests)).map(|()| sender)
    });
    started.clone()
}

/// Serves all spools of the thread side by side.
async fn host(kind: Kind, guests: flume::Receiver<Guest>) {
    let mut served = FuturesUnordered::new();
    loop {
        let next = if served.is_empty() {
            guests.recv_async().await
        } else {
            match select(guests.recv_async(), served.next()).await {
                Either::Left((guest, _)) => guest,
                Either::Right(_) => continue,
            }
        };
        let Ok(guest) = next else { return };
        served.push(AssertUnwindSafe(guest(kind)).catch_unwind().map(|ended| {
            if let Err(panic) = ended {
                tracing::error!(reason = panic_text(&*panic), "a spool was given up");
            }
        }));
    }
}

/// Appends that are committed together, and what was asked meanwhile.
struct Group {
    bytes_max: usize,
    payloads: Vec<Vec<u8>>,
    replies: Vec<Reply<Appended>>,
    bytes: usize,
    others: Vec<Command>,
    /// No more may come before the others: one of them reads or closes.
    is_full: bool,
}

impl Group {
    fn new(bytes_max: usize) -> Self {
        let (payloads, replies, others) = (Vec::new(), Vec::new(), Vec::new());
        Group { bytes_max, payloads, replies, bytes: 0, others, is_full: false }
    }

    fn add(&mut self, command: Command) {
        match command {
            Command::Append { payload, reply } => {
                self.bytes += payload.len();
                self.payloads.push(payload);
                self.replies.push(reply);
            }
            other => {
                self.is_full |= !matches!(other, Command::Acked { .. });
                self.others.push(other);
            }
        }
        self.is_full |= self.bytes >= self.bytes_max;
    }
}

/// Serves a spool until it is closed or all its handles are gone.
pub(super) async fn serve(mut store: Store, inbox: flume::Receiver<Command>) {
    // How many records the last commit carried: waiting for company only pays when there is some.
    let mut last_group = 0;
    loop {
        let first = match store.sync_due() {
            None => inbox.recv_async().await.ok(),
            Some(left) => match receive_within(&inbox, left).await {
                Some(received) => received,
                None => {
                    flush(&mut store).await;
                    continue;
                }
            },
        };
        let Some(first) = first else { break };
        let mut group = Group::new(store.group_bytes());
        group.add(first);
        gather(&mut group, &inbox, last_group).await;
        if !group.payloads.is_empty() {
            last_group = group.payloads.len();
            commit(&mut store, &group.payloads, group.replies).await;
            if store.sync_due().is_some_and(|left| left.is_zero()) {
                flush(&mut store).await;
            }
        }
        for command in group.others {
            if let Command::Close { reply } = command {
                let closed = store.close().await;
                drop(store);
                let _ = reply.send(closed); // the asker may have gone
                return;
            }
            answer(&mut store, command).await;
        }
    }
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "a spool was not closed well");
    }
}

async fn flush(store: &mut Store) {
    if let Err(error) = store.sync().await {
        tracing::error!(%error, "a spool is not on the device");
    }
}

async fn answer(store: &mut Store, command: Command) {
    // The asker may have gone each time.
    match command {
        Command::Acked { sequences, reply } => drop(reply.send(store.acked(&sequences).await)),
        Command::Read { from, sequence, bytes_max, reply } => {
            drop(reply.send(store.read(from, sequence, bytes_max)));
        }
        Command::Append { .. } | Command::Close { .. } => {}
    }
}

/// Takes what is there already and, where that pays, waits a little for more.
async fn gather(group: &mut Group, inbox: &flume::Receiver<Command>, last_group: usize) {
    let start = Instant::now();
    while !group.is_full {
        match inbox.try_recv() {
            Ok(command) => group.add(command),
            Err(flume::TryRecvError::Disconnected) => return,
            Err(flume::TryRecvError::Empty) => {
                let left = GROUP_WAIT.saturating_sub(start.elapsed());
                if left.is_zero() || last_group <= 1 || group.payloads.is_empty() {
                    return;
                }
                match receive_within(inbox, left).await {
                    Some(Some(command)) => group.add(command),
                    _ => return,
                }
            }
        }
    }
}

async fn commit(store: &mut Store, payloads: &[Vec<u8>], replies: Vec<Reply<Appended>>) {
    match store.append(payloads).await {
        Ok(appended) => {
            for (reply, one) in replies.into_iter().zip(appended) {
                let _ = reply.send(Ok(one)); // the asker may have gone
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

/// The next command, `Some(None)` when none will come, or none when `limit` is over. Real time,
/// even under a driven clock.
async fn receive_within(
    inbox: &flume::Receiver<Command>,
    limit: Duration,
) -> Option<Option<Command>> {
    let mut next = pin!(inbox.recv_async());
    let mut over = pin!(clock::sleep_real(limit));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(command) = next.as_mut().poll(cx) {
            return Poll::Ready(Some(command.ok()));
        }
        over.as_mut().poll(cx).map(|()| None)
    })
    .await
}
