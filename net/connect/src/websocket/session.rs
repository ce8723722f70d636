//! A websocket after its handshake: one task reads, any task sends.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use wire::websocket::{Codec, Kind};

use crate::link::{Link, Sending};
use crate::reader::Bytestream;
use crate::signal::Signal;
use crate::text::io_text;

/// How long a peer may take to receive the last words.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// The sending half of a connection.
enum Slot {
    Free(Box<dyn Sending>),
    /// Somebody is sending.
    Busy,
    /// A send failed, or was given up half-way; the text says why.
    Gone(String),
}

/// A connection that messages are sent to.
pub(crate) struct Session {
    codec: RefCell<Codec>,
    sending: RefCell<Slot>,
    changed: Signal,
}

/// Where its messages come from.
pub(crate) struct Reader {
    session: Rc<Session>,
    link: Box<dyn Bytestream>,
    buffer: Vec<u8>,
}

/// The sending half while it is in use. Dropped in the middle, it is lost.
struct Use<'a> {
    session: &'a Session,
    link: Option<Box<dyn Sending>>,
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        *self.session.sending.borrow_mut() = match self.link.take() {
            Some(link) => Slot::Free(link),
            None => Slot::Gone("websocket: write closed".to_owned()),
        };
        self.session.changed.wake();
    }
}

impl Session {
    /// Both ends of a connection that has just become a websocket.
    pub(crate) fn open(codec: Codec, link: Link) -> (Reader, Rc<Session>) {
        let (read, write) = link;
        let session = Rc::new(Session {
            codec: RefCell::new(codec),
            sending: RefCell::new(Slot::Free(write)),
            changed: Signal::default(),
        });
        let reader = Reader { session: Rc::clone(&session), link: read, buffer: Vec::new() };
        (reader, session)
    }

    /// Sends a message; it is with the system when this is done.
    ///
    /// # Errors
    /// The text of what is wrong with the connection.
    pub(crate) async fn send(&self, kind: Kind, content: &[u8]) -> Result<(), String> {
        let queued = self.codec.borrow_mut().send(kind, content);
        // Also when it was refused: the answer to a close may wait.
        let sent = self.flush().await;
        queued.map_err(|ending| ending.to_string())?;
        sent
    }

    /// Says that nothing more is sent.
    pub(crate) async fn close(&self, code: u16) {
        self.codec.borrow_mut().close(code);
        // A peer that is gone, or receives nothing, needs no word.
        let _ = rt::timeout(LAST_WORDS_MAX, self.flush()).await;
    }

    /// Ends the connection.
    pub(crate) async fn end(&self) {
        let end = async {
            if let Ok(mut used) = self.sending().await
                && let Some(mut link) = used.link.take()
            {
                link.end().await;
            }
        };
        let _ = rt::timeout(LAST_WORDS_MAX, end).await;
    }

    async fn sending(&self) -> Result<Use<'_>, String> {
        let taken = self.changed.until(|| {
            let mut slot = self.sending.borrow_mut();
            match std::mem::replace(&mut *slot, Slot::Busy) {
                Slot::Free(link) => Some(Ok(link)),
                Slot::Busy => None,
                Slot::Gone(text) => {
                    *slot = Slot::Gone(text.clone());
                    Some(Err(text))
                }
            }
        });
        let link = Some(taken.await?);
        Ok(Use { session: self, link })
    }

    /// Sends what is queued, also what is queued in the meantime.
    async fn flush(&self) -> Result<(), String> {
        let mut used = self.sending().await?;
        while let Some(mut link) = used.link.take() {
            let bytes = self.codec.borrow_mut().take_output();
            if bytes.is_empty() {
                used.link = Some(link);
                break;
            }
            let sent = link.send(bytes).await;
            sent.map_err(|error| format!("write: {}", io_text(&error)))?;
            used.link = Some(link);
        }
        Ok(())
    }

    /// As [`Session::flush`], but leaves it to whoever is sending: a peer may take nothing more
    /// until somebody reads what it sends.
    async fn flush_beside(&self) {
        if matches!(&*self.sending.borrow(), Slot::Free(_)) {
            // A peer that does not take an answer is found out by reading on.
            let _ = self.flush().await;
        }
    }
}

impl Reader {
    /// The next message. What comes behind it, such as a close, is not looked at before the next
    /// call.
    ///
    /// # Errors
    /// Why no more messages come.
    pub(crate) async fn one(&mut self) -> Result<Bytes, String> {
        loop {
            let next = self.session.codec.borrow_mut().next_message();
            self.session.flush_beside().await;
            match next {
                Ok(Some(message)) => return Ok(message),
                Err(ending) => return Err(ending.to_string()),
                Ok(None) => {}
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let (count, filled) = self.link.read(buffer).await;
            self.buffer = filled;
            let mut codec = self.session.codec.borrow_mut();
            match count {
                Ok(0) => codec.finish(),
                Ok(_) => codec.feed(&self.buffer),
                Err(error) => return Err(format!("read: {}", io_text(&error))),
            }
        }
    }

    /// Adds what is there, at least one message.
    ///
    /// # Errors
    /// As [`Reader::one`].
    pub(crate) async fn all(&mut self, found: &mut Vec<Bytes>) -> Result<(), String> {
        found.push(self.one().await?);
        // How it ended is told by the next call.
        while let Ok(Some(message)) = self.session.codec.borrow_mut().next_message() {
            found.push(message);
        }
        self.session.flush_beside().await;
        Ok(())
    }

    /// Passes over everything until the connection has ended; says why.
    pub(crate) async fn drain(&mut self) -> String {
        loop {
            if let Err(text) = self.one().await {
                return text;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plan::LocalBoxFuture;
    use wire::websocket::Side;

    use super::*;
    use crate::testing::{at_once, both_modes};

    /// A peer that takes nothing, or nothing but an end.
    struct Deaf;

    impl Sending for Deaf {
        fn send(&mut self, _: Vec<u8>) -> LocalBoxFuture<'_, std::io::Result<()>> {
            Box::pin(std::future::pending())
        }

        fn end(&mut self) -> LocalBoxFuture<'_, ()> {
            Box::pin(std::future::pending())
        }
    }

    impl Bytestream for Deaf {
        fn read(&mut self, _: Vec<u8>) -> LocalBoxFuture<'_, (std::io::Result<usize>, Vec<u8>)> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn a_peer_that_takes_no_last_words_is_left_in_time() {
        both_modes(|| async {
            let clock = rt::Clock::driven(0);
            let _guard = clock.install_for_thread();
            let open = || Session::open(Codec::new(Side::Client), (Box::new(Deaf), Box::new(Deaf)));
            let (_reader, session) = open();
            let mut closing = Box::pin(session.close(1000));
            assert_eq!(at_once(&mut closing).await, None);
            clock.advance(LAST_WORDS_MAX);
            assert_eq!(at_once(&mut closing).await, Some(()));
            let (_reader, session) = open();
            let mut ending = Box::pin(session.end());
            assert_eq!(at_once(&mut ending).await, None);
            clock.advance(LAST_WORDS_MAX);
            assert_eq!(at_once(&mut ending).await, Some(()));
        });
    }
}
