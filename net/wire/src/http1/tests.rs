//! Requests and responses as they should and should not be, whole and in pieces.

use proptest::prelude::*;

use super::head::{Message, Parse};
use super::*;

const BODY_MAX: u64 = 1000;

/// What a decoder made of an input: heads by their debug text, bodies joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    messages: Vec<(String, Vec<u8>, bool)>,
    error: Option<HttpError>,
    finished: Option<Result<bool, HttpError>>,
}

fn decode<H: Message + std::fmt::Debug>(parts: &[&[u8]]) -> Seen {
    let mut decoder = Decoder::<H>::new(BODY_MAX);
    let mut seen = Seen::default();
    for part in parts {
        decoder.feed(part);
        loop {
            match decoder.next_event() {
                Ok(Some(Event::Head(head))) => {
                    seen.messages.push((format!("{head:?}"), Vec::new(), false));
                }
                Ok(Some(Event::Body(bytes))) => {
                    assert!(!bytes.is_empty());
                    seen.messages.last_mut().expect("a head came first").1.extend(bytes);
                }
                Ok(Some(Event::End)) => seen.messages.last_mut().expect("a head").2 = true,
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_event().err(), Some(error), "errors stay");
                    seen.error = Some(error);
                    break;
                }
            }
        }
    }
    seen.finished = Some(decoder.finish());
    seen
}

fn requests(text: &str) -> Seen {
    decode::<RequestHead>(&[text.as_bytes()])
}

fn refused(text: &str) -> u16 {
    requests(text).error.expect("refused").status()
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let seen = requests(
        "\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n\
         POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\n\r\nhello\
         POST / HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
         3;note=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n\
         GET /last HTTP/1.1\nHost: x\nConnection: close\n\nignored",
    );
    let bodies: Vec<&[u8]> = seen.messages.iter().map(|message| &*message.1).collect();
    assert_eq!(bodies, [&b""[..], b"hello", b"abc0123456789", b""]);
    assert!(seen.messages.iter().all(|message| message.2));
    assert!(seen.messages[0].0.contains("/a?b=c"));
    assert_eq!((seen.error, seen.finished), (None, Some(Ok(false))));
}

#[test]
fn heads_say_what_the_connection_does() {
    let head = |text: &str| RequestHead::parse(text.as_bytes(), false).expect("parsed").0;
    let old = head("GET / HTTP/1.0\r\n\r\n");
    assert!(!old.keep_alive && old.minor == 0);
    assert!(head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    assert!(head("GET / HTTP/1.1\r\nHost: x\r\n\r\n").keep_alive);
    assert!(!head("GET / HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\n").keep_alive);
    let waiting = head(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\
         X-Many: 1\r\nx-many: 2\r\n\r\n",
    );
    assert!(waiting.expect_continue && waiting.content_length == Some(1));
    assert_eq!(waiting.headers.get("X-MANY"), Some("1"));
    assert_eq!(waiting.headers.all("x-many").count(), 2);
    let nothing = head("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n");
    assert!(!nothing.expect_continue, "there is no body to wait for");
}

#[test]
fn what_is_malformed_is_400() {
    for text in [
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nab",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
        "\u{16}\u{3}\u{1}",
    ] {
        assert_eq!(refused(text), 400, "{text:?}");
    }
    let twice = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na";
    assert_eq!(requests(twice).error, None, "equal lengths are one");
}

#[test]
fn other_refusals_have_their_own_status() {
    let post = "POST / HTTP/1.1\r\nHost: x\r\n";
    assert_eq!(refused(&format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n")), 501);
    assert_eq!(refused(&format!("{post}Transfer-Encoding: identity\r\n\r\n")), 501);
    assert_eq!(refused(&format!("{post}Expect: miracles\r\n\r\n")), 417);
    let mut answer = Vec::new();
    write_error(&mut answer, &HttpError::Encoding);
    assert!(answer.starts_with(b"HTTP/1.1 501 Not Implemented\r\n"));
    assert!(answer.windows(17).any(|part| part == b"Connection: close"));
}

#[test]
fn limits_are_reached_and_not_passed() {
    let post = "POST / HTTP/1.1\r\nHost: x\r\n";
    let fits = format!("{post}Content-Length: {BODY_MAX}\r\n\r\n{}", "b".repeat(1000));
    assert_eq!(requests(&fits).error, None);
    assert_eq!(refused(&format!("{post}Content-Length: {}\r\n\r\n", BODY_MAX + 1)), 413);
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n");
    assert_eq!(refused(&format!("{chunked}3e8\r\n{}\r\n1\r\n", "b".repeat(1000))), 413);
    assert_eq!(refused(&format!("{chunked}ffffffffffffffff\r\n")), 413);
    assert_eq!(refused(&format!("{chunked}1;{}\r\n", "e".repeat(CHUNK_LINE_MAX))), 400);
    let trailers = "t: 1\r\n".repeat(TRAILERS_MAX / 6 + 1);
    assert_eq!(refused(&format!("{chunked}0\r\n{trailers}\r\n")), 400);

    let padding = HEAD_MAX - post.len() - "a: \r\n\r\n".len();
    let head = |length: usize| format!("{post}a: {}\r\n\r\n", "v".repeat(length));
    assert_eq!(requests(&head(padding)).error, None);
    assert_eq!(refused(&head(padding + 1)), 431);
    assert_eq!(refused(&"G".repeat(HEAD_MAX)), 431);
    assert_eq!(refused(&format!("{post}{}\r\n", "a: b\r\n".repeat(HEADERS_MAX))), 431);
}

#[test]
fn an_end_inside_a_message_is_noticed() {
    for text in ["GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab"] {
        assert_eq!(requests(text).finished, Some(Err(HttpError::Incomplete)), "{text:?}");
    }
    assert_eq!(requests("").finished, Some(Ok(false)));
}

#[test]
fn responses_end_as_their_heads_say() {
    let seen = decode::<ResponseHead>(&[
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\nto the end",
    ]);
    let bodies: Vec<&[u8]> = seen.messages.iter().map(|message| &*message.1).collect();
    assert_eq!(bodies, [&b""[..], b"ok", b"", b"x", b"to the end"]);
    assert_eq!((seen.error, seen.finished), (None, Some(Ok(true))));

    let mut decoder = ResponseDecoder::new(BODY_MAX);
    decoder.expect_no_body();
    decoder.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 Not Found\r\n");
    assert!(matches!(decoder.next_event(), Ok(Some(Event::Head(_)))));
    assert_eq!(decoder.next_event(), Ok(Some(Event::End)));
    assert!(!decoder.is_idle() && !decoder.is_closed());
    assert_eq!(decoder.take_rest(), b"HTTP/1.1 404 Not Found\r\n");
    assert!(decoder.is_idle());
}

#[test]
fn headers_that_would_break_a_message_are_refused() {
    let mut out = b"kept".to_vec();
    for header in [("a", "1\r\nb: 2"), ("a b", "1"), ("", "1"), ("a:", "1"), ("a", "\0")] {
        assert!(write_response(&mut out, 200, &[header], b"", true).is_err(), "{header:?}");
        assert!(write_request_head(&mut out, "GET", "/", &[header], BodyLength::None).is_err());
    }
    assert!(write_request_head(&mut out, "GET", "/ HTTP/1.1\r\n", &[], BodyLength::None).is_err());
    assert_eq!(out, b"kept");
}

/// Cuts a text at the given places.
fn pieces<'a>(text: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    at.sort_unstable();
    at.push(text.len());
    let mut from = 0;
    at.into_iter().map(|to| &text[std::mem::replace(&mut from, to)..to]).collect()
}

/// Fragments of which likely and unlikely messages are made.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "2\r\nhi\r\n",
        "0\r\n\r\n",
        "0\r\nA: b\r\n\r\n",
        "3e9\r\n",
        "Connection: close\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
    ]);
    prop_oneof![
        8 => fixed.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..30),
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        parts in prop::collection::vec(fragment(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let text = parts.concat();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        let cut = pieces(&text, &cuts);
        let whole = decode::<RequestHead>(&[&text]);
        prop_assert_eq!(&decode::<RequestHead>(&cut), &whole);
        prop_assert_eq!(&decode::<RequestHead>(&bytes), &whole);
        let whole = decode::<ResponseHead>(&[&text]);
        prop_assert_eq!(&decode::<ResponseHead>(&cut), &whole);
        prop_assert_eq!(&decode::<ResponseHead>(&bytes), &whole);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let _ = decode::<RequestHead>(&[&bytes]);
        let _ = decode::<ResponseHead>(&[&bytes]);
    }

    #[test]
    fn what_is_written_is_read(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5),
        chunked in any::<bool>(),
    ) {
        let (mut requests, mut responses) = (Vec::new(), Vec::new());
        for body in &bodies {
            let length = match chunked {
                true => BodyLength::Chunked,
                false => BodyLength::Bytes(body.len() as u64),
            };
            write_request_head(&mut requests, "PUT", "/x", &[("Host", "h")], length).unwrap();
            write_response_head(&mut responses, 200, &[("A", "b")], length, true).unwrap();
            for out in [&mut requests, &mut responses] {
                if chunked {
                    body.chunks(7).for_each(|part| write_chunk(out, part));
                    write_last_chunk(out);
                } else {
                    out.extend_from_slice(body);
                }
            }
        }
        for seen in [decode::<RequestHead>(&[&requests]), decode::<ResponseHead>(&[&responses])] {
            prop_assert_eq!(seen.error, None);
            prop_assert!(seen.messages.iter().all(|message| message.2));
            let got: Vec<&Vec<u8>> = seen.messages.iter().map(|message| &message.1).collect();
            prop_assert_eq!(got, bodies.iter().collect::<Vec<_>>());
        }
    }
}
