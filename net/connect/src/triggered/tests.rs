use std::cell::RefCell;

use plan::Outcome;
use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

const S: i128 = 1_000_000_000;

fn built(env: &TestEnv, paths: &[&str], more: &[(&str, Json)]) -> Box<dyn Source> {
    let input = json!({"name": "file", "config": {"paths": paths}});
    let mut config = json!({"name": "prices", "input": input});
    for (name, value) in more {
        config[*name] = value.clone();
    }
    (SPEC.build)(&config, env).unwrap()
}

/// A file of one line.
fn file(dir: &TempDir) -> String {
    let path = dir.join("in").to_str().unwrap().to_owned();
    std::fs::write(&path, "x\n").unwrap();
    path
}

/// Waits until so many rounds are over.
async fn rounds(fake: &Fake, count: usize) {
    while fake.rounds.get() < count {
        rt::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[test]
fn it_reads_when_it_is_called_and_calls_during_a_round_are_one() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let (env, path, fake) = (TestEnv::new(), file(&dir), Fake::new());
        let mut source = built(&env, &[&path], &[]);
        let bell = env.services.bell("prices");
        let context = fake.clone();
        let run = rt::spawn(async move { source.run(context).await });
        rt::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(fake.texts(), Vec::<String>::new(), "nobody has called");
        bell.ring();
        bell.ring();
        rounds(&fake, 1).await;
        std::fs::write(&path, "y\nz\n").unwrap();
        bell.ring();
        rounds(&fake, 2).await;
        assert_eq!(fake.texts(), ["x", "y", "z"]);
        fake.stop();
        assert_eq!(run.await.unwrap(), Err(SourceError::Stopped));
    });
}

/// The times at which a source reads until it has done so three times.
async fn times(now_ns: i128, more: &[(&str, Json)]) -> Vec<i128> {
    let dir = TempDir::new().unwrap();
    let env = TestEnv::new();
    env.services.own_wall_ns.set(Some(now_ns));
    let times = Rc::new(RefCell::new(Vec::new()));
    let (seen, clock) = (Rc::clone(&times), Rc::clone(&env.services));
    let fake = Fake::judging(move |_| {
        seen.borrow_mut().push(clock.own_wall_ns.get().unwrap());
        Outcome::default()
    });
    let mut source = built(&env, &[&file(&dir)], more);
    let context = fake.clone();
    let run = rt::spawn(async move { source.run(context).await });
    rounds(&fake, 3).await;
    fake.stop();
    assert_eq!(run.await.unwrap(), Err(SourceError::Stopped));
    times.borrow()[..3].to_vec()
}

#[test]
fn periods_begin_with_the_pipeline_or_when_it_was_said() {
    both_modes(|| async {
        let every = || ("every_ns", json!(1_000_000_000));
        let now_ns = 40 * DAY_NS + 10 * S + S / 2;
        let third = |first| [first, first + S, first + 2 * S];
        assert_eq!(times(now_ns, &[every()]).await, third(now_ns));
        let past = ("start_ns", json!(250_000_000));
        let next = 40 * DAY_NS + 11 * S + S / 4;
        assert_eq!(times(now_ns, &[every(), past]).await, third(next));
        let to_come = now_ns + 100 * S;
        let start = ("start_ns", json!(i64::try_from(to_come).unwrap()));
        assert_eq!(times(now_ns, &[every(), start]).await, third(to_come));
        let of_day = ("of_day_ns", json!(0));
        assert_eq!(times(now_ns, &[every(), of_day]).await, third(40 * DAY_NS + 11 * S));
        let tonight = ("of_day_ns", json!(80_000_000_000_000_i64));
        assert_eq!(times(now_ns, &[every(), tonight]).await, third(40 * DAY_NS + 80_000 * S));
    });
}

#[test]
fn ticks_that_have_passed_are_left_out() {
    let ticks = Ticks { every_ns: 10, start_ns: 5 };
    let next: Vec<i128> = [-100, 4, 5, 6, 15, 16, 99].map(|now| ticks.at_or_after(now)).to_vec();
    assert_eq!(next, [5, 5, 5, 15, 15, 25, 105]);
}

#[test]
fn a_round_that_a_state_has_begun_comes_again_without_a_call() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let (env, path, fake) = (TestEnv::new(), file(&dir), Fake::new());
        fake.goes_on.set(true);
        let mut source = built(&env, &[&path], &[]);
        let context = fake.clone();
        let run = rt::spawn(async move { source.run(context).await });
        rounds(&fake, 1).await;
        rt::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(fake.texts(), ["x"], "it is read once more and no further");
        drop(run);
    });
}

#[test]
fn a_round_that_cannot_be_read_yet_is_tried_again() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let (env, fake) = (TestEnv::new(), Fake::new());
        let path = dir.join("late").to_str().unwrap().to_owned();
        let mut source = built(&env, &[&path], &[]);
        env.services.bell("prices").ring();
        let failed = source.run(fake.clone()).await;
        assert!(matches!(failed, Err(SourceError::Retry(_))), "{failed:?}");
        std::fs::write(&path, "x\n").unwrap();
        let context = fake.clone();
        let run = rt::spawn(async move { source.run(context).await });
        rounds(&fake, 1).await;
        assert_eq!(fake.texts(), ["x"], "nobody had to call again");
        drop(run);
    });
}

#[test]
fn what_cannot_be_is_refused() {
    let input = json!({"name": "file", "config": {"paths": ["a"]}});
    let refused = |config: Json| (SPEC.build)(&config, &TestEnv::new()).err().unwrap().text;
    let error = refused(json!({"name": "", "input": input}));
    assert_eq!(error, "field 'name': a source that is called needs a name");
    let error = refused(json!({"name": "a", "input": input, "every_ns": 999_999}));
    assert_eq!(error, "field 'every_ns': 1000000 at least, or 0");
}
