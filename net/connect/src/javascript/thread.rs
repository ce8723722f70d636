//! The thread of an engine.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::engine::{Engine, Program};
use super::message::Message;

/// Engines of the process.
pub(super) const ENGINES_MAX: usize = 1_024;
/// Bytes of stack that such a thread has; a program may use a part of it.
const STACK_BYTES: usize = 8 << 20;
/// Batches that wait for an engine: one is under way, and another is ready.
const WAITING_MAX: usize = 1;

static ENGINES: AtomicUsize = AtomicUsize::new(0);

/// A place among the engines of the process.
struct Place(&'static AtomicUsize);

impl Place {
    fn among(engines: &'static AtomicUsize, max: usize) -> Option<Self> {
        let more = |count: usize| (count < max).then_some(count + 1);
        engines.try_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Place(engines))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Messages to run a program for, and where they go then.
pub(super) struct Job {
    pub(super) messages: Vec<Message>,
    pub(super) reply: flume::Sender<Vec<Message>>,
}

/// Starts an engine on a thread of its own, which ends when nobody can send it anything any more.
///
/// # Errors
/// What is wrong with the program, or that there are too many engines.
pub(super) fn start(program: Program) -> Result<flume::Sender<Job>, String> {
    start_among(&ENGINES, ENGINES_MAX, program)
}

fn start_among(
    engines: &'static AtomicUsize,
    max: usize,
    program: Program,
) -> Result<flume::Sender<Job>, String> {
    let place = Place::among(engines, max);
    let place = place.ok_or_else(|| format!("there are {max} engines of JavaScript already"))?;
    let (jobs, work) = flume::bounded(WAITING_MAX);
    let (ready, is_ready) = flume::bounded(1);
    let run = move || {
        let _place = place;
        rt::probe::unpin();
        match Engine::new(&program) {
            Ok(engine) => {
                let _ = ready.send(Ok(()));
                serve(&program, engine, &work);
            }
            Err(text) => {
                let _ = ready.send(Err(text));
            }
        }
    };
    let thread = std::thread::Builder::new().name("javascript".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(run).map_err(|error| error.to_string())?;
    is_ready.recv().unwrap_or_else(|_| Err("the engine did not start".to_owned()))?;
    Ok(jobs)
}

/// Works until nobody can send anything.
fn serve(program: &Program, engine: Engine, work: &flume::Receiver<Job>) {
    let mut engine = Some(engine);
    while let Ok(Job { messages, reply }) = work.recv() {
        let mut done = Vec::with_capacity(messages.len());
        for message in messages {
            // Nobody waits any more.
            if reply.is_disconnected() {
                break;
            }
            done.push(sheltered(program, &mut engine, message));
        }
        let _ = reply.send(done);
    }
}

/// The same as [`one`]; what breaks the library fails the message and costs an engine.
fn sheltered(program: &Program, engine: &mut Option<Engine>, message: Message) -> Message {
    let before = message.meta.clone();
    let run = AssertUnwindSafe(|| one(program, engine, message));
    std::panic::catch_unwind(run).unwrap_or_else(|_| Message {
        meta: before,
        wrong: Some("the engine of JavaScript failed".to_owned()),
        ..Message::default()
    })
}

/// Runs the program for a message. An engine that was stopped, or is full, makes room for another.
fn one(program: &Program, engine: &mut Option<Engine>, mut message: Message) -> Message {
    let ready = match engine.take() {
        Some(engine) => Ok(engine),
        None => Engine::new(program),
    };
    match ready {
        Ok(ready) => {
            let (done, fit) = ready.run(message, &program.file);
            *engine = fit.then_some(ready);
            done
        }
        Err(text) => {
            message.wrong = Some(text);
            message
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_engines_and_no_more() {
        static FEW: AtomicUsize = AtomicUsize::new(0);
        let first = Place::among(&FEW, 2);
        let second = Place::among(&FEW, 2);
        assert!(first.is_some() && second.is_some());
        assert!(Place::among(&FEW, 2).is_none());
        drop(first);
        assert!(Place::among(&FEW, 2).is_some());
    }
}
