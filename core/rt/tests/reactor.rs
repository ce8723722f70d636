//! Reactors, tasks and clocks, in every mode the machine has.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rt::testing::modes;
use rt::{Clock, Driver, Error, IoMode, JoinError, ReactorConfig};

fn run<T: 'static>(mode: IoMode, body: impl AsyncFnOnce() -> T + 'static) -> T {
    rt::run_reactor(ReactorConfig::new(mode, "test"), || async move { body().await })
        .expect("the reactor runs")
}

#[test]
fn a_reactor_runs_on_the_driver_it_was_told() {
    for mode in modes() {
        let driver = run(mode, async || rt::reactor::current());
        assert_eq!(driver.map(Driver::mode), Some(mode));
        assert_eq!(rt::reactor::current(), None, "the mark is gone afterwards");
    }
}

#[test]
fn a_thread_is_pinned_and_reports_in() {
    let core = *rt::probe::cores().first().expect("a core");
    for mode in modes() {
        let config = ReactorConfig::new(mode, "shard-0").on_core(core);
        let thread = rt::start_thread(config, || async { rt::probe::cores() }).expect("runs");
        assert_eq!(thread.driver().mode(), mode);
        assert_eq!(thread.join().expect("ends"), [core]);
    }
}

#[test]
fn helpers_of_a_pinned_thread_may_run_on_every_core() {
    let all = rt::probe::cores();
    for mode in modes() {
        let config = ReactorConfig::new(mode, "shard-0").on_core(all[0]);
        let helped = || async { rt::blocking(rt::probe::cores).await };
        let thread = rt::start_thread(config, helped).expect("runs");
        assert_eq!(thread.join().expect("ends"), Ok(all.clone()));
    }
}

#[test]
fn a_core_that_is_not_ours_is_a_clear_error() {
    let config = ReactorConfig::new(IoMode::Epoll, "shard-9").on_core(1_000_000);
    let error = rt::start_thread(config, || async {}).err().expect("refused");
    assert!(matches!(error, Error::Pin { core: 1_000_000, .. }), "{error}");
    assert!(error.to_string().contains("shard-9"));
}

#[test]
fn wakes_from_other_threads_arrive() {
    for mode in modes() {
        let (ping, pings) = flume::bounded::<u32>(1);
        let (pong, pongs) = flume::bounded::<u32>(1);
        let echo = rt::start_thread(ReactorConfig::new(mode, "echo"), move || async move {
            while let Ok(n) = pings.recv_async().await {
                if pong.send_async(n + 1).await.is_err() {
                    break;
                }
            }
        })
        .expect("runs");
        for n in 0..2_000 {
            if n % 500 == 0 {
                std::thread::sleep(Duration::from_millis(20)); // the reactor is parked
            }
            ping.send(n).expect("the reactor listens");
            assert_eq!(pongs.recv_timeout(Duration::from_secs(5)), Ok(n + 1), "{mode}");
        }
        drop(ping);
        echo.join().expect("ends");
    }
}

#[test]
fn two_reactors_wake_each_other() {
    for mode in modes() {
        let (there, here) = flume::bounded::<u32>(1);
        let (back, answers) = flume::bounded::<u32>(1);
        let other = rt::start_thread(ReactorConfig::new(mode, "b"), move || async move {
            while let Ok(n) = here.recv_async().await {
                let _ = back.send_async(n * 2).await;
            }
        })
        .expect("runs");
        run(mode, async move || {
            for n in 0..1_000 {
                there.send_async(n).await.expect("open");
                assert_eq!(answers.recv_async().await, Ok(n * 2));
            }
        });
        other.join().expect("ends");
    }
}

#[test]
fn a_task_sees_the_same_waker_at_every_turn() {
    for mode in modes() {
        let known = run(mode, async || {
            let mut seen: Vec<std::task::Waker> = Vec::new();
            let task = rt::spawn(std::future::poll_fn(move |cx| {
                seen.push(cx.waker().clone());
                if seen.len() == 10 {
                    return std::task::Poll::Ready(seen.iter().all(|w| w.will_wake(cx.waker())));
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            }));
            task.await
        });
        assert_eq!(known, Ok(true));
    }
}

#[test]
fn tasks_join_abort_and_survive_panics() {
    for mode in modes() {
        run(mode, async || {
            assert_eq!(rt::spawn(async { 7 }).await, Ok(7));

            let broken = rt::spawn(async { panic!("of its own making") }).await;
            assert_eq!(broken, Err::<(), _>(JoinError::Panicked("of its own making".into())));

            let alive = Rc::new(Cell::new(true));
            struct Note(Rc<Cell<bool>>);
            impl Drop for Note {
                fn drop(&mut self) {
                    self.0.set(false);
                }
            }
            let note = Note(Rc::clone(&alive));
            let task = rt::spawn(async move {
                let _note = note;
                std::future::pending::<()>().await;
            })
            .abort_on_drop();
            rt::yield_now().await;
            assert!(alive.get() && !task.is_finished());
            drop(task);
            rt::sleep(Duration::from_millis(1)).await;
            assert!(!alive.get(), "dropping the task dropped its future");
        });
    }
}

#[test]
fn tasks_are_dropped_with_their_reactor() {
    for mode in modes() {
        let (held, released) = flume::bounded::<()>(1);
        run(mode, async move || {
            drop(rt::spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            }));
        });
        assert_eq!(released.try_recv(), Err(flume::TryRecvError::Disconnected));
    }
}

#[test]
fn a_panic_of_the_main_future_is_an_error() {
    for mode in modes() {
        let config = ReactorConfig::new(mode, "shaky");
        let body = || async {
            if true {
                panic!("no luck")
            }
        };
        let error = rt::run_reactor(config, body).expect_err("it panicked");
        assert!(error.to_string().contains("shaky") && error.to_string().contains("no luck"));
    }
}

#[test]
fn sleeping_takes_its_time_and_no_cpu() {
    for mode in modes() {
        run(mode, async || {
            let start = Instant::now();
            rt::sleep(Duration::from_millis(30)).await;
            assert!(start.elapsed() >= Duration::from_millis(29), "{:?}", start.elapsed());
            let slow = rt::timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
            assert_eq!(slow, Err(rt::Elapsed));
            assert_eq!(rt::timeout(Duration::from_secs(9), async { 1 }).await, Ok(1));
        });
    }
}

#[test]
fn sleep_works_off_the_reactor() {
    let start = Instant::now();
    let waits = (1..=20).map(|n| rt::sleep(Duration::from_millis(40 - n)));
    rt::block_on(futures_util::future::join_all(waits));
    assert!(start.elapsed() >= Duration::from_millis(39));
    let late = rt::block_on(rt::timeout(Duration::from_millis(5), std::future::pending::<()>()));
    assert_eq!(late, Err(rt::Elapsed));
}

#[test]
fn a_yield_is_no_less_for_a_task_that_wakes_itself() {
    for mode in modes() {
        run(mode, async || {
            let other = Rc::new(Cell::new(0));
            let counts = Rc::clone(&other);
            let counting = rt::spawn(async move {
                loop {
                    counts.set(counts.get() + 1);
                    rt::yield_now().await;
                }
            });
            let polls = Cell::new(0);
            let itself = std::future::poll_fn(|cx| {
                polls.set(polls.get() + 1);
                if polls.get() % 50 != 0 {
                    cx.waker().wake_by_ref();
                }
                std::task::Poll::<()>::Pending
            });
            let yields = async {
                for _ in 0..10 {
                    rt::yield_now().await;
                }
            };
            let (yields, itself) = (std::pin::pin!(yields), std::pin::pin!(itself));
            futures_util::future::select(yields, itself).await;
            drop(counting.abort_on_drop());
            assert!(other.get() >= 10, "the other task had {} turns", other.get());
        });
    }
}

#[test]
fn tasks_that_only_yield_keep_out_neither_other_threads_nor_the_time() {
    for mode in modes() {
        let (send, sent) = flume::bounded::<u32>(1);
        let thread = rt::start_thread(ReactorConfig::new(mode, "busy"), move || async move {
            let yielding = async || loop {
                rt::yield_now().await;
            };
            let busy = [(); 3].map(|()| rt::spawn::<_>(yielding()).abort_on_drop());
            rt::sleep(Duration::from_millis(5)).await;
            let got = sent.recv_async().await;
            drop::<[rt::Task<()>; 3]>(busy);
            got
        })
        .expect("runs");
        std::thread::sleep(Duration::from_millis(30)); // they are busy by then
        send.send(7).expect("it still waits");
        let ended = thread.join_timeout(Duration::from_secs(30));
        let Ok(got) = ended else { panic!("{mode:?}: it heard nothing") };
        assert_eq!(got.expect("no panic"), Ok(7));
    }
}

#[test]
fn a_driven_clock_moves_only_by_hand() {
    for mode in modes() {
        run(mode, async || {
            let clock = Clock::driven(1_700_000_000_000_000_000);
            let _guard = clock.install_for_thread();
            let (start, order) = (rt::now(), Rc::new(std::cell::RefCell::new(Vec::new())));
            for seconds in [3, 1, 2] {
                let order = Rc::clone(&order);
                drop(rt::spawn(async move {
                    rt::sleep(Duration::from_secs(seconds)).await;
                    order.borrow_mut().push(seconds);
                }));
            }
            rt::yield_now().await;
            assert_eq!(clock.next_deadline(), Some(start + Duration::from_secs(1)));
            clock.advance(Duration::from_millis(2_500));
            for _ in 0..4 {
                rt::yield_now().await;
            }
            assert_eq!(*order.borrow(), [1, 2]);
            assert_eq!(rt::now() - start, Duration::from_millis(2_500));
            assert_eq!(rt::wall(), 1_700_000_002_500_000_000);
        });
        assert_ne!(rt::now(), rt::Nanos(0));
    }
}

#[test]
fn a_driven_clock_wakes_other_threads() {
    for mode in modes() {
        let clock = Clock::driven(0);
        let theirs = clock.clone();
        let thread = rt::start_thread(ReactorConfig::new(mode, "driven"), move || async move {
            let _guard = theirs.install_for_thread();
            rt::sleep(Duration::from_secs(3_600)).await;
            rt::wall()
        })
        .expect("runs");
        while clock.next_deadline().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(thread.join().expect("ends"), 3_600_000_000_000);
    }
}

#[test]
fn blocking_work_runs_elsewhere_and_panics_are_values() {
    for mode in modes() {
        run(mode, async || {
            let here = std::thread::current().id();
            let there = rt::blocking(|| std::thread::current().id()).await.expect("ran");
            assert_ne!(here, there);
            let broken = rt::blocking(|| {
                if true {
                    panic!("in a helper")
                }
            })
            .await;
            assert!(broken.is_err_and(|error| error.to_string().contains("in a helper")));
        });
    }
}

#[test]
fn hung_helpers_do_not_stop_the_others() {
    for mode in modes() {
        run(mode, async || {
            let (release, hold) = flume::bounded::<()>(0);
            let hung: Vec<_> = (0..rt::blocking::THREADS_MAX - 4)
                .map(|_| {
                    let hold = hold.clone();
                    rt::spawn(rt::blocking(move || hold.recv().is_err()))
                })
                .collect();
            rt::yield_now().await;
            for n in 0..50 {
                let answer = rt::timeout(Duration::from_secs(5), rt::blocking(move || n)).await;
                assert_eq!(answer, Ok(Ok(n)));
            }
            drop(release);
            for task in hung {
                assert_eq!(task.await, Ok(Ok(true)));
            }
        });
    }
}

#[test]
fn a_reactor_inside_another_is_refused() {
    for mode in modes() {
        let inner = run(mode, async move || {
            rt::run_reactor(ReactorConfig::new(mode, "inner"), || async {}).err()
        });
        assert!(matches!(inner, Some(Error::Nested(name)) if name == "inner"));
    }
}
