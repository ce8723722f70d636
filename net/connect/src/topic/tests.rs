use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use plan::{Fault, Outcome, Sink, SourceError};
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, at_once, batch, both_modes};

fn unique() -> String {
    format!("test-{}", rt::rng::next_u64())
}

fn sink(name: &str) -> Box<dyn Sink> {
    (output::SPEC.build)(&json!({"name": name}), &TestEnv::new()).unwrap()
}

/// A source that runs until its context is stopped.
struct Running {
    fake: Rc<Fake>,
    task: rt::JoinHandle<Result<(), SourceError>>,
}

impl Running {
    async fn start(name: &str, fake: Rc<Fake>) -> Self {
        let before = listeners(name).len();
        let mut source = (input::SPEC.build)(&json!({"name": name}), &TestEnv::new()).unwrap();
        let context = fake.clone();
        let task = rt::spawn(async move { source.run(context).await });
        while listeners(name).len() == before {
            rt::yield_now().await;
        }
        Running { fake, task }
    }

    async fn stop(self) {
        self.fake.stop();
        assert_eq!(self.task.await.unwrap(), Err(SourceError::Stopped));
    }
}

/// Whether a future is still not done after others had their turns.
async fn waits<F: Future + Unpin>(future: &mut F) -> bool {
    for _ in 0..50 {
        rt::sleep(Duration::from_millis(1)).await;
        if at_once(future).await.is_some() {
            return false;
        }
    }
    true
}

#[test]
fn all_who_listen_get_everything_and_nobody_is_needed_before() {
    both_modes(|| async {
        let name = unique();
        let (first, second) = (sink(&name), sink(&name));
        let early = batch(&["early"]);
        let mut sending = Box::pin(first.write(&early));
        assert!(waits(&mut sending).await, "nobody listens yet");
        let one = Running::start(&name, Fake::new()).await;
        sending.await.unwrap();
        let two = Running::start(&name, Fake::new()).await;
        first.write(&batch(&["a", "b"])).await.unwrap();
        second.write(&batch(&["c"])).await.unwrap();
        assert_eq!(one.fake.texts(), ["early", "a", "b", "c"]);
        assert_eq!(two.fake.texts(), ["a", "b", "c"]);
        one.stop().await;
        two.stop().await;
    });
}

#[test]
fn it_is_delivered_when_all_have_delivered_it_or_are_gone() {
    both_modes(|| async {
        let (name, some) = (unique(), batch(&["a"]));
        let sink = sink(&name);
        let slow = Running::start(&name, Fake::new()).await;
        let quick = Running::start(&name, Fake::new()).await;
        slow.fake.hold(true);
        let mut sending = Box::pin(sink.write(&some));
        assert!(waits(&mut sending).await, "one has not delivered it");
        assert_eq!((slow.fake.texts().len(), quick.fake.texts().len()), (1, 1));
        slow.fake.hold(false);
        sending.await.unwrap();
        // One that takes nothing and goes away is not waited for.
        slow.fake.blocked.set(true);
        let mut sending = Box::pin(sink.write(&some));
        assert!(waits(&mut sending).await);
        slow.task.abort();
        sending.await.unwrap();
        quick.stop().await;
    });
}

#[test]
fn what_nobody_has_delivered_goes_to_who_comes_next() {
    both_modes(|| async {
        let (name, some) = (unique(), batch(&["a"]));
        let sink = sink(&name);
        let no = |_: &_| Outcome {
            failures: vec![(None, Arc::new(Fault::new("no")))],
            ..Outcome::default()
        };
        let bad = Running::start(&name, Fake::judging(no)).await;
        let mut sending = Box::pin(sink.write(&some));
        while bad.fake.texts().is_empty() {
            assert!(at_once(&mut sending).await.is_none());
            rt::sleep(Duration::from_millis(1)).await;
        }
        bad.stop().await;
        let good = Running::start(&name, Fake::new()).await;
        sending.await.unwrap();
        assert_eq!(good.fake.texts(), ["a"]);
        good.stop().await;
    });
}

#[test]
fn a_limited_number_of_batches_waits_for_a_listener_and_order_is_kept() {
    both_modes(|| async {
        let name = unique();
        let (sink, slow) = (sink(&name), Running::start(&name, Fake::new()).await);
        slow.fake.blocked.set(true);
        let texts: Vec<String> = (0..WAITING_MAX + 5).map(|i| i.to_string()).collect();
        let batches: Vec<_> = texts.iter().map(|text| batch(&[text.as_str()])).collect();
        let mut sending: FuturesUnordered<_> = batches.iter().map(|b| sink.write(b)).collect();
        {
            let mut first = sending.next();
            assert!(waits(&mut first).await, "nothing is delivered");
        }
        let waiting: usize = listeners(&name).iter().map(flume::Sender::len).sum();
        assert_eq!(waiting, WAITING_MAX, "the rest waits where it came from");
        assert!(slow.fake.texts().is_empty());
        slow.task.abort();
        drop(slow.fake);
        while !listeners(&name).is_empty() {
            rt::yield_now().await;
        }
        let next = Running::start(&name, Fake::new()).await;
        while sending.next().await.is_some() {}
        let mut got = next.fake.texts();
        got.sort_by_key(|text| text.parse::<usize>().unwrap());
        assert_eq!(got, texts, "nothing is lost");
        next.stop().await;
    });
}

#[test]
fn batches_come_in_the_order_of_their_writes() {
    both_modes(|| async {
        let name = unique();
        let sink = sink(&name);
        let (one, two) =
            (Running::start(&name, Fake::new()).await, Running::start(&name, Fake::new()).await);
        let texts: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let batches: Vec<_> = texts.iter().map(|text| batch(&[text.as_str()])).collect();
        let mut sending: FuturesUnordered<_> = batches.iter().map(|b| sink.write(b)).collect();
        while let Some(sent) = sending.next().await {
            sent.unwrap();
        }
        assert_eq!(one.fake.texts(), texts);
        assert_eq!(two.fake.texts(), texts);
        one.stop().await;
        two.stop().await;
    });
}

#[test]
fn names_and_listeners_have_limits() {
    let mut names = Names::new();
    let mut kept: Vec<_> =
        (0..LISTENERS_MAX).map(|_| listen_among(&mut names, "a").unwrap()).collect();
    let error = listen_among(&mut names, "a").unwrap_err();
    assert_eq!(error, format!("{LISTENERS_MAX} pipelines listen to topic a already"));
    kept.pop();
    kept.push(listen_among(&mut names, "a").unwrap());
    kept.extend((1..NAMES_MAX).map(|i| listen_among(&mut names, &i.to_string()).unwrap()));
    assert!(listen_among(&mut names, "b").unwrap_err().contains("names of topics"));
    kept.pop();
    kept.push(listen_among(&mut names, "b").unwrap());
}
