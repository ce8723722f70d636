//! An HTTP server that takes, refuses or holds what is posted, and offers messages to who asks.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tests::program::until;

use super::listener::Listener;

/// How long a request for a message waits for one.
const POLL: Duration = Duration::from_millis(50);

/// What happens to what is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is taken and answered 200.
    #[default]
    Take,
    /// It is answered 500.
    Refuse,
    /// It is not answered.
    Hold,
}

#[derive(Default)]
struct Book {
    mode: Mode,
    /// Posts that are refused before the mode counts.
    refusals: usize,
    /// Posts that are not answered now.
    held: usize,
    /// Of a thousand posts, how many are refused at random, and the state of that.
    failing: u64,
    random: u64,
    /// Time that each answer takes.
    delay: Duration,
    taken: Vec<String>,
    offers: VecDeque<String>,
}

#[derive(Default)]
struct Desk {
    book: Mutex<Book>,
    changed: Condvar,
}

/// The server.
pub(crate) struct HttpPeer {
    listener: Listener,
    desk: Arc<Desk>,
}

impl HttpPeer {
    /// Listens on a free port and takes everything.
    pub(crate) fn start() -> Self {
        let desk = Arc::new(Desk::default());
        let shared = Arc::clone(&desk);
        let listener = Listener::start(move |stream| {
            let _ = shared.serve(stream); // the other side went, or the test cut it
        });
        HttpPeer { listener, desk }
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.listener.address())
    }

    /// What it took, in order.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.desk.open().taken.clone()
    }

    /// Waits until it has taken so many.
    pub(crate) fn wait_for(&self, count: usize) -> Option<()> {
        until(|| (self.desk.open().taken.len() >= count).then_some(()))
    }

    /// Changes what happens from here on, also to what is held.
    pub(crate) fn set(&self, mode: Mode) {
        self.desk.change(|book| book.mode = mode);
    }

    /// Whether a post waits for its answer.
    pub(crate) fn holds(&self) -> bool {
        self.desk.open().held > 0
    }

    /// What listens for it.
    pub(crate) fn listener(&mut self) -> &mut Listener {
        &mut self.listener
    }

    /// Refuses the next posts.
    pub(crate) fn refuse(&self, count: usize) {
        self.desk.change(|book| book.refusals = count);
    }

    /// Refuses so many of a thousand posts, at random.
    pub(crate) fn fail_at_random(&self, per_mille: u64, seed: u64) {
        self.desk.change(|book| (book.failing, book.random) = (per_mille, seed | 1));
    }

    /// How many it took.
    pub(crate) fn count(&self) -> usize {
        self.desk.open().taken.len()
    }

    /// Makes each answer take some time.
    pub(crate) fn slow(&self, delay: Duration) {
        self.desk.change(|book| book.delay = delay);
    }

    /// Has messages for who asks.
    pub(crate) fn offer(&self, messages: Vec<String>) {
        self.desk.change(|book| book.offers.extend(messages));
    }

    /// Cuts all connections; nobody listens any more.
    pub(crate) fn cut(&mut self) {
        self.listener.cut();
    }

    /// Listens on the same port again.
    pub(crate) fn mend(&mut self) {
        self.listener.mend();
    }
}

impl Drop for HttpPeer {
    fn drop(&mut self) {
        self.set(Mode::Refuse); // so that no thread of a connection waits for ever
    }
}

impl Book {
    /// The next random number (xorshift).
    fn dice(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl Desk {
    fn open(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.open());
        self.changed.notify_all();
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut answers = stream.try_clone()?;
        let mut requests = BufReader::new(stream);
        while let Some((verb, body)) = read(&mut requests)? {
            let (status, body) = match verb.as_str() {
                "GET" => (200, self.give()),
                _ => (self.take(body), String::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} So\r\nContent-Length: {length}\r\n\r\n");
            if let Err(error) =
                answers.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())
            {
                if length > 0 {
                    self.change(|book| book.offers.push_front(body)); // nobody got it
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn give(&self) -> String {
        let book = self.open();
        let waited = self.changed.wait_timeout_while(book, POLL, |book| book.offers.is_empty());
        let (mut book, _) = waited.unwrap_or_else(PoisonError::into_inner);
        book.offers.pop_front().unwrap_or_default()
    }

    fn take(&self, body: String) -> u16 {
        let delay = self.open().delay;
        std::thread::sleep(delay);
        let mut book = self.open();
        book.held += 1;
        let held = self.changed.wait_while(book, |book| book.mode == Mode::Hold);
        let mut book = held.unwrap_or_else(PoisonError::into_inner);
        book.held -= 1;
        let refuses = match book.refusals.checked_sub(1) {
            Some(left) => {
                book.refusals = left;
                true
            }
            None => {
                let fails = book.failing > 0 && book.dice() % 1000 < book.failing;
                book.mode == Mode::Refuse || fails
            }
        };
        if refuses {
            return 500;
        }
        book.taken.push(body);
        200
    }
}

/// The next request: its verb and body; none at the end of the connection.
fn read(requests: &mut impl BufRead) -> std::io::Result<Option<(String, String)>> {
    let (mut verb, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        match &mut verb {
            None => verb = line.split(' ').next().map(str::to_ascii_uppercase),
            Some(verb) if line.is_empty() => {
                let mut body = vec![0; length];
                requests.read_exact(&mut body)?;
                let body = String::from_utf8_lossy(&body).into_owned();
                return Ok(Some((std::mem::take(verb), body)));
            }
            Some(_) => {}
        }
    }
}
