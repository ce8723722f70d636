use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plan::{Ack, AckPort, Acks, Batch, End, Fault, Operator, Record, SourceError};
use serde_json::json;

use super::input::SPEC as SOURCE;
use super::operator::{SPEC as OPERATOR, build_with};
use super::{RECEIVERS_MAX, Seat, WAITING_MAX, handing_on, resolve};
use crate::testing::{Fake, TestEnv, batch, both_modes};

/// Numbers of the batches that were resolved.
#[derive(Default)]
struct Resolved(Mutex<Vec<u64>>);

impl AckPort for Resolved {
    fn fail(&self, id: u64, _: Option<u32>, fault: Arc<Fault>) {
        panic!("batch {id} failed: {}", fault.text);
    }
    fn reply(&self, _: u64, _: Vec<(Record, Vec<u8>)>) {}
    fn done(&self, id: u64) {
        self.0.lock().unwrap().push(id);
    }
}

/// An operator under a name of its own, what passes it, and what of that is resolved.
struct Chain {
    name: String,
    operator: Box<dyn Operator>,
    resolved: Arc<Resolved>,
    sent: u64,
}

impl Chain {
    fn new(expects: &[&str], hold_ms: u64) -> Chain {
        let name = format!("test-{}", rt::rng::next_u64());
        let config = json!({"name": name, "expects": expects, "hold_ms": hold_ms});
        let operator = (OPERATOR.build)(&config, &TestEnv::new()).unwrap();
        Chain { name, operator, resolved: Arc::default(), sent: 0 }
    }

    /// Hands a text on; it passes, too.
    async fn hand(&mut self, text: &str) {
        self.sent += 1;
        let ack = Ack::new(self.resolved.clone(), self.sent);
        let passing = Batch { acks: Acks::one(ack), ..batch(&[text]) };
        let mut out = Vec::new();
        self.operator.on_batch(passing, &mut out).finish().await.unwrap();
        assert_eq!(out.len(), 1, "it passes");
        out.into_iter().for_each(Batch::ok);
    }

    /// Lets it look how receivers get on.
    async fn look(&mut self) {
        match self.operator.due_ns() {
            Some(due) => rt::sleep_until(rt::Nanos(due)).await,
            None => return rt::sleep(Duration::from_millis(1)).await,
        }
        self.operator.on_time(rt::now().0, &mut Vec::new()).finish().await.unwrap();
    }

    async fn end(&mut self, end: End) {
        self.operator.on_end(end, &mut Vec::new()).finish().await.unwrap();
    }

    fn resolved(&self) -> Vec<u64> {
        self.resolved.0.lock().unwrap().clone()
    }
}

/// A receiver that runs.
struct Receiving {
    fake: Rc<Fake>,
    task: rt::Task<Result<(), SourceError>>,
}

fn receive(name: &str, who: &str, relays: bool) -> Receiving {
    let fake = Fake::new();
    let config = json!({"name": name, "who": who, "relays": relays});
    let mut source = (SOURCE.build)(&config, &TestEnv::new()).unwrap();
    let context = fake.clone();
    let task = rt::spawn(async move { source.run(context).await }).abort_on_drop();
    Receiving { fake, task }
}

/// Lets the others go on until something is so.
async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            rt::sleep(Duration::from_millis(1)).await;
        }
    };
    rt::timeout(Duration::from_secs(20), wait).await.expect("it comes about");
}

const LONG: u64 = 600_000;

#[test]
fn all_get_everything_and_it_is_acknowledged_when_all_have_delivered_it() {
    both_modes(|| async {
        let mut chain = Chain::new(&["a", "b"], LONG);
        let (a, b) = (receive(&chain.name, "a", false), receive(&chain.name, "b", false));
        b.fake.hold(true);
        // Nothing is handed on before both have come.
        for text in ["1", "2", "3"] {
            chain.hand(text).await;
        }
        until(|| a.fake.texts().len() == 3 && b.fake.texts().len() == 3).await;
        assert_eq!((a.fake.texts(), chain.resolved()), (b.fake.texts(), vec![]));
        b.fake.hold(false);
        until(|| chain.resolved() == [1, 2, 3]).await;
        chain.end(End::Drained).await;
        assert_eq!(a.task.await.unwrap(), Ok(()), "it ends as its source did");
        assert_eq!(b.task.await.unwrap(), Ok(()));
    });
}

#[test]
fn who_comes_late_gets_what_comes_then_and_nobody_is_waited_for_in_vain() {
    both_modes(|| async {
        let mut chain = Chain::new(&[], LONG);
        chain.hand("nobody is there").await;
        assert_eq!(chain.resolved(), [1]);
        let late = receive(&chain.name, "late", false);
        let joined = || handing_on(&chain.name).is_some_and(|port| !port.joins.is_empty());
        until(joined).await;
        chain.hand("now").await;
        until(|| late.fake.texts() == ["now"]).await;
        drop(chain);
        late.fake.stop();
        assert_eq!(late.task.await.unwrap(), Err(SourceError::Stopped));
    });
}

#[test]
fn who_goes_away_holds_up_nobody_and_fails_nothing() {
    both_modes(|| async {
        let mut chain = Chain::new(&["gone", "stays"], LONG);
        let gone = receive(&chain.name, "gone", false);
        let stays = receive(&chain.name, "stays", false);
        gone.fake.blocked.set(true);
        let more = WAITING_MAX + 5;
        let handing = async {
            for at in 0..more {
                chain.hand(&at.to_string()).await;
            }
        };
        let leaving = async {
            // It holds one, and as many wait for it as may; then the chain waits.
            until(|| stays.fake.texts().len() > WAITING_MAX).await;
            let Receiving { task, .. } = gone;
            drop(task);
        };
        futures_util::future::join(handing, leaving).await;
        until(|| stays.fake.texts().len() == more).await;
        until(|| chain.resolved().len() == more).await;
    });
}

#[test]
fn who_is_stopped_brings_what_it_has_and_takes_no_more() {
    both_modes(|| async {
        let mut chain = Chain::new(&["a"], LONG);
        let a = receive(&chain.name, "a", false);
        chain.hand("1").await;
        until(|| chain.resolved() == [1]).await;
        a.fake.hold(true);
        chain.hand("2").await;
        until(|| a.fake.texts().len() == 2).await;
        a.fake.stop();
        rt::yield_now().await;
        assert_eq!(chain.resolved(), [1], "it is on its way");
        a.fake.hold(false);
        assert_eq!(a.task.await.unwrap(), Err(SourceError::Stopped));
        assert_eq!(chain.resolved(), [1, 2]);
        chain.hand("3").await;
        assert_eq!(chain.resolved(), [1, 2, 3]);
    });
}

#[test]
fn who_leaves_when_the_process_ends_wants_all_it_misses_when_it_is_back() {
    static CLOSING: AtomicBool = AtomicBool::new(false);
    both_modes(|| async {
        CLOSING.store(false, Ordering::Relaxed);
        let mut chain = Chain::new(&["goes", "leaves", "breaks", "stays"], LONG);
        let config = json!({"name": chain.name, "expects": ["goes", "leaves", "breaks", "stays"]});
        chain.operator = build_with(&config, &CLOSING).unwrap();
        let who = |who| receive(&chain.name, who, false);
        let (goes, leaves) = (who("goes"), who("leaves"));
        let (breaks, stays) = (who("breaks"), who("stays"));
        chain.hand("1").await;
        until(|| chain.resolved() == [1]).await;
        goes.fake.stop();
        assert_eq!(goes.task.await.unwrap(), Err(SourceError::Stopped));
        chain.hand("2").await;
        until(|| chain.resolved() == [1, 2]).await;
        CLOSING.store(true, Ordering::Relaxed);
        chain.hand("3").await;
        until(|| chain.resolved() == [1, 2, 3]).await;
        leaves.fake.stop();
        assert_eq!(leaves.task.await.unwrap(), Err(SourceError::Stopped));
        drop(breaks);
        for text in ["4", "5"] {
            chain.hand(text).await;
        }
        until(|| stays.fake.texts().len() == 5).await;
        stays.fake.stop();
        assert_eq!(stays.task.await.unwrap(), Err(SourceError::Stopped));
        assert_eq!(chain.resolved(), [1, 2, 3], "the others miss them");
    });
}

#[test]
fn who_delivers_nothing_for_too_long_is_passed_over_and_told_so() {
    both_modes(|| async {
        let mut chain = Chain::new(&["stuck", "relay", "fine"], 30);
        let stuck = receive(&chain.name, "stuck", false);
        let relay = receive(&chain.name, "relay", true);
        let fine = receive(&chain.name, "fine", false);
        stuck.fake.hold(true);
        relay.fake.hold(true);
        chain.hand("1").await;
        until(|| fine.fake.texts().len() == 1).await;
        // Nobody hands on anything more, and it is found all the same.
        while stuck.fake.errors().is_empty() {
            chain.look().await;
        }
        let text = "nothing was delivered for 30 ms while others that share the same chain waited";
        assert_eq!(stuck.fake.errors(), [text]);
        assert!(chain.resolved().is_empty(), "the one that relays is waited for");
        relay.fake.hold(false);
        until(|| chain.resolved() == [1]).await;
        chain.hand("2").await;
        until(|| fine.fake.texts().len() == 2).await;
        assert_eq!(stuck.fake.texts(), ["1"]);
        stuck.fake.stop();
        assert_eq!(stuck.task.await.unwrap(), Err(SourceError::Stopped));
    });
}

#[test]
fn who_takes_nothing_for_too_long_is_passed_over() {
    both_modes(|| async {
        let mut chain = Chain::new(&["stuck", "fine"], 30);
        let stuck = receive(&chain.name, "stuck", false);
        let fine = receive(&chain.name, "fine", false);
        stuck.fake.blocked.set(true);
        for at in 0..WAITING_MAX + 5 {
            chain.hand(&at.to_string()).await;
        }
        until(|| !stuck.fake.errors().is_empty()).await;
        until(|| chain.resolved().len() == WAITING_MAX + 5).await;
        assert_eq!(fine.fake.texts().len(), WAITING_MAX + 5);
    });
}

#[test]
fn who_is_alone_may_take_its_time_until_others_come_from_wherever() {
    both_modes(|| async {
        let group = format!("group-{}", rt::rng::next_u64());
        let config = |name: &str| json!({"name": name, "group": group, "hold_ms": 30});
        let mut chain = Chain::new(&[], 30);
        chain.operator = (OPERATOR.build)(&config(&chain.name), &TestEnv::new()).unwrap();
        let slow = receive(&chain.name, "slow", false);
        let joined = || handing_on(&chain.name).is_some_and(|port| !port.joins.is_empty());
        until(joined).await;
        slow.fake.hold(true);
        for _ in 0..3 {
            chain.hand("1").await;
            chain.look().await;
        }
        assert!(slow.fake.errors().is_empty(), "nobody waits for it");
        let other = format!("{}-other", chain.name);
        let _operator = (OPERATOR.build)(&config(&other), &TestEnv::new()).unwrap();
        let _other = receive(&other, "other", false);
        while slow.fake.errors().is_empty() {
            chain.look().await;
        }
        until(|| chain.resolved().len() == 3).await;
    });
}

#[test]
fn a_chain_that_is_stopped_or_breaks_is_no_end() {
    both_modes(|| async {
        let mut chain = Chain::new(&["a"], LONG);
        let a = receive(&chain.name, "a", false);
        chain.hand("1").await;
        chain.end(End::Stopped).await;
        drop(chain);
        until(|| a.fake.texts().len() == 1).await;
        assert!(!a.task.is_finished(), "whoever knows why will stop it");
        a.fake.stop();
        assert_eq!(a.task.await.unwrap(), Err(SourceError::Stopped));
    });
}

#[test]
fn so_many_receivers_and_no_more() {
    both_modes(|| async {
        let mut chain = Chain::new(&[], LONG);
        let joins = handing_on(&chain.name).unwrap().joins;
        let mut kept = Vec::new();
        for at in 0..=RECEIVERS_MAX {
            let (items, receiver) = flume::bounded(WAITING_MAX);
            let (there, watched) = flume::bounded::<()>(1);
            let (refusal, refused) = flume::bounded(1);
            let (who, resolved) = (at.to_string(), Arc::default());
            let (relays, counted) = (false, None);
            let seat = Seat { who, items, there: watched, refusal, relays, resolved, counted };
            kept.push((receiver, there, refused));
            if joins.is_full() {
                chain.hand("they are looked at").await;
                kept.iter().for_each(|(items, ..)| items.drain().for_each(drop));
            }
            joins.send(seat).unwrap();
        }
        chain.hand("the last").await;
        let (_, _, refused) = kept.last().unwrap();
        let text =
            format!("{} has {RECEIVERS_MAX} receivers, and there may be no more", chain.name);
        assert_eq!(refused.try_recv(), Ok(text));
        assert!(kept.iter().rev().skip(1).all(|(_, _, refused)| refused.is_empty()));
    });
}

#[test]
fn only_at_the_end_of_the_process_what_is_dropped_stays_unacknowledged() {
    let resolved = Arc::new(Resolved::default());
    let acks = |id| Acks::one(Ack::new(resolved.clone(), id));
    resolve(acks(1), true, false);
    resolve(acks(2), false, false);
    resolve(acks(3), true, true);
    resolve(acks(4), false, true);
    assert_eq!(*resolved.0.lock().unwrap(), [1, 2, 3]);
}
