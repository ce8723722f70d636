//! Calls that several instances of a pipeline share.

use plan::env::Response;

use super::*;

/// A call of `upd`, and where its answer comes.
fn request() -> (Request, flume::Receiver<Response>) {
    let (reply, answer) = flume::bounded(1);
    let request = Request {
        method: String::new(),
        path: "upd".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        remote: String::new(),
        payload: Payload::Value(K::long(1)),
        incoming: None,
        encryption: None,
        reply,
    };
    (request, answer)
}

#[test]
fn a_shared_call_is_done_with_when_it_is_delivered_and_answered_before() {
    both_modes(|| async {
        let env = TestEnv::new();
        let config = json!({"name": "upd", "key": "sym"});
        let mut source = (crate::ipc::callback::SPEC.build)(&config, &env).unwrap();
        let port = env.services.port("ipc", "upd");
        let fake = Fake::new();
        fake.hold(true);
        let context = fake.clone();
        let caller = rt::spawn(async move {
            let (first, answer) = request();
            port.send_async(first).await.unwrap();
            assert_eq!(answer.recv_async().await.map(|response| response.status), Ok(200));
            let (second, another) = request();
            port.send_async(second).await.unwrap();
            assert_eq!(another.recv_async().await.map(|response| response.status), Ok(200));
            // The source has gone on to the second, and the first is not done with.
            assert!(!answer.is_disconnected());
            context.hold(false);
            assert!(answer.recv_async().await.is_err(), "nobody holds it any more");
            assert!(another.recv_async().await.is_err());
            context.stop();
        });
        assert_eq!(source.run(fake.clone()).await, Err(plan::SourceError::Stopped));
        caller.await.unwrap();
        assert_eq!(fake.seen.borrow().len(), 2);
    });
}

#[test]
fn calls_of_a_shared_request_are_done_with_when_all_of_them_are_delivered() {
    both_modes(|| async {
        let env = TestEnv::new();
        let config = json!({"name": "upd", "key": "sym"});
        let mut source = (crate::ipc::callback::SPEC.build)(&config, &env).unwrap();
        let port = env.services.port("ipc", "upd");
        let fake = Fake::new();
        fake.hold(true);
        let context = fake.clone();
        let caller = rt::spawn(async move {
            let (mut several, answer) = request();
            several.payload = Payload::Values((0..3).map(K::long).collect());
            port.send_async(several).await.unwrap();
            assert_eq!(answer.recv_async().await.map(|response| response.status), Ok(200));
            assert_eq!(context.seen.borrow().len(), 3);
            assert!(!answer.is_disconnected());
            context.hold(false);
            assert!(answer.recv_async().await.is_err(), "nobody holds it any more");
            context.stop();
        });
        assert_eq!(source.run(fake.clone()).await, Err(plan::SourceError::Stopped));
        caller.await.unwrap();
    });
}
