//! HTTP on ntex, on a thread of its own.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use bytes::{Bytes, BytesMut};
use engine::EngineHandle;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use ntex::http::StatusCode;
use ntex::web::{self, HttpRequest, HttpResponse};

use crate::exchange::{Reply, Request};
use crate::handover;
use crate::ports::Ports;
use crate::routing::{App, Listener};
use crate::tls::Tls;

/// Largest body of a request in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 20;
/// Seconds an open connection may take to finish when the server stops.
const SHUTDOWN_S: u16 = 1;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be used.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// The thread did not start.
    #[error("the REST thread did not start: {0}")]
    Thread(io::Error),
}

/// A running server; dropping it leaves it running, [`Server::stop`] ends it.
pub struct Server {
    stop: flume::Sender<()>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Binds an address such as `127.0.0.1:4195`.
    ///
    /// # Errors
    /// The address cannot be used; the text names it.
    pub fn bind(address: &str) -> Result<TcpListener, ServerError> {
        TcpListener::bind(address)
            .map_err(|error| ServerError::Bind { address: address.to_owned(), error })
    }

    /// Starts to answer on the listeners.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(
        listeners: Vec<Listener>,
        engine: EngineHandle,
        ports: Arc<Ports>,
    ) -> Result<Self, ServerError> {
        let (stop, stopped) = flume::bounded(1);
        let body = move || run(listeners, engine, ports, stopped);
        let thread = thread::Builder::new()
            .name("rest".to_owned())
            .spawn(body)
            .map_err(ServerError::Thread)?;
        Ok(Server { stop, thread: Some(thread) })
    }

    /// Stops answering and waits until the thread has ended.
    pub fn stop(mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!("the REST thread ended with an error: {error}"),
                Err(_) => tracing::error!("the REST thread panicked"),
            }
        }
    }
}

fn run(
    listeners: Vec<Listener>,
    engine: EngineHandle,
    ports: Arc<Ports>,
    stopped: flume::Receiver<()>,
) -> io::Result<()> {
    let system =
        ntex::rt::System::build().name("rest").disable_signals().build(ntex::rt::DefaultRuntime);
    system.block_on(async move {
        let mut servers = Vec::new();
        for Listener { socket, dialects, tls } in listeners {
            let app = Arc::new(App { dialects, engine: engine.clone(), ports: Arc::clone(&ports) });
            servers.push(serve(socket, app, tls)?);
        }
        let _ = stopped.recv_async().await;
        for server in servers {
            server.stop(true).await;
        }
        Ok(())
    })
}

fn serve(socket: TcpListener, app: Arc<App>, tls: Option<Tls>) -> io::Result<ntex::server::Server> {
    let factory = async move || {
        let app = Arc::clone(&app);
        web::App::new().default_service(web::to(move |request: HttpRequest, payload| {
            let app = Arc::clone(&app);
            async move { respond(app, &request, payload).await }
        }))
    };
    let server = web::HttpServer::new(factory)
        .workers(1)
        .disable_signals()
        .shutdown_timeout(ntex::time::Seconds(SHUTDOWN_S));
    let listening = match tls {
        Some(tls) => server.listen_rustls(socket, tls.into_config())?,
        None => server.listen(socket)?,
    };
    Ok(listening.run())
}

async fn respond(
    app: Arc<App>,
    request: &HttpRequest,
    payload: web::types::Payload,
) -> HttpResponse {
    if let Some(taken) = handover::take(request) {
        ntex::rt::spawn(taken.answer(app, describe(request)));
        return HttpResponse::new(StatusCode::OK); // nobody receives this
    }
    let length = request.headers().get("content-length").and_then(|v| v.to_str().ok());
    if length.and_then(|text| text.parse::<usize>().ok()).is_some_and(|n| n > BODY_BYTES_MAX) {
        return to_http(too_large());
    }
    let body = match read_body(payload).await {
        Ok(body) => body,
        Err(reply) => return to_http(reply),
    };
    let head = request.method().as_str() == "HEAD";
    let client = Arc::new(());
    let client_known = Some(Arc::downgrade(&client));
    let request = Request { body, client: client_known, ..describe(request) };
    let work: LocalBoxFuture<'static, Reply> = Box::pin(async move { app.answer(request).await });
    let mut reply = ToItsEnd { work: Some(work), _client: client }.await;
    if head {
        reply.body.clear();
        reply.rest = None;
    }
    to_http(reply)
}

/// A request without its body.
fn describe(request: &HttpRequest) -> Request {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Request {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        query: request.query_string().to_owned(),
        headers: headers.collect(),
        remote: request.peer_addr().map(|a| a.to_string()).unwrap_or_default(),
        ..Request::default()
    }
}

/// The answer to a request. A client that goes away has the server drop this in the middle; what
/// was begun is done to its end all the same, so that no change is left half made.
struct ToItsEnd {
    work: Option<LocalBoxFuture<'static, Reply>>,
    /// Tells the work whether somebody still waits for it.
    _client: Arc<()>,
}

impl Future for ToItsEnd {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let Some(work) = &mut self.work else { return Poll::Ready(Reply::unavailable()) };
        let reply = ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(reply)
    }
}

impl Drop for ToItsEnd {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            ntex::rt::spawn(work);
        }
    }
}

fn too_large() -> Reply {
    Reply::text(413, format!("Error: the body is larger than {BODY_BYTES_MAX} bytes\n"))
}

async fn read_body(mut payload: web::types::Payload) -> Result<Bytes, Reply> {
    let mut body = BytesMut::new();
    while let Some(chunk) = ntex::util::stream_recv(&mut payload).await {
        let chunk = chunk.map_err(|e| Reply::text(400, format!("Error: {e}\n")))?;
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn to_http(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &reply.headers {
        response.header(name.as_str(), value.as_str());
    }
    let Some(rest) = reply.rest else { return response.body(reply.body) };
    let first = futures_util::stream::iter(Some(reply.body).filter(|body| !body.is_empty()));
    let pieces = first.map(Bytes::from).chain(rest.0.into_stream());
    let copied = |piece: Bytes| Ok::<_, io::Error>(ntex::util::Bytes::copy_from_slice(&piece));
    response.streaming(Box::pin(pieces.map(copied)))
}
