use serde_json::json;

use super::*;
use crate::testing::{TestEnv, ask, batch, both_modes};

/// Messages on their own that came together.
fn loose(texts: &[&str]) -> Batch {
    let mut loose = batch(texts);
    loose.as_records_mut().unwrap().loose = true;
    loose
}

async fn get(port: &flume::Sender<Request>, method: &str) -> (u16, String) {
    ask(port, method, "/get", "").await
}

#[test]
fn messages_wait_for_requests_and_requests_for_messages() {
    both_modes(|| async {
        let env = TestEnv::new();
        let sink = (SPEC.build)(&json!({"timeout": "40ms"}), &env).unwrap();
        let sink: Rc<dyn Sink> = Rc::from(sink);
        sink.open().await.unwrap();
        let port = env.services.port("http", "/get");
        let late = get(&port, "GET").await;
        assert_eq!(late, (408, "Timed out waiting for message\n".to_owned()));
        assert_eq!(get(&port, "POST").await, (405, "Incorrect method\n".to_owned()));
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move { writer.write(&loose(&["1", "2"])).await.is_ok() });
        assert_eq!(get(&port, "GET").await, (200, "1".to_owned()));
        assert!(!written.is_finished());
        assert_eq!(get(&port, "GET").await, (200, "2".to_owned()));
        assert!(written.await.unwrap());
        sink.close().await.unwrap();
        assert_eq!(get(&port, "GET").await, (503, "Server closed\n".to_owned()));
    });
}

#[test]
fn a_write_that_is_given_up_takes_its_message_back() {
    both_modes(|| async {
        let env = TestEnv::new();
        let sink = (SPEC.build)(&json!({"timeout": "40ms"}), &env).unwrap();
        sink.open().await.unwrap();
        let some = batch(&["1"]);
        assert!(rt::timeout(Time::from_millis(10), sink.write(&some)).await.is_err());
        let port = env.services.port("http", "/get");
        assert_eq!(get(&port, "GET").await.0, 408);
    });
}

#[test]
fn requests_that_wait_for_a_message_are_bounded() {
    both_modes(|| async {
        let env = TestEnv::new();
        let sink = (SPEC.build)(&json!({"timeout": "1h"}), &env).unwrap();
        sink.open().await.unwrap();
        let port = env.services.port("http", "/get");
        let asking: Vec<_> = (0..WAITING_MAX + 1)
            .map(|_| {
                let port = port.clone();
                rt::spawn(async move { get(&port, "GET").await })
            })
            .collect();
        // The last one is not taken before another has its answer.
        while port.len() != 1 {
            rt::yield_now().await;
        }
        sink.write(&batch(&["1"])).await.unwrap();
        while !port.is_empty() {
            rt::yield_now().await;
        }
        drop(asking);
    });
}

#[test]
fn a_batch_is_one_answer_of_parts() {
    both_modes(|| async {
        let env = TestEnv::new();
        let sink: Rc<dyn Sink> = Rc::from((SPEC.build)(&json!({}), &env).unwrap());
        sink.open().await.unwrap();
        let port = env.services.port("http", "/get");
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move {
            writer.write(&batch(&["1", "2"])).await.is_ok()
                && writer.write(&loose(&["a", "b"])).await.is_ok()
        });
        let (status, body) = get(&port, "GET").await;
        assert_eq!(status, 200);
        let part = "Content-Type: application/octet-stream\r\n\r\n";
        assert!(body.contains(&format!("{part}1\r\n")), "{body}");
        assert!(body.contains(&format!("{part}2\r\n")), "{body}");
        assert_eq!(get(&port, "GET").await, (200, "a".to_owned()));
        assert_eq!(get(&port, "GET").await, (200, "b".to_owned()));
        assert!(written.await.unwrap());
    });
}

#[test]
fn an_endless_answer_has_a_line_for_each_message_and_keeps_what_nobody_took() {
    both_modes(|| async {
        let env = TestEnv::new();
        let sink: Rc<dyn Sink> = Rc::from((SPEC.build)(&json!({}), &env).unwrap());
        sink.open().await.unwrap();
        let port = env.services.port("http", "/get/stream");
        assert_eq!(ask(&port, "POST", "/get/stream", "").await.0, 405);
        let (mut request, answer, _) = super::super::testing::request("/get/stream");
        request.incoming = None;
        port.send_async(request).await.unwrap();
        let rest = answer.recv_async().await.unwrap().rest.unwrap();
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move {
            let both = batch(&["2", "3"]);
            writer.write(&batch(&["1"])).await.is_ok() && writer.write(&both).await.is_ok()
        });
        assert_eq!(rest.recv_async().await.unwrap(), "1\n");
        assert_eq!(rest.recv_async().await.unwrap(), "2\n3\n\n");
        assert!(written.await.unwrap());
        drop(rest);
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move { writer.write(&batch(&["4"])).await.is_ok() });
        let one = env.services.port("http", "/get");
        assert_eq!(get(&one, "GET").await, (200, "4".to_owned()));
        assert!(written.await.unwrap());
    });
}

#[test]
fn a_websocket_gets_messages_and_gives_back_what_it_did_not_take() {
    both_modes(|| async {
        let env = TestEnv::new();
        let sink: Rc<dyn Sink> = Rc::from((SPEC.build)(&json!({}), &env).unwrap());
        sink.open().await.unwrap();
        let port = env.services.port("http", "/get/ws");
        let mut client = super::super::testing::Client::enter(&port, "/get/ws").await;
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move { writer.write(&batch(&["1", "2"])).await.is_ok() });
        assert_eq!(client.next().await.unwrap(), "1");
        assert_eq!(client.next().await.unwrap(), "2");
        assert!(written.await.unwrap());
        // This one goes without a word, and takes nothing with it.
        drop(client);
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move { writer.write(&batch(&["3"])).await.is_ok() });
        let mut other = super::super::testing::Client::enter(&port, "/get/ws").await;
        assert_eq!(other.next().await.unwrap(), "3");
        assert!(written.await.unwrap());
        let closed = rt::spawn(async move { other.next().await });
        sink.close().await.unwrap();
        let ending = wire::websocket::Ending::Closed(1000, String::new());
        assert_eq!(closed.await.unwrap(), Err(ending));
    });
}
