use std::time::Duration as Time;

use futures_util::FutureExt;
use plan::Env;
use plan::env::read_config;
use plan::serde_json::json;

use super::*;
use crate::mqtt::Place;
use crate::mqtt::testing::Broker;
use crate::testing::{TestEnv, both_modes};

fn publication(url: &str, delay: Time) -> Publication {
    let place: Place = read_config(&json!({"url": url})).expect("a place");
    let client = place.client(&*TestEnv::new().services()).expect("a client");
    Publication { client, topic: "t".to_owned(), qos: QoS::AtLeastOnce, window: 10, delay }
}

fn messages() -> (Job, oneshot::Receiver<()>) {
    let (done, finished) = oneshot::channel();
    (Job { payloads: vec![Bytes::from_static(b"a")], done }, finished)
}

/// Waits for what has to come.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        rt::sleep(Time::from_millis(10)).await;
    }
    panic!("it does not come");
}

#[test]
fn so_many_batches_wait_and_no_more() {
    let (_job, jobs, _news) = client(publication("tcp://localhost", Time::ZERO));
    for _ in 0..JOBS_MAX {
        let sent = jobs.send_async(messages().0).now_or_never();
        assert!(sent.is_some_and(|sent| sent.is_ok()), "there is room");
    }
    assert!(jobs.send_async(messages().0).now_or_never().is_none(), "it waits");
}

#[test]
fn messages_for_which_nobody_waits_are_not_sent() {
    both_modes(|| async {
        let Some(broker) = Broker::start() else { return };
        let (job, jobs, news) = client(publication(&broker.url(), Time::from_secs(3600)));
        island::start(island::queue(), job).await.expect("it starts");
        let (some, finished) = messages();
        jobs.send_async(some).await.expect("somebody takes them");
        until(|| news.len() == 1).await;
        drop(finished);
        // A beginning and an end: nobody has to listen for the client to end.
        until(|| jobs.is_disconnected() && news.len() == NEWS_MAX).await;
        assert!(news.is_full());
        assert!(matches!(news.recv(), Ok(News::Connected)));
        let Ok(News::Ended(why)) = news.recv() else { panic!("it ended") };
        assert_eq!(why, format!("{}: nobody waits for its messages", broker.name()));
    });
}
