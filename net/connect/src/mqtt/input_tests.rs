use futures_util::FutureExt;
use plan::serde_json::json;

use super::*;
use crate::mqtt::receive::{NEWS_MAX, RECEIPTS_MAX};
use crate::testing::{Fake, TestEnv};

fn source() -> Mqtt {
    let env = TestEnv::new();
    let config = json!({"url": "tcp://localhost", "topic": "t"});
    let config: Config = read_config(&config).expect("a config");
    let client = config.place.client(&*env.services()).expect("a client");
    let (topic, qos) = (config.topic, qos_of(config.qos).expect("a quality"));
    let subscription = Subscription { client, topic, qos, kept: false };
    Mqtt { agreed: true, ..Mqtt::new(subscription) }
}

#[test]
fn so_many_batches_are_on_their_way_and_no_more() {
    let mut source = source();
    let context: Rc<dyn SourceContext> = Fake::new();
    let (tell, news) = flume::bounded(NEWS_MAX);
    tell.send(News::Subscribed).expect("somebody listens");
    let (deliver, delivered) = flume::bounded::<()>(1);
    for _ in 0..IN_FLIGHT_MAX {
        let delivered = delivered.clone();
        source.on_the_way.push(Box::pin(async move {
            let _ = delivered.recv_async().await;
            (Vec::new(), true)
        }));
    }
    assert!(source.turn(&context, &news).now_or_never().is_none(), "what comes waits");
    deliver.send(()).expect("somebody waits");
    assert!(matches!(source.turn(&context, &news).now_or_never(), Some(Turn::Passed(_))));
    let next = source.turn(&context, &news).now_or_never();
    assert!(matches!(next, Some(Turn::News(Some(News::Subscribed)))));
}

#[test]
fn a_batch_has_so_many_messages_and_no_more() {
    let mut source = source();
    let context: Rc<dyn SourceContext> = Fake::new();
    let (tell, news) = flume::bounded(NEWS_MAX + 1);
    let (receipts, _taken) = flume::bounded(RECEIPTS_MAX);
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(NEWS_MAX + 1));
    for _ in 0..=BATCH_MAX {
        let place = std::sync::Arc::clone(&room).try_acquire_owned().expect("there is room");
        let message = rumqttc::Publish::new("t", rumqttc::QoS::AtMostOnce, "x");
        tell.send(News::Message(message, place)).expect("somebody listens");
    }
    let first = news.recv().expect("a message");
    let read = source.take(first, &news, &context, &receipts).now_or_never().expect("at once");
    assert_eq!((read.recs.len(), news.len()), (BATCH_MAX, 1));
    assert_eq!(room.available_permits(), 0, "they take room until they are emitted");
    source.emit(read, &context).now_or_never();
    assert_eq!(room.available_permits(), BATCH_MAX, "they wait no longer");
}

/// A number may mean another message in a new session: nobody tells the broker of the old one.
#[test]
fn what_the_broker_knows_is_asked_before_it_is_told_anything() {
    let mut source = source();
    let context: Rc<dyn SourceContext> = Fake::new();
    let (receipts, taken) = flume::bounded(RECEIPTS_MAX);
    let message = |dup| {
        let mut message = rumqttc::Publish::new("t", rumqttc::QoS::AtLeastOnce, "x");
        (message.pkid, message.dup) = (7, dup);
        message
    };
    for known in [true, false] {
        let ticket = match source.ledger.arrived(&message(false)) {
            Arrival::New(Some(ticket)) => ticket,
            other => panic!("{other:?}"),
        };
        source.on_the_way.push(Box::pin(async move { (vec![ticket], true) }));
        // It is delivered while the connection is made again.
        (source.agreed, source.is_up) = (false, false);
        let (tell, news) = flume::bounded(NEWS_MAX);
        assert!(source.turn(&context, &news).now_or_never().is_none(), "{known}: it waits");
        tell.send(News::Connected(known)).expect("somebody listens");
        let Some(Turn::News(Some(first))) = source.turn(&context, &news).now_or_never() else {
            panic!("{known}: there is news");
        };
        source.take(first, &news, &context, &receipts).now_or_never().expect("at once");
        let Some(Turn::Passed(passed)) = source.turn(&context, &news).now_or_never() else {
            panic!("{known}: it is delivered");
        };
        tell_of(&mut source.ledger, passed, &receipts).now_or_never().expect("at once");
        assert_eq!(taken.try_iter().count(), usize::from(known));
    }
}
