//! What source and sink do at a broker that the tests start themselves.

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use plan::serde_json::json;
use plan::{
    Batch, Data, Fault, Json, Outcome, RawBlock, Sink, SinkError, Source, SourceContext,
    SourceError,
};

use super::testing::Broker;
use super::{PAYLOAD_BYTES_MAX, input, island, output, publish};
use crate::testing::{Fake, Seen, TestEnv, batch, both_modes};

fn source(url: &str, more: &Json) -> Box<dyn Source> {
    (input::SPEC.build)(&with(url, more), &TestEnv::new()).expect("a source")
}

fn sink(url: &str, more: &Json) -> Box<dyn Sink> {
    (output::SPEC.build)(&with(url, more), &TestEnv::new()).expect("a sink")
}

fn with(url: &str, more: &Json) -> Json {
    let mut config = json!({"url": url, "topic": "t"});
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config
}

/// A source that the engine runs, again and again as long as it wants to be.
struct Running {
    context: Rc<Fake>,
    said: Rc<RefCell<Vec<String>>>,
    task: rt::JoinHandle<()>,
}

impl Running {
    fn start(mut source: Box<dyn Source>, context: Rc<Fake>) -> Running {
        let said = Rc::<RefCell<Vec<String>>>::default();
        let (kept, own) = (Rc::clone(&said), Rc::clone(&context));
        let task = rt::spawn(async move {
            loop {
                match source.run(Rc::clone(&own) as Rc<dyn SourceContext>).await {
                    Err(SourceError::Retry(text)) => kept.borrow_mut().push(text),
                    ended => return assert_eq!(ended, Err(SourceError::Stopped)),
                }
                rt::sleep(Time::from_millis(20)).await;
            }
        });
        Running { context, said, task }
    }

    /// Waits until these messages have come, in this order.
    async fn sees(&self, texts: &[&str]) {
        let what = || format!("{:?} {:?}", self.context.texts(), self.said.borrow());
        eventually(|| self.context.texts() == texts, what).await;
    }

    async fn stop(self) {
        self.context.stop();
        let _ = self.task.await;
        // What it has to say still, others say for it.
        rt::sleep(Time::from_millis(200)).await;
    }
}

async fn eventually(done: impl Fn() -> bool, what: impl Fn() -> String) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        rt::sleep(Time::from_millis(10)).await;
    }
    panic!("{}", what());
}

/// Opens a sink as the engine does.
async fn opened(sink: &dyn Sink) {
    for _ in 0..500 {
        if sink.open().await.is_ok() {
            return;
        }
        rt::sleep(Time::from_millis(10)).await;
    }
    panic!("the sink does not open");
}

/// Subscribed for good: what is published from now on is kept.
async fn subscribed(url: &str, kept: &Json) {
    let first = Running::start(source(url, kept), Fake::new());
    let hello = sink(url, &json!({}));
    opened(&*hello).await;
    for _ in 0..500 {
        hello.write(&batch(&["hello"])).await.expect("it is published");
        rt::sleep(Time::from_millis(20)).await;
        if first.context.texts().contains(&"hello".to_owned()) {
            // Of those that came late it tells, too.
            rt::sleep(Time::from_millis(300)).await;
            return first.stop().await;
        }
    }
    panic!("{:?}", first.said.borrow());
}

fn kept(qos: u8) -> Json {
    json!({"client_id": "reader", "clean_session": false, "qos": qos})
}

#[test]
fn messages_arrive_once_and_are_forgotten() {
    both_modes(|| async {
        let Some(broker) = Broker::start() else { return };
        for qos in [0u8, 1, 2] {
            let topic = json!({"topic": format!("t{qos}"), "client_id": format!("reader{qos}"),
                "clean_session": false, "qos": qos});
            let url = broker.url();
            let reader = Running::start(source(&url, &topic), Fake::new());
            rt::sleep(Time::from_millis(300)).await;
            let writer = sink(&url, &json!({"topic": format!("t{qos}"), "qos": qos, "window": 2}));
            opened(&*writer).await;
            writer.write(&batch(&["a", "b", "c"])).await.expect("it is published");
            let raw = RawBlock { bytes: "d\ne\n".into(), meta: None, offset: 0, only: None };
            writer.write(&Batch::new(Data::Raw(raw))).await.expect("lines are messages");
            reader.sees(&["a", "b", "c", "d", "e"]).await;
            reader.stop().await;
            // Who comes too early under the same name cuts off what it tells the broker at its end.
            let name = format!("reader{qos}");
            eventually(|| broker.was_left_by(&name), || format!("{name} stays")).await;
            let again = Running::start(source(&url, &topic), Fake::new());
            rt::sleep(Time::from_millis(300)).await;
            assert_eq!(again.context.texts(), Vec::<String>::new(), "{qos}: it knows");
            again.stop().await;
            writer.close().await.expect("it closes");
        }
    });
}

#[test]
fn what_is_not_delivered_comes_again() {
    both_modes(|| async {
        for qos in [1u8, 2] {
            let Some(broker) = Broker::start() else { return };
            subscribed(&broker.url(), &kept(qos)).await;
            let writer = sink(&broker.url(), &json!({"qos": qos}));
            opened(&*writer).await;
            writer.write(&batch(&["a"])).await.expect("it is published");
            let refuse = |_: &Seen| {
                let failures = vec![(None, Arc::new(Fault::new("no")))];
                Outcome { failures, ..Outcome::default() }
            };
            let refuser = Running::start(source(&broker.url(), &kept(qos)), Fake::judging(refuse));
            refuser.sees(&["a"]).await;
            refuser.stop().await;
            let taker = Running::start(source(&broker.url(), &kept(qos)), Fake::new());
            taker.sees(&["a"]).await;
            taker.stop().await;
        }
    });
}

#[test]
fn a_broker_that_is_away_is_waited_for() {
    both_modes(|| async {
        let mut broker = Broker::later();
        let reader = Running::start(source(&broker.url(), &kept(2)), Fake::new());
        let refused = format!("{}: connection refused", broker.name());
        let first = || reader.said.borrow().first().cloned();
        eventually(|| first().is_some(), String::new).await;
        assert_eq!(first(), Some(refused.clone()));
        let writer = sink(&broker.url(), &json!({"qos": 2}));
        assert_eq!(writer.open().await.expect_err("nobody is there").text, refused);
        let lost = writer.write(&batch(&["a"])).await;
        assert!(matches!(lost, Err(SinkError::NotConnected(_))), "{lost:?}");
        if !broker.again() {
            return;
        }
        opened(&*writer).await;
        rt::sleep(Time::from_millis(1500)).await;
        writer.write(&batch(&["a"])).await.expect("it is published");
        reader.sees(&["a"]).await;
        rt::sleep(Time::from_millis(200)).await;
        broker.save();
        broker.kill();
        let lost = writer.write(&batch(&["b"])).await.expect_err("nobody is there");
        let SinkError::NotConnected(fault) = lost else { panic!("{lost:?}") };
        assert!(fault.text.starts_with(&broker.name()), "{}", fault.text);
        broker.again();
        opened(&*writer).await;
        writer.write(&batch(&["b"])).await.expect("it is published");
        reader.sees(&["a", "b"]).await;
        reader.stop().await;
    });
}

#[test]
fn a_websocket_leads_to_a_broker_too() {
    both_modes(|| async {
        let Some(broker) = Broker::start() else { return };
        let url = format!("ws://127.0.0.1:{}/mqtt", broker.web_port);
        subscribed(&url, &kept(1)).await;
        let writer = sink(&url, &json!({"qos": 0, "delay_ns": 1_000_000}));
        opened(&*writer).await;
        writer.write(&batch(&["a", "b"])).await.expect("it is published");
        let reader = Running::start(source(&broker.url(), &kept(1)), Fake::new());
        writer.write(&batch(&["c"])).await.expect("it is published");
        eventually(|| reader.context.texts().contains(&"c".to_owned()), String::new).await;
        reader.stop().await;
    });
}

#[test]
fn what_is_too_large_is_refused_and_nothing_else() {
    both_modes(|| async {
        let Some(broker) = Broker::start() else { return };
        let (large, larger) = ("x".repeat(PAYLOAD_BYTES_MAX), "x".repeat(PAYLOAD_BYTES_MAX + 1));
        let reader = Running::start(source(&broker.url(), &json!({})), Fake::new());
        rt::sleep(Time::from_millis(300)).await;
        let writer = sink(&broker.url(), &json!({}));
        opened(&*writer).await;
        let some = writer.write(&batch(&["a", &larger, &large])).await.expect_err("too large");
        let SinkError::Some(refused) = some else { panic!("{some:?}") };
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].0, refused[0].1.text.contains("is too large")), (1, true));
        reader.sees(&["a", &large]).await;
        let bytes = format!("b\n{larger}\n").into();
        let raw = RawBlock { bytes, meta: None, offset: 0, only: None };
        let all = writer.write(&Batch::new(Data::Raw(raw))).await;
        assert!(matches!(all, Err(SinkError::All(_))), "a block is refused as a whole");
        // Others may send more than that: then the connection ends with the reason.
        let file = rt::testing::TempDir::new().expect("a folder");
        let path = file.path().join("large");
        std::fs::write(&path, larger.repeat(2)).expect("it is written");
        let mut other = Command::new("mosquitto_pub");
        other.args(["-p", &broker.port.to_string(), "-t", "t", "-f"]).arg(&path);
        match other.status() {
            Ok(done) => assert!(done.success()),
            Err(error) => return eprintln!("skipped: mosquitto_pub: {error}"),
        }
        let said = || reader.said.borrow().join("\n");
        eventually(|| said().contains("bytes is too large"), said).await;
        reader.stop().await;
    });
}

#[test]
fn what_cannot_be_is_refused() {
    let env = TestEnv::new();
    for (config, text) in [
        (json!({"url": "b:1", "topic": "t"}), "field 'url': "),
        (json!({"url": "ssl://b", "topic": "t"}), "ssl is not supported here, only tcp, mqtt, ws"),
        (json!({"url": "tcp://u:p@b", "topic": "t"}), "a user does not belong into it"),
        (json!({"url": "tcp:b", "topic": "t"}), "there is no host"),
        (json!({"url": "tcp://b", "topic": "t", "qos": 3}), "3 is not 0, 1 or 2"),
        (json!({"url": "tcp://b", "topic": ""}), "field 'topic'"),
        (json!({"url": "tcp://b", "topic": "t".repeat(1 << 16)}), "field 'topic'"),
        (json!({"url": "tcp://b", "topic": "t", "user": "u".repeat(1 << 16)}), "field 'user'"),
        (
            json!({"url": "tcp://b", "topic": "t", "user": "u", "password": "p".repeat(1 << 16)}),
            "field 'password'",
        ),
        (
            json!({"url": "tcp://b", "topic": "t", "client_id": "i".repeat(1 << 16)}),
            "field 'client_id': at most 65535 bytes are possible",
        ),
    ] {
        let errors = [
            (input::SPEC.build)(&config, &env).err().map(|error| error.text),
            (output::SPEC.build)(&config, &env).err().map(|error| error.text),
        ];
        for error in errors {
            assert!(error.as_ref().is_some_and(|e| e.contains(text)), "{text}: {error:?}");
        }
    }
    let nameless = json!({"url": "tcp://b", "topic": "t", "clean_session": false});
    assert!((input::SPEC.build)(&nameless, &env).is_err());
    let any = json!({"url": "tcp://b", "topic": "t/#", "window": 1_000_000});
    assert!((input::SPEC.build)(&any, &env).is_ok());
    assert!((output::SPEC.build)(&any, &env).is_err(), "nobody publishes to many topics");
}

#[test]
fn so_many_clients_and_no_more() {
    let (queue, jobs) = flume::bounded(island::QUEUE_MAX);
    let (started, count) = flume::unbounded();
    let (release, gate) = flume::bounded::<()>(0);
    let job = || -> island::Job {
        let (started, gate) = (started.clone(), gate.clone());
        Box::new(move || {
            Box::pin(async move {
                let _ = started.send(());
                let _ = gate.recv_async().await;
            })
        })
    };
    // Who starts one more than the queue takes waits.
    let mut asked: Vec<_> =
        (0..=island::QUEUE_MAX).map(|_| Box::pin(island::start(Ok(&queue), job()))).collect();
    let waiting = asked
        .iter_mut()
        .filter_map(|ask| futures_util::FutureExt::now_or_never(ask).is_none().then_some(()));
    assert_eq!(waiting.count(), 1);
    drop(asked);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let serving = tokio::task::spawn_local(island::serve(jobs));
        for _ in island::QUEUE_MAX..=island::CLIENTS_MAX {
            queue.send_async(job()).await.expect("the thread is there");
        }
        for _ in 0..island::CLIENTS_MAX {
            count.recv_async().await.expect("a client starts");
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(count.is_empty(), "one waits");
        release.send_async(()).await.expect("somebody ends");
        count.recv_async().await.expect("and the next one starts");
        drop((release, queue));
        serving.await.expect("it ends");
    });
}

/// What is more than a broker takes at once is dropped by it without a word.
#[test]
fn so_many_messages_are_sent_at_once_and_no_more() {
    both_modes(|| async {
        let Some(broker) = Broker::start() else { return };
        for (qos, most) in [(1, publish::WINDOW_MAX), (2, publish::ONCE_WINDOW_MAX)] {
            let texts: Vec<String> =
                (0..usize::from(most) * 2 + 1).map(|number| number.to_string()).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let url = broker.url();
            let reader = Running::start(source(&url, &json!({})), Fake::new());
            rt::sleep(Time::from_millis(300)).await;
            let writer = sink(&url, &json!({"qos": qos, "window": u64::MAX}));
            opened(&*writer).await;
            writer.write(&batch(&texts)).await.expect("it is published");
            reader.sees(&texts).await;
            let largest = reader.context.sizes().into_iter().max();
            assert!(largest.is_some_and(|largest| largest <= input::BATCH_MAX), "{largest:?}");
            reader.stop().await;
        }
    });
}

#[test]
fn a_user_comes_with_a_password() {
    let services = TestEnv::new().services;
    let login = |config: Json| {
        let place: super::Place = serde_json::from_value(config).expect("a place");
        place.client(&*services).expect("a client").options.credentials()
    };
    let given = login(json!({"url": "tcp://b", "user": "u", "password": "p"})).expect("a login");
    assert_eq!((given.username.as_str(), given.password.as_str()), ("u", "p"));
    assert!(login(json!({"url": "tcp://b", "password": "p"})).is_none(), "nobody's");
}
