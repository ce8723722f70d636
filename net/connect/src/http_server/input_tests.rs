use flume::Receiver;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

fn request(method: &str, path: &str, body: &str) -> (Request, Receiver<Response>) {
    let (reply, answer) = flume::bounded(1);
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: vec![("q".to_owned(), "5".to_owned()), ("q".to_owned(), "6".to_owned())],
        headers: vec![
            ("X-Foo".to_owned(), "bar".to_owned()),
            ("User-Agent".to_owned(), "me".to_owned()),
            ("Cookie".to_owned(), "a=1; b=\"2\"".to_owned()),
        ],
        remote: "[::1]:99".to_owned(),
        payload: Payload::Bytes(Bytes::from(body.to_owned())),
        incoming: None,
        encryption: None,
        reply,
    };
    (request, answer)
}

/// Runs a source over some requests and returns their answers.
async fn exchange(
    config: Json,
    fake: Rc<Fake>,
    requests: Vec<Request>,
    answers: Vec<Receiver<Response>>,
) -> Vec<Response> {
    let env = TestEnv::new();
    let path = config["path"].as_str().unwrap_or("/post").to_owned();
    let mut source = (SPEC.build)(&config, &env).unwrap();
    let port = env.services.port("http", &path);
    let stopper = fake.clone();
    let client = rt::spawn(async move {
        for request in requests {
            port.send_async(request).await.unwrap();
        }
        let mut got = Vec::new();
        for answer in answers {
            got.push(answer.recv_async().await.unwrap_or_default());
        }
        stopper.stop();
        got
    });
    let _ = source.run(fake).await;
    client.await.unwrap()
}

#[test]
fn a_request_becomes_a_message_with_metadata() {
    both_modes(|| async {
        let (request, answer) = request("POST", "/benthos/hp/v1/b%20b/things", "hey");
        let fake = Fake::new();
        let config = json!({"path": "/v1/{who}/things"});
        let got = exchange(config, fake.clone(), vec![request], vec![answer]).await;
        assert_eq!((got[0].status, &got[0].body[..]), (200, &b""[..]));
        assert_eq!(fake.texts(), ["hey"]);
        for (key, value) in [
            ("who", "b b"),
            ("q", "5"),
            ("X-Foo", "bar"),
            ("a", "1"),
            ("b", "2"),
            ("http_server_verb", "POST"),
            ("http_server_request_path", "/benthos/hp/v1/b%20b/things"),
            ("http_server_user_agent", "me"),
            ("http_server_remote_ip", "::1"),
        ] {
            assert_eq!(fake.meta(key), [value], "{key}");
        }
    });
}

#[test]
fn wrong_verbs_and_bodies() {
    both_modes(|| async {
        let (get, first) = request("GET", "/post", "");
        let (mut bad, second) = request("POST", "/post", "no boundary");
        bad.headers.push(("Content-Type".to_owned(), "multipart/form-data".to_owned()));
        let fake = Fake::new();
        let got = exchange(json!({}), fake.clone(), vec![get, bad], vec![first, second]).await;
        let seen: Vec<_> =
            got.iter().map(|r| (r.status, String::from_utf8_lossy(&r.body).into_owned())).collect();
        assert_eq!(seen[0], (405, "Incorrect method\n".to_owned()));
        assert_eq!(seen[1], (400, "Bad request\n".to_owned()));
        assert_eq!(fake.texts(), [""; 0]);
    });
}

#[test]
fn a_nack_is_told() {
    both_modes(|| async {
        let (post, answer) = request("POST", "/post", "x");
        let fake = Fake::judging(|_| plan::Outcome {
            failures: vec![(None, Arc::new(plan::Fault::new("always")))],
            ..plan::Outcome::default()
        });
        let got = exchange(json!({}), fake, vec![post], vec![answer]).await;
        assert_eq!((got[0].status, &got[0].body[..]), (502, &b"always\n"[..]));
    });
}

#[test]
fn delivery_that_takes_too_long_is_told() {
    both_modes(|| async {
        let (post, answer) = request("POST", "/post", "x");
        let env = TestEnv::new();
        let mut source = (SPEC.build)(&json!({"timeout": "30ms"}), &env).unwrap();
        env.services.port("http", "/post").send(post).unwrap();
        let fake = Rc::new(Never);
        let run = source.run(fake);
        let limit = Time::from_secs(2);
        let response = rt::timeout(limit, async {
            match select(run, std::pin::pin!(answer.recv_async())).await {
                Either::Right((response, _)) => response.unwrap(),
                Either::Left(_) => panic!("the source ended"),
            }
        });
        let response = response.await.unwrap();
        assert_eq!((response.status, &response.body[..]), (408, &b"Request timed out\n"[..]));
    });
}

/// Takes everything and never says what became of it.
struct Never;

impl SourceContext for Never {
    fn emit(&self, _: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        let never = Box::pin(std::future::pending());
        Box::pin(std::future::ready(Ok(Emitted(never))))
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn is_stopping(&self) -> bool {
        false
    }

    fn connected(&self, _: bool) {}

    fn error(&self, _: &str) {}

    fn instance(&self) -> (usize, usize) {
        (0, 1)
    }
}

#[test]
fn requests_that_wait_for_delivery_are_bounded() {
    both_modes(|| async {
        let env = TestEnv::new();
        let mut source = (SPEC.build)(&json!({"timeout": "1h"}), &env).unwrap();
        let port = env.services.port("http", "/post");
        let run = rt::spawn(async move { source.run(Rc::new(Never)).await }).abort_on_drop();
        let mut answers = Vec::new();
        for _ in 0..IN_FLIGHT_MAX {
            let (post, answer) = request("POST", "/post", "x");
            port.send_async(post).await.unwrap();
            answers.push(answer);
        }
        while !port.is_empty() {
            rt::yield_now().await;
        }
        let (post, _answer) = request("POST", "/post", "x");
        port.send_async(post).await.unwrap();
        rt::sleep(Time::from_millis(50)).await;
        assert_eq!(port.len(), 1, "it is not taken");
        assert!(answers.iter().all(Receiver::is_empty));
        drop(run);
    });
}

#[test]
fn responses_are_sent_back() {
    both_modes(|| async {
        let (one, first) = request("POST", "/post", "1");
        let (many, second) = request("POST", "/post", "3");
        let fake = Fake::judging(|seen| {
            let count: usize = seen.texts[0].parse().unwrap();
            let reply = |i| {
                let mut record = Record::default();
                record.meta_mut().set("code", Value::text("201"));
                record.meta_mut().set("x_a", Value::Int(7));
                (record, format!("r{i}").into_bytes())
            };
            plan::Outcome { replies: (0..count).map(reply).collect(), ..Default::default() }
        });
        let toy = |text: &str| json!({"lang": "toy", "text": text});
        let config = json!({"sync_response": {
            "status": toy("[@code]"),
            "headers": {"X-Out": toy("got [content]")},
            "metadata_headers": {"include_prefixes": ["x_"]},
        }});
        let got = exchange(config, fake, vec![one, many], vec![first, second]).await;
        let header = |r: &Response, name: &str| {
            let found = r.headers.iter().find(|(n, _)| n == name);
            found.map(|(_, v)| v.clone()).unwrap_or_default()
        };
        assert_eq!((got[0].status, &got[0].body[..]), (201, &b"r0"[..]));
        assert_eq!(header(&got[0], "X-Out"), "got r0");
        assert_eq!(header(&got[0], "x_a"), "7");
        assert_eq!(header(&got[0], "Content-Type"), "text/plain; charset=utf-8");
        let kind = header(&got[1], "Content-Type");
        let boundary = multipart::boundary(&kind).unwrap().unwrap();
        assert_eq!(boundary.len(), 60);
        let parts = multipart::parts(&Bytes::from(got[1].body.clone()), &boundary).unwrap();
        assert_eq!(parts, [&b"r0"[..], b"r1", b"r2"]);
    });
}

#[test]
fn a_multipart_body_is_a_batch() {
    both_modes(|| async {
        let (mut post, answer) = request("POST", "/post", "--X\r\n\r\na\r\n--X\r\n\r\nb\r\n--X--");
        post.headers
            .push(("Content-Type".to_owned(), "multipart/form-data; boundary=X".to_owned()));
        let fake = Fake::new();
        exchange(json!({}), fake.clone(), vec![post], vec![answer]).await;
        assert_eq!(fake.sizes(), [2]);
        assert_eq!(fake.texts(), ["a", "b"]);
    });
}

#[test]
fn what_is_not_there_is_named() {
    let error = |config| (SPEC.build)(&config, &TestEnv::new()).err().map(|e| e.text);
    let limit = error(json!({"rate_limit": {"name": "", "label": "x"}})).unwrap();
    assert_eq!(limit, "rate limit resource 'x' was not found");
    assert!(error(json!({"timeout": "soon"})).unwrap().contains("invalid duration"));
}

#[test]
fn a_server_of_its_own() {
    both_modes(|| async {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = json!({"address": port.to_string(), "path": "/in/{who}"});
        let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
        let fake = Fake::new();
        let running = {
            let fake = fake.clone();
            rt::spawn(async move { source.run(fake).await })
        };
        let client = rt::blocking(move || {
            use std::io::{Read, Write};
            let mut stream = (0..200)
                .find_map(|_| {
                    std::thread::sleep(Time::from_millis(5));
                    std::net::TcpStream::connect(port).ok()
                })
                .expect("a server");
            let ask = "POST /in/me?a=b HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
            let bad = "POST /nope HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
            let last = "GET /in/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            // The third request waits in the same packet as the second.
            stream.write_all(ask.as_bytes()).unwrap();
            stream.write_all(format!("{bad}{last}").as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        });
        let text = client.await.unwrap();
        let status: Vec<&str> = text.lines().filter(|l| l.starts_with("HTTP/1.1")).collect();
        let codes: Vec<&str> = status.iter().map(|l| l.split(' ').nth(1).unwrap()).collect();
        assert_eq!(codes, ["200", "404", "405"], "{text}");
        assert_eq!(fake.texts(), ["hi"]);
        assert_eq!((fake.meta("who"), fake.meta("a")), (vec!["me".into()], vec!["b".into()]));
        fake.stop();
        assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
        // The kernel lets go of the listener a moment after its task.
        for _ in 0..200 {
            if std::net::TcpStream::connect(port).is_err() {
                return;
            }
            rt::sleep(Time::from_millis(5)).await;
        }
        panic!("it still listens");
    });
}

#[test]
fn a_port_in_use_is_named() {
    both_modes(|| async {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut source = (SPEC.build)(&json!({"address": address}), &TestEnv::new()).unwrap();
        let wanted = format!("listen tcp {address}: bind: address already in use");
        assert_eq!(source.run(Fake::new()).await, Err(SourceError::Retry(wanted)));
    });
}

#[test]
fn a_request_that_nobody_takes_is_told_so_in_time() {
    both_modes(|| async {
        let fake = Fake::new();
        fake.blocked.set(true);
        let (request, answer) = request("POST", "/post", "hey");
        let config = json!({"timeout": "20ms"});
        let got = exchange(config, fake.clone(), vec![request], vec![answer]).await;
        assert_eq!((got[0].status, fake.texts().len()), (408, 0));
    });
}
