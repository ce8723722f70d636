//! Calls of one callback that follow each other and are there already: they become one request, so
//! that small ones are cheap. Nobody waits for more of them, and whoever takes them sees each.

use flume::Sender;
use formats::k::K;
use formats::k::ipc::{Endian, head_bytes};
use plan::env::Request;
use wire::kdb::Kind;

/// Calls that become one request.
pub const GATHERED_MAX: usize = 128;
/// Bytes of the messages of calls that become one request; one alone may have more.
pub const GATHERED_BYTES_MAX: usize = 256 << 10;
/// The argument of what [`wire::kdb::probe`] recognises, as it is sent.
const PROBED: &[u8] = b"\xf5.q\0";

/// What has to be known of a request to answer it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) endian: Endian,
    pub(super) bytes: usize,
}

/// Who is called.
pub(super) struct Callee {
    pub(super) port: Sender<Request>,
    pub(super) name: String,
    /// See [`super::Port`].
    pub(super) home: Option<usize>,
}

/// See the head of the file.
pub(super) struct Gathered {
    pub(super) callee: Callee,
    /// The bytes in front of the argument of the last one, and their order.
    head: Option<(Vec<u8>, Endian)>,
    pub(super) values: Vec<K>,
    pub(super) calls: Vec<Call>,
    bytes: usize,
}

impl Gathered {
    /// The first of them.
    pub(super) fn new(callee: Callee, value: K, call: Call) -> Self {
        let (values, calls, bytes) = (vec![value], vec![call], call.bytes);
        Gathered { callee, head: None, values, calls, bytes }
    }

    /// Takes note of how the last one was written; later ones are read quicker.
    pub(super) fn set_head(&mut self, body: &[u8], endian: Endian) {
        let head = head_bytes(body, endian).and_then(|count| body.get(..count));
        self.head = head.map(|head| (head.to_vec(), endian));
    }

    /// The argument of a message that is a call of the same.
    pub(super) fn argument<'a>(&self, body: &'a [u8], endian: Endian) -> Option<&'a [u8]> {
        let (head, of) = self.head.as_ref()?;
        let argument = body.strip_prefix(head.as_slice()).filter(|_| *of == endian)?;
        // What a stock client asks is looked at as a whole.
        if argument == PROBED { None } else { Some(argument) }
    }

    /// Whether a call may join them.
    pub(super) fn admits(&self, callee: &Callee, call: Call) -> bool {
        let Callee { port, name, .. } = callee;
        self.callee.port.same_channel(port) && self.callee.name == *name && self.has_room(call)
    }

    /// Whether there is room for a call of the same.
    pub(super) fn has_room(&self, call: Call) -> bool {
        self.calls.len() < GATHERED_MAX
            && self.bytes.saturating_add(call.bytes) <= GATHERED_BYTES_MAX
    }

    pub(super) fn push(&mut self, value: K, call: Call) {
        self.values.push(value);
        self.calls.push(call);
        self.bytes += call.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callee(port: &Sender<Request>, name: &str) -> Callee {
        Callee { port: port.clone(), name: name.to_owned(), home: None }
    }

    fn call(bytes: usize) -> Call {
        Call { kind: Kind::Async, endian: Endian::Little, bytes }
    }

    #[test]
    fn calls_of_the_same_join_until_there_is_no_room() {
        let ((port, _requests), (other, _others)) = (flume::bounded(1), flume::bounded(1));
        let upd = || callee(&port, "upd");
        let mut gathered = Gathered::new(upd(), K::Null, call(10));
        assert!(gathered.admits(&upd(), call(GATHERED_BYTES_MAX - 10)));
        assert!(!gathered.admits(&upd(), call(GATHERED_BYTES_MAX - 9)));
        assert!(!gathered.admits(&callee(&port, "key"), call(1)), "another name");
        assert!(!gathered.admits(&callee(&other, "upd"), call(1)), "another pipeline");
        gathered.push(K::Null, call(GATHERED_BYTES_MAX - 10));
        assert!(!gathered.has_room(call(1)));
        let mut gathered = Gathered::new(upd(), K::Null, call(1));
        while gathered.has_room(call(1)) {
            gathered.push(K::Null, call(1));
        }
        assert_eq!(gathered.calls.len(), GATHERED_MAX);
        let alone = Gathered::new(upd(), K::Null, call(2 * GATHERED_BYTES_MAX));
        assert!(!alone.has_room(call(0)));
    }
}
