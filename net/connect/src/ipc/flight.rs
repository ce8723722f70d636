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
use super::gathered::Call;

/// Requests of one client that are on the way at a time; the next one is left in its socket.
pub const IN_FLIGHT_MAX: usize = 256;
/// Bytes of requests of one client that are on the way at a time; one alone may have more.
pub const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;

/// Requests on the way that have one answer.
pub(super) struct Asked {
    pub(super) calls: Vec<Call>,
    pub(super) answer: Answer,
}

/// Their answer.
pub(super) enum Answer {
    /// It is there.
    Ready(Result<K, String>),
    /// A callback of this name has the requests.
    Awaited(String, Receiver<Response>),
}

impl Answer {
    /// The answer to the first of them.
    pub(super) async fn get(self) -> Result<K, String> {
        self.all().await.of(0)
    }

    async fn all(self) -> Answers {
        let (name, answer) = match self {
            Answer::Ready(answer) => return Answers { answer, refused: Vec::new() },
            Answer::Awaited(name, answer) => (name, answer),
        };
        let Ok(response) = answer.recv_async().await else {
            return Answers { answer: Err(gone(&name)), refused: Vec::new() };
        };
        let answer = match response.status {
            0..=399 => Ok(K::Null),
            _ => Err(String::from_utf8_lossy(&response.body).into_owned()),
        };
        Answers { answer, refused: response.refused }
    }
}

/// What each of them is answered.
struct Answers {
    /// Most of them.
    answer: Result<K, String>,
    /// The others, by their places in order.
    refused: Vec<(usize, String)>,
}

impl Answers {
    fn of(&self, place: usize) -> Result<K, String> {
        match self.refused.binary_search_by_key(&place, |(place, _)| *place) {
            Ok(at) => Err(self.refused.get(at).map(|(_, text)| text.clone()).unwrap_or_default()),
            Err(_) => self.answer.clone(),
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
    news: (Sender<()>, Receiver<()>),
}

impl Flight {
    /// None yet; they are counted among those of all clients, too.
    pub(super) fn new(all: Rc<Cell<usize>>) -> Rc<Self> {
        Rc::new(Flight {
            all,
            count: Cell::default(),
            bytes: Cell::default(),
            broken: Cell::default(),
            news: flume::bounded(1),
        })
    }

    /// Whether there is room for a request of so many bytes.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let count = self.count.get();
        let room = self.bytes.get().saturating_add(bytes) <= IN_FLIGHT_BYTES_MAX;
        count == 0 || (room && count < IN_FLIGHT_MAX)
    }

    /// Waits until there is room for a request of so many bytes, which then is on the way.
    ///
    /// # Errors
    /// The client can be sent nothing any more.
    pub(super) async fn start(&self, bytes: usize) -> Result<(), String> {
        self.until(|| self.has_room(bytes)).await?;
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

    /// Waits until nothing is on the way.
    ///
    /// # Errors
    /// The client can be sent nothing any more.
    pub(super) async fn landed(&self) -> Result<(), String> {
        self.until(|| self.count.get() == 0).await
    }

    async fn until(&self, fits: impl Fn() -> bool) -> Result<(), String> {
        while !fits() {
            if self.broken.get() {
                return Err("it took no answer".to_owned());
            }
            // The other end is here, too.
            let _ = self.news.1.recv_async().await;
        }
        Ok(())
    }

    fn land(&self, calls: &[Call]) {
        let bytes: usize = calls.iter().map(|call| call.bytes).sum();
        self.count.set(self.count.get() - calls.len());
        self.all.set(self.all.get() - calls.len());
        self.bytes.set(self.bytes.get() - bytes);
        let _ = self.news.0.try_send(());
    }

    fn break_off(&self) {
        self.broken.set(true);
        let _ = self.news.0.try_send(());
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.count.get());
    }
}

/// Answers requests in the order in which they come; complains about those that fail and have no
/// answer. Ends when there are no more, which gives the connection back, or with the connection.
pub(super) async fn answer_all(
    asked: Receiver<Asked>,
    flight: Rc<Flight>,
    mut stream: WriteHalf,
    complaints: Rc<RefCell<Complaints>>,
) -> Option<WriteHalf> {
    while let Ok(Asked { calls, answer }) = asked.recv_async().await {
        let answers = answer.all().await;
        let mut out = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            match (call.kind, answers.of(place)) {
                (Kind::Sync, answer) => respond(answer, call.endian, &mut out),
                (_, Err(error)) => {
                    let mut complaints = complaints.borrow_mut();
                    complaints.say("an asynchronous call failed", Some(&error));
                }
                (_, Ok(_)) => {}
            }
        }
        if !out.is_empty() && stream.write_all(out).await.0.is_err() {
            flight.break_off();
            return None;
        }
        flight.land(&calls);
    }
    Some(stream)
}

/// Appends a response.
fn respond(answer: Result<K, String>, endian: Endian, out: &mut Vec<u8>) {
    let written = answer.and_then(|value| {
        let written = kdb::write_message(Kind::Response, endian, &value, out);
        written.map_err(|e| e.to_string())
    });
    if let Err(text) = written {
        kdb::write_error(&text, endian, out);
    }
}
