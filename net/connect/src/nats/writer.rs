//! The writing side of an edge, on the thread of the client: pieces are stored in the order in
//! which they came, each once, whatever becomes of connections meanwhile.
//!
//! Every piece has a name, by which the server knows it again, and says which one must be the last
//! in the stream before it. So a piece that got lost also keeps out those behind it, and what is
//! tried again from the first that nobody confirmed comes to lie where it belongs.

use std::collections::VecDeque;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::island::{self, Pauses};
use super::{Config, edge, text_of};

/// Batches that wait to be written; the sink keeps no more under way.
pub(super) const WRITES_MAX: usize = 64;
/// Pieces that are under way to the server.
pub(super) const PIECES_MAX: usize = 256;

/// A batch.
pub(super) struct Write {
    pub(super) pieces: Vec<Bytes>,
    /// Told when all of it is stored.
    pub(super) stored: flume::Sender<()>,
}

struct Piece {
    number: u64,
    bytes: Bytes,
    /// Of the last piece of a batch.
    stored: Option<flume::Sender<()>>,
}

struct Writer {
    config: Config,
    /// Begins the names of pieces.
    id: String,
    next: u64,
    /// What is not confirmed, in order.
    pending: VecDeque<Piece>,
    writes: flume::Receiver<Write>,
    /// The number of the last message in the stream that is known.
    last: u64,
}

/// Writes until the sink is gone. Says once whether it could begin.
pub(super) async fn write(
    config: Config,
    writes: flume::Receiver<Write>,
    begun: flume::Sender<Result<(), String>>,
) {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let mut writer = Writer { config, id, next: 0, pending: VecDeque::new(), writes, last: 0 };
    if let Err(text) = writer.look().await {
        let _ = begun.send(Err(text));
        return;
    }
    let _ = begun.send(Ok(()));
    let mut pauses = Pauses::new();
    while let Err(text) = writer.run(&mut pauses).await {
        tracing::debug!(edge = writer.config.edge, "writing is tried again: {text}");
        pauses.wait().await;
    }
}

impl Writer {
    /// Looks what the last message of the stream is.
    async fn look(&mut self) -> Result<Context, String> {
        let streams = island::streams(&self.config.url).await?;
        let stream = edge::stream(&streams, &self.config).await?;
        let info = stream.get_info().await.map_err(|error| text_of(&error))?;
        self.last = info.state.last_sequence;
        Ok(streams)
    }

    /// Writes what is pending, then what comes, until the sink is gone.
    async fn run(&mut self, pauses: &mut Pauses) -> Result<(), String> {
        let streams = self.look().await?;
        self.settle(&streams).await?;
        *pauses = Pauses::new();
        let mut answers = FuturesOrdered::new();
        let writes = self.writes.clone();
        loop {
            let room = self.pending.len() < PIECES_MAX;
            match next(&writes, &mut answers, room).await {
                Either::Left(answer) => {
                    self.last = self.last.max(answer?);
                    self.confirm();
                }
                Either::Right(Some(write)) => {
                    self.accept(write);
                    while let Some(piece) = self.pending.get(answers.len()) {
                        let last = self.last + answers.len() as u64;
                        let answer = self.publish(&streams, piece, last).await?;
                        answers.push_back(sequence(answer));
                    }
                }
                // Whoever waited for what is pending is gone, too.
                Either::Right(None) => return Ok(()),
            }
        }
    }

    fn accept(&mut self, write: Write) {
        let Write { pieces, stored } = write;
        let last = pieces.len().saturating_sub(1);
        for (at, bytes) in pieces.into_iter().enumerate() {
            let stored = (at == last).then(|| stored.clone());
            self.pending.push_back(Piece { number: self.next, bytes, stored });
            self.next += 1;
        }
    }

    /// Writes again what nobody confirmed, piece by piece: the first of it may be stored already.
    async fn settle(&mut self, streams: &Context) -> Result<(), String> {
        while let Some(piece) = self.pending.front() {
            let answer = self.publish(streams, piece, self.last).await?.await;
            let answer = answer.map_err(|error| text_of(&error))?;
            if !answer.duplicate {
                self.last = answer.sequence;
            }
            self.confirm();
        }
        Ok(())
    }

    async fn publish(
        &self,
        streams: &Context,
        piece: &Piece,
        last: u64,
    ) -> Result<PublishAckFuture, String> {
        let message = PublishMessage::build()
            .payload(piece.bytes.clone())
            .message_id(format!("{}-{}", self.id, piece.number))
            .expected_last_sequence(last);
        let sent = streams.send_publish(self.config.edge.clone(), message).await;
        sent.map_err(|error| text_of(&error))
    }

    fn confirm(&mut self) {
        if let Some(stored) = self.pending.pop_front().and_then(|piece| piece.stored) {
            let _ = stored.send(());
        }
    }
}

/// The next answer of the server, or what is to be written next where there is room for more.
async fn next<F: Future<Output = Result<u64, String>>>(
    writes: &flume::Receiver<Write>,
    answers: &mut FuturesOrdered<F>,
    room: bool,
) -> Either<Result<u64, String>, Option<Write>> {
    let taken = std::pin::pin!(async {
        match room {
            true => writes.recv_async().await.ok(),
            false => std::future::pending().await,
        }
    });
    let answered = std::pin::pin!(async {
        match answers.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    });
    match select(answered, taken).await {
        Either::Left((answer, _)) => Either::Left(answer),
        Either::Right((write, _)) => Either::Right(write),
    }
}

/// The number under which a piece was stored.
async fn sequence(answer: PublishAckFuture) -> Result<u64, String> {
    match answer.await {
        Ok(answer) => Ok(answer.sequence),
        Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
            Err("something before it was not stored".to_owned())
        }
        Err(error) => Err(text_of(&error)),
    }
}
