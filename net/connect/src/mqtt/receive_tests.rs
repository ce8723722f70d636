use std::process::Command;
use std::time::Duration as Time;

use futures_util::FutureExt;
use plan::Env;
use plan::env::read_config;
use plan::serde_json::json;
use rumqttc::{MqttOptions, PubComp, PubRel};

use super::*;
use crate::mqtt::testing::Broker;
use crate::mqtt::{PAYLOAD_BYTES_MAX, Place};
use crate::testing::{TestEnv, both_modes};

fn subscription(url: &str, qos: QoS) -> Subscription {
    let place: Place = read_config(&json!({"url": url})).expect("a place");
    let client = place.client(&*TestEnv::new().services()).expect("a client");
    Subscription { client, topic: "t".to_owned(), qos, kept: false }
}

fn message(bytes: usize) -> Publish {
    Publish::new("", QoS::AtLeastOnce, vec![b'x'; bytes])
}

#[test]
fn so_many_bytes_wait_and_no_more() {
    let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
    let large = message(PAYLOAD_BYTES_MAX);
    let places: Vec<_> = (0..WAITING_BYTES_MAX / PAYLOAD_BYTES_MAX)
        .map(|_| place_for(&large, &room).now_or_never().flatten().expect("there is room"))
        .collect();
    assert!(place_for(&message(1), &room).now_or_never().is_none(), "it waits");
    drop(places);
    assert!(place_for(&message(1), &room).now_or_never().flatten().is_some());
}

#[test]
fn there_is_room_for_a_receipt_of_each_number_and_no_more() {
    let options = MqttOptions::new("x", "localhost", 1);
    let (client, _events) = AsyncClient::new(options, REQUESTS_MAX);
    let (give, receipts) = flume::unbounded();
    for id in 1..=u16::MAX {
        give.send(Receipt { id, qos: QoS::ExactlyOnce }).expect("somebody takes it");
    }
    assert!(answer(&client, &receipts).now_or_never().is_none(), "all of them are taken");
    for id in 1..=3 {
        give.send(Receipt { id, qos: QoS::ExactlyOnce }).expect("somebody takes it");
    }
    let why = answer(&client, &receipts).now_or_never();
    assert_eq!(why.as_deref(), Some("the broker does not take receipts"));
}

#[test]
fn releases_of_an_earlier_client_are_confirmed() {
    let mut state = MqttState::new(1, true);
    expect_releases(&mut state);
    assert!(state.events.is_empty(), "nothing has arrived");
    for id in 1..=u16::MAX {
        let confirmed = state.handle_incoming_packet(Packet::PubRel(PubRel::new(id)));
        let expected = Packet::PubComp(PubComp::new(id));
        assert_eq!(confirmed.expect("it is expected"), Some(expected));
    }
    assert!(state.handle_incoming_packet(Packet::PubRel(PubRel::new(1))).is_err(), "only once");
}

#[test]
fn so_many_receipts_wait_and_no_more() {
    let (_job, _news, receipts) = client(subscription("tcp://localhost", QoS::AtLeastOnce));
    let receipt = Receipt { id: 1, qos: QoS::AtLeastOnce };
    for _ in 0..RECEIPTS_MAX {
        let sent = receipts.send_async(receipt).now_or_never();
        assert!(sent.is_some_and(|sent| sent.is_ok()), "there is room");
    }
    assert!(receipts.send_async(receipt).now_or_never().is_none(), "it waits");
}

#[test]
fn nobody_waits_for_room_for_receipts_when_the_connection_has_ended() {
    let subscription = subscription("tcp://127.0.0.1:1", QoS::AtLeastOnce);
    let (tell, news) = flume::bounded(1);
    let (receipts, taken) = flume::bounded(1);
    // The shard has not yet read what happened before.
    tell.send(News::Subscribed).expect("there is room");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let ending = pin!(run(subscription, tell, taken));
        let looking = pin!(async {
            while !receipts.is_disconnected() {
                tokio::time::sleep(Time::from_millis(5)).await;
            }
        });
        let looked = tokio::time::timeout(Time::from_secs(20), select(ending, looking)).await;
        assert!(matches!(looked, Ok(Either::Right(_))), "nobody takes receipts, and it goes on");
    });
    assert_eq!(news.len(), 1);
}

/// While a shard reads nothing, so much waits for it and the rest waits at the broker.
#[test]
fn so_many_things_that_happened_wait_and_no_more() {
    const MESSAGES: usize = NEWS_MAX * 4;
    both_modes(|| async {
        let Some(broker) = Broker::start() else { return };
        let (job, news, _receipts) = client(subscription(&broker.url(), QoS::AtMostOnce));
        island::start(island::queue(), job).await.expect("it starts");
        assert!(matches!(news.recv_async().await, Ok(News::Connected(false))));
        assert!(matches!(news.recv_async().await, Ok(News::Subscribed)));
        let mut publish = Command::new("mosquitto_pub");
        publish.args(["-p", &broker.port.to_string(), "-t", "t", "-m", "x", "--repeat"]);
        match publish.arg(MESSAGES.to_string()).status() {
            Ok(done) => assert!(done.success()),
            Err(error) => return eprintln!("skipped: mosquitto_pub: {error}"),
        }
        for _ in 0..1000 {
            if news.len() >= NEWS_MAX {
                break;
            }
            rt::sleep(Time::from_millis(10)).await;
        }
        // Time for more to come, if it were let in.
        rt::sleep(Time::from_millis(300)).await;
        assert_eq!(news.len(), NEWS_MAX);
        for count in 0..MESSAGES {
            let News::Message(..) = news.recv_async().await.expect("it goes on") else {
                panic!("{count} messages have come");
            };
        }
    });
}
