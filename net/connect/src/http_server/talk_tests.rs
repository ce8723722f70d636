use std::cell::Cell;
use std::time::Duration;

use plan::{Fault, LocalBoxFuture, Source};
use serde_json::json;
use wire::websocket::Ending;

use super::super::input::SPEC;
use super::super::testing::{Client, headers, request};
use super::*;
use crate::testing::{Fake, Seen, TestEnv, both_modes};

/// Runs a source beside a client that stops it at its end.
async fn beside<F: Future<Output = ()> + 'static>(
    config: plan::Json,
    fake: Rc<Fake>,
    client: impl FnOnce(flume::Sender<Request>) -> F,
) -> Rc<crate::testing::TestServices> {
    let env = TestEnv::new();
    let mut source: Box<dyn Source> = (SPEC.build)(&config, &env).unwrap();
    let path = config["ws_path"].as_str().unwrap_or("/post/ws");
    let client = client(env.services.port("http", path));
    let stopper = Rc::clone(&fake);
    let client = rt::spawn(async move {
        client.await;
        stopper.stop();
    });
    let _ = source.run(fake).await;
    client.await.unwrap();
    env.services
}

fn responding(seen: &Seen) -> Outcome {
    let reply = |text: &String| (Record::default(), text.to_uppercase().into_bytes());
    Outcome { replies: seen.texts.iter().map(reply).collect(), ..Outcome::default() }
}

#[test]
fn a_websocket_gives_a_message_for_each_and_gets_what_the_pipeline_responds() {
    both_modes(|| async {
        let fake = Fake::judging(responding);
        let config = json!({"ws_path": "/ws/{who}", "ws_welcome_message": "hello"});
        beside(config, Rc::clone(&fake), |port| async move {
            let mut client = Client::enter(&port, "/s/ws/b%20b").await;
            assert_eq!(client.next().await.unwrap(), "hello");
            client.say("one");
            client.say("two");
            // A client that has no more to say hears all that it asked for.
            client.leave().await;
            assert_eq!(client.next().await.unwrap(), "ONE");
            assert_eq!(client.next().await.unwrap(), "TWO");
            assert_eq!(client.next().await, Err(Ending::Closed(1000, String::new())));
        })
        .await;
        assert_eq!((fake.texts(), fake.sizes()), (vec!["one".into(), "two".into()], vec![1, 1]));
        let known =
            [("who", "b b"), ("q", "5"), ("X-Foo", "bar"), ("c", "1"), ("Upgrade", "websocket")];
        for (key, value) in known {
            assert_eq!(fake.meta(key), [value; 2], "{key}");
        }
        assert_eq!(fake.meta("http_server_user_agent"), ["me"; 2]);
        for key in ["Host", "http_server_verb", "http_server_request_path"] {
            assert_eq!(fake.meta(key), ["none"; 2], "{key}");
        }
    });
}

#[test]
fn what_is_no_handshake_is_refused_and_said_in_the_log() {
    both_modes(|| async {
        let services = beside(json!({}), Fake::new(), |port| async move {
            let (mut plain, first, _) = request("/post/ws");
            plain.headers.retain(|(name, _)| name != "Connection");
            let (mut foreign, second, _) = request("/post/ws");
            foreign.headers.push(("Origin".to_owned(), "http://evil".to_owned()));
            let (mut unheld, third, _) = request("/post/ws");
            unheld.incoming = None;
            for request in [plain, foreign, unheld] {
                port.send_async(request).await.unwrap();
            }
            let answer = first.recv_async().await.unwrap();
            assert_eq!(
                (answer.status, &answer.body[..]),
                (400, &b"Bad Request\nBad request\n"[..])
            );
            assert!(answer.headers.contains(&("Sec-Websocket-Version".into(), "13".into())));
            let answer = second.recv_async().await.unwrap();
            assert_eq!((answer.status, &answer.body[..]), (403, &b"Forbidden\nBad request\n"[..]));
            assert_eq!(third.recv_async().await.unwrap().status, 400);
        })
        .await;
        let logs = services.logs.borrow();
        let lead = "Websocket request failed: websocket: the client is not using the websocket \
                    protocol: 'upgrade' token not found in 'Connection' header";
        assert_eq!(logs[0], lead);
        assert_eq!(headers().len(), 8);
    });
}

#[test]
fn what_is_not_delivered_is_sent_again() {
    both_modes(|| async {
        let mut failures = 2;
        let fake = Fake::judging(move |seen| {
            if failures == 0 {
                return responding(seen);
            }
            failures -= 1;
            let fault = Arc::new(Fault::new("no"));
            Outcome { failures: vec![(None, fault)], ..Outcome::default() }
        });
        beside(json!({}), Rc::clone(&fake), |port| async move {
            let mut client = Client::enter(&port, "/post/ws").await;
            client.send("x").await;
            assert_eq!(client.next().await.unwrap(), "X");
            client.send("y").await;
            assert_eq!(client.next().await.unwrap(), "Y");
        })
        .await;
        assert_eq!(fake.texts(), ["x", "x", "x", "y"]);
    });
}

#[test]
fn peers_that_break_off_or_break_rules_harm_nobody() {
    both_modes(|| async {
        let fake = Fake::judging(responding);
        beside(json!({}), Rc::clone(&fake), |port| async move {
            let mut silent = Client::enter(&port, "/post/ws").await;
            let mut cut = Client::enter(&port, "/post/ws").await;
            cut.raw(&[0x81, 0xff, 0, 0]).await;
            cut.sender = None;
            assert_eq!(cut.next().await, Err(Ending::Cut));
            let mut garbage = Client::enter(&port, "/post/ws").await;
            garbage.raw(&b"GET / HTTP/1.1\r\n".repeat(9)).await;
            assert_eq!(garbage.next().await, Err(Ending::Closed(1002, String::new())));
            let mut large = Client::enter(&port, "/post/ws").await;
            large.raw(&[0x82, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 1, 2, 3, 4]).await;
            assert_eq!(large.next().await, Err(Ending::Closed(1009, String::new())));
            let mut good = Client::enter(&port, "/post/ws").await;
            good.send("x").await;
            assert_eq!(good.next().await.unwrap(), "X");
            silent.send("y").await;
            assert_eq!(silent.next().await.unwrap(), "Y");
        })
        .await;
        assert_eq!(fake.texts(), ["x", "y"]);
    });
}

#[test]
fn a_source_that_stops_says_so() {
    both_modes(|| async {
        let (told, heard) = flume::bounded(1);
        beside(json!({}), Fake::new(), |port| async move {
            let mut client = Client::enter(&port, "/post/ws").await;
            client.send("x").await;
            rt::spawn(async move {
                let _ = told.send(client.next().await);
            });
        })
        .await;
        let ending = heard.recv_async().await.unwrap();
        assert_eq!(ending, Err(Ending::Closed(1001, String::new())));
    });
}

/// Grants one access after so many refusals.
struct Slow(Cell<u32>);

impl RateLimit for Slow {
    fn access(&self) -> LocalBoxFuture<'_, Result<u64, String>> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        Box::pin(async move { Ok(if left == 0 { 0 } else { 1_000_000 }) })
    }
}

#[test]
fn who_sends_too_fast_is_told_once_and_loses_nothing() {
    both_modes(|| async {
        let services: Rc<dyn Services> = Rc::new(crate::testing::TestServices::default());
        let limit: Rc<dyn RateLimit> = Rc::new(Slow(Cell::new(3)));
        let slow_down = "slow".to_owned();
        let (welcome, limit) = (String::new(), Some(limit));
        let component = Component::new("test", plan::Json::Null);
        let talks = Talks { welcome, slow_down, limit, services, component };
        let fake = Fake::judging(responding);
        let port = Port::kept("/ws");
        let sender = port.sender.clone().unwrap();
        let stopper = Rc::clone(&fake);
        let client = rt::spawn(async move {
            let mut client = Client::enter(&sender, "/ws").await;
            client.send("x").await;
            assert_eq!(client.next().await.unwrap(), "slow");
            assert_eq!(client.next().await.unwrap(), "X");
            stopper.stop();
        });
        let context: Rc<dyn SourceContext> = fake;
        let Port { path, requests, .. } = port;
        let port = Port { path, requests, sender: None };
        talks.serve(&port, &context).await;
        client.await.unwrap();
    });
}

#[test]
fn websockets_of_a_source_are_bounded() {
    both_modes(|| async {
        beside(json!({}), Fake::new(), |port| async move {
            let mut clients = Vec::new();
            for _ in 0..WEBSOCKETS_MAX {
                clients.push(Client::enter(&port, "/post/ws").await);
            }
            let (more, answer, _) = request("/post/ws");
            port.send_async(more).await.unwrap();
            assert_eq!(answer.recv_async().await.unwrap().status, 503);
            clients.pop();
            rt::sleep(Duration::from_millis(10)).await;
            clients.push(Client::enter(&port, "/post/ws").await);
        })
        .await;
    });
}
