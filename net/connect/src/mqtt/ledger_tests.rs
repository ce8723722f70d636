use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;

fn message(id: u16, qos: QoS, dup: bool, text: &str) -> Publish {
    let mut message = Publish::new("t", qos, text);
    (message.pkid, message.dup) = (id, dup);
    message
}

fn new(arrival: Arrival) -> Ticket {
    let Arrival::New(Some(ticket)) = arrival else { panic!("{arrival:?}") };
    ticket
}

#[test]
fn what_is_sent_again_is_known() {
    let mut ledger = Ledger::default();
    let first = new(ledger.arrived(&message(7, QoS::ExactlyOnce, false, "a")));
    ledger.connected(true);
    assert_eq!(ledger.arrived(&message(7, QoS::ExactlyOnce, true, "a")), Arrival::Held);
    let receipt = Receipt { id: 7, qos: QoS::ExactlyOnce };
    assert_eq!(ledger.delivered(first), Some(receipt));
    let again = ledger.arrived(&message(7, QoS::ExactlyOnce, true, "a"));
    assert_eq!(again, Arrival::Known(receipt));
    ledger.released(7);
    assert_eq!(ledger.len(), 0);
    // Without a promise nothing is remembered.
    assert_eq!(ledger.arrived(&message(0, QoS::AtMostOnce, false, "a")), Arrival::New(None));
    assert_eq!(ledger.len(), 0);
}

#[test]
fn a_number_that_is_given_again_is_another_message() {
    let mut ledger = Ledger::default();
    let old = new(ledger.arrived(&message(7, QoS::AtLeastOnce, false, "a")));
    let fresh = new(ledger.arrived(&message(7, QoS::AtLeastOnce, false, "b")));
    assert_eq!(ledger.delivered(old), None, "nobody waits for it any more");
    let restored = new(ledger.arrived(&message(7, QoS::AtLeastOnce, true, "c")));
    assert_eq!(ledger.delivered(fresh), None);
    // A session that the broker has forgotten is over.
    ledger.connected(false);
    assert_eq!(ledger.delivered(restored), None);
    let last = new(ledger.arrived(&message(7, QoS::AtLeastOnce, false, "c")));
    ledger.failed(restored);
    ledger.released(7);
    assert_eq!(ledger.len(), 1, "only its own ticket ends it");
    ledger.failed(last);
    assert_eq!(ledger.len(), 0);
}

#[test]
fn there_is_an_entry_for_each_number_and_no_more() {
    let mut ledger = Ledger::default();
    for round in 0..2 {
        for id in 1..=u16::MAX {
            let text = format!("{round} {id}");
            new(ledger.arrived(&message(id, QoS::ExactlyOnce, false, &text)));
        }
    }
    assert_eq!(ledger.len(), usize::from(u16::MAX));
}

/// A broker that keeps what was not acknowledged.
#[derive(Default)]
struct Broker {
    next: u32,
    /// By number: what is sent until it is acknowledged.
    open: BTreeMap<u16, u32>,
    /// Numbers of acknowledged messages that are not yet released.
    release: Vec<u16>,
}

impl Broker {
    fn knows(&self, id: u16) -> bool {
        self.open.contains_key(&id) || self.release.contains(&id)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send(u16),
    Deliver(usize),
    /// Whether what was acknowledged last got lost.
    Reconnect(bool),
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u16..6).prop_map(Step::Send),
        4 => (0usize..8).prop_map(Step::Deliver),
        1 => any::<bool>().prop_map(Step::Reconnect),
        2 => Just(Step::Release),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    /// Whatever is lost on the way, each message is delivered once, and none is acknowledged
    /// before.
    #[test]
    fn every_message_goes_through_once(steps in steps()) {
        let (mut broker, mut ledger) = (Broker::default(), Ledger::default());
        let mut way: Vec<(Ticket, u32)> = Vec::new();
        let mut passed: HashMap<u32, u32> = HashMap::new();
        let mut receipts: Vec<u16> = Vec::new();
        for step in steps {
            match step {
                Step::Send(id) if broker.knows(id) => {}
                Step::Send(id) => {
                    broker.next += 1;
                    broker.open.insert(id, broker.next);
                    let text = broker.next.to_string();
                    way.push((new(ledger.arrived(&message(id, QoS::ExactlyOnce, false, &text))),
                        broker.next));
                }
                Step::Deliver(at) if at < way.len() => {
                    let (ticket, number) = way.remove(at);
                    *passed.entry(number).or_default() += 1;
                    receipts.extend(ledger.delivered(ticket).map(|receipt| receipt.id));
                }
                Step::Deliver(_) => {}
                Step::Reconnect(lost) => {
                    if lost {
                        receipts.clear();
                    }
                    settle(&mut broker, &mut receipts, &passed)?;
                    ledger.connected(true);
                    for (id, number) in &broker.open {
                        let again = message(*id, QoS::ExactlyOnce, true, &number.to_string());
                        match ledger.arrived(&again) {
                            Arrival::New(Some(ticket)) => way.push((ticket, *number)),
                            Arrival::Known(receipt) => receipts.push(receipt.id),
                            _ => {}
                        }
                    }
                }
                Step::Release => {
                    settle(&mut broker, &mut receipts, &passed)?;
                    broker.release.drain(..).for_each(|id| ledger.released(id));
                }
            }
        }
        prop_assert!(passed.values().all(|times| *times == 1), "{passed:?}");
        prop_assert_eq!(way.len() + passed.len(), broker.next as usize);
    }
}

/// The broker hears what it may forget.
fn settle(
    broker: &mut Broker,
    receipts: &mut Vec<u16>,
    passed: &HashMap<u32, u32>,
) -> Result<(), TestCaseError> {
    for id in receipts.drain(..) {
        if let Some(number) = broker.open.remove(&id) {
            prop_assert!(passed.contains_key(&number), "{number} is not delivered");
            broker.release.push(id);
        }
    }
    Ok(())
}
