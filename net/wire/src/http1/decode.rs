//! The decoder: one for both directions.

use super::body::{Framing, Step};
use super::head::{Message, RequestHead, ResponseHead};
use super::{HEAD_MAX, HttpError};

/// What a decoder found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a, H> {
    /// A message begins.
    Head(H),
    /// The next bytes of its body; never empty.
    Body(&'a [u8]),
    /// The message is complete.
    End,
}

/// Decodes requests.
pub type RequestDecoder = Decoder<RequestHead>;

/// Decodes responses.
pub type ResponseDecoder = Decoder<ResponseHead>;

enum State {
    /// Between messages or inside a head.
    Head,
    /// Inside a body of which so many bytes were handed out.
    Body(Framing, u64),
    /// The connection carries no more messages.
    Closed,
    /// The connection is of no use any more.
    Failed(HttpError),
}

/// Turns the bytes of one connection into events.
///
/// ```
/// use wire::http1::{Event, RequestDecoder};
/// let mut decoder = RequestDecoder::new(1 << 20);
/// decoder.feed(b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
/// let Ok(Some(Event::Head(head))) = decoder.next_event() else { panic!("a head") };
/// assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/post"));
/// assert_eq!(decoder.next_event(), Ok(Some(Event::Body(b"hi"))));
/// assert_eq!(decoder.next_event(), Ok(Some(Event::End)));
/// assert_eq!(decoder.next_event(), Ok(None));
/// ```
pub struct Decoder<H> {
    buffer: Vec<u8>,
    /// How much of the buffer was used up.
    start: usize,
    /// How much behind `start` was searched for the end of a head.
    searched: usize,
    state: State,
    body_max: u64,
    keep_alive: bool,
    interim: bool,
    bodiless: bool,
    kind: std::marker::PhantomData<fn() -> H>,
}

impl<H: Message> Decoder<H> {
    /// A decoder for a new connection that refuses bodies of more than `body_max` bytes.
    #[must_use]
    pub fn new(body_max: u64) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            state: State::Head,
            body_max,
            keep_alive: true,
            interim: false,
            bodiless: false,
            kind: std::marker::PhantomData,
        }
    }

    /// Adds bytes of the connection. After each call take events until there are none; what waits
    /// is then at most one head or one line of framing.
    pub fn feed(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Failed(_)) {
            return;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that the next response answers a `HEAD` request and so has no body.
    pub fn expect_no_body(&mut self) {
        self.bodiless = true;
    }

    /// True between messages: closing the connection loses nothing.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self.state {
            State::Head => self.start == self.buffer.len(),
            State::Body(..) => false,
            State::Closed | State::Failed(_) => true,
        }
    }

    /// True when the connection must be closed after what was read so far.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed | State::Failed(_))
    }

    /// The bytes that were fed and not used: what follows an upgrade.
    #[must_use]
    pub fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.buffer);
        rest.drain(..std::mem::take(&mut self.start));
        self.searched = 0;
        rest
    }

    /// The next event; `None` when more input is needed or the connection carries no more.
    ///
    /// # Errors
    /// The reason why the connection cannot go on, every time again.
    pub fn next_event(&mut self) -> Result<Option<Event<'_, H>>, HttpError> {
        match self.advance() {
            Ok(Some(Found::Head(head))) => Ok(Some(Event::Head(*head))),
            Ok(Some(Found::Body(from, to))) => {
                Ok(Some(Event::Body(self.buffer.get(from..to).unwrap_or_default())))
            }
            Ok(Some(Found::End)) => Ok(Some(Event::End)),
            Ok(None) => Ok(None),
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// Says that the connection has ended. `true` means that this completed a message whose body
    /// had no other end.
    ///
    /// # Errors
    /// [`HttpError::Incomplete`] inside a message, and what failed before.
    pub fn finish(&mut self) -> Result<bool, HttpError> {
        let done = match &self.state {
            State::Failed(error) => return Err(*error),
            State::Body(Framing::UntilEnd, _) => true,
            State::Closed => false,
            State::Head if self.start == self.buffer.len() => false,
            State::Head | State::Body(..) => {
                self.state = State::Failed(HttpError::Incomplete);
                return Err(HttpError::Incomplete);
            }
        };
        self.state = State::Closed;
        Ok(done)
    }

    fn advance(&mut self) -> Result<Option<Found<H>>, HttpError> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            match &mut self.state {
                State::Failed(error) => return Err(*error),
                State::Closed => return Ok(None),
                State::Head => return self.head(),
                State::Body(framing, read) => match framing.step(rest)? {
                    Step::More => return Ok(None),
                    Step::Skip(count) => {
                        self.start += count;
                        // A chunk is refused by its size, before any of it is read.
                        if read.saturating_add(framing.announced()) > self.body_max {
                            return Err(HttpError::BodyTooLarge);
                        }
                    }
                    Step::End(count) => {
                        self.start += count;
                        self.end_message();
                        return Ok(Some(Found::End));
                    }
                    Step::Data(count) => {
                        // Lengths were checked when they were read; a body without one ends here.
                        let room = usize::try_from(self.body_max.saturating_sub(*read));
                        let count = count.min(room.unwrap_or(usize::MAX));
                        if count == 0 {
                            return Err(HttpError::BodyTooLarge);
                        }
                        *read += count as u64;
                        let from = self.start;
                        self.start += count;
                        return Ok(Some(Found::Body(from, self.start)));
                    }
                },
            }
        }
    }

    fn end_message(&mut self) {
        let more = self.keep_alive || self.interim;
        self.state = if more { State::Head } else { State::Closed };
        self.searched = 0;
    }

    fn head(&mut self) -> Result<Option<Found<H>>, HttpError> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        // Empty lines before a message are passed over (RFC 9112 §2.2).
        let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if self.searched == 0 {
            self.start += empty;
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some(first) = rest.first() else { return Ok(None) };
        if !first.is_ascii_graphic() {
            return Err(HttpError::Malformed("malformed first line")); // TLS, for instance
        }
        let Some(end) = head_end(rest, self.searched) else {
            if rest.len() >= HEAD_MAX {
                return Err(HttpError::HeadTooLarge);
            }
            self.searched = rest.len();
            return Ok(None);
        };
        if end > HEAD_MAX {
            return Err(HttpError::HeadTooLarge);
        }
        let (head, framing) = H::parse(rest.get(..end).unwrap_or_default(), self.bodiless)?;
        if framing.announced() > self.body_max {
            return Err(HttpError::BodyTooLarge);
        }
        self.start += end;
        self.keep_alive = head.keeps_alive();
        self.interim = head.is_interim();
        if !self.interim {
            self.bodiless = false;
        }
        self.state = State::Body(framing, 0);
        Ok(Some(Found::Head(Box::new(head))))
    }
}

/// An event by positions, so that it borrows nothing.
enum Found<H> {
    Head(Box<H>),
    Body(usize, usize),
    End,
}

/// The length of a head with its empty line. What was searched before is not searched again.
fn head_end(bytes: &[u8], searched: usize) -> Option<usize> {
    let mut from = searched.saturating_sub(2); // the end may begin in what was searched
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == b'\n')?;
        match bytes.get(at + 1..)? {
            [b'\n', ..] => return Some(at + 2),
            [b'\r', b'\n', ..] => return Some(at + 3),
            _ => from = at + 1,
        }
    }
}
