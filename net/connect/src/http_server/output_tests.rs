use serde_json::json;

use super::*;
use crate::testing::{TestEnv, ask, batch, both_modes};

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
        let written = rt::spawn(async move { writer.write(&batch(&["1", "2"])).await.is_ok() });
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
