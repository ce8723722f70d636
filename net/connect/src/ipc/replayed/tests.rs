use std::cell::Cell;
use std::path::PathBuf;

use plan::{Fault, Outcome};

use super::*;
use crate::testing::{Fake, both_modes};

/// A directory that is gone afterwards.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        let name = format!("mainstem-replayed-{}", rt::rng::next_u64());
        Dir(std::env::temp_dir().join(name))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A number, or the first one of a list.
fn number(value: &K) -> Option<i64> {
    value.as_long().or_else(|| value.items().next()?.as_long())
}

/// A source that runs, and the way to call it.
struct Running {
    fake: Rc<Fake>,
    calls: flume::Sender<Request>,
    task: rt::Task<Result<(), SourceError>>,
}

impl Running {
    fn start(dir: &Dir, fake: Rc<Fake>) -> Running {
        Running::within(LIMITS, dir, fake)
    }

    fn within(limits: Limits, dir: &Dir, fake: Rc<Fake>) -> Running {
        let (calls, requests) = flume::bounded(LANDINGS_MAX);
        let (dir, context) = (dir.0.clone(), fake.clone());
        let task = rt::spawn(async move {
            let context: Rc<dyn SourceContext> = context;
            serve_within(limits, &dir, &requests, &context).await
        });
        Running { fake, calls, task: task.abort_on_drop() }
    }

    /// Calls it; the status of the answer comes later.
    fn call(&self, value: K) -> flume::Receiver<Response> {
        self.request(Payload::Value(value))
    }

    fn request(&self, payload: Payload) -> flume::Receiver<Response> {
        let (reply, answer) = flume::bounded(1);
        let request = Request {
            method: String::new(),
            path: "f".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            remote: String::new(),
            payload,
            incoming: None,
            encryption: None,
            reply,
        };
        self.calls.send(request).unwrap();
        answer
    }

    fn values(&self) -> Vec<i64> {
        let seen = self.fake.seen.borrow();
        let value = |data: &Data| match data {
            Data::Value(value) => number(value).unwrap(),
            other => panic!("{other:?}"),
        };
        seen.iter().map(|seen| value(&seen.data)).collect()
    }

    async fn has(&self, count: usize) {
        let wait = async {
            while self.values().len() < count {
                rt::sleep(Duration::from_millis(1)).await;
            }
        };
        rt::timeout(Duration::from_secs(20), wait).await.expect("they come");
    }

    async fn stop(self) {
        self.fake.stop();
        assert_eq!(self.task.await.unwrap(), Err(SourceError::Stopped));
    }
}

#[test]
fn what_was_answered_and_not_delivered_comes_again() {
    both_modes(|| async {
        let dir = Dir::new();
        let first = Running::start(&dir, Fake::new());
        assert_eq!(first.call(K::long(1)).recv_async().await.unwrap().status, 200);
        first.has(1).await;
        first.stop().await;
        // The second is stuck from its first call on.
        let second = Running::start(&dir, Fake::new());
        second.fake.hold(true);
        for value in 2..5 {
            assert_eq!(second.call(K::long(value)).recv_async().await.unwrap().status, 200);
        }
        second.has(3).await;
        assert_eq!(second.values(), [2, 3, 4], "what was delivered does not come again");
        drop(second);
        let third = Running::start(&dir, Fake::new());
        third.has(3).await;
        assert_eq!(third.values(), [2, 3, 4]);
        assert_eq!(third.call(K::long(5)).recv_async().await.unwrap().status, 200);
        third.has(4).await;
        third.stop().await;
        let fourth = Running::start(&dir, Fake::new());
        assert_eq!(fourth.call(K::long(6)).recv_async().await.unwrap().status, 200);
        fourth.has(1).await;
        assert_eq!(fourth.values(), [6]);
        fourth.stop().await;
    });
}

#[test]
fn what_is_refused_stays() {
    both_modes(|| async {
        let dir = Dir::new();
        let refuses = Rc::new(Cell::new(true));
        let (count, refusing) = (Cell::new(0), Rc::clone(&refuses));
        let fake = Fake::judging(move |_| {
            count.set(count.get() + 1);
            let fault = (None, std::sync::Arc::new(Fault::new("no")));
            let failures = if refusing.get() { vec![fault] } else { Vec::new() };
            Outcome { failures, ..Outcome::default() }
        });
        let running = Running::start(&dir, fake);
        assert_eq!(running.call(K::long(1)).recv_async().await.unwrap().status, 200);
        running.has(1).await;
        running.stop().await;
        let again = Running::start(&dir, Fake::new());
        again.has(1).await;
        assert_eq!(again.values(), [1]);
        again.stop().await;
    });
}

#[test]
fn so_many_calls_are_on_their_way_and_a_value_without_a_form_is_refused() {
    both_modes(|| async {
        let dir = Dir::new();
        let running = Running::start(&dir, Fake::new());
        let answers: Vec<_> = (0..LANDINGS_MAX as i64).map(|n| running.call(K::long(n))).collect();
        for answer in answers {
            assert_eq!(answer.recv_async().await.unwrap().status, 200);
        }
        running.has(LANDINGS_MAX).await;
        assert!(running.values().into_iter().eq(0..LANDINGS_MAX as i64), "in their order");
        let deep = (0..200).fold(K::long(1), |k, _| K::list(vec![k]));
        let refused = running.call(deep).recv_async().await.unwrap();
        assert_eq!(refused.status, 500, "{}", String::from_utf8_lossy(&refused.body));
        running.stop().await;
    });
}

#[test]
fn calls_of_one_request_are_kept_together_and_those_that_cannot_be_are_told() {
    both_modes(|| async {
        let dir = Dir::new();
        let running = Running::start(&dir, Fake::new());
        running.fake.hold(true);
        let deep = (0..200).fold(K::long(1), |k, _| K::list(vec![k]));
        let values = vec![K::long(1), deep, K::long(2), K::long(3)];
        let answer = running.request(Payload::Values(values)).recv_async().await.unwrap();
        assert_eq!(answer.status, 200);
        let refused: Vec<usize> = answer.refused.iter().map(|(place, _)| *place).collect();
        assert_eq!(refused, [1]);
        running.has(3).await;
        assert_eq!(running.values(), [1, 2, 3]);
        // They were not delivered, each with a number of its own.
        drop(running);
        let again = Running::start(&dir, Fake::new());
        again.has(3).await;
        assert_eq!(again.values(), [1, 2, 3]);
        again.stop().await;
        let last = Running::start(&dir, Fake::new());
        assert_eq!(last.call(K::long(4)).recv_async().await.unwrap().status, 200);
        last.has(1).await;
        assert_eq!(last.values(), [4]);
        last.stop().await;
    });
}

#[test]
fn the_last_request_that_finds_room_is_kept_as_a_whole() {
    both_modes(|| async {
        let dir = Dir::new();
        let running = Running::start(&dir, Fake::new());
        let most = crate::ipc::GATHERED_MAX as i64;
        let requests = 2 * LANDINGS_MAX as i64 / most + 1;
        let answers: Vec<_> = (0..requests)
            .map(|n| {
                let values = (n * most..(n + 1) * most).map(K::long).collect();
                running.request(Payload::Values(values))
            })
            .collect();
        for answer in answers {
            let answer = answer.recv_async().await.unwrap();
            assert_eq!((answer.status, answer.refused), (200, Vec::new()));
        }
        running.has((requests * most) as usize).await;
        assert!(running.values().into_iter().eq(0..requests * most), "in their order");
        running.stop().await;
    });
}

/// Bytes of all files of a journal.
fn bytes_of(dir: &Dir) -> u64 {
    let files = std::fs::read_dir(&dir.0).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn a_journal_that_is_full_takes_more_when_something_is_delivered() {
    const LIMITS: Limits = Limits { journal_bytes_max: 1 << 20, segment_bytes_max: 1 << 18 };
    const CALLS: usize = 200;
    both_modes(|| async {
        let dir = Dir::new();
        let running = Running::within(LIMITS, &dir, Fake::new());
        running.fake.hold(true);
        // Each has a number and sixteen thousand bytes.
        let value = |n: usize| K::list(vec![K::long(n as i64), K::longs(vec![0; 2000])]);
        let answers: Vec<_> = (0..CALLS).map(|n| running.call(value(n))).collect();
        let most = (LIMITS.journal_bytes_max - LIMITS.segment_bytes_max).div_ceil(16_000) as usize;
        running.has(most - 2).await;
        // Whatever it still takes it would have taken by now.
        rt::sleep(Duration::from_millis(50)).await;
        let seen = running.fake.seen.borrow().len();
        assert!(seen <= most && answers[most].is_empty(), "{seen} of {most}");
        assert!(bytes_of(&dir) <= LIMITS.journal_bytes_max, "{}", bytes_of(&dir));
        running.fake.hold(false);
        for answer in &answers {
            assert_eq!(answer.recv_async().await.unwrap().status, 200);
        }
        running.has(CALLS).await;
        assert!(running.values().into_iter().eq(0..CALLS as i64), "in their order");
        running.stop().await;
    });
}
