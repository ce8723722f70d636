//! One client of the IPC port.

use std::rc::Rc;

use formats::k::K;
use formats::k::ipc::{Body, Endian, IpcError, decode_body};
use rt::net::Stream;
use wire::kdb::{self, Event, Kind, Server};

use super::call::answer;
use super::complaints::Complaints;
use super::listener::{LOGIN_TIME, Options, Router};

/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;

/// Talks to a client until it goes or breaks the protocol.
///
/// # Errors
/// Why the connection was ended, for the log.
pub(super) async fn talk(
    mut stream: Stream,
    options: Rc<Options>,
    router: Rc<dyn Router>,
) -> Result<(), String> {
    let mut server = Server::new(options.message_max);
    let remote = stream.peer().to_string();
    let login = rt::timeout(LOGIN_TIME, next(&mut stream, &mut server)).await;
    let Some(event) = login.map_err(|_| "no login in time".to_owned())?? else { return Ok(()) };
    let Event::Login { user, password, capability } = event else {
        return Err("no login".to_owned());
    };
    if !options.admits(&user, password.as_deref()) {
        return Err(format!("wrong credentials of user {:?}", String::from_utf8_lossy(&user)));
    }
    send(&mut stream, Server::accept(capability).to_vec()).await?;
    // A reply in answer to small requests must not wait for more.
    let _ = stream.set_nodelay(true);
    let mut complaints = Complaints::of(&remote);
    while let Some(event) = next(&mut stream, &mut server).await? {
        let Event::Message { kind, endian, body } = event else { continue };
        if kind == Kind::Response {
            // Nothing is ever asked of a client: this answers no request, and is none.
            complaints.say("a response that nothing was waiting for was ignored", None);
            continue;
        }
        let answer = match object(&body, endian)? {
            Ok(request) => answer(request, &remote, &*router).await,
            Err(error) => Err(error),
        };
        match (kind, answer) {
            (Kind::Sync, answer) => send(&mut stream, response(answer, endian)).await?,
            (_, Err(error)) => complaints.say("an asynchronous call failed", Some(&error)),
            (_, Ok(_)) => {}
        }
    }
    Ok(())
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

async fn send(stream: &mut Stream, bytes: Vec<u8>) -> Result<(), String> {
    stream.write_all(bytes).await.0.map_err(|e| crate::text::io_text(&e))
}

/// The next event; `None` when the client closed the connection.
async fn next(stream: &mut Stream, server: &mut Server) -> Result<Option<Event>, String> {
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
