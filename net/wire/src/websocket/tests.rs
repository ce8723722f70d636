use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::http1::{Event, RequestDecoder, ResponseDecoder};

/// A frame as a client sends it, or a server when there is no mask.
fn frame(head: u8, content: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![head];
    match content.len() {
        length @ 0..126 => out.push(bit | u8::try_from(length).unwrap()),
        length @ 126..65536 => {
            out.push(bit | 126);
            out.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            out.push(bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = mask.inspect(|mask| out.extend_from_slice(mask)).unwrap_or_default();
    out.extend(content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// Everything that comes out of a server that is fed these bytes, and how it ended.
fn fed(bytes: &[u8], cuts: &[usize]) -> (Vec<Bytes>, Option<Ending>, Vec<u8>) {
    let (mut codec, mut found, mut sent) = (Codec::new(Side::Server), Vec::new(), Vec::new());
    let (mut rest, mut ending) = (bytes, None);
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (head, tail) = rest.split_at(cut.min(rest.len()));
        rest = tail;
        codec.feed(head);
        loop {
            match codec.next_message() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(why) => {
                    ending = Some(why);
                    break;
                }
            }
        }
        sent.extend(codec.take_output());
    }
    (found, ending, sent)
}

fn ended(bytes: &[u8]) -> (String, Vec<u8>) {
    let (_, ending, sent) = fed(bytes, &[]);
    (ending.map(|why| why.to_string()).unwrap_or_default(), sent)
}

#[test]
fn messages_in_pieces_are_put_together_around_pings() {
    let bytes = [
        frame(0x01, b"Hel", MASK),
        frame(0x89, b"there?", MASK),
        frame(0x80, b"lo", MASK),
        frame(0x82, &[7; 70_000], MASK),
    ];
    let (found, ending, sent) = fed(&bytes.concat(), &[]);
    assert_eq!(found, [Bytes::from("Hello"), Bytes::from(vec![7; 70_000])]);
    assert_eq!((ending, sent), (None, frame(0x8a, b"there?", None)));
}

#[test]
fn a_close_is_answered_and_said() {
    let bytes = [frame(0x88, b"\x03\xe9bye", MASK), frame(0x81, b"more", MASK)].concat();
    let (found, ending, sent) = fed(&bytes, &[]);
    assert!(found.is_empty());
    assert_eq!(ending.unwrap().to_string(), "websocket: close 1001 (going away): bye");
    assert_eq!(sent, frame(0x88, b"\x03\xe9bye", None));
    assert_eq!(ended(&frame(0x88, b"", MASK)).0, "websocket: close 1005 (no status)");
}

#[test]
fn who_breaks_a_rule_is_told_and_left() {
    let protocol = |bytes: &[u8], why: &str| {
        let (text, sent) = ended(bytes);
        assert_eq!(text, format!("websocket: {why}"));
        assert_eq!(sent, frame(0x88, b"\x03\xea", None), "{text}");
    };
    protocol(&frame(0x81, b"bare", None), "bad MASK");
    protocol(&frame(0xc1, b"reserved bit", MASK), "reserved bits set");
    protocol(&frame(0x83, b"reserved kind", MASK), "bad opcode 3");
    protocol(&frame(0x80, b"after nothing", MASK), "continuation after FIN");
    protocol(&[frame(0x01, b"a", MASK), frame(0x81, b"b", MASK)].concat(), "data before FIN");
    protocol(&frame(0x09, b"a ping in pieces", MASK), "FIN not set on control");
    protocol(&frame(0x89, &[0; 126], MASK), "len > 125 for control");
    let (text, sent) = ended(&frame(0x81, b"\xff\xfe", MASK));
    assert_eq!(text, "websocket: a text is not valid UTF-8");
    assert_eq!(sent, frame(0x88, b"\x03\xef", None));
}

#[test]
fn a_client_refuses_masks_and_masks_itself() {
    let mut client = Codec::new(Side::Client);
    client.send(Kind::Binary, b"x").unwrap();
    assert_eq!(client.take_output()[..2], [0x82, 0x81]);
    client.feed(&frame(0x81, b"x", MASK));
    assert!(matches!(client.next_message(), Err(Ending::Broken(_))));
    assert_eq!(client.take_output()[..2], [0x88, 0x82]);
    assert!(client.send(Kind::Binary, b"x").is_err());
}

#[test]
fn a_connection_that_is_cut_is_no_end() {
    let mut codec = Codec::new(Side::Server);
    codec.feed(&frame(0x81, b"whole", MASK)[..4]);
    codec.finish();
    let ending = codec.next_message().unwrap_err();
    let text = "websocket: close 1006 (abnormal closure): unexpected EOF";
    assert_eq!((ending.to_string().as_str(), codec.take_output().len()), (text, 0));
    assert_eq!(codec.next_message(), Err(Ending::Cut));
}

#[test]
fn messages_have_a_limit_in_one_piece_and_in_several() {
    let head = |length: usize| {
        let length = (length as u64).to_be_bytes();
        [&[0x82, 0xff][..], &length, &[1, 2, 3, 4]].concat()
    };
    assert_eq!(ended(&head(MESSAGE_BYTES_MAX)).0, "");
    let (text, sent) = ended(&head(MESSAGE_BYTES_MAX + 1));
    assert_eq!(text, "websocket: read limit exceeded");
    assert_eq!(sent, frame(0x88, b"\x03\xf1", None));
    let piece = vec![0; MESSAGE_BYTES_MAX / 8];
    let mut pieces = frame(0x02, &piece, MASK);
    for _ in 0..7 {
        pieces.extend(frame(0x00, &piece, MASK));
    }
    assert_eq!(ended(&pieces).0, "");
    pieces.extend(frame(0x80, b"!", MASK));
    assert_eq!(ended(&pieces).0, "websocket: read limit exceeded");
}

#[test]
fn both_sides_of_a_handshake_agree() {
    let mut request = Vec::new();
    let headers = [("User-Agent", "me")];
    let key = write_request(&mut request, "a:1", "/ws?x=1", &headers, 7).unwrap();
    let mut decoder = RequestDecoder::new(0);
    decoder.feed(&request);
    let Ok(Some(Event::Head(head))) = decoder.next_event() else { panic!("a head") };
    assert_eq!((head.method.as_str(), head.target.as_str()), ("GET", "/ws?x=1"));
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers: Vec<_> =
        head.headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
    assert!(asks(&headers));
    assert_eq!(refusal(&head.method, &headers), None);
    let answer = |accept: &str, more: &str| {
        let mut decoder = ResponseDecoder::new(0);
        let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n";
        let rest = format!("Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{more}\r\n");
        decoder.feed(format!("{head}{rest}after").as_bytes());
        let Ok(Some(Event::Head(head))) = decoder.next_event() else { panic!("a head") };
        assert_eq!(decoder.next_event(), Ok(Some(Event::End)));
        assert_eq!(decoder.take_rest(), b"after");
        accepts(&head, &key)
    };
    assert!(answer(&accept_key(&key), ""));
    assert!(!answer("other", ""));
    assert!(!answer(&accept_key(&key), "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn requests_that_are_no_handshake_are_refused_with_what_is_missing() {
    let whole = [
        ("Host", "a:1"),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-Websocket-Version", "13"),
        ("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", "http://A:1"),
    ];
    let refused = |method: &str, name: &str, value: &str| {
        let headers = whole.iter().map(|(key, old)| {
            ((*key).to_owned(), if *key == name { value } else { old }.to_owned())
        });
        refusal(method, &headers.collect::<Vec<_>>()).map(|refusal| refusal.status)
    };
    assert_eq!(refused("GET", "", ""), None);
    assert_eq!(refused("POST", "", ""), Some(405));
    assert_eq!(refused("GET", "Connection", "close"), Some(400));
    assert_eq!(refused("GET", "Upgrade", "h2c"), Some(400));
    assert_eq!(refused("GET", "Sec-Websocket-Version", "12"), Some(400));
    assert_eq!(refused("GET", "Sec-Websocket-Key", "eA=="), Some(400));
    assert_eq!(refused("GET", "Origin", "http://b:1"), Some(403));
    assert_eq!(refused("GET", "Origin", ""), None);
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let content = prop::collection::vec(any::<u8>(), 0..300);
    let head = prop_oneof![
        8 => prop::sample::select(vec![0x82u8, 0x02, 0x00, 0x80, 0x89, 0x8a]),
        1 => any::<u8>(),
    ];
    (head, content, any::<[u8; 4]>()).prop_map(|(head, content, mask)| {
        let short = content.len().min(if head & 0x08 == 0 { 300 } else { 125 });
        frame(head, &content[..short], Some(mask))
    })
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut_the_messages_are_the_same(
        frames in prop::collection::vec(any_frame(), 0..12),
        cuts in prop::collection::vec(0usize..200, 0..40),
    ) {
        let bytes = frames.concat();
        let (messages, ending, _) = fed(&bytes, &[]);
        let (cut, cut_ending, _) = fed(&bytes, &cuts);
        prop_assert_eq!((messages, ending), (cut, cut_ending));
    }

    #[test]
    fn what_is_sent_arrives(messages in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let (mut client, mut server) = (Codec::new(Side::Client), Codec::new(Side::Server));
        for message in &messages {
            client.send(Kind::Text, message).unwrap();
        }
        client.close(1000);
        server.feed(&client.take_output());
        for message in messages {
            prop_assert_eq!(server.next_message(), Ok(Some(message.into())));
        }
        prop_assert_eq!(server.next_message(), Err(Ending::Closed(1000, String::new())));
        client.feed(&server.take_output());
        prop_assert_eq!(client.next_message(), Err(Ending::Closed(1000, String::new())));
    }

    #[test]
    fn no_bytes_break_a_codec(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for side in [Side::Client, Side::Server] {
            let mut codec = Codec::new(side);
            codec.feed(&bytes);
            while let Ok(Some(_)) = codec.next_message() {}
            codec.finish();
            while let Ok(Some(_)) = codec.next_message() {}
            let _ = codec.take_output();
        }
    }
}
