//! Which values stay, by each algorithm, and the limit of their bytes.

use plan::serde_json::json;
use proptest::prelude::*;

use super::*;
use crate::shared::testing::{add, delete, get, run, set};
use crate::testing::Shard;

fn build(config: &Json) -> Result<Rc<dyn Cache>, String> {
    Lru::build(config, Rc::new(Shard::default())).map_err(|error| error.text)
}

fn cache(config: &Json) -> Rc<dyn Cache> {
    build(config).expect("a cache")
}

/// Runs `+key` to write, `?key` to read, `!key` to add and `-key` to remove; the answers are `.`
/// for what worked and `x` for what did not.
fn script(cache: &Rc<dyn Cache>, steps: &str) -> String {
    let step = |step: &str| {
        let (what, key) = step.split_at(1);
        let op = match what {
            "+" => set(key, key, None),
            "?" => get(key),
            "!" => add(key, key),
            _ => delete(key),
        };
        if run(cache, op).is_ok() { '.' } else { 'x' }
    };
    steps.split(' ').map(step).collect()
}

#[test]
fn the_value_that_was_not_used_for_longest_goes() {
    let cache = cache(&json!({"cap": 2, "init_values": {"a": "1"}}));
    assert_eq!(script(&cache, "?a +b ?a +c ?a ?b ?c"), ".....x.");
    assert_eq!(script(&cache, "!a !d ?c ?a ?d"), "x..x.", "looking whether it is there is no use");
    assert_eq!(script(&cache, "-d -d ?d !d"), "..x.");
    assert_eq!(run(&cache, set("d", "2", Some(1))), Ok(None));
    assert_eq!(run(&cache, get("d")), Ok(Some(b"2".to_vec())), "there is no time");
}

fn cache_of(algorithm: &str) -> Rc<dyn Cache> {
    cache(&json!({"cap": 4, "algorithm": algorithm}))
}

#[test]
fn a_burst_does_not_drive_out_what_is_used_often() {
    let steps = "+a ?a +b ?b +c +d +e +f +g ?a ?b ?c ?d ?e ?f ?g";
    let often = "...........xxx..";
    assert_eq!(script(&cache_of("arc"), steps), often);
    assert_eq!(script(&cache_of("two_queues"), steps), often);
    assert_eq!(script(&cache_of("standard"), steps), ".........xxx....");
}

#[test]
fn a_key_that_comes_back_counts_as_used_again() {
    let steps = "+a +b +c +d +e +a +f +g +h ?a ?f ?h";
    assert_eq!(script(&cache_of("two_queues"), steps), "............");
    // What was used once has more room from then on, and so keeps its place longer.
    let arc = cache_of("arc");
    script(&arc, "+a ?a +b ?b +c +d +e +f +g ?a ?b ?c ?d ?e ?f ?g");
    assert_eq!(script(&arc, "+d +h +i +j ?j ?i ?h"), "......x");
}

/// Steps without a plan, and what the program that users come from answers to them.
#[test]
fn each_algorithm_answers_as_users_know_it() {
    let (mut number, mut steps) = (7u64, Vec::new());
    for _ in 0..120 {
        number = number.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let what = ["+", "?", "!", "?", "-", "+", "?"][(number >> 33) as usize % 7];
        let key = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][(number >> 40) as usize % 10];
        steps.push([what, key].concat());
    }
    for (algorithm, answers) in [
        (
            "standard",
            "x..xx....xx...xx.xx..xx.xx.x.x.x.xxx.x.x..x.xx.......x.......xx....x.xxx...x.........\
             .x.xx.x.x..x..x.x.x..x.......xx....",
        ),
        (
            "arc",
            "x..xx....xx...xx.xx..xx.xx.x.x.x...x.x.x..x.x.......xxx......xxx...x.xxx.............\
             .x.xx.x.x..x..x.x.x..x.......xx....",
        ),
        (
            "two_queues",
            "x..xx....xx...xx.xx..xx.xx.x.x.x...x.x.x..x.x.......xxx...xx..xx.....xxx.............\
             .x.xx....x.x......x..x.......xx....",
        ),
    ] {
        assert_eq!(script(&cache_of(algorithm), &steps.join(" ")), answers, "{algorithm}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (config, text) in [
        (json!({"cap": 0}), "invalid lru cache parameter capacity: must be bigger than 0"),
        (json!({"cap": -7}), "invalid lru cache parameter capacity: must be bigger than 0"),
        (json!({"cap": 1, "algorithm": "two_queues"}), "must provide a positive size"),
        (json!({"algorithm": "two_queues", "two_queues_recent_ratio": 2}), "invalid recent ratio"),
        (json!({"algorithm": "two_queues", "two_queues_ghost_ratio": -1}), "invalid ghost ratio"),
    ] {
        assert_eq!(build(&config).err().as_deref(), Some(text), "{config}");
    }
    assert!(build(&json!({"algorithm": "none"})).is_err());
    assert!(build(&json!({"cap": 2, "two_queues_recent_ratio": 2})).is_ok(), "it is not used");
}

fn policies(cap: usize) -> Vec<Box<dyn Policy>> {
    let two = two_queues::TwoQueues::new(cap, 0.25, 0.5).expect("two queues");
    vec![Box::new(List::new(cap)), Box::new(arc::Arc::new(cap)), Box::new(two)]
}

#[test]
fn bytes_have_a_limit_at_which_values_go() {
    for policy in policies(1000) {
        let one = weight(b"000", b"");
        let cache = Lru { policy: RefCell::new(policy), bytes_max: 10 * one };
        for n in 0..100 {
            assert_eq!(cache.put(format!("{n:03}").as_bytes(), Vec::new()), Ok(None));
            assert!(cache.policy.borrow().bytes() <= 10 * one);
        }
        assert_eq!(cache.one(get("099")), Ok(Some(Vec::new())), "the last one is there");
        let large = cache.put(b"k", vec![0; 10 * one]);
        assert!(matches!(large, Err(CacheError::Other(_))), "{large:?}");
        assert_eq!(cache.one(get("099")), Ok(Some(Vec::new())), "and nothing had to go for it");
    }
}

proptest! {
    /// Whatever is done, there are never more values than there may be (with two lists each of
    /// them has its own limit), what is counted is what is there, and a value that was just
    /// written is there.
    #[test]
    fn there_are_so_many_values_and_no_more(
        cap in 2usize..6,
        steps in prop::collection::vec((0u8..4, 0u8..12), 0..200),
    ) {
        for (mut policy, lists) in policies(cap).into_iter().zip([1, 2, 2]) {
            for (what, key) in &steps {
                let key = [*key];
                match what {
                    0 => drop(policy.get(&key)),
                    1 => policy.remove(&key),
                    _ => {
                        policy.put(key[..].into(), vec![key[0]]);
                        prop_assert!(policy.has(&key));
                    }
                }
                let kept = (0u8..12).filter(|key| policy.has(&[*key])).count();
                prop_assert!(kept <= lists * cap, "{kept} of {cap}");
            }
            while policy.shrink() {}
            prop_assert_eq!(policy.bytes(), 0);
        }
    }
}
