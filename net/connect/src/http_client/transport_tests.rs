use futures_util::FutureExt;

use super::super::client::library;
use super::super::config::Common;
use super::super::testing::{Server, answer};
use super::*;
use crate::testing::both_modes;

fn get(url: &str) -> Outgoing {
    let services = crate::testing::TestServices::default();
    let client = library(&Common::default(), &services).unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
    Outgoing { client, request, timeout: Duration::from_secs(20) }
}

#[test]
fn requests_wait_when_the_thread_is_busy() {
    let (sender, jobs) = way();
    let ask = || run_on(&sender, async { Ok(()) });
    let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(ask())).collect();
    assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
    assert_eq!(jobs.len(), WAITING_MAX);
    let mut more = Box::pin(ask());
    assert!((&mut more).now_or_never().is_none());
    assert_eq!(jobs.len(), WAITING_MAX);
    drop(jobs);
    assert_eq!(more.now_or_never().unwrap().unwrap_err().text, "the request was lost");
}

#[test]
fn so_many_requests_are_under_way_and_no_more() {
    let (sender, jobs) = flume::unbounded::<Job>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (started, count) = flume::unbounded();
    for _ in 0..=IN_FLIGHT_MAX {
        let started = started.clone();
        let job = async move {
            started.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        sender.send(Box::pin(job)).unwrap();
    }
    runtime.block_on(async {
        let worked = tokio::time::timeout(Duration::from_millis(200), work(jobs.clone())).await;
        assert!(worked.is_err());
    });
    assert_eq!((count.len(), jobs.len()), (IN_FLIGHT_MAX, 1));
}

#[test]
fn a_job_that_nobody_waits_for_is_dropped() {
    let (sender, jobs) = flume::bounded(1);
    let (held, gone) = flume::bounded::<()>(1);
    let mut asked = Box::pin(run_on(&sender, async move {
        let _held = held;
        std::future::pending::<Result<(), Failure>>().await
    }));
    assert!((&mut asked).now_or_never().is_none());
    let mut job = jobs.try_recv().unwrap();
    assert!((&mut job).now_or_never().is_none());
    drop(asked);
    assert!((&mut job).now_or_never().is_some());
    drop(job);
    assert!(gone.is_disconnected());
}

#[test]
fn a_body_has_a_limit_whether_its_length_is_said_or_not() {
    let server = Server::start(|asked| {
        let length = BODY_BYTES_MAX + usize::from(asked.path() != "/fits");
        let body = "x".repeat(length);
        match asked.path() {
            "/pieces" => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            ),
            _ => answer("200 OK", "", &body),
        }
    });
    let url = server.url.clone();
    both_modes(move || {
        let url = url.clone();
        async move {
            let fits = exchange(get(&format!("{url}/fits"))).await.unwrap();
            assert_eq!(fits.body.len(), BODY_BYTES_MAX);
            for path in ["long", "pieces"] {
                let failed = exchange(get(&format!("{url}/{path}"))).await.unwrap_err();
                assert_eq!(failed, Failure::too_large(), "{path}");
            }
        }
    });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut std::io::repeat(0).take(BODY_BYTES_MAX as u64 + 1), &mut packed).unwrap();
    assert_eq!(unpacked(&packed.finish().unwrap()).unwrap_err(), Failure::too_large());
}

#[test]
fn headers_have_a_limit() {
    let server = Server::start(|asked| {
        let count = if asked.path() == "/fits" { HEADERS_MAX - 1 } else { HEADERS_MAX };
        let headers: String = (0..count).map(|n| format!("x-{n}: 1\r\n")).collect();
        answer("200 OK", &headers, "")
    });
    let url = server.url.clone();
    both_modes(move || {
        let url = url.clone();
        async move {
            let fits = exchange(get(&format!("{url}/fits"))).await.unwrap();
            assert_eq!(fits.headers.len(), HEADERS_MAX);
            let failed = exchange(get(&format!("{url}/more"))).await.unwrap_err();
            assert!(failed.text.contains("message head is too large"), "{failed:?}");
        }
    });
}

#[test]
fn nobody_waits_longer_than_the_time_allows() {
    let server = Server::start(|asked| match asked.path() {
        "/head" => {
            std::thread::sleep(Duration::from_secs(2));
            answer("200 OK", "", "late")
        }
        _ => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart".to_owned(),
    });
    let url = server.url.clone();
    both_modes(move || {
        let url = url.clone();
        async move {
            // A head that comes must be there in time, however busy the machine is.
            let (short, long) = (Duration::from_millis(100), Duration::from_secs(1));
            let heads = ("head", Failure::no_head(), short);
            for (path, want, timeout) in [heads, ("body", Failure::no_body(), long)] {
                let outgoing = get(&format!("{url}/{path}"));
                let outgoing = Outgoing { timeout, ..outgoing };
                assert_eq!(exchange(outgoing).await.unwrap_err(), want);
            }
        }
    });
}

#[test]
fn pieces_of_an_endless_answer_wait_with_the_server() {
    let server = Server::start(|_| {
        let pieces = "5\r\nhello\r\n".repeat(1000);
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{pieces}0\r\n\r\n")
    });
    let url = server.url.clone();
    both_modes(move || {
        let url = url.clone();
        async move {
            let opened = open(get(&url), |_| true).await.unwrap();
            let Opened::Stream(mut stream) = opened else { panic!("it is refused") };
            let waiting = async {
                while stream.body.len() < PIECES_MAX {
                    rt::sleep(Duration::from_millis(1)).await;
                }
                rt::sleep(Duration::from_millis(50)).await;
            };
            rt::timeout(Duration::from_secs(20), waiting).await.expect("pieces");
            assert_eq!(stream.body.len(), PIECES_MAX);
            let mut bytes = 0;
            while let Some(piece) = stream.body.recv().await {
                bytes += piece.unwrap().len();
            }
            assert_eq!(bytes, 5000, "all of it comes");
        }
    });
}

#[test]
fn names_are_looked_up_on_so_many_threads_and_no_more() {
    let runtime = runtime().unwrap();
    let (started, count) = flume::unbounded();
    let (hold, held) = flume::bounded::<()>(0);
    for _ in 0..=LOOKUPS_MAX {
        let (started, held) = (started.clone(), held.clone());
        runtime.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = held.recv();
        });
    }
    let long = Duration::from_secs(20);
    (0..LOOKUPS_MAX).for_each(|_| count.recv_timeout(long).unwrap());
    assert!(count.recv_timeout(Duration::from_millis(100)).is_err(), "one waits");
    drop(hold);
    count.recv_timeout(long).unwrap();
}
