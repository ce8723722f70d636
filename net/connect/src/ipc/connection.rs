//! One client of the IPC port.

use std::rc::Rc;

use flume::Sender;
use formats::k::ipc::{Body, Endian, decode_body};
use formats::k::{K, Type};
use plan::env::{Payload, Request};
use rt::net::Stream;
use wire::kdb::{self, Event, Kind, Server};

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
    while let Some(event) = next(&mut stream, &mut server).await? {
        let Event::Message { kind, endian, body } = event else { continue };
        let answer = answer(&body, endian, &remote, &*router).await;
        match (kind, answer) {
            (Kind::Sync, answer) => send(&mut stream, response(answer, endian)).await?,
            (_, Err(error)) => tracing::warn!(remote, error, "an asynchronous call failed"),
            (_, Ok(_)) => {}
        }
    }
    Ok(())
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
            Ok(0) => return Ok(None),
            Ok(_) => server.feed(&filled),
            Err(error) => return Err(crate::text::io_text(&error)),
        }
        buffer = filled;
        buffer.clear();
    }
}

/// Does what a message asks.
async fn answer(
    body: &[u8],
    endian: Endian,
    remote: &str,
    router: &dyn Router,
) -> Result<K, String> {
    let request = match decode_body(body, endian).map_err(|e| e.to_string())? {
        Body::Value(request) => request,
        Body::Error(text) => return Err(text),
    };
    if let Some(probe) = kdb::probe(&request) {
        return Ok(probe.answer());
    }
    let Some((name, mut arguments)) = call(&request) else {
        return router.call(&request).unwrap_or_else(|| Err("access".to_owned()));
    };
    let Some(port) = find(&name, &mut arguments, router) else {
        return router.call(&request).unwrap_or(Err(name));
    };
    // A callback takes one argument (spec/kdb-qsp.md §6).
    let (1, Some(argument)) = (arguments.len(), arguments.pop()) else {
        return Err("rank".to_owned());
    };
    ask(port, &name, argument, remote).await
}

/// The port of a name. A dictionary of callbacks is called with the key in front: it is found
/// under the name, a dot and the key.
fn find(name: &str, arguments: &mut Vec<K>, router: &dyn Router) -> Option<Sender<Request>> {
    if let [key, _] = arguments.as_slice()
        && let Some(key) = key.as_sym()
        && let Some(port) = router.port(&format!("{name}.{}", key.as_str()))
    {
        arguments.remove(0);
        return Some(port);
    }
    router.port(name)
}

async fn ask(port: Sender<Request>, name: &str, value: K, remote: &str) -> Result<K, String> {
    let (reply, answer) = flume::bounded(1);
    let request = Request {
        method: String::new(),
        path: name.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        remote: remote.to_owned(),
        payload: Payload::Value(value),
        incoming: None,
        encryption: None,
        reply,
    };
    let gone = || format!("{name} is not running");
    port.send_async(request).await.map_err(|_| gone())?;
    // Held on to, it would keep a request that nobody takes.
    drop(port);
    // Asynchronous calls wait, too: a client never has more than one value waiting here.
    let response = answer.recv_async().await.map_err(|_| gone())?;
    match response.status {
        0..=399 => Ok(K::Null),
        _ => Err(String::from_utf8_lossy(&response.body).into_owned()),
    }
}

/// The name and the arguments of a call; a head may be a symbol or a text that names a function
/// (spec/kdb-ipc.md §5).
fn call(request: &K) -> Option<(String, Vec<K>)> {
    if let Some([head, rest @ ..]) = request.as_syms().filter(|s| s.len() > 1) {
        let arguments = rest.iter().map(|s| K::sym(*s)).collect();
        return Some((head.as_str().to_owned(), arguments));
    }
    let [head, rest @ ..] = request.as_list()? else { return None };
    let name = match head.as_sym() {
        Some(name) => name.as_str().to_owned(),
        None if head.ty() == Some(Type::Char) => {
            let text = String::from_utf8(head.as_text()?.to_vec()).ok()?;
            let named = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b));
            named.then_some(text)?
        }
        None => return None,
    };
    Some((name, rest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_recognised() {
        let name = |request: &K| call(request).map(|(name, args)| (name, args.len()));
        let list = |items| K::list(items);
        let upd = Some(("upd".to_owned(), 1));
        assert_eq!(name(&list(vec![K::sym("upd"), K::long(1)])), upd);
        assert_eq!(name(&list(vec![K::str("upd"), K::long(1)])), upd);
        assert_eq!(name(&K::syms(vec!["upd".into(), "a".into()])), upd);
        assert_eq!(name(&list(vec![K::str("{x}"), K::long(1)])), None);
        assert_eq!(name(&K::str("upd 1")), None);
        assert_eq!(name(&K::sym("upd")), None);
        assert_eq!(name(&list(vec![])), None);
    }
}
