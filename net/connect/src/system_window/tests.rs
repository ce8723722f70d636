//! Windows on a clock that only the tests move.

use std::cell::RefCell;

use plan::serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

/// 2026-11-29T00:00:00Z
const DAY: i64 = 1_795_910_400_000_000_000;

/// A source that emits what a test gives it, and remembers what became of it.
#[derive(Clone, Default)]
struct Given(Rc<Inner>);

#[derive(Default)]
struct Inner {
    batches: RefCell<Vec<Batch>>,
    emitted: Cell<usize>,
    closed: Cell<bool>,
    outcomes: RefCell<Vec<String>>,
    replays: bool,
}

impl Given {
    fn give(&self, texts: &[&str]) {
        self.0.batches.borrow_mut().push(crate::testing::batch(texts));
    }

    fn outcomes(&self) -> Vec<String> {
        self.0.outcomes.borrow().clone()
    }
}

impl Source for Given {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            loop {
                if context.is_stopping() {
                    return Err(SourceError::Stopped);
                }
                let next = self.0.batches.borrow_mut().pop();
                match next {
                    Some(batch) => {
                        let emitted = context.emit(batch).await?;
                        self.0.emitted.set(self.0.emitted.get() + 1);
                        let given = Rc::clone(&self.0);
                        rt::spawn(async move {
                            let outcome = emitted.outcome().await;
                            let said = outcome.failures.iter().map(|(_, fault)| &*fault.text);
                            let said = said.collect::<Vec<_>>().join(", ");
                            given.outcomes.borrow_mut().push(said);
                        });
                    }
                    None if self.0.closed.get() => return Ok(()),
                    None => rt::yield_now().await,
                }
            }
        })
    }

    fn replays(&self) -> bool {
        self.0.replays
    }
}

/// A buffer with such a source, whose windows a fake takes, on a clock of its own.
struct Setup {
    given: Given,
    fake: Rc<Fake>,
    kept: Rc<Kept>,
    clock: rt::Clock,
    running: Option<rt::JoinHandle<Result<(), SourceError>>>,
    _guard: rt::clock::ClockGuard,
}

impl Setup {
    fn new(config: plan::Json, replays: bool, fake: Rc<Fake>) -> Self {
        let clock = rt::Clock::driven(DAY);
        let guard = clock.install_for_thread();
        let given = Given(Rc::new(Inner { replays, ..Inner::default() }));
        let kept = Rc::new(kept(config, replays));
        let input = Nested::new(Box::new(given.clone()), true);
        let mut buffer = SystemWindow { input, kept: Rc::clone(&kept) };
        let context: Rc<dyn SourceContext> = fake.clone();
        let running = rt::spawn(async move { buffer.run(context).await });
        Setup { given, fake, kept, clock, running: Some(running), _guard: guard }
    }

    async fn settle() {
        for _ in 0..100 {
            rt::yield_now().await;
        }
    }

    async fn advance(&self, ms: u64) {
        self.clock.advance(Time::from_millis(ms));
        Setup::settle().await;
    }

    async fn give(&self, texts: &[&str]) {
        self.given.give(texts);
        Setup::settle().await;
    }

    async fn ended(&mut self) -> Result<(), SourceError> {
        self.running.take().expect("it runs").await.expect("no panic")
    }

    async fn close(&mut self) -> Result<(), SourceError> {
        self.given.0.closed.set(true);
        self.ended().await
    }
}

/// A config whose messages are times.
fn own_times(more: plan::Json) -> plan::Json {
    let mut config = json!({"timestamp_mapping": {"lang": "", "text": "content"}});
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn a_window_is_handed_on_when_it_has_ended() {
    both_modes(|| async {
        let mut setup = Setup::new(own_times(json!({"size": "10s"})), false, Fake::new());
        setup.give(&["1795910401", "1795910409.5", "1795910411"]).await;
        setup.advance(9_999).await;
        assert!(setup.fake.texts().is_empty() && setup.given.outcomes().is_empty());
        setup.advance(1).await;
        assert_eq!(setup.fake.texts(), ["1795910401", "1795910409.5"]);
        assert_eq!(setup.fake.meta(END_KEY)[0], "2026-11-29T00:00:10Z");
        // What is too late for any window counts as delivered.
        setup.give(&["1795910402"]).await;
        assert_eq!(setup.given.outcomes(), [""]);
        setup.given.0.closed.set(true);
        setup.advance(10_000).await;
        assert_eq!(setup.ended().await, Ok(()), "it ends when everything is delivered");
        assert_eq!(setup.fake.sizes(), [2, 1]);
        assert_eq!(setup.fake.meta(END_KEY)[2], "2026-11-29T00:00:20Z");
        assert_eq!(setup.given.outcomes(), ["", ""]);
    });
}

#[test]
fn latecomers_are_waited_for_as_long_as_is_allowed() {
    both_modes(|| async {
        let config = json!({"size": "10s", "allowed_lateness": "2s"});
        let setup = Setup::new(own_times(config), false, Fake::new());
        setup.advance(11_500).await;
        setup.give(&["1795910405"]).await;
        assert!(setup.fake.texts().is_empty());
        setup.advance(500).await;
        assert_eq!(setup.fake.texts(), ["1795910405"]);
        setup.fake.stop();
    });
}

#[test]
fn windows_that_slide_share_messages() {
    both_modes(|| async {
        let config = json!({"size": "10s", "slide": "5s"});
        let mut setup = Setup::new(own_times(config), false, Fake::new());
        setup.give(&["1795910401", "1795910406"]).await;
        setup.advance(5_000).await;
        assert_eq!(setup.fake.texts(), ["1795910401"]);
        assert!(setup.given.outcomes().is_empty(), "the other one was not delivered yet");
        setup.advance(5_000).await;
        assert_eq!(setup.given.outcomes(), [""]);
        setup.give(&["1795910412"]).await;
        setup.advance(5_000).await;
        assert_eq!(setup.fake.sizes(), [1, 2, 2]);
        assert_eq!(setup.close().await, Ok(()));
    });
}

#[test]
fn a_stop_gives_back_what_waits() {
    both_modes(|| async {
        let mut setup = Setup::new(own_times(json!({"size": "10s"})), true, Fake::new());
        setup.give(&["1795910401", "1795910402"]).await;
        setup.fake.stop();
        assert_eq!(setup.ended().await, Err(SourceError::Stopped));
        let text = "message rejected as window did not complete";
        Setup::settle().await;
        assert_eq!(setup.given.outcomes(), [format!("{text}, {text}")]);
        assert!(setup.fake.texts().is_empty());
    });
}

/// Refuses the second message of each batch, so many times.
fn refusing(times: usize) -> Rc<Fake> {
    let left = Cell::new(times);
    Fake::judging(move |seen| {
        let refuse = left.get() > 0;
        left.set(left.get().saturating_sub(1));
        let tag = seen.texts.len() as u32 - 1;
        let failures = refuse.then(|| (Some(tag), Arc::new(Fault::new("no"))));
        Outcome { failures: failures.into_iter().collect(), replies: Vec::new() }
    })
}

#[test]
fn what_is_refused_is_told_or_looks_for_another_window() {
    both_modes(|| async {
        let setup = Setup::new(own_times(json!({"size": "10s"})), false, refusing(1));
        setup.give(&["1795910401", "1795910402"]).await;
        setup.advance(10_000).await;
        assert_eq!(setup.given.outcomes(), ["no"]);
        setup.fake.stop();
        drop(setup);
        // A window that ends, ends for what is tried again, too; the next one may take it.
        let config = json!({"size": "10s", "slide": "5s"});
        let setup = Setup::new(own_times(config), true, refusing(1));
        setup.give(&["1795910401", "1795910404"]).await;
        setup.advance(5_000).await;
        assert!(setup.given.outcomes().is_empty());
        setup.advance(5_000).await;
        assert_eq!(setup.given.outcomes(), [""]);
        assert_eq!(setup.fake.sizes(), [2, 2]);
        setup.fake.stop();
    });
}

#[test]
fn a_message_without_a_time_is_refused_or_tried_again() {
    both_modes(|| async {
        let setup = Setup::new(own_times(json!({"size": "10s"})), false, Fake::new());
        setup.give(&["1795910401", "[]"]).await;
        setup.advance(10_000).await;
        assert_eq!(setup.fake.texts(), ["1795910401"]);
        let text = "unable to parse result of timestamp mapping as timestamp: expected number or \
                    string value, got array";
        assert_eq!(setup.given.outcomes(), [text]);
        setup.fake.stop();
        drop(setup);
        let mut setup = Setup::new(own_times(json!({"size": "10s"})), true, Fake::new());
        setup.give(&["[]"]).await;
        setup.advance(30_000).await;
        assert!(setup.given.outcomes().is_empty() && setup.fake.texts().is_empty());
        setup.fake.stop();
        assert_eq!(setup.ended().await, Err(SourceError::Stopped));
        assert!(setup.kept.has_room(BYTES_MAX), "what was given back takes no room");
    });
}

#[test]
fn an_input_that_brings_too_much_waits() {
    both_modes(|| async {
        let (given, fake) = (Given::default(), Fake::new());
        let setup = Setup::new(own_times(json!({"size": "10s"})), false, Fake::new());
        assert!(setup.kept.has_room(usize::MAX), "something large is taken alone");
        let mut kept = kept(own_times(json!({"size": "10s"})), false);
        kept.bytes_max = 5 * (MESSAGE_BYTES + 10);
        let kept = Rc::new(kept);
        let input = Nested::new(Box::new(given.clone()), true);
        let mut buffer = SystemWindow { input, kept: Rc::clone(&kept) };
        for _ in 0..20 {
            given.give(&["1795910401"]);
        }
        let context: Rc<dyn SourceContext> = fake.clone();
        let running = rt::spawn(async move { buffer.run(context).await });
        Setup::settle().await;
        assert_eq!(given.0.emitted.get(), 5, "so many have room");
        setup.advance(10_000).await;
        assert_eq!(fake.sizes(), [5]);
        assert_eq!(given.0.emitted.get(), 20, "the others are too late and take none");
        fake.stop();
        assert_eq!(running.await.expect("no panic"), Err(SourceError::Stopped));
        setup.fake.stop();
    });
}

/// What is kept, of nothing yet.
fn kept(config: plan::Json, replays: bool) -> Kept {
    let config: Config = plan::serde_json::from_value(config).expect("a config");
    let env = TestEnv::new();
    let mapping = env.expr(&config.timestamp_mapping.0, Form::Mapping).expect("a mapping");
    let counts = Counts {
        received: Default::default(),
        batch_received: Default::default(),
        sent: Default::default(),
        batch_sent: Default::default(),
        latency: plan::env::Timing(Rc::new(|_, _| ())),
    };
    let windows = config.windows().expect("windows");
    Kept::new(windows, Stamps::new(mapping), replays, env.services(), counts)
}

#[test]
fn what_cannot_be_is_refused() {
    for (config, text) in [
        (
            json!({"size": "x"}),
            "failed to parse field 'size' as duration: time: invalid duration \"x\"",
        ),
        (
            json!({"size": ""}),
            "failed to parse field 'size' as duration: time: invalid duration \"\"",
        ),
        (json!({"size": "0s"}), "invalid window slide '0s' must be lower than the size '0s'"),
        (json!({"size": "-1s"}), "invalid window slide '0s' must be lower than the size '-1s'"),
        (
            json!({"size": "1s", "slide": "1s"}),
            "invalid window slide '1s' must be lower than the size '1s'",
        ),
        (
            json!({"size": "1s", "offset": "1s"}),
            "invalid offset '1s' must be lower than the size '1s'",
        ),
        (
            json!({"size": "2s", "slide": "1s", "offset": "1s"}),
            "invalid offset '1s' must be lower than the slide '1s'",
        ),
        (
            json!({"size": "1s", "allowed_lateness": "1s"}),
            "invalid allowed_lateness '1s' must be lower than the size '1s'",
        ),
        (
            json!({"size": "1s", "allowed_lateness": "zz"}),
            "failed to parse field 'allowed_lateness' as duration: time: invalid duration \"zz\"",
        ),
        (
            json!({"size": "-1s", "slide": "-2s", "offset": "-3s", "allowed_lateness": "-2s"}),
            "invalid window size '-1s' must be higher than 0",
        ),
    ] {
        let read: Config = plan::serde_json::from_value(own_times(config.clone())).expect("read");
        assert_eq!(read.windows().err().map(|e| e.text).as_deref(), Some(text), "{config}");
    }
}

#[test]
fn so_many_windows_are_on_their_way_and_the_next_waits() {
    both_modes(|| async {
        let mut setup = Setup::new(own_times(json!({"size": "1s"})), false, Fake::new());
        setup.fake.hold(true);
        for at in 0..IN_FLIGHT_MAX + 2 {
            setup.give(&[&format!("{}.5", 1_795_910_400 + at)]).await;
            setup.advance(1000).await;
        }
        setup.given.0.closed.set(true);
        Setup::settle().await;
        assert_eq!(setup.fake.sizes(), [1; IN_FLIGHT_MAX]);
        setup.fake.hold(false);
        assert_eq!(setup.ended().await, Ok(()));
        assert_eq!(setup.fake.sizes(), [1; IN_FLIGHT_MAX + 2]);
    });
}
