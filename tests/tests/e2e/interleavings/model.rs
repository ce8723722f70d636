//! What may come of requests for one stream that several clients make at the same time: what each
//! was answered must fit one order of them, in which none comes before another that was answered
//! before it was sent.

use std::collections::HashSet;

/// Which documents a stream was made of: a mark for its input and one for its pipeline.
pub(super) type Marks = (u32, u32);

/// What one id stands for, and the mark of the resource that streams use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) stream: Option<Marks>,
    pub(super) resource: u32,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Create(u32),
    Replace(u32),
    PatchInput(u32),
    PatchPipeline(u32),
    Delete,
    /// All streams were set; to this one or to none here.
    Set(Option<u32>),
    Resource(u32),
    Read,
    List,
    Message,
}

/// What the answer says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    Done,
    Exists,
    Missing,
    /// It is there: made of these documents, where that is told.
    There(Option<Marks>),
    /// The message went through a stream of these documents and this resource.
    Through(Marks, u32),
}

/// A request, its answer, and between which ticks of one clock it was on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) act: Act,
    pub(super) seen: Seen,
    pub(super) sent: u64,
    pub(super) answered: u64,
}

impl Event {
    /// Whether it makes the stream another one, which stops the one that is there.
    fn changes(&self) -> bool {
        !matches!(self.act, Act::Read | Act::List | Act::Message)
    }

    /// Whether both were on the way at the same time.
    fn meets(&self, other: &Event) -> bool {
        self.sent < other.answered && other.sent < self.answered
    }

    /// The state after it, if it can be answered so in this state. `settled` says that nothing
    /// else was being changed meanwhile.
    fn after(&self, state: State, settled: bool) -> Option<State> {
        let stream = |stream| Some(State { stream, ..state });
        match (self.act, self.seen, state.stream) {
            (Act::Create(mark), Seen::Done, None) => stream(Some((mark, mark))),
            (Act::Create(_), Seen::Exists, Some(_)) => Some(state),
            (Act::Replace(mark), Seen::Done, Some(_)) => stream(Some((mark, mark))),
            (Act::PatchInput(mark), Seen::Done, Some((_, other))) => stream(Some((mark, other))),
            (Act::PatchPipeline(mark), Seen::Done, Some((other, _))) => stream(Some((other, mark))),
            (Act::Delete, Seen::Done, Some(_)) => stream(None),
            (Act::Set(mark), Seen::Done, _) => stream(mark.map(|mark| (mark, mark))),
            (Act::Resource(resource), Seen::Done, _) => Some(State { resource, ..state }),
            (_, Seen::There(marks), Some(now)) if marks.is_none_or(|m| m == now) => Some(state),
            (Act::Message, Seen::Through(marks, resource), Some(now)) => {
                // A stream that is being made gets a resource that was just replaced in the end.
                (marks == now && (resource == state.resource || !settled)).then_some(state)
            }
            // A stream that gives way to another takes no messages for a moment.
            (Act::Message, Seen::Missing, Some(_)) if !settled => Some(state),
            (Act::Create(_) | Act::Set(_) | Act::Resource(_), ..) => None,
            (_, Seen::Missing, None) => Some(state),
            _ => None,
        }
    }
}

/// Whether there is an order of the events that explains all of them.
pub(super) fn explains(events: &[Event], start: State) -> bool {
    assert!(events.len() <= 64, "a set of events fits into a word");
    let settled: Vec<bool> = (0..events.len())
        .map(|at| {
            let others = events.iter().enumerate().filter(|(other, _)| *other != at);
            !others.into_iter().any(|(_, other)| other.changes() && other.meets(&events[at]))
        })
        .collect();
    let (mut open, mut known) = (vec![(0_u64, start)], HashSet::new());
    while let Some((done, state)) = open.pop() {
        if done.count_ones() as usize == events.len() {
            return true;
        }
        if !known.insert((done, state)) {
            continue;
        }
        let left = || (0..events.len()).filter(|at| done & (1 << at) == 0);
        let first = left().map(|at| events[at].answered).min().unwrap_or(u64::MAX);
        let next = left().filter(|at| events[*at].sent < first);
        open.extend(next.filter_map(|at| {
            let state = events[at].after(state, settled[at])?;
            Some((done | (1 << at), state))
        }));
    }
    false
}

#[test]
fn the_model_tells_what_can_be_from_what_cannot() {
    let event = |act, seen, sent, answered| Event { act, seen, sent, answered };
    let start = State { stream: None, resource: 0 };
    let create = |mark, seen, sent, answered| event(Act::Create(mark), seen, sent, answered);
    let read = |seen, sent, answered| event(Act::Read, seen, sent, answered);
    // One of two that meet wins, whichever it is; none wins over one that came before it.
    let (one, two) = (create(1, Seen::Exists, 0, 3), create(2, Seen::Done, 1, 2));
    assert!(explains(&[one, two], start));
    assert!(!explains(&[one, create(2, Seen::Exists, 1, 2)], start));
    assert!(!explains(&[create(1, Seen::Done, 0, 3), two], start));
    assert!(!explains(&[create(1, Seen::Exists, 0, 1), create(2, Seen::Done, 2, 3)], start));
    // A patch that another one forgot.
    let input = event(Act::PatchInput(8), Seen::Done, 4, 7);
    let pipeline = event(Act::PatchPipeline(9), Seen::Done, 5, 6);
    let patched = |marks| [two, input, pipeline, read(Seen::There(Some(marks)), 8, 9)];
    assert!(explains(&patched((8, 9)), start));
    assert!(!explains(&patched((2, 9)), start) && !explains(&patched((8, 2)), start));
    // Messages through what is not there, or not any more.
    let delete = event(Act::Delete, Seen::Done, 4, 7);
    let message = |seen, sent, answered| event(Act::Message, seen, sent, answered);
    assert!(explains(&[two, delete, message(Seen::Through((2, 2), 0), 5, 9)], start));
    assert!(!explains(&[two, delete, message(Seen::Through((2, 2), 0), 8, 9)], start));
    assert!(!explains(&[two, message(Seen::Missing, 8, 9)], start));
    assert!(!explains(&[two, message(Seen::Through((2, 2), 1), 8, 9)], start));
}
