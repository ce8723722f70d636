//! The thread that talks to a process, so that no shard does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use plan::Columns;

use super::HOSTS_MAX;
use super::convert::Converter;
use super::process::{Launch, Process};
use super::setup::Setup;

/// Batches that wait for a process: one is under way, and another is ready.
const WAITING_MAX: usize = 1;

static HOSTS: AtomicUsize = AtomicUsize::new(0);

/// A place among the processes.
struct Place(&'static AtomicUsize);

impl Place {
    fn among(all: &'static AtomicUsize, max: usize) -> Option<Self> {
        let more = |count: usize| (count < max).then_some(count + 1);
        all.try_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Place(all))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A batch, and where its results go.
pub(super) struct Job {
    pub(super) columns: Columns,
    pub(super) reply: flume::Sender<Result<Columns, String>>,
}

/// The way to a process, and whether it got ready.
pub(super) struct Way {
    pub(super) jobs: flume::Sender<Job>,
    pub(super) ready: flume::Receiver<Result<(), String>>,
}

/// Starts a process with a thread, which end when nobody can send anything any more.
///
/// # Errors
/// There are too many.
pub(super) fn start(launch: Launch, setup: Setup, converter: Converter) -> Result<Way, String> {
    start_among(&HOSTS, HOSTS_MAX, launch, setup, converter)
}

fn start_among(
    all: &'static AtomicUsize,
    max: usize,
    launch: Launch,
    setup: Setup,
    converter: Converter,
) -> Result<Way, String> {
    let place = Place::among(all, max);
    let place = place.ok_or_else(|| format!("{max} functions run already, and no more can"))?;
    let (jobs, work) = flume::bounded::<Job>(WAITING_MAX);
    let (told, ready) = flume::bounded(1);
    let run = move || {
        rt::probe::unpin();
        // While it gets ready, it is wanted as long as there is somebody who may send batches.
        let process = Process::start(&launch, setup.written(), &|| work.sender_count() > 0);
        drop(setup);
        let why = match process {
            Ok(process) => {
                let _ = told.send(Ok(()));
                serve(process, &converter, &work)
            }
            Err(why) => {
                let _ = told.send(Err(why.clone()));
                Some(why)
            }
        };
        drop(place);
        // What waits already, or is still sent, has the same answer.
        let why = why.unwrap_or_default();
        work.iter().for_each(|job| drop(job.reply.send(Err(why.clone()))));
    };
    let thread = std::thread::Builder::new().name("java".to_owned());
    thread.spawn(run).map_err(|error| error.to_string())?;
    Ok(Way { jobs, ready })
}

/// Works until nobody can send anything; or until something goes wrong, which is then returned.
fn serve(
    mut process: Process,
    converter: &Converter,
    work: &flume::Receiver<Job>,
) -> Option<String> {
    while let Ok(Job { columns, reply }) = work.recv() {
        let run =
            AssertUnwindSafe(|| converter.run(columns, &mut process, &|| !reply.is_disconnected()));
        let result = catch_unwind(run);
        let result = result.unwrap_or_else(|_| Err("the thread of its process failed".to_owned()));
        let why = result.as_ref().err().cloned();
        let _ = reply.send(result);
        if why.is_some() {
            return why;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_processes_run_functions_and_no_more() {
        static FEW: AtomicUsize = AtomicUsize::new(0);
        let first = Place::among(&FEW, 1);
        let (launch, setup, converter) = crate::java_udf::tests::nothing();
        let refused = start_among(&FEW, 1, launch, setup, converter).err();
        assert_eq!(refused.as_deref(), Some("1 functions run already, and no more can"));
        drop(first);
        assert!(Place::among(&FEW, 1).is_some());
    }
}
