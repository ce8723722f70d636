use std::time::Duration as Time;

use serde_json::json;

use super::super::desk::TEXT_BYTES_MAX;
use super::*;
use crate::testing::{Fake, TestEnv, ask, at_once, both_modes};

const FEW: &str = r#"{"name":"generate","config":
    {"mapping":{"lang":"toy","text":"a<b"},"interval":"","count":2}}"#;
/// One that says nothing and does not end.
const QUIET: &str = r#"{"name":"generate","config":
    {"mapping":{"lang":"toy","text":"never"},"interval":"1h"}}"#;

struct Ports {
    all: flume::Sender<Request>,
    one: flume::Sender<Request>,
    uptime: flume::Sender<Request>,
}

impl Ports {
    async fn child(&self, method: &str, id: &str, body: &str) -> (u16, String) {
        ask(&self.one, method, &format!("/stream/x/inputs/{id}"), body).await
    }

    async fn uptime(&self, id: &str) -> (u16, String) {
        ask(&self.uptime, "GET", &format!("/stream/x/inputs/{id}/uptime"), "").await
    }

    async fn list(&self) -> Json {
        let (status, body) = ask(&self.all, "GET", "/stream/x/inputs", "").await;
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    }
}

/// Runs a source while `talk` sends requests to it.
async fn with<F: Future<Output = ()> + 'static>(
    config: Json,
    talk: impl FnOnce(Ports, Rc<Fake>) -> F,
) {
    let env = TestEnv::new();
    let mut source = (SPEC.build)(&config, &env).unwrap();
    let port = |path: &str| env.services.port("http", path);
    let ports = Ports {
        all: port("/x/inputs"),
        one: port("/x/inputs/{id}"),
        uptime: port("/x/inputs/{id}/uptime"),
    };
    let fake = Fake::new();
    let (talk, stopper) = (talk(ports, fake.clone()), fake.clone());
    let client = rt::spawn(async move {
        talk.await;
        stopper.stop();
    });
    assert_eq!(source.run(fake).await, Err(SourceError::Stopped));
    client.await.unwrap();
}

fn empty() -> Json {
    json!({"prefix": "x/"})
}

async fn stopped(ports: &Ports, id: &str) {
    while ports.uptime(id).await.1 != "stopped" {
        rt::sleep(Time::from_millis(1)).await;
    }
}

#[test]
fn children_are_made_shown_and_removed() {
    both_modes(|| async {
        with(empty(), |ports, fake| async move {
            assert_eq!(ports.list().await, json!({}));
            assert_eq!(ports.child("POST", "one", FEW).await, (200, String::new()));
            stopped(&ports, "one").await;
            assert_eq!(fake.texts(), ["a<b", "a<b"]);
            assert_eq!(ports.child("GET", "one", "").await, (200, FEW.to_owned()));
            let config: Json = serde_json::from_str(FEW).unwrap();
            let one = json!({"uptime": "stopped", "config": config, "config_raw": FEW});
            assert_eq!(ports.list().await, json!({"one": one}));
            let raw = ask(&ports.all, "GET", "/stream/x/inputs", "").await.1;
            assert!(raw.contains("a\\u003cb") && !raw.contains('<'), "{raw}");
            assert_eq!(ports.child("DELETE", "one", "").await, (200, String::new()));
            assert_eq!(ports.list().await, json!({}));
        })
        .await;
    });
}

#[test]
fn the_same_text_changes_nothing_and_another_replaces() {
    both_modes(|| async {
        with(empty(), |ports, fake| async move {
            for text in [FEW, FEW, QUIET, FEW] {
                assert_eq!(ports.child("POST", "one", text).await.0, 200);
                if text == QUIET {
                    assert_ne!(ports.uptime("one").await.1, "stopped");
                } else {
                    stopped(&ports, "one").await;
                }
            }
            assert_eq!(fake.texts().iter().filter(|text| *text == "a<b").count(), 4);
        })
        .await;
    });
}

#[test]
fn what_is_wrong_is_told() {
    both_modes(|| async {
        with(empty(), |ports, _| async move {
            let not = |what: &str| (404, format!("Dynamic component 'no' is {what}\n"));
            assert_eq!(ports.child("GET", "no", "").await, not("not active"));
            assert_eq!(ports.uptime("no").await, not("unknown"));
            assert_eq!(ports.child("DELETE", "no", "").await.0, 200);
            let put = ports.child("PUT", "no", FEW).await;
            assert_eq!(put, (502, "Error: verb not supported: PUT\n".to_owned()));
            let bad = ports.child("POST", "no", r#"{"name":"nope"}"#).await;
            assert_eq!(bad, (502, "Error: there is no such source\n".to_owned()));
            let long = ports.child("POST", "no", &" ".repeat(TEXT_BYTES_MAX + 1)).await;
            assert_eq!(long.1, format!("Error: the text is longer than {TEXT_BYTES_MAX} bytes\n"));
            assert_eq!(ports.list().await, json!({}));
        })
        .await;
    });
}

#[test]
fn there_are_so_many_children_and_no_more() {
    both_modes(|| async {
        let quiet: Json = serde_json::from_str(QUIET).unwrap();
        let inputs =
            |count: usize| -> Json { (0..count).map(|n| (n.to_string(), quiet.clone())).collect() };
        let config = json!({"prefix": "/x", "inputs": inputs(CHILDREN_MAX)});
        with(config, |ports, _| async move {
            let want = format!("Error: there may be {CHILDREN_MAX} of them at most\n");
            assert_eq!(ports.child("POST", "more", FEW).await, (502, want));
            assert_eq!(ports.child("POST", "7", FEW).await.0, 200, "one may be replaced");
        })
        .await;
        let config = json!({"inputs": inputs(CHILDREN_MAX + 1)});
        let error = (SPEC.build)(&config, &TestEnv::new()).err().unwrap();
        let want = format!("field 'inputs': there may be {CHILDREN_MAX} of them at most");
        assert_eq!(error.text, want);
    });
}

/// A source that takes no heed of a stop.
struct Stubborn;

impl Source for Stubborn {
    fn run<'a>(
        &'a mut self,
        _: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_child_that_does_not_end_is_dropped_in_time() {
    both_modes(|| async {
        let clock = rt::Clock::driven(0);
        let _guard = clock.install_for_thread();
        let desk = Desk::open("", "input", &TestEnv::new()).unwrap();
        let (mut children, context) = (Children::default(), Fake::new());
        children.start("a", Box::new(Stubborn), &(context as Rc<dyn SourceContext>));
        {
            let mut ending = std::pin::pin!(children.end("a", &desk));
            assert_eq!(at_once(&mut ending).await, None);
            clock.advance(END_MAX);
            assert_eq!(at_once(&mut ending).await, Some(()));
        }
        assert!(children.known.is_empty());
    });
}
