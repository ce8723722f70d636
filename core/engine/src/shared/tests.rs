//! The limits of what a shard owns and of who may wait for it.

use std::task::{Context, Poll, Waker};

use plan::{CacheSpec, Json};

use super::*;
use crate::api::Key;
use crate::services::InstanceServices;

struct Nothing;

impl Cache for Nothing {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(async move { vec![Ok(None); ops.len()] })
    }
}

static NOTHING: CacheSpec = CacheSpec {
    name: "nothing",
    since: "0.1.0",
    category: "test",
    summary: "Keeps nothing.",
    schema: || Json::Null,
    examples: &[],
    build: |_, _| Ok(Rc::new(Nothing)),
};

fn parts(shard: usize, owners: Vec<flume::Sender<Question>>) -> Rc<SharedParts> {
    let registry = Registry { caches: vec![&NOTHING], ..Registry::default() };
    let services = InstanceServices::new(Key::new("test", ""), Rc::default());
    SharedParts::new(shard, owners, Rc::new(registry), services)
}

fn labelled(label: &str) -> Component {
    Component { label: label.to_owned(), ..Component::new("nothing", Json::Null) }
}

fn ask() -> Vec<CacheOp> {
    vec![CacheOp::Get { key: Vec::new() }]
}

/// What is there without waiting.
fn now<T>(future: &mut LocalBoxFuture<'_, T>) -> Option<T> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn a_shard_owns_so_many_caches_and_no_more() {
    let parts = parts(0, vec![flume::bounded(1).0]);
    let get = |label: &str| {
        let cache = parts.cache(&labelled(label)).expect("a cache");
        let mut asked = cache.run(ask());
        now(&mut asked).expect("an answer").remove(0)
    };
    for n in 0..OWNED_MAX {
        assert_eq!(get(&n.to_string()), Ok(None));
    }
    let CacheError::Other(text) = get("one more").expect_err("it is refused") else {
        panic!("another error");
    };
    assert_eq!(text, format!("a shard may own {OWNED_MAX} caches and rate limits at most"));
    assert_eq!(get("0"), Ok(None), "those there are go on");
}

#[test]
fn who_asks_an_owner_that_does_not_answer_waits_behind_so_many() {
    let (owner, questions) = flume::bounded(QUESTIONS_MAX);
    let parts = parts(0, vec![flume::bounded(1).0, owner]);
    let label = (0..100).map(|n| n.to_string());
    let label = label.into_iter().find(|label| parts.owner(&labelled(label)) == 1);
    let cache = parts.cache(&labelled(&label.expect("one of the other shard"))).expect("a cache");
    let mut asked: Vec<_> = (0..=QUESTIONS_MAX).map(|_| cache.run(ask())).collect();
    assert!(asked.iter_mut().all(|asked| now(asked).is_none()), "nobody has an answer");
    assert_eq!(questions.len(), QUESTIONS_MAX);
    let Ok(Question::Cache { reply, .. }) = questions.try_recv() else {
        panic!("a question");
    };
    assert!(reply.send(vec![Ok(None)]).is_ok());
    assert_eq!(now(&mut asked[0]), Some(vec![Ok(None)]));
    assert!(asked[1..].iter_mut().all(|asked| now(asked).is_none()));
    assert_eq!(questions.len(), QUESTIONS_MAX, "who waited has asked");
}
