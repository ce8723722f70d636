//! Any bytes as what a client of kdb+ IPC sends, and as an object: what is read is the same when it
//! is written and read again.
#![no_main]

use formats::k::K;
use formats::k::ipc::{Body, Endian, decode, decode_body, encode};
use libfuzzer_sys::fuzz_target;
use wire::kdb::{Event, Server, probe};

/// Bytes that a message may have, packed or not.
const MESSAGE_MAX: usize = 1 << 20;

fn written(value: &K, endian: Endian) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, endian, &mut out).expect("what was read is no deeper than what is written");
    out
}

fn object(body: &[u8], endian: Endian) {
    let Ok(Body::Value(value)) = decode_body(body, endian) else { return };
    let _ = probe(&value);
    for endian in [Endian::Little, Endian::Big] {
        let once = written(&value, endian);
        let again = decode(&once, endian).expect("it is read again");
        assert_eq!(again, value);
        // Attributes and the bits of nulls are in the bytes only.
        assert_eq!(written(&again, endian), once);
    }
}

/// Takes what is whole; tells whether the connection goes on.
fn taken(server: &mut Server, events: &mut Vec<Event>) -> bool {
    loop {
        match server.event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// What a client sends after `login`, all at once and byte by byte.
fn talk(login: &[u8], data: &[u8]) {
    let (mut whole, mut pieces) = (Server::new(MESSAGE_MAX), Server::new(MESSAGE_MAX));
    let (mut events, mut again) = (Vec::new(), Vec::new());
    whole.feed(login);
    whole.feed(data);
    taken(&mut whole, &mut events);
    for byte in login.iter().chain(data) {
        pieces.feed(&[*byte]);
        if !taken(&mut pieces, &mut again) {
            break;
        }
    }
    assert_eq!(again, events, "however the bytes are cut");
    for event in events {
        if let Event::Message { endian, body, .. } = event {
            object(&body, endian);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    talk(b"", data);
    talk(b"me\x03\0", data);
    object(data, Endian::Little);
    object(data, Endian::Big);
});
