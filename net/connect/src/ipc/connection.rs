//! One client of the IPC port.

use std::cell::RefCell;
use std::rc::Rc;

use flume::Sender;
use formats::k::K;
use formats::k::ipc::{Body, Endian, IpcError, decode_argument, decode_body};
use rt::net::{ReadHalf, Stream, WriteHalf};
use wire::kdb::{Event, Kind, Message, Server};

use super::call::{Wanted, answer, coerced, wanted};
use super::complaints::Complaints;
use super::flight::{Answer, Asked, Flight, answer_all};
use super::gathered::{Call, Gathered};
use super::house::Place;
use super::listener::{LOGIN_TIME, Options};

/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;
/// Bytes that it asks for when the one before had as many as it asked for.
const READ_BYTES_MAX: usize = 256 << 10;

/// Reads of a client before other tasks of its reactor get a turn.
const BURST_MAX: u64 = 32;
/// After so many requests, one after the other, to callbacks of one other reactor a client moves
/// there.
const MOVES_AFTER: u32 = 4;

/// A client that was let in.
pub(super) struct Admitted {
    pub(super) halves: (ReadHalf, WriteHalf),
    /// With what was read and is not asked yet.
    pub(super) server: Server,
    pub(super) complaints: Complaints,
}

/// A client that goes on at another reactor, whose number this is. Nothing of it is on the way.
pub(super) struct Leaving(pub(super) usize, pub(super) Admitted);

/// Lets a client in; nothing when it has gone already.
///
/// # Errors
/// Why it was turned away, for the log.
pub(super) async fn admit(stream: Stream, options: &Options) -> Result<Option<Admitted>, String> {
    let mut server = Server::new(options.message_max);
    // A reply in answer to small requests must not wait for more.
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.into_split();
    let login = rt::timeout(LOGIN_TIME, next(&mut reader, &mut server)).await;
    let Some(event) = login.map_err(|_| "no login in time".to_owned())?? else { return Ok(None) };
    let Event::Login { user, password, capability } = event else {
        return Err("no login".to_owned());
    };
    if !options.admits(&user, password.as_deref()) {
        return Err(format!("wrong credentials of user {:?}", String::from_utf8_lossy(&user)));
    }
    let accepted = writer.write_all(Server::accept(capability).to_vec()).await.0;
    accepted.map_err(|e| crate::text::io_text(&e))?;
    let complaints = Complaints::of(&reader.peer().to_string());
    Ok(Some(Admitted { halves: (reader, writer), server, complaints }))
}

/// Talks to a client until it goes, breaks the protocol, or goes on elsewhere.
///
/// # Errors
/// Why the connection was ended, for the log.
pub(super) async fn talk(admitted: Admitted, place: &Rc<Place>) -> Result<Option<Leaving>, String> {
    let Admitted { halves: (mut reader, writer), mut server, complaints } = admitted;
    let remote = reader.peer().to_string();
    let complaints = Rc::new(RefCell::new(complaints));
    let flight = Flight::new(Rc::clone(&place.requests));
    // What bounds the requests on the way bounds these, too.
    let (asked, to_answer) = flume::unbounded();
    let answers = answer_all(to_answer, Rc::clone(&flight), writer, Rc::clone(&complaints));
    let answers = rt::spawn(answers).abort_on_drop();
    let mut client = Client {
        remote,
        place: Rc::clone(place),
        flight,
        asked,
        complaints: Rc::clone(&complaints),
        gathered: None,
        elsewhere: (place.number, 0),
    };
    let ended = client.listen(&mut reader, &mut server).await;
    // What came before the end was called.
    client.send().await;
    // What was asked before is answered, or complained about.
    drop(client);
    let writer = answers.await;
    let Some(to) = ended? else { return Ok(None) };
    let (Ok(Some(writer)), Some(complaints)) = (writer, Rc::into_inner(complaints)) else {
        return Ok(None);
    };
    let complaints = complaints.into_inner();
    Ok(Some(Leaving(to, Admitted { halves: (reader, writer), server, complaints })))
}

/// A client that was let in.
struct Client {
    remote: String,
    place: Rc<Place>,
    flight: Rc<Flight>,
    asked: Sender<Asked>,
    complaints: Rc<RefCell<Complaints>>,
    /// Calls that were read and are not sent yet.
    gathered: Option<Gathered>,
    /// The reactor that the last requests went to, and how many of them that were.
    elsewhere: (usize, u32),
}

impl Client {
    /// Does what the client asks until it goes; gives the number of the reactor where it goes on.
    async fn listen(
        &mut self,
        stream: &mut ReadHalf,
        server: &mut Server,
    ) -> Result<Option<usize>, String> {
        let mut least = READ_BYTES;
        for reads in 1_u64.. {
            while let Some(message) = server.message().map_err(|e| e.to_string())? {
                self.message(message).await?;
            }
            // Nobody waits for more.
            self.send().await;
            if let (there, MOVES_AFTER..) = self.elsewhere
                && there != self.place.number
            {
                self.flight.landed().await?;
                return Ok(Some(there));
            }
            if reads.is_multiple_of(BURST_MAX) {
                rt::yield_now().await;
            }
            least = match fill(stream, server, least).await? {
                0 => return Ok(None),
                count if count < least => READ_BYTES,
                _ => READ_BYTES_MAX,
            };
        }
        Ok(None)
    }

    /// Asks what a message asks. Calls of callbacks follow each other at once; any other request
    /// sees all that were sent before it answered, and none that were sent after it begun.
    ///
    /// # Errors
    /// The connection must be closed.
    async fn message(&mut self, message: Message<'_>) -> Result<(), String> {
        let Message { kind, endian, body } = message;
        if kind == Kind::Response {
            // Nothing is ever asked of a client: this answers no request, and is none.
            let text = "a response that nothing was waiting for was ignored";
            self.complaints.borrow_mut().say(text, None);
            return Ok(());
        }
        let call = Call { kind, endian, bytes: body.len() };
        if !self.flight.has_room(call.bytes) {
            // What is not sent would never land.
            self.send().await;
        }
        self.flight.start(call.bytes).await?;
        if let Some(gathered) = self.gathered.as_mut().filter(|gathered| gathered.has_room(call))
            && let Some(argument) = gathered.argument(&body, endian)
        {
            match read(decode_argument(argument, endian))? {
                Ok(value) => gathered.push(coerced(value), call),
                Err(error) => self.answer(call, Err(error)).await,
            }
            return Ok(());
        }
        match object(&body, endian)? {
            Ok(request) => self.take(request, &body, call).await,
            Err(error) => {
                self.answer(call, Err(error)).await;
                Ok(())
            }
        }
    }

    async fn take(&mut self, request: K, body: &[u8], call: Call) -> Result<(), String> {
        match wanted(request, &*self.place.router) {
            Wanted::Nothing(answer) => self.answer(call, answer).await,
            Wanted::Callback { callee, value } => {
                match self.gathered.as_mut().filter(|gathered| gathered.admits(&callee, call)) {
                    Some(gathered) => gathered.push(value, call),
                    None => {
                        self.send().await;
                        self.gathered = Some(Gathered::new(callee, value, call));
                    }
                }
                if let Some(gathered) = &mut self.gathered {
                    gathered.set_head(body, call.endian);
                }
            }
            Wanted::Other { request, said } => {
                self.send().await;
                self.flight.alone().await?;
                let answer = answer(&request, said, &*self.place.router).await;
                self.answer(call, answer).await;
            }
        }
        Ok(())
    }

    /// Answers a request, behind those that came before it.
    async fn answer(&mut self, call: Call, answer: Result<K, String>) {
        self.send().await;
        let _ = self.asked.send(Asked { calls: vec![call], answer: Answer::Ready(answer) });
    }

    /// Takes note of where requests go.
    fn note(&mut self, to: usize) {
        let (last, count) = self.elsewhere;
        self.elsewhere = (to, if to == last { count.saturating_add(1) } else { 1 });
    }

    /// Sends what was gathered.
    async fn send(&mut self) {
        if let Some(Gathered { callee, values, calls, .. }) = self.gathered.take() {
            self.note(callee.home.unwrap_or(self.place.number));
            let answer = super::call::call(callee, values, &self.remote).await;
            let _ = self.asked.send(Asked { calls, answer });
        }
    }
}

/// The object of a request, or what it is answered with if it is one that finds no place here.
///
/// # Errors
/// The bytes are no object: nothing that follows them can be trusted.
fn object(body: &[u8], endian: Endian) -> Result<Result<K, String>, String> {
    let object = decode_body(body, endian).map(|body| match body {
        Body::Value(request) => Ok(request),
        Body::Error(_) => Err("a request cannot be an error".to_owned()),
    });
    match read(object)? {
        Ok(request) => request.map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

/// What was read, or what is answered where there is no place for it.
///
/// # Errors
/// As [`object`].
fn read<T>(decoded: Result<T, IpcError>) -> Result<Result<T, String>, String> {
    match decoded {
        Ok(read) => Ok(Ok(read)),
        Err(error @ IpcError::TooManySymbols) => Ok(Err(error.to_string())),
        Err(error) => Err(format!("a message without an object: {error}")),
    }
}

/// The next event; `None` when the client closed the connection.
async fn next(stream: &mut ReadHalf, server: &mut Server) -> Result<Option<Event>, String> {
    loop {
        if let Some(event) = server.event().map_err(|e| e.to_string())? {
            return Ok(Some(event));
        }
        if fill(stream, server, READ_BYTES).await? == 0 {
            return Ok(None);
        }
    }
}

/// Waits for bytes, which go where they are decoded, with room for `least` or more; tells how many
/// there are, none when the client closed the connection.
async fn fill(stream: &mut ReadHalf, server: &mut Server, least: usize) -> Result<usize, String> {
    let failed = |e: std::io::Error| crate::text::io_text(&e);
    let within = server.buffered() > 0;
    if !within {
        // Waiting costs no buffer, so that idle clients are cheap.
        server.let_go();
        stream.readable().await.map_err(failed)?;
    }
    let (read, filled) = stream.read(server.spare(least)).await;
    server.fed(filled);
    match read.map_err(failed)? {
        0 if within => Err("it ended within a message".to_owned()),
        count => Ok(count),
    }
}
