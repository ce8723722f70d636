//! More blocking work than there are helpers and places to wait. Alone in its process, because it
//! takes all of both.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use rt::blocking::{QUEUE_MAX, THREADS_MAX};
use rt::testing::modes;
use rt::{ReactorConfig, run_reactor};

#[test]
fn work_beyond_the_limits_waits_and_is_done() {
    for mode in modes() {
        run_reactor(ReactorConfig::new(mode, "test"), || async {
            let (release, hold) = flume::bounded::<()>(0);
            let jobs: Vec<_> = (0..THREADS_MAX + QUEUE_MAX + 100)
                .map(|n| {
                    let hold = hold.clone();
                    rt::spawn(rt::blocking(move || {
                        let _ = hold.recv();
                        n
                    }))
                })
                .collect();
            rt::sleep(std::time::Duration::from_millis(50)).await;
            let threads = std::fs::read_dir("/proc/self/task").expect("listed").count();
            assert!(threads < THREADS_MAX + 16, "{threads} threads");
            assert!(jobs.iter().all(|job| !job.is_finished()));
            drop(release);
            for (n, job) in jobs.into_iter().enumerate() {
                assert_eq!(job.await.expect("not aborted"), Ok(n));
            }
        })
        .expect("the reactor runs");
    }
}
