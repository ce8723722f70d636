//! The loop of the storage thread: takes commands, gathers appends, commits them together.

use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::disk::Kind;
use super::error::StorageError;
use super::log::{Found, Log};
use crate::clock;

/// Appends are committed together up to this many bytes ...
pub const GROUP_BYTES: usize = 256 << 10;

/// ... or after this time, whichever comes first.
pub const GROUP_WAIT: Duration = Duration::from_millis(1);

/// The most logs of one storage thread.
pub const LOGS_MAX: usize = 64;

pub(super) type Reply<T> = flume::Sender<Result<T, StorageError>>;

/// What handles ask of the storage thread.
pub(super) enum Command {
    Open { name: String, reply: Reply<(usize, Found)> },
    Append { log: usize, record: Vec<u8>, reply: Reply<()> },
    Rewrite { log: usize, records: Vec<Vec<u8>>, reply: Reply<()> },
}

/// Appends to one log that are committed together.
#[derive(Default)]
struct Group {
    log: usize,
    records: Vec<Vec<u8>>,
    replies: Vec<Reply<()>>,
    bytes: usize,
}

struct Server {
    kind: Kind,
    dir: PathBuf,
    logs: Vec<Log>,
    /// How many records the last commit carried: waiting for company only pays when there is some.
    last_group: usize,
}

/// Serves until all handles are gone.
pub(super) async fn serve(kind: Kind, dir: PathBuf, commands: flume::Receiver<Command>) {
    let mut server = Server { kind, dir, logs: Vec::new(), last_group: 0 };
    let mut pending = None;
    loop {
        let command = match pending.take() {
            Some(command) => command,
            None => match commands.recv_async().await {
                Ok(command) => command,
                Err(_) => break,
            },
        };
        match command {
            Command::Open { name, reply } => {
                let opened = server.open(&name).await;
                let _ = reply.send(opened); // the asker may have gone
            }
            Command::Rewrite { log, records, reply } => {
                let done = match server.logs.get_mut(log) {
                    Some(log) => log.replace(&records).await,
                    None => Err(StorageError::Stopped),
                };
                let _ = reply.send(done);
            }
            Command::Append { log, record, reply } => {
                let mut group = Group { log, ..Group::default() };
                group.push(record, reply);
                pending = server.gather(&mut group, &commands).await;
                server.commit(group).await;
            }
        }
    }
    for log in server.logs {
        log.close().await;
    }
}

impl Group {
    fn push(&mut self, record: Vec<u8>, reply: Reply<()>) {
        self.bytes += record.len();
        self.records.push(record);
        self.replies.push(reply);
    }
}

impl Server {
    async fn open(&mut self, name: &str) -> Result<(usize, Found), StorageError> {
        let path = self.dir.join(name);
        if let Some(index) = self.logs.iter().position(|log| log.path() == path) {
            // Opened again, for instance after its owner restarted: the file is the truth.
            let (log, found) = Log::open(self.kind, &self.dir, name).await?;
            if let Some(slot) = self.logs.get_mut(index) {
                std::mem::replace(slot, log).close().await;
            }
            return Ok((index, found));
        }
        if self.logs.len() >= LOGS_MAX {
            return Err(StorageError::TooMany(LOGS_MAX));
        }
        let (log, found) = Log::open(self.kind, &self.dir, name).await?;
        if found.torn > 0 {
            tracing::warn!(
                path = %log.path().display(),
                bytes = found.torn,
                "cut a tail that was never acknowledged"
            );
        }
        self.logs.push(log);
        Ok((self.logs.len() - 1, found))
    }

    /// Adds appends to the group until it is large or old enough; returns the command that ended
    /// it, if one did.
    async fn gather(
        &self,
        group: &mut Group,
        commands: &flume::Receiver<Command>,
    ) -> Option<Command> {
        let start = Instant::now();
        while group.bytes < GROUP_BYTES {
            let next = match commands.try_recv() {
                Ok(command) => command,
                Err(flume::TryRecvError::Disconnected) => return None,
                Err(flume::TryRecvError::Empty) => {
                    let left = GROUP_WAIT.saturating_sub(start.elapsed());
                    if left.is_zero() || self.last_group <= 1 {
                        return None;
                    }
                    receive_within(commands, left).await?
                }
            };
            match next {
                Command::Append { log, record, reply } if log == group.log => {
                    group.push(record, reply);
                }
                other => return Some(other),
            }
        }
        None
    }

    async fn commit(&mut self, group: Group) {
        self.last_group = group.records.len();
        let done = match self.logs.get_mut(group.log) {
            Some(log) => log.append(&group.records).await,
            None => Err(StorageError::Stopped),
        };
        for reply in group.replies {
            let _ = reply.send(done.clone()); // the asker may have gone
        }
    }
}

/// The next command, or none when `limit` is over. Real time, even under a driven clock.
async fn receive_within(commands: &flume::Receiver<Command>, limit: Duration) -> Option<Command> {
    let mut next = pin!(commands.recv_async());
    let mut over = pin!(clock::sleep_real(limit));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(command) = next.as_mut().poll(cx) {
            return Poll::Ready(command.ok());
        }
        over.as_mut().poll(cx).map(|()| None)
    })
    .await
}
