//! The process that runs a function: it does what it is ordered until nobody orders anything.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use jni::{Env, JavaVM};

use super::control::{Answer, Order};
use super::machine::{self, Host, Worked};
use super::setup::Setup;
use super::{NATIVE_BYTES_MAX, find};

/// Bytes of stack that a function has.
const STACK_BYTES: usize = 16 << 20;

/// Runs a function for the process that has started this one: its standard input is a socket for
/// orders and answers, its standard output the memory that both share.
///
/// # Errors
/// The process was not started by ours.
pub fn host() -> Result<ExitCode, String> {
    let text = |error: std::io::Error| error.to_string();
    rt::process::end_with_parent().map_err(text)?;
    let (control, region) = rt::process::take_ends().map_err(text)?;
    let run = move || {
        // The machine handles signals in its own way, which takes more than a small stack.
        rt::process::signals_on_own_stack().map_err(text)?;
        serve(UnixStream::from(control), region)
    };
    let thread = std::thread::Builder::new().name("java".to_owned()).stack_size(STACK_BYTES);
    let served = thread.spawn(run).map_err(text)?.join();
    served.unwrap_or_else(|_| Err("the host of a function failed".to_owned()))?;
    // Threads that a function has left behind must not hold the process.
    std::process::exit(0);
}

fn serve(mut control: UnixStream, region: OwnedFd) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let order = Order::receive(&mut control).map_err(text)?;
    let Some(Order::Start(written)) = order else { return Ok(()) };
    let path = format!("/proc/self/fd/{}", region.as_raw_fd());
    let started = started(&written);
    let (machine, setup) = match started {
        Ok(started) => started,
        Err(why) => return Answer::Failed(why).send(&mut control).map_err(text),
    };
    let work = |env: &mut Env<'_>| -> Result<(), jni::errors::Error> {
        let _ = with_host(env, &mut control, &path, &setup);
        Ok(())
    };
    machine.attach_current_thread(work).map_err(|error| error.to_string())
}

fn started(written: &[u8]) -> Result<(JavaVM, Setup), String> {
    let setup = Setup::read(written).ok_or("the setup is not whole")?;
    machine::is_built()?;
    let library = find::library()?;
    let more = setup.heap_bytes.saturating_add(NATIVE_BYTES_MAX);
    rt::process::limit_memory(more).map_err(|error| error.to_string())?;
    Ok((machine::start(&library, setup.heap_bytes)?, setup))
}

fn with_host(
    env: &mut Env<'_>,
    control: &mut UnixStream,
    region: &str,
    setup: &Setup,
) -> std::io::Result<()> {
    let host = match Host::define(env) {
        Ok(host) => host,
        Err(error) => return Answer::Failed(error.to_string()).send(control),
    };
    match host.open(env, region, &setup.bytes) {
        Ok(()) => Answer::Ready.send(control)?,
        Err(why) => return Answer::Failed(why).send(control),
    }
    while let Some(order) = Order::receive(control)? {
        let worked = match order {
            Order::Work(rows) => host.work(env, Some(rows)),
            Order::More => host.work(env, None),
            Order::Start(_) => Err("the function was started already".to_owned()),
        };
        match worked {
            Ok(Worked::Done(bytes)) => Answer::Done(bytes).send(control)?,
            Ok(Worked::Part(bytes)) => Answer::Part(bytes).send(control)?,
            Err(why) => return Answer::Failed(why).send(control),
        }
    }
    Ok(())
}
