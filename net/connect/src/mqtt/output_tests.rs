use futures_util::FutureExt;
use plan::serde_json::json;

use super::*;
use crate::testing::{TestEnv, batch};

#[test]
fn nobody_waits_for_a_client_that_has_ended() {
    let env = TestEnv::new();
    let config = json!({"url": "tcp://localhost", "topic": "t"});
    let Config { place, topic, .. } = read_config(&config).expect("a config");
    let client = place.client(&*env.services()).expect("a client");
    let (qos, window, delay) = (QoS::AtLeastOnce, 1, Duration::ZERO);
    let publication = Publication { client, topic, qos, window, delay };
    let sink = Mqtt { component: env.component().clone(), publication, link: RefCell::default() };
    // The client ended when the messages were on their way to it: they stay where they are.
    let (jobs, taken) = flume::bounded(1);
    let (tell, told) = flume::bounded::<String>(1);
    let ended: LocalBoxFuture<'static, String> =
        Box::pin(async move { told.recv_async().await.unwrap_or_default() });
    sink.link.replace(Some(Rc::new(Link { jobs, ended: ended.shared() })));
    let some = batch(&["a"]);
    let mut write = sink.write(&some);
    assert!((&mut write).now_or_never().is_none(), "it may still be published");
    assert_eq!(taken.len(), 1);
    tell.send("the broker has gone".to_owned()).expect("somebody listens");
    let Some(Err(SinkError::NotConnected(fault))) = (&mut write).now_or_never() else {
        panic!("it waits");
    };
    assert_eq!(fault.text, "the broker has gone");
    assert!(sink.link.borrow().is_none(), "it has to connect again");
}
