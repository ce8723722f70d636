//! An engine with a program, and what limits it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Persistent, Runtime};

use super::fetch::Fetcher;
use super::functions;
use super::message::Message;
use super::modules::{self, Folders};

/// Bytes of stack that a program may use.
const STACK_BYTES: usize = 1 << 20;

/// A program and its limits.
pub(super) struct Program {
    /// Its name in what is said of it.
    pub(super) file: String,
    pub(super) code: String,
    pub(super) folders: Vec<String>,
    /// How long it may take for one message.
    pub(super) timeout: Duration,
    /// Bytes of memory that the engine may have.
    pub(super) memory: usize,
    pub(super) fetcher: Fetcher,
}

/// What functions of ours know when a program calls them.
pub(super) struct Host {
    pub(super) message: RefCell<Message>,
    pub(super) deadline: Cell<Instant>,
    pub(super) fetcher: Fetcher,
    memory: usize,
    /// Whether the program was ended because its time was over.
    late: Cell<bool>,
}

impl Host {
    /// Bytes that may still be put into the message.
    pub(super) fn room(&self) -> usize {
        self.memory.saturating_sub(self.message.borrow().bytes())
    }
}

/// An engine.
pub(super) struct Engine {
    program: Persistent<Function<'static>>,
    context: Context,
    runtime: Runtime,
    host: Rc<Host>,
    timeout: Duration,
}

/// Code as a function with these parameters. Lines are counted as in the code.
///
/// # Errors
/// When it is none.
pub(super) fn function<'js>(
    ctx: &Ctx<'js>,
    file: &str,
    parameters: &str,
    code: &str,
) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(file.to_owned());
    ctx.eval_with_options(format!("(function ({parameters}) {{{code}\n}})"), options)
}

impl Engine {
    /// An engine with a program that was not yet run.
    ///
    /// # Errors
    /// What is wrong with the program.
    pub(super) fn new(program: &Program) -> Result<Self, String> {
        let failed = |error: rquickjs::Error| error.to_string();
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_memory_limit(program.memory);
        runtime.set_max_stack_size(STACK_BYTES);
        let context = Context::full(&runtime).map_err(failed)?;
        let host = Rc::new(Host {
            message: RefCell::default(),
            deadline: Cell::new(Instant::now() + program.timeout),
            fetcher: program.fetcher.clone(),
            memory: program.memory,
            late: Cell::new(false),
        });
        let watch = Rc::clone(&host);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let late = Instant::now() >= watch.deadline.get();
            watch.late.set(watch.late.get() || late);
            late
        })));
        let folders = Rc::new(Folders::new(&program.folders));
        let made = context.with(|ctx| {
            functions::install(&ctx, &host).map_err(failed)?;
            modules::install(&ctx, &folders).map_err(failed)?;
            let made = function(&ctx, &program.file, "", &program.code).catch(&ctx);
            made.map(|made| Persistent::save(&ctx, made))
                .map_err(|error| said(&error, &program.file))
        })?;
        Ok(Engine { program: made, context, runtime, host, timeout: program.timeout })
    }

    /// Runs the program for a message. The second answer says whether the engine is still fit for
    /// another.
    pub(super) fn run(&self, message: Message, file: &str) -> (Message, bool) {
        *self.host.message.borrow_mut() = message;
        self.host.late.set(false);
        self.host.deadline.set(Instant::now() + self.timeout);
        let wrong = self.context.with(|ctx| {
            let program = self.program.clone().restore(&ctx);
            let ran = program.and_then(|program| program.call::<_, rquickjs::Value<'_>>(()));
            let wrong = ran.catch(&ctx).err().map(|error| said(&error, file));
            while !self.host.late.get() && ctx.execute_pending_job() {
                self.host.late.set(Instant::now() >= self.host.deadline.get());
            }
            wrong
        });
        let mut message = self.host.message.take();
        let late = self.host.late.get();
        message.wrong = match wrong {
            _ if late => Some(format!("the program took longer than {:?}", self.timeout)),
            wrong => wrong,
        };
        let full = message.wrong.as_ref().is_some_and(|text| text.contains("out of memory"));
        (message, !late && !full)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Whatever still waits must not run while the engine ends.
        self.host.deadline.set(Instant::now());
        self.runtime.run_gc();
    }
}

/// What was thrown, and where.
fn said(error: &CaughtError<'_>, file: &str) -> String {
    let (text, stack) = match error {
        CaughtError::Error(error) => (error.to_string(), None),
        CaughtError::Exception(exception) => {
            let text = exception.as_object().clone().into_value();
            let text = text.get::<rquickjs::Coerced<String>>().map(|text| text.0);
            (text.unwrap_or_else(|_| "InternalError: out of memory".to_owned()), exception.stack())
        }
        // There was no memory for the error itself.
        CaughtError::Value(value) if value.is_null() => {
            ("InternalError: out of memory".to_owned(), None)
        }
        CaughtError::Value(value) => {
            let text = value.get::<rquickjs::Coerced<String>>().map(|text| text.0);
            (text.unwrap_or_else(|error| error.to_string()), None)
        }
    };
    let places = stack.iter().flat_map(|stack| stack.lines());
    let place = places.filter_map(|line| {
        let at = line.find(file)?;
        Some(line.get(at..)?.trim_end_matches(')').to_owned())
    });
    match place.into_iter().next() {
        Some(place) => format!("{text} at {place}"),
        None => text,
    }
}
