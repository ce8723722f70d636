use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{TestEnv, ask, at_once, batch, both_modes};

fn file(dir: &TempDir, name: &str) -> Json {
    let path = dir.join(name).to_str().unwrap().to_owned();
    json!({"name": "file", "config": {"path": {"lang": "toy", "text": path}}})
}

fn read(dir: &TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap_or_default()
}

async fn child(env: &TestEnv, method: &str, id: &str, body: &Json) -> (u16, String) {
    let port = env.services.port("http", "/outputs/{id}");
    ask(&port, method, &format!("/stream/outputs/{id}"), &body.to_string()).await
}

#[test]
fn all_that_are_there_get_a_message() {
    both_modes(|| async {
        let (dir, env) = (TempDir::new().unwrap(), TestEnv::new());
        let config = json!({"outputs": {"a": file(&dir, "a")}});
        let sink = (SPEC.build)(&config, &env).unwrap();
        sink.open().await.unwrap();
        sink.write(&batch(&["1"])).await.unwrap();
        let second = file(&dir, "b");
        assert_eq!(child(&env, "POST", "b", &second).await, (200, String::new()));
        assert_eq!(child(&env, "GET", "b", &Json::Null).await, (200, second.to_string()));
        sink.write(&batch(&["2"])).await.unwrap();
        assert_eq!(child(&env, "DELETE", "a", &Json::Null).await.0, 200);
        sink.write(&batch(&["3"])).await.unwrap();
        sink.close().await.unwrap();
        assert_eq!((read(&dir, "a"), read(&dir, "b")), ("1\n2\n".into(), "2\n3\n".into()));
    });
}

#[test]
fn messages_wait_until_there_is_an_output() {
    both_modes(|| async {
        let (dir, env) = (TempDir::new().unwrap(), TestEnv::new());
        let sink: Rc<dyn Sink> = Rc::from((SPEC.build)(&json!({}), &env).unwrap());
        sink.open().await.unwrap();
        let writer = Rc::clone(&sink);
        let written = rt::spawn(async move { writer.write(&batch(&["1"])).await.is_ok() });
        assert_eq!(child(&env, "POST", "no", &json!({"name": "nope"})).await.0, 502);
        let refuses = json!({"name": "reject", "config": {"lang": "toy", "text": "no"}});
        assert_eq!(child(&env, "POST", "a", &refuses).await.0, 200);
        rt::sleep(Time::from_millis(20)).await;
        assert!(!written.is_finished());
        // Another one takes the place of the one that refuses, and gets what that did not take.
        assert_eq!(child(&env, "POST", "a", &file(&dir, "a")).await.0, 200);
        assert!(written.await.unwrap());
        sink.close().await.unwrap();
        assert_eq!(read(&dir, "a"), "1\n");
    });
}

/// A sink that never answers, or only when it is opened.
struct Deaf {
    opens: bool,
}

impl Sink for Deaf {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        match self.opens {
            true => Box::pin(std::future::ready(Ok(()))),
            false => Box::pin(std::future::pending()),
        }
    }

    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(std::future::pending())
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_child_that_never_answers_is_left_in_time() {
    both_modes(|| async {
        let clock = rt::Clock::driven(0);
        let _guard = clock.install_for_thread();
        let member = Member::new(Box::new(Deaf { opens: false }));
        let mut opening = Box::pin(member.open());
        assert_eq!(at_once(&mut opening).await, None);
        clock.advance(OPEN_MAX);
        assert_eq!(at_once(&mut opening).await, Some(()));
        let (member, message) = (Member::new(Box::new(Deaf { opens: true })), batch(&["a"]));
        member.open().await;
        let mut writing = Box::pin(member.insist(&message));
        assert_eq!(at_once(&mut writing).await, None);
        let mut leaving = Box::pin(member.remove());
        assert_eq!(at_once(&mut leaving).await, None);
        clock.advance(END_MAX);
        assert_eq!(at_once(&mut leaving).await, None, "what is written is given up");
        assert_eq!(at_once(&mut writing).await, Some(false));
        drop(writing);
        assert_eq!(at_once(&mut leaving).await, None, "it is being closed");
        clock.advance(END_MAX);
        assert_eq!(at_once(&mut leaving).await, Some(()));
    });
}
