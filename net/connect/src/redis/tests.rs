//! What is asked of a Redis that the tests start themselves.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration as Time;

use plan::serde_json::json;
use plan::shared::{CacheError, CacheOp, CacheResult};
use plan::{Cache, Json};
use rt::testing::TempDir;

use super::cache::SPEC;
use super::island;
use crate::testing::{TestServices, both_modes};

/// A server on a port of its own, killed when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    _dir: TempDir,
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Server {
    /// Nothing where there is no such program here.
    pub(super) fn start(more: &[&str]) -> Option<Server> {
        Server::start_at(free_port(), more)
    }

    fn start_at(port: u16, more: &[&str]) -> Option<Server> {
        Server::run(port, &[&["--port", &port.to_string()], more].concat())
    }

    /// Starts one that is told by these arguments to listen on this port.
    pub(super) fn run(port: u16, args: &[&str]) -> Option<Server> {
        let dir = TempDir::new().expect("a folder");
        let mut command = Command::new("redis-server");
        command.args(args).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(dir.path());
        let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: redis-server: {error}");
                return None;
            }
        };
        let server = Server { child, port, _dir: dir };
        let connects = |_: &u32| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let up = (0..500).find(|n| {
            std::thread::sleep(Time::from_millis(if *n == 0 { 0 } else { 10 }));
            connects(n)
        });
        assert!(up.is_some(), "the server answers");
        Some(server)
    }

    pub(super) fn cache(&self, more: Json) -> Rc<dyn Cache> {
        let mut config = json!({"url": format!("redis://127.0.0.1:{}", self.port)});
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        cache(&config)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn cache(config: &Json) -> Rc<dyn Cache> {
    (SPEC.build)(config, Rc::<TestServices>::default()).expect("a cache")
}

pub(super) fn get(key: &str) -> CacheOp {
    CacheOp::Get { key: key.into() }
}

pub(super) fn set(key: &str, value: &str, ttl_ns: Option<u64>) -> CacheOp {
    CacheOp::Set { key: key.into(), value: value.into(), ttl_ns }
}

fn add(key: &str, value: &str) -> CacheOp {
    CacheOp::Add { key: key.into(), value: value.into(), ttl_ns: None }
}

fn delete(key: &str) -> CacheOp {
    CacheOp::Delete { key: key.into() }
}

pub(super) fn value(text: &str) -> CacheResult {
    Ok(Some(text.as_bytes().to_vec()))
}

#[test]
fn values_are_kept_by_the_server() {
    both_modes(|| async {
        let Some(server) = Server::start(&[]) else { return };
        let one = server.cache(json!({"prefix": "p:"}));
        let ops = vec![get("a"), add("a", "1"), add("a", "2"), get("a"), set("a", "3", None)];
        let results = one.run(ops).await;
        let exists = Err(CacheError::Exists);
        assert_eq!(results, [Err(CacheError::NotFound), Ok(None), exists, value("1"), Ok(None)]);
        // Another cache finds it under its whole key.
        let other = server.cache(json!({"client_name": "other"}));
        assert_eq!(other.run(vec![get("p:a"), get("a")]).await[0], value("3"));
        let results = one.run(vec![delete("a"), delete("a"), get("a")]).await;
        assert_eq!(results, [Ok(None), Ok(None), Err(CacheError::NotFound)]);
        // Bytes are bytes, and many things are asked at once in their order.
        let odd = CacheOp::Set { key: vec![0xff, 0], value: vec![0, 0xfe], ttl_ns: None };
        let results = one.run(vec![odd, CacheOp::Get { key: vec![0xff, 0] }]).await;
        assert_eq!(results[1], Ok(Some(vec![0, 0xfe])));
        let many: Vec<CacheOp> = (0..2000).map(|n| add("many", &n.to_string())).collect();
        let results = one.run(many).await;
        assert_eq!(results.iter().position(Result::is_ok), Some(0));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    });
}

#[test]
fn values_are_kept_for_their_time() {
    both_modes(|| async {
        let Some(server) = Server::start(&[]) else { return };
        let cache = server.cache(json!({"default_ttl": "100ms"}));
        let ops = vec![set("a", "1", None), set("b", "2", Some(60_000_000_000)), add("c", "3")];
        cache.run(ops).await;
        assert_eq!(cache.run(vec![get("a"), get("c")]).await, [value("1"), value("3")]);
        rt::sleep(Time::from_millis(200)).await;
        let gone = || Err(CacheError::NotFound);
        let results = cache.run(vec![get("a"), get("b"), get("c")]).await;
        assert_eq!(results, [gone(), value("2"), gone()]);
    });
}

#[test]
fn a_server_that_never_answers_is_not_waited_for() {
    both_modes(|| async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let retries = json!({"initial_interval": "10ms", "max_elapsed_time": "20ms"});
        let url = format!("redis://127.0.0.1:{port}");
        let cache = cache(&json!({"url": url, "retries": retries}));
        let results = rt::timeout(Time::from_secs(60), cache.run(vec![get("a")])).await;
        let results = results.expect("an end");
        assert!(matches!(results[..], [Err(CacheError::Other(_))]), "{results:?}");
    });
}

#[test]
fn a_server_that_comes_back_is_used_again() {
    both_modes(|| async {
        let port = free_port();
        let retries = json!({"initial_interval": "10ms", "max_elapsed_time": "300ms"});
        let url = format!("redis://127.0.0.1:{port}");
        let cache = cache(&json!({"url": url, "retries": retries}));
        let refused = "dial tcp: connect: connection refused";
        let results = cache.run((0..100).map(|n| get(&n.to_string())).collect()).await;
        assert_eq!(results, vec![Err(CacheError::Other(refused.to_owned())); 100]);
        let Some(server) = Server::start_at(port, &[]) else { return };
        assert_eq!(cache.run(vec![set("a", "1", None), get("a")]).await[1], value("1"));
        drop(server);
        assert!(matches!(cache.run(vec![get("a")]).await[0], Err(CacheError::Other(_))));
        let Some(_server) = Server::start_at(port, &[]) else { return };
        let results = cache.run(vec![set("a", "2", None), get("a")]).await;
        assert_eq!(results, [Ok(None), value("2")], "what was kept is not, but the way is there");
    });
}

#[test]
fn what_the_server_says_is_said() {
    both_modes(|| async {
        let Some(server) = Server::start(&["--requirepass", "secret"]) else { return };
        let retries = json!({"initial_interval": "1ms", "max_elapsed_time": "10ms"});
        let with = |user: &str| {
            let url = format!("redis://{user}127.0.0.1:{}/1", server.port);
            cache(&json!({"url": url, "retries": retries}))
        };
        let cache = with(":secret@");
        assert_eq!(cache.run(vec![set("a", "1", None), get("a")]).await[1], value("1"));
        for (user, said) in [("", "Authentication required"), (":wrong@", "WRONGPASS")] {
            let results = with(user).run(vec![get("a")]).await;
            let Err(CacheError::Other(text)) = &results[0] else { panic!("{results:?}") };
            assert!(text.contains(said) && !text.contains("secret"), "{text}");
        }
    });
}

#[test]
fn a_cluster_is_found_by_its_nodes() {
    both_modes(|| async {
        let Some(server) = Server::start(&["--cluster-enabled", "yes"]) else { return };
        let slots = Command::new("redis-cli")
            .args(["-p", &server.port.to_string(), "cluster", "addslotsrange", "0", "16383"])
            .output();
        match slots {
            Ok(done) if done.status.success() => {}
            other => return eprintln!("skipped: redis-cli: {other:?}"),
        }
        let cache = server.cache(json!({"kind": "cluster"}));
        let mut results = cache.run(vec![set("a", "1", None), get("a"), add("a", "2")]).await;
        for _ in 0..50 {
            if results[1].is_ok() {
                break;
            }
            // The nodes, here one, have to agree first.
            rt::sleep(Time::from_millis(100)).await;
            results = cache.run(vec![set("a", "1", None), get("a"), add("a", "2")]).await;
        }
        assert_eq!(results, [Ok(None), value("1"), Err(CacheError::Exists)]);
    });
}

#[test]
fn who_asks_a_thread_that_is_busy_waits_behind_so_many() {
    let (queue, jobs) = island::way();
    let config = json!({"url": "redis://127.0.0.1:1"});
    let settings =
        super::cache::Settings::new(&config, &TestServices::default()).expect("settings");
    let settings = std::sync::Arc::new(settings);
    let mut asked: Vec<_> = (0..=island::QUEUE_MAX)
        .map(|_| {
            Box::pin(island::ask(Ok(&queue), std::sync::Arc::clone(&settings), vec![get("a")]))
        })
        .collect();
    let mut poll = |at: usize| futures_util::FutureExt::now_or_never(&mut asked[at]);
    for at in 0..=island::QUEUE_MAX {
        assert!(poll(at).is_none());
    }
    assert_eq!(jobs.len(), island::QUEUE_MAX, "one waits");
    let job = jobs.try_recv().expect("a job");
    job.reply.send(vec![value("1")]).expect("somebody waits");
    assert_eq!(poll(0), Some(vec![value("1")]));
    // The thread has ended, and what waits for it is never looked at.
    drop((jobs.drain().count(), jobs, job));
    let gone = Err(CacheError::Other("the client of the cache has ended".to_owned()));
    assert_eq!(poll(island::QUEUE_MAX), Some(vec![gone]));
}

#[test]
fn so_many_questions_are_on_their_way_and_the_next_waits() {
    // It takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let config = json!({"url": format!("redis://127.0.0.1:{port}")});
    let settings =
        super::cache::Settings::new(&config, &TestServices::default()).expect("settings");
    let settings = std::sync::Arc::new(settings);
    let (queue, jobs) = island::way();
    for _ in 0..island::IN_FLIGHT_MAX + 5 {
        let (settings, ops) = (std::sync::Arc::clone(&settings), vec![get("a")]);
        let job = island::Job { settings, ops, reply: flume::bounded(1).0 };
        assert!(queue.send(job).is_ok());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let serving = tokio::task::spawn_local(island::serve(jobs.clone()));
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        // One was taken and waits for its turn.
        assert_eq!(jobs.len(), 4);
        serving.abort();
    });
}
