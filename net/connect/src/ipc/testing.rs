//! Listeners for tests, on reactors of their own.

use std::net::SocketAddr;

use rt::IoMode;

use super::listener::{self, Job, Options, Reactor};
use super::router::Router;

/// A listener and the reactors that it is on.
pub(super) struct Listening {
    inner: Option<listener::Listening>,
    jobs: Vec<flume::Sender<Job>>,
    threads: Vec<rt::ThreadHandle<()>>,
}

impl Listening {
    /// A listener on so many reactors.
    pub(super) fn on<R: Router + 'static>(
        count: usize,
        address: &str,
        mode: IoMode,
        options: &Options,
        router: impl Fn() -> R + Send + Sync + 'static,
    ) -> Result<Listening, String> {
        let (mut jobs, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (job, todo) = flume::unbounded::<Job>();
            let config = rt::ReactorConfig::new(mode, &format!("reactor-{number}"));
            let thread = rt::start_thread(config, move || async move {
                while let Ok(job) = todo.recv_async().await {
                    job();
                }
            });
            jobs.push(job);
            threads.push(thread.unwrap());
        }
        let reactor = |job: &flume::Sender<Job>| {
            let job = job.clone();
            Box::new(move |todo| drop(job.send(todo))) as Reactor
        };
        let reactors: Vec<Reactor> = jobs.iter().map(reactor).collect();
        let inner = Some(listener::start(address, options, &reactors, router)?);
        Ok(Listening { inner, jobs, threads })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.inner.as_ref().unwrap().address()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.inner.take();
        self.jobs.clear();
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// A listener on one reactor, whose router is made there.
pub(super) fn start<R: Router + 'static>(
    address: &str,
    mode: IoMode,
    options: Options,
    router: impl FnOnce() -> R + Send + 'static,
) -> Result<Listening, String> {
    let (give, given) = flume::bounded(1);
    assert!(give.send(router).is_ok());
    let router = move || (given.recv().expect("one reactor"))();
    Listening::on(1, address, mode, &options, router)
}
