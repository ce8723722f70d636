//! kdb+ IPC as a client speaks it: what introduces it, and what it is answered.

use super::{Event, ProtocolError, Server};

/// The client's end of one connection.
#[derive(Debug)]
pub struct Client {
    /// What comes after the admission is framed as what a server gets.
    inner: Server,
    admitted: bool,
}

impl Client {
    /// A connection whose messages may have `limit` bytes, packed or not.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Client { inner: Server::new(limit), admitted: false }
    }

    /// The bytes that introduce a client; an empty name and password are left out.
    #[must_use]
    pub fn login(user: &str, password: &str) -> Vec<u8> {
        let mut out = user.as_bytes().to_vec();
        if !password.is_empty() {
            out.push(b':');
            out.extend_from_slice(password.as_bytes());
        }
        out.extend_from_slice(&[super::CAPABILITY_MAX, 0]);
        out
    }

    /// Takes bytes that the peer sent; then call [`Client::event`] until it has nothing.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.inner.feed(bytes);
    }

    /// Whether the peer has let the client in; its one byte is taken then.
    pub fn is_admitted(&mut self) -> bool {
        if !self.admitted && self.inner.buffered() > 0 {
            self.inner.start += 1;
            self.inner.greeted = true;
            self.admitted = true;
        }
        self.admitted
    }

    /// The next message, once all its bytes are there and the client was let in.
    ///
    /// # Errors
    /// The bytes break the protocol; the connection is of no further use.
    pub fn event(&mut self) -> Result<Option<Event>, ProtocolError> {
        if self.is_admitted() { self.inner.event() } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, write_message};
    use super::*;
    use formats::k::K;
    use formats::k::ipc::{Body, Endian, decode_body};

    #[test]
    fn a_server_understands_the_login() {
        let login = |user: &str, password: &str| {
            let mut server = Server::default();
            server.feed(&Client::login(user, password));
            server.event().unwrap()
        };
        let want = |user: &[u8], password: Option<&[u8]>| {
            let (user, password) = (user.to_vec(), password.map(<[u8]>::to_vec));
            Some(Event::Login { user, password, capability: 3 })
        };
        assert_eq!(login("me", "p:w"), want(b"me", Some(b"p:w")));
        assert_eq!(login("me", ""), want(b"me", None));
        assert_eq!(login("", ""), want(b"", None));
    }

    #[test]
    fn messages_follow_the_admission_however_they_are_cut() {
        let mut bytes = vec![3];
        write_message(Kind::Response, Endian::Little, &K::long(7), &mut bytes).unwrap();
        let mut client = Client::new(100);
        assert!(!client.is_admitted());
        let mut events = Vec::new();
        for byte in &bytes {
            client.feed(std::slice::from_ref(byte));
            events.extend(client.event().unwrap());
        }
        assert!(client.is_admitted());
        let [Event::Message { kind: Kind::Response, endian, body }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(decode_body(body, *endian), Ok(Body::Value(K::long(7))));
    }
}
