//! A disk buffer between an input and a pipeline that takes its time.

use plan::serde_json::json;
use plan::{Fault, Outcome};
use rt::storage::spool::check;
use rt::testing::TempDir;
use std::sync::Arc;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

pub(super) fn config(dir: &TempDir, count: usize, limit: u64) -> Json {
    let mapping = json!({"lang": "toy", "text": "a message"});
    let generate = json!({"mapping": mapping, "interval": "", "batch_size": 2, "count": count});
    let path = dir.join("log").display().to_string();
    json!({"input": {"name": "generate", "config": generate}, "path": path, "limit": limit})
}

fn buffer(config: &Json) -> Box<dyn Source> {
    (SPEC.build)(config, &TestEnv::new()).expect("a buffer")
}

fn pending(dir: &TempDir) -> u64 {
    let report = check(&dir.join("log")).expect("checked");
    assert_eq!(report.faults, []);
    report.pending
}

#[test]
fn everything_is_delivered_and_the_log_is_empty() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let fake = Fake::new();
        let ended = buffer(&config(&dir, 500, 1 << 20)).run(fake.clone()).await;
        assert_eq!((ended, fake.texts().len()), (Ok(()), 500));
        assert_eq!(pending(&dir), 0);
    });
}

#[test]
fn what_is_refused_is_delivered_later_and_only_that() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let left = Cell::new(10);
        let fake = Fake::judging(move |seen| {
            let refuse = left.get() > 0 && seen.texts.len() == 2;
            left.set(left.get() - i32::from(refuse));
            let failure = (Some(1), Arc::new(Fault::new("no")));
            Outcome { failures: refuse.then_some(failure).into_iter().collect(), replies: vec![] }
        });
        let ended = buffer(&config(&dir, 40, 1 << 20)).run(fake.clone()).await;
        assert_eq!((ended, fake.texts().len()), (Ok(()), 50));
        assert_eq!(pending(&dir), 0);
    });
}

#[test]
fn what_was_kept_is_handed_on_by_the_next_one() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let refusing = Fake::judging(|seen| {
            let all = (0..seen.texts.len() as u32).map(|t| (Some(t), Arc::new(Fault::new("no"))));
            Outcome { failures: all.collect(), replies: vec![] }
        });
        let mut first = buffer(&config(&dir, 20, 1 << 20));
        let stop = async {
            while refusing.texts().len() < 100 {
                rt::sleep(Time::from_millis(1)).await;
            }
            refusing.stop();
        };
        let (ended, ()) = futures_util::future::join(first.run(refusing.clone()), stop).await;
        assert_eq!(ended, Ok(()), "the input had ended");
        drop(first);
        assert_eq!(pending(&dir), 10, "batches of two");
        // The next one is stopped by force when some of it is on its way.
        let fake = Fake::new();
        let ended = buffer(&config(&dir, 2, 1 << 20)).run(fake.clone()).await;
        assert_eq!((ended, fake.texts().len()), (Ok(()), 22));
        assert_eq!((fake.sizes(), pending(&dir)), (vec![2; 11], 0));
    });
}

#[test]
fn an_input_waits_at_the_limit_and_nothing_is_lost() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let fake = Fake::new();
        // Each batch takes about 80 bytes; a gathered one would be larger than the limit.
        let mut config = config(&dir, 200, 1000);
        config["batch_policy"] = json!({"enabled": true, "count": 100});
        let mut buffer = buffer(&config);
        let running = buffer.run(fake.clone());
        let ended = rt::timeout(Time::from_secs(20), running).await.expect("it ends");
        assert_eq!((ended, fake.texts().len()), (Ok(()), 200));
        assert!(fake.sizes().iter().all(|size| *size < 100), "{:?}", fake.sizes());
    });
}

#[test]
fn many_more_batches_than_may_be_on_their_way() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let fake = Fake::new();
        let mut config = config(&dir, 8 * log::LANDINGS_MAX, 1 << 20);
        config["sync_period"] = json!("1h");
        let ended = buffer(&config).run(fake.clone()).await;
        assert_eq!((ended, fake.texts().len()), (Ok(()), 8 * log::LANDINGS_MAX));
    });
}

/// Takes everything and never says what became of it.
#[derive(Default)]
struct Holder(Cell<usize>);

impl SourceContext for Holder {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        self.0.set(self.0.get() + batch.payload_bytes());
        let never = Emitted(Box::pin(std::future::pending()));
        Box::pin(std::future::ready(Ok(never)))
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn is_stopping(&self) -> bool {
        false
    }

    fn connected(&self, _: bool) {}

    fn error(&self, text: &str) {
        panic!("{text}");
    }

    fn instance(&self) -> (usize, usize) {
        (0, 1)
    }
}

#[test]
fn what_is_in_memory_is_bounded_and_the_rest_is_on_disk() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let held = Rc::new(Holder::default());
        // 48 batches of a mebibyte, in two messages each.
        let mut config = config(&dir, 96, 1 << 30);
        let large = json!({"lang": "toy", "text": "x".repeat(1 << 19)});
        config["input"]["config"]["mapping"] = large;
        config["sync_period"] = json!("1h");
        let mut buffer = buffer(&config);
        let running = buffer.run(held.clone());
        let all = async {
            // Most of it is on disk.
            while bytes_below(&dir) < 40 << 20 || held.0.get() < MEMORY_MAX / 2 {
                rt::sleep(Time::from_millis(5)).await;
            }
            rt::sleep(Time::from_millis(500)).await;
        };
        let all = select(Box::pin(all), running);
        let all = rt::timeout(Time::from_secs(60), all).await.expect("it is kept");
        assert!(matches!(all, Either::Left(_)), "nothing is delivered");
        let bytes = held.0.get();
        assert!((MEMORY_MAX / 2..=MEMORY_MAX).contains(&bytes), "{bytes}");
    });
}

/// Bytes of the segments of a log.
fn bytes_below(dir: &TempDir) -> u64 {
    let entries = std::fs::read_dir(dir.join("log")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

#[test]
fn a_batch_above_the_limit_is_said_and_not_lost() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let fake = Fake::new();
        let mut buffer = buffer(&config(&dir, 2, 50));
        let stop = async {
            while fake.errors().is_empty() {
                rt::sleep(Time::from_millis(1)).await;
            }
            fake.stop();
        };
        let (ended, ()) = futures_util::future::join(buffer.run(fake.clone()), stop).await;
        assert_eq!(ended, Err(SourceError::Stopped));
        let text = "bytes exceeds the limit of the buffer";
        assert!(fake.errors()[0].contains(text), "{:?}", fake.errors());
    });
}

#[test]
fn a_directory_in_use_and_one_that_cannot_be_made_are_errors() {
    both_modes(|| async {
        let dir = TempDir::new().expect("a directory");
        let options = Config {
            limit: 1000,
            path: "x".into(),
            ..read_config(&config(&dir, 1, 1000)).expect("a config")
        };
        let mode = rt::reactor::current().expect("a reactor").mode();
        let path = dir.join("log");
        let held = Spool::open(&path, options.options().expect("options"), mode).await;
        let fake = Fake::new();
        let ended = buffer(&config(&dir, 1, 1000)).run(fake.clone()).await;
        let text = format!("{} is in use by another pipeline or process", path.display());
        assert_eq!(ended, Err(SourceError::Fatal(text)));
        drop(held);
        std::fs::write(dir.join("file"), "").expect("written");
        let mut config = config(&dir, 1, 1000);
        config["path"] = json!(dir.join("file/below").display().to_string());
        let ended = buffer(&config).run(fake).await;
        assert!(matches!(ended, Err(SourceError::Retry(_))), "{ended:?}");
    });
}

#[test]
fn configs_that_cannot_be_are_refused() {
    for (config, text) in [
        (json!({"path": ""}), "field 'path' must name a directory"),
        (json!({"path": "x", "limit": 3}), "field 'limit' must be a number of bytes"),
        (
            json!({"path": "x", "batch_policy": {"enabled": true}}),
            "batch policy must have at least one active trigger",
        ),
    ] {
        let mut config = config;
        config["input"] = json!({"name": "stdin"});
        let error = (SPEC.build)(&config, &TestEnv::new()).err().expect("refused");
        assert_eq!(error.text, text);
    }
}
