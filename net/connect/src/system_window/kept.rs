//! The messages that wait for their windows to end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use plan::env::{Counter, Timing};
use plan::{Fault, LocalBoxFuture, Outcome, Record, Services};

use super::stamps::{Stamp, Stamps, Unstamped};
use super::windows::{Window, Windows};
use crate::signal::Signal;

/// Pause before the time of a message is asked for again after that has failed.
pub(super) const RETRY_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// What becomes of the messages of one batch that was taken.
#[derive(Default)]
pub(super) struct Share {
    left: Cell<usize>,
    failures: RefCell<Vec<(Option<u32>, Arc<Fault>)>>,
    changed: Signal,
}

impl Share {
    /// A share in which so many messages are to be told of.
    pub(super) fn new(left: usize) -> Rc<Self> {
        Rc::new(Share { left: Cell::new(left), ..Share::default() })
    }

    pub(super) fn outcome(self: Rc<Self>) -> LocalBoxFuture<'static, Outcome> {
        Box::pin(async move {
            self.changed.until(|| (self.left.get() == 0).then_some(())).await;
            Outcome { failures: self.failures.take(), replies: Vec::new() }
        })
    }
}

/// A message, and whom to tell what becomes of it.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) record: Record,
    pub(super) bytes: usize,
    pub(super) ticket: Rc<Ticket>,
}

/// What a message has been through.
pub(super) struct Ticket {
    share: Rc<Share>,
    tag: u32,
    told: Cell<bool>,
    /// Whether it waits for a window.
    pub(super) waits: Cell<bool>,
    pub(super) since: rt::Nanos,
}

impl Ticket {
    pub(super) fn new(share: &Rc<Share>, tag: u32) -> Rc<Self> {
        let (told, waits) = (Cell::new(false), Cell::new(false));
        Rc::new(Ticket { share: Rc::clone(share), tag, told, waits, since: rt::now() })
    }
}

/// What is kept, and counts of it.
pub(super) struct Kept {
    pub(super) windows: Windows,
    /// Nanoseconds that a window waits for latecomers.
    pub(super) lateness: i128,
    pub(super) stamps: Stamps,
    /// Whether what is refused is tried again here.
    pub(super) replays: bool,
    pub(super) bytes_max: usize,
    pub(super) services: Rc<dyn Services>,
    waiting: RefCell<Vec<(i128, Message)>>,
    /// Messages whose time could not be told yet.
    unstamped: RefCell<Vec<Message>>,
    again_at: Cell<rt::Nanos>,
    bytes: Cell<usize>,
    /// Messages of which nobody was told.
    pub(super) open: Cell<usize>,
    /// The end of the window that was handed on last.
    handed_on: Cell<i128>,
    /// The earliest time of those that wait.
    earliest: Cell<i128>,
    pub(super) changed: Signal,
    pub(super) counts: Counts,
}

/// Series of a buffer.
pub(super) struct Counts {
    pub(super) received: Counter,
    pub(super) batch_received: Counter,
    pub(super) sent: Counter,
    pub(super) batch_sent: Counter,
    pub(super) latency: Timing,
}

impl Kept {
    pub(super) fn new(
        (windows, lateness): (Windows, i128),
        stamps: Stamps,
        replays: bool,
        services: Rc<dyn Services>,
        counts: Counts,
    ) -> Self {
        Kept {
            windows,
            lateness,
            stamps,
            replays,
            bytes_max: super::BYTES_MAX,
            services,
            waiting: RefCell::default(),
            unstamped: RefCell::default(),
            again_at: Cell::default(),
            bytes: Cell::new(0),
            open: Cell::new(0),
            handed_on: Cell::new(i128::MIN),
            earliest: Cell::new(i128::MAX),
            changed: Signal::default(),
            counts,
        }
    }

    pub(super) fn now() -> i128 {
        i128::from(rt::wall())
    }

    /// Whether there is room for so many bytes more. Something that would never fit is taken when
    /// there is nothing else.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.bytes.get() == 0 || self.bytes.get().saturating_add(bytes) <= self.bytes_max
    }

    /// Takes messages, each by its time.
    pub(super) fn take(&self, messages: Vec<Message>) {
        self.forget_old();
        let stamps = self.stamps.of(messages.iter().map(|message| &message.record));
        let mut complaint = None;
        for (message, stamp) in messages.into_iter().zip(stamps) {
            self.place(message, stamp, &mut complaint);
        }
        if let Some(wrong) = complaint {
            let text = format!("Timestamp mapping failed for message: {}", wrong.text);
            self.services.log(plan::Log::Error, &text, &[]);
        }
        self.changed.wake();
    }

    fn place(&self, message: Message, stamp: Stamp, complaint: &mut Option<Unstamped>) {
        match stamp {
            Ok(Some(at)) if at > self.handed_on.get() => {
                message.ticket.waits.set(true);
                self.bytes.set(self.bytes.get() + message.bytes);
                self.earliest.set(self.earliest.get().min(at));
                self.waiting.borrow_mut().push((at, message));
            }
            // Too late for any window, or deleted: gone on purpose.
            Ok(_) => self.tell(&message.ticket, None),
            Err(wrong) => {
                if self.replays {
                    self.bytes.set(self.bytes.get() + message.bytes);
                    self.again_at.set(rt::now() + RETRY_PAUSE);
                    self.unstamped.borrow_mut().push(message);
                } else {
                    self.tell(&message.ticket, Some(&Arc::new(Fault::new(wrong.fault()))));
                }
                complaint.get_or_insert(wrong);
            }
        }
    }

    /// How long until messages whose time could not be told are tried again.
    pub(super) fn until_again(&self) -> Option<std::time::Duration> {
        let some = !self.unstamped.borrow().is_empty();
        some.then(|| self.again_at.get().since(rt::now()))
    }

    /// Tries those again whose time could not be told, when it is time to.
    pub(super) fn try_again(&self) {
        if self.until_again().is_some_and(|left| left.is_zero()) {
            let messages = self.unstamped.take();
            self.free(messages.iter());
            self.take(messages);
        }
    }

    fn free<'a>(&self, messages: impl Iterator<Item = &'a Message>) {
        let bytes: usize = messages.map(|message| message.bytes).sum();
        self.bytes.set(self.bytes.get().saturating_sub(bytes));
    }

    /// Tells whoever sent a message what became of it, the first time.
    pub(super) fn tell(&self, ticket: &Ticket, fault: Option<&Arc<Fault>>) {
        if ticket.told.replace(true) {
            return;
        }
        let share = &ticket.share;
        if let Some(fault) = fault {
            share.failures.borrow_mut().push((Some(ticket.tag), Arc::clone(fault)));
        }
        share.left.set(share.left.get().saturating_sub(1));
        if share.left.get() == 0 {
            share.changed.wake();
        }
        self.open.set(self.open.get().saturating_sub(1));
        if self.open.get() == 0 {
            self.changed.wake();
        }
    }

    pub(super) fn was_told(ticket: &Ticket) -> bool {
        ticket.told.get()
    }

    /// When nothing was handed on since the window before the last, because the pipeline is busy,
    /// what belongs to neither the last nor the next window is given up.
    fn forget_old(&self) {
        let (last, _) = self.windows.around(Self::now());
        if self.handed_on.get() < last.start && self.earliest.get() < last.start {
            self.split(|at| (false, at >= last.start));
        }
    }

    /// The messages of a window that has ended. What no later window wants is not kept.
    pub(super) fn hand_on(&self, window: Window) -> Vec<Message> {
        let next = self.windows.behind(window).start;
        self.handed_on.set(window.end);
        self.split(|at| (window.start <= at && at <= window.end, at >= next))
    }

    /// Goes through all messages: by its time each is wanted now, or stays, or both.
    fn split(&self, which: impl Fn(i128) -> (bool, bool)) -> Vec<Message> {
        let (mut wanted, mut stay) = (Vec::new(), Vec::new());
        self.earliest.set(i128::MAX);
        for (at, message) in self.waiting.take() {
            let (now, later) = which(at);
            message.ticket.waits.set(later);
            if now {
                wanted.push(message.clone());
            }
            if later {
                self.earliest.set(self.earliest.get().min(at));
                stay.push((at, message));
            } else {
                self.free(std::iter::once(&message));
                if !now {
                    self.tell(&message.ticket, None);
                }
            }
        }
        self.waiting.replace(stay);
        self.changed.wake();
        wanted
    }

    /// Gives everything back that waits.
    pub(super) fn refuse_all(&self, fault: &Arc<Fault>) {
        let waiting = self.waiting.take().into_iter().map(|(_, message)| message);
        for message in waiting.chain(self.unstamped.take()) {
            self.tell(&message.ticket, Some(fault));
        }
        self.bytes.set(0);
        self.changed.wake();
    }

    /// The window to be handed on next: the last one, if it was not, else the one that ends next.
    pub(super) fn next_window(&self) -> Window {
        let (last, next) = self.windows.around(Self::now());
        let was = |window: Window| window.end <= self.handed_on.get();
        match (was(last), was(next)) {
            (false, _) => last,
            (true, false) => next,
            // Its very end is now.
            (true, true) => self.windows.behind(next),
        }
    }

    /// The end of the window that was handed on last.
    pub(super) fn last_end(&self) -> i128 {
        self.handed_on.get()
    }
}
