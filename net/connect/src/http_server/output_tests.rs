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
