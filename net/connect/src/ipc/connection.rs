//! One client of the IPC port.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use flume::Sender;
use formats::k::K;
use formats::k::ipc::{Body, Endian, IpcError, decode_body};
use rt::net::{ReadHalf, Stream};
use wire::kdb::{Event, Kind, Server};

use super::call::{Wanted, answer, call, wanted};
use super::complaints::Complaints;
use super::flight::{Answer, Asked, Flight, answer_all};
use super::listener::{LOGIN_TIME, Options};
use super::router::Router;

/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;

/// Talks to a client until it goes or breaks the protocol; `all` counts the requests of all clients
/// that are on the way.
///
/// # Errors
/// Why the connection was ended, for the log.
pub(super) async fn talk(
    stream: Stream,
    options: Rc<Options>,
    router: Rc<dyn Router>,
    all: Rc<Cell<usize>>,
) -> Result<(), String> {
    let mut server = Server::new(options.message_max);
    let remote = stream.peer().to_string();
    // A reply in answer to small requests must not wait for more.
    let _ = stream.set_nodelay(true);
    let (mut stream, mut writer) = stream.into_split();
    let login = rt::timeout(LOGIN_TIME, next(&mut stream, &mut server)).await;
    let Some(event) = login.map_err(|_| "no login in time".to_owned())?? else { return Ok(()) };
    let Event::Login { user, password, capability } = event else {
        return Err("no login".to_owned());
    };
    if !options.admits(&user, password.as_deref()) {
        return Err(format!("wrong credentials of user {:?}", String::from_utf8_lossy(&user)));
    }
    let accepted = writer.write_all(Server::accept(capability).to_vec()).await.0;
    accepted.map_err(|e| crate::text::io_text(&e))?;
    let complaints = Rc::new(RefCell::new(Complaints::of(&remote)));
    let flight = Flight::new(all);
    // What bounds the requests on the way bounds these, too.
    let (asked, to_answer) = flume::unbounded();
    let answers = answer_all(to_answer, Rc::clone(&flight), writer, Rc::clone(&complaints));
    let answers = rt::spawn(answers);
    let client = Client { remote, router, flight, asked, complaints };
    let ended = client.listen(&mut stream, &mut server).await;
    // What was asked before is answered, or complained about.
    drop(client);
    let _ = answers.await;
    ended
}

/// A client that was let in.
struct Client {
    remote: String,
    router: Rc<dyn Router>,
    flight: Rc<Flight>,
    asked: Sender<Asked>,
    complaints: Rc<RefCell<Complaints>>,
}

impl Client {
    async fn listen(&self, stream: &mut ReadHalf, server: &mut Server) -> Result<(), String> {
        while let Some(event) = next(stream, server).await? {
            let Event::Message { kind, endian, body } = event else { continue };
            if kind == Kind::Response {
                // Nothing is ever asked of a client: this answers no request, and is none.
                let text = "a response that nothing was waiting for was ignored";
                self.complaints.borrow_mut().say(text, None);
                continue;
            }
            let bytes = body.len();
            self.flight.start(bytes).await?;
            let answer = match object(&body, endian)? {
                Ok(request) => {
                    drop(body);
                    self.take(request).await?
                }
                Err(error) => Answer::Ready(Err(error)),
            };
            let _ = self.asked.send(Asked { kind, endian, bytes, answer });
        }
        Ok(())
    }

    /// Asks what a request asks. Calls of callbacks follow each other at once; any other request
    /// sees all that were sent before it answered, and none that were sent after it begun.
    ///
    /// # Errors
    /// The client can be sent nothing any more.
    async fn take(&self, request: K) -> Result<Answer, String> {
        Ok(match wanted(request, &*self.router) {
            Wanted::Nothing(answer) => Answer::Ready(answer),
            Wanted::Callback { port, name, value } => call(port, name, value, &self.remote).await,
            Wanted::Other { request, said } => {
                self.flight.alone().await?;
                Answer::Ready(answer(&request, said, &*self.router).await)
            }
        })
    }
}

/// The object of a request, or what it is answered with if it is one that finds no place here.
///
/// # Errors
/// The bytes are no object: nothing that follows them can be trusted.
fn object(body: &[u8], endian: Endian) -> Result<Result<K, String>, String> {
    match decode_body(body, endian) {
        Ok(Body::Value(request)) => Ok(Ok(request)),
        Ok(Body::Error(_)) => Err("a request cannot be an error".to_owned()),
        Err(error @ IpcError::TooManySymbols) => Ok(Err(error.to_string())),
        Err(error) => Err(format!("a message without an object: {error}")),
    }
}

/// The next event; `None` when the client closed the connection.
async fn next(stream: &mut ReadHalf, server: &mut Server) -> Result<Option<Event>, String> {
    let mut buffer = Vec::new();
    loop {
        if let Some(event) = server.event().map_err(|e| e.to_string())? {
            return Ok(Some(event));
        }
        if buffer.capacity() == 0 {
            // Waiting costs no buffer, so that idle clients are cheap.
            stream.readable().await.map_err(|e| crate::text::io_text(&e))?;
            buffer.reserve(READ_BYTES);
        }
        let (read, filled) = stream.read(buffer).await;
        match read {
            Ok(0) if server.buffered() > 0 => return Err("it ended within a message".to_owned()),
            Ok(0) => return Ok(None),
            Ok(_) => server.feed(&filled),
            Err(error) => return Err(crate::text::io_text(&error)),
        }
        buffer = filled;
        buffer.clear();
    }
}
