//! The requests of one client that are on the way: asked one after the other, answered in the
//! same order.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use flume::{Receiver, Sender};
use formats::k::K;
use formats::k::ipc::Endian;
use plan::env::Response;
use rt::net::WriteHalf;
use wire::kdb::{self, Kind};

use super::complaints::Complaints;

/// Requests of one client that are on the way at a time; the next one is left in its socket.
pub const IN_FLIGHT_MAX: usize = 256;
/// Bytes of requests of one client that are on the way at a time; one alone may have more.
pub const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;

/// A request on the way.
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) endian: Endian,
    pub(super) bytes: usize,
    pub(super) answer: Answer,
}

/// Its answer.
pub(super) enum Answer {
    /// It is there.
    Ready(Result<K, String>),
    /// A callback of this name has the request.
    Awaited(String, Receiver<Response>),
}

impl Answer {
    pub(super) async fn get(self) -> Result<K, String> {
        let (name, answer) = match self {
            Answer::Ready(answer) => return answer,
            Answer::Awaited(name, answer) => (name, answer),
        };
        let response = answer.recv_async().await.map_err(|_| gone(&name))?;
        match response.status {
            0..=399 => Ok(K::Null),
            _ => Err(String::from_utf8_lossy(&response.body).into_owned()),
        }
    }
}

/// What is said of a callback whose pipeline has ended.
pub(super) fn gone(name: &str) -> String {
    format!("{name} is not running")
}

/// How many requests are on the way.
pub(super) struct Flight {
    count: Cell<usize>,
    bytes: Cell<usize>,
    /// The same of all clients.
    all: Rc<Cell<usize>>,
    /// Nothing can be written any more.
    broken: Cell<bool>,
    /// Told when one has landed.
    landed: (Sender<()>, Receiver<()>),
}

impl Flight {
    /// None yet; they are counted among those of all clients, too.
    pub(super) fn new(all: Rc<Cell<usize>>) -> Rc<Self> {
        Rc::new(Flight {
            all,
            count: Cell::default(),
            bytes: Cell::default(),
            broken: Cell::default(),
            landed: flume::bounded(1),
        })
    }

    /// Waits until there is room for a request of so many bytes, which then is on the way.
    ///
    /// # Errors
    /// The client can be sent nothing any more.
    pub(super) async fn start(&self, bytes: usize) -> Result<(), String> {
        let fits = || {
            let count = self.count.get();
            let room = self.bytes.get().saturating_add(bytes) <= IN_FLIGHT_BYTES_MAX;
            count == 0 || (room && count < IN_FLIGHT_MAX)
        };
        self.until(fits).await?;
        self.count.set(self.count.get() + 1);
        self.all.set(self.all.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
        Ok(())
    }

    /// Waits until everything that was asked before the last one is answered.
    ///
    /// # Errors
    /// The client can be sent nothing any more.
    pub(super) async fn alone(&self) -> Result<(), String> {
        self.until(|| self.count.get() <= 1).await
    }

    async fn until(&self, fits: impl Fn() -> bool) -> Result<(), String> {
        while !fits() {
            if self.broken.get() {
                return Err("it took no answer".to_owned());
            }
            // The other end is here, too.
            let _ = self.landed.1.recv_async().await;
        }
        Ok(())
    }

    fn land(&self, bytes: usize) {
        self.count.set(self.count.get() - 1);
        self.all.set(self.all.get() - 1);
        self.bytes.set(self.bytes.get() - bytes);
        let _ = self.landed.0.try_send(());
    }

    fn break_off(&self) {
        self.broken.set(true);
        let _ = self.landed.0.try_send(());
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.count.get());
    }
}

/// Answers requests in the order in which they come; complains about those that fail and have no
/// answer. Ends when there are no more, or with the connection.
pub(super) async fn answer_all(
    asked: Receiver<Asked>,
    flight: Rc<Flight>,
    mut stream: WriteHalf,
    complaints: Rc<RefCell<Complaints>>,
) {
    while let Ok(Asked { kind, endian, bytes, answer }) = asked.recv_async().await {
        let answer = answer.get().await;
        match (kind, answer) {
            (Kind::Sync, answer) => {
                if stream.write_all(response(answer, endian)).await.0.is_err() {
                    return flight.break_off();
                }
            }
            (_, Err(error)) => {
                let mut complaints = complaints.borrow_mut();
                complaints.say("an asynchronous call failed", Some(&error));
            }
            (_, Ok(_)) => {}
        }
        flight.land(bytes);
    }
}

fn response(answer: Result<K, String>, endian: Endian) -> Vec<u8> {
    let mut out = Vec::new();
    let written = answer.and_then(|value| {
        let written = kdb::write_message(Kind::Response, endian, &value, &mut out);
        written.map_err(|e| e.to_string())
    });
    if let Err(text) = written {
        kdb::write_error(&text, endian, &mut out);
    }
    out
}
