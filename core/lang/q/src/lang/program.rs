//! The operators and writers of a spec as one node of a plan: what one function changes, the next
//! one sees, and a checkpoint has all of it or nothing.

use super::lifecycle::message;
use super::{Shared, busy, checkpoint, diagnostic};
use crate::error::QError;
use crate::qsp::batch::{bytes, close, deliver, lines, open, tagged, untagged};
use crate::qsp::key::keyed;
use crate::qsp::run::{Runner, decodes};
use crate::qsp::stage::handle;
use crate::qsp::{Kind, Node, Output, variable};
use crate::session::Session;
use formats::k::K;
use plan::{Batch, Class, Data, Diagnostic, End, Expr, OperatorError};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

/// How often an ending reader is called by what it was called with, until that is given up.
pub(super) const LAST_CALLS_MAX: usize = 1000;

/// Where data goes: a station, and the port it arrives at.
type Target = (usize, usize);

/// A reader, an operator or a writer.
struct Station {
    /// What runs it; readers are sources of the plan, and have one where these give no values yet.
    runner: Option<Runner>,
    /// Whether a reader gives blocks of bytes, and not of lines.
    binary: bool,
    /// Number of a writer among the writers.
    writer: Option<usize>,
    targets: Vec<Target>,
    /// Inputs that may still bring data.
    open: usize,
}

/// A port of the program.
#[derive(Clone, Copy)]
struct Port {
    reader: usize,
    /// How it has ended.
    ended: Option<End>,
}

/// Data on its way to a station.
struct Piece {
    to: Target,
    metadata: K,
    data: K,
}

/// See the head of the file.
pub(super) struct Program {
    shared: Rc<Shared>,
    stations: Vec<Station>,
    /// The readers, by port. One that is called under several names has a port for each.
    readers: Vec<Port>,
    todo: VecDeque<Piece>,
}

/// The port at which the output of an operator arrives at another: the stream that was given to a
/// merge as argument, which was connected first, is its right side.
fn port(node: &Node, input: usize) -> usize {
    if node.op == "merge" { 1_usize.saturating_sub(input) } else { input }
}

impl Program {
    /// The program of a spec.
    pub(super) fn new(shared: Rc<Shared>) -> Result<Self, Vec<Diagnostic>> {
        let nodes = &shared.pipeline.nodes;
        let place: HashMap<usize, usize> = nodes.iter().map(|n| n.id).zip(0..).collect();
        let (mut stations, mut readers, mut writers) = (Vec::new(), Vec::new(), 0..);
        for (at, node) in nodes.iter().enumerate() {
            let runner = match node.kind {
                Kind::Reader if !decodes(node) => None,
                _ => Some(Runner::new(node.clone()).map_err(|e| vec![diagnostic(&e)])?),
            };
            if node.kind == Kind::Reader {
                let names = 1 + shared.pipeline.aliases_of(node).count();
                readers.extend(std::iter::repeat_n(Port { reader: at, ended: None }, names));
                shared.session.borrow_mut().qsp.calls.open(node.id);
            }
            let writer = (node.kind == Kind::Writer).then(|| writers.next()).flatten();
            let binary = node.option("mode").and_then(K::as_sym);
            let binary = binary.is_some_and(|mode| mode.as_str() == "binary");
            let (targets, open) = (Vec::new(), node.inputs.len());
            stations.push(Station { runner, binary, writer, targets, open });
        }
        for (at, node) in nodes.iter().enumerate() {
            for (input, from) in node.inputs.iter().enumerate() {
                let from = place.get(from).and_then(|from| stations.get_mut(*from));
                if let Some(from) = from {
                    from.targets.push((at, port(node, input)));
                }
            }
        }
        let mut program = Program { shared, stations, readers, todo: VecDeque::new() };
        program.give_pieces();
        Ok(program)
    }

    /// Lets operators hand on windows in pieces where all that comes behind takes them so. A
    /// handler of errors would see them.
    fn give_pieces(&mut self) {
        if self.shared.pipeline.handlers.error.is_some() {
            return;
        }
        let takes = |station: &Station| station.runner.as_ref().is_some_and(Runner::takes_pieces);
        let takes: Vec<bool> = self.stations.iter().map(takes).collect();
        for station in &mut self.stations {
            if let ([(target, _)], Some(runner)) = (station.targets.as_slice(), &mut station.runner)
                && takes.get(*target).copied().unwrap_or_default()
            {
                runner.give_pieces();
            }
        }
    }

    /// Puts data that left a station in front of everything else that has to be done: each piece
    /// goes to the end before the next one moves.
    fn fan_out(&mut self, from: usize, pieces: impl DoubleEndedIterator<Item = (K, K)>) {
        let Some(station) = self.stations.get(from) else { return };
        let Some((first, others)) = station.targets.split_first() else { return };
        for (metadata, data) in pieces.rev() {
            for to in others.iter().rev() {
                let (metadata, data) = (metadata.clone(), data.clone());
                self.todo.push_front(Piece { to: *to, metadata, data });
            }
            self.todo.push_front(Piece { to: *first, metadata, data });
        }
    }

    /// Does all that is to be done.
    fn run(&mut self, out: &mut Vec<Data>) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
        if session.is_weighing_due() {
            session.weigh_operators(self.runners().map(Runner::held));
        }
        while let Some(Piece { to: (at, port), metadata, data }) = self.todo.pop_front() {
            let Some(station) = self.stations.get_mut(at) else { continue };
            let (writer, Some(runner)) = (station.writer, &mut station.runner) else { continue };
            let mut pieces = Output::new();
            let watched = shared.pipeline.handlers.error.is_some();
            let message = watched.then(|| message(metadata.clone(), data.clone()));
            let done = match variable::of(&runner.node) {
                Some(name) => {
                    // Given up by whoever reads it, so that it grows in place.
                    shared.services.publish(name, K::Null);
                    let done = runner.batch_at(&mut session, port, metadata, data, &mut pieces);
                    publish(&shared, &session, name);
                    done
                }
                None => runner.batch_at(&mut session, port, metadata, data, &mut pieces),
            };
            let text = done.or_else(|error| {
                shared.failed(&mut session, &runner.node, &error, message).map(|()| None)
            });
            match (writer, text.inspect_err(|_| self.todo.clear())?) {
                (Some(writer), Some(text)) if !text.is_empty() => {
                    out.push(tagged(writer, lines(&text)));
                }
                (Some(writer), _) => {
                    out.extend(pieces.into_iter().map(|(m, k)| tagged(writer, close(m, k))));
                }
                (None, _) => self.fan_out(at, pieces.into_iter()),
            }
        }
        Ok(())
    }

    /// Runs an operator for its own sake; what comes of it belongs to no batch at hand.
    fn step(
        &mut self,
        at: usize,
        out: &mut Vec<Batch>,
        step: impl FnOnce(Option<&mut Runner>, &mut Session, &mut Output) -> Result<(), QError>,
    ) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        let (Some(station), Some(node)) =
            (self.stations.get_mut(at), shared.pipeline.nodes.get(at))
        else {
            return Ok(());
        };
        let mut pieces = Output::new();
        let done = {
            let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
            let done = step(station.runner.as_mut(), &mut session, &mut pieces);
            done.or_else(|error| shared.failed(&mut session, node, &error, None))
        };
        // Also what was made before an error.
        let ran = self.flow(at, pieces, out);
        done.and(ran)
    }

    /// Lets data that belongs to no batch at hand flow on from a station.
    fn flow(
        &mut self,
        from: usize,
        pieces: Output,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        self.fan_out(from, pieces.into_iter());
        let mut made = Vec::new();
        let ran = self.run(&mut made);
        out.extend(made.into_iter().map(Batch::new));
        ran
    }

    /// The readers of the ports that are open.
    fn reading(&self) -> impl Iterator<Item = usize> {
        self.readers.iter().filter(|port| port.ended.is_none()).map(|port| port.reader)
    }

    fn reads(&self, reader: usize) -> bool {
        self.reading().any(|open| open == reader)
    }

    /// Takes in what the spec itself has called its readers with.
    fn enter(&mut self, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        for at in self.reading().collect::<Vec<_>>() {
            let Some(node) = shared.pipeline.nodes.get(at) else { continue };
            let called = {
                let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
                session.qsp.calls.take(node.id)
            };
            let pieces = called.into_iter().filter_map(|value| opened(node, Data::Value(value)));
            self.flow(at, pieces.collect(), out)?;
        }
        Ok(())
    }

    /// Runs the first turn of all, and what has to be done before any other.
    fn begin(&mut self, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.shared.start()?;
        if self.shared.is_due() { self.enter(out) } else { Ok(()) }
    }

    /// No more comes from a reader: flushes what only it kept open, what is in front first.
    fn close(&mut self, reader: usize, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut ended = vec![reader];
        while let Some(at) = ended.pop() {
            self.step(at, out, |runner, cx, pieces| match runner {
                Some(runner) => runner.finish(cx, pieces),
                None => Ok(()),
            })?;
            self.finished(at, out)?;
            let targets = self.stations.get(at).map(|s| s.targets.clone()).unwrap_or_default();
            for (target, _) in targets {
                let Some(station) = self.stations.get_mut(target) else { continue };
                station.open = station.open.saturating_sub(1);
                if station.open == 0 {
                    ended.push(target);
                }
            }
        }
        Ok(())
    }

    /// After data of a reader that has ended, which a writer could not deliver at first: flushes
    /// once more what has ended with the reader, in front first. Handlers were called before.
    fn flush(&mut self, reader: usize, made: &mut Vec<Data>) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        let mut behind = HashSet::from([reader]);
        // Whatever is behind a station comes after it.
        for at in reader..self.stations.len() {
            let station = self.stations.get_mut(at).filter(|s| s.open == 0);
            let Some(station) = station.filter(|_| behind.contains(&at)) else { continue };
            behind.extend(station.targets.iter().map(|(target, _)| *target));
            let Some(runner) = &mut station.runner else { continue };
            let mut pieces = Output::new();
            let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
            let done = runner.finish(&mut session, &mut pieces);
            done.or_else(|error| shared.failed(&mut session, &runner.node, &error, None))?;
            drop(session);
            self.fan_out(at, pieces.into_iter());
            self.run(made)?;
        }
        Ok(())
    }

    /// An operator has ended: what its handler pushes flows on.
    fn finished(&mut self, at: usize, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        let Some(node) = shared.pipeline.nodes.get(at) else { return Ok(()) };
        let Some(f) = shared.pipeline.handlers.finished(&node.name) else { return Ok(()) };
        self.step(at, out, |_, cx, pieces| {
            cx.qsp.pushed.clear();
            let called = cx.apply(f, &[handle(node), K::Null]);
            pieces.append(&mut cx.qsp.pushed);
            called.map(|_| ())
        })
    }

    /// Takes in what the spec has called a reader with for the last time: from now on nobody does.
    fn last_calls(&mut self, reader: usize, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        let Some(node) = shared.pipeline.nodes.get(reader) else { return Ok(()) };
        for round in 0..=LAST_CALLS_MAX {
            let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
            let called = session.qsp.calls.take(node.id);
            if called.is_empty() || round == LAST_CALLS_MAX {
                session.qsp.calls.close(node.id);
            }
            if called.is_empty() {
                break;
            }
            if round == LAST_CALLS_MAX {
                let text = format!("{} values come after its end", called.len());
                return shared.failed(&mut session, node, &QError::new(text), None);
            }
            drop(session);
            let pieces = called.into_iter().filter_map(|value| opened(node, Data::Value(value)));
            self.flow(reader, pieces.collect(), out)?;
        }
        Ok(())
    }

    fn runners(&self) -> impl Iterator<Item = &Runner> {
        self.stations.iter().filter_map(|station| station.runner.as_ref())
    }
}

/// What a reader gives, with its metadata.
fn opened(node: &Node, data: Data) -> Option<(K, K)> {
    let (metadata, data) = open(data)?;
    Some((keyed(node, metadata, &data), data))
}

/// Lets others read a variable.
fn publish(shared: &Shared, session: &Session, name: &str) {
    let value = session.variable(name).filter(|value| !matches!(value, K::Func(_)));
    shared.services.publish(name, value.cloned().unwrap_or_default());
}

impl Expr for Program {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn map(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.map_port(0, batch, out)
    }

    fn map_port(
        &mut self,
        port: usize,
        mut batch: Batch,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let Some(Port { reader, ended }) = self.readers.get(port).copied() else {
            return Err(OperatorError::new("data of a reader that there is not"));
        };
        self.begin(out)?;
        let binary = self.stations.get(reader).is_some_and(|station| station.binary);
        let data = match std::mem::replace(&mut batch.data, Data::Value(K::Null)) {
            Data::Raw(raw) if binary => Data::Value(bytes(&raw.bytes)),
            data => data,
        };
        let shared = Rc::clone(&self.shared);
        let piece = shared.pipeline.nodes.get(reader).and_then(|node| opened(node, data));
        let Some(piece) = piece else {
            return Err(OperatorError::new("q works on values and messages only"));
        };
        match self.stations.get(reader).and_then(|station| station.runner.as_ref()) {
            Some(_) => {
                self.todo.push_back(Piece { to: (reader, 0), metadata: piece.0, data: piece.1 })
            }
            None => self.fan_out(reader, std::iter::once(piece)),
        }
        let mut made = Vec::new();
        self.run(&mut made)?;
        if ended.is_some_and(|end| end != End::Suspended) && !self.reads(reader) {
            self.flush(reader, &mut made)?;
        }
        deliver(batch, made, out);
        Ok(())
    }

    fn map_values(&mut self, port: usize, values: &[K]) -> Result<usize, OperatorError> {
        let Some(Port { reader, ended: None }) = self.readers.get(port) else { return Ok(0) };
        if !self.todo.is_empty() || !self.shared.is_going_on() {
            return Ok(0);
        }
        let to = match self.stations.get(*reader) {
            Some(Station { runner: None, targets, .. }) => targets.as_slice(),
            _ => return Ok(0),
        };
        let [(to, 0)] = *to else { return Ok(0) };
        let Some(Station { runner: Some(runner), writer: None, .. }) = self.stations.get_mut(to)
        else {
            return Ok(0);
        };
        let mut session = self.shared.session.try_borrow_mut().map_err(|_| busy())?;
        Ok(runner.values(&mut session, values))
    }

    fn end_port(
        &mut self,
        port: usize,
        end: End,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        if end != End::Suspended {
            self.begin(out)?;
        }
        let Some(port) = self.readers.get_mut(port).filter(|port| port.ended.is_none()) else {
            return Ok(());
        };
        port.ended = Some(end);
        let reader = port.reader;
        if end == End::Suspended || self.reads(reader) {
            return Ok(());
        }
        self.last_calls(reader, out)?;
        self.close(reader, out)
    }

    fn end(&mut self, end: End, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        (0..self.readers.len()).try_for_each(|port| self.end_port(port, end, out))?;
        match end {
            End::Suspended => {
                self.shared.suspend();
                Ok(())
            }
            End::Drained | End::Stopped => self.shared.tear_down(),
        }
    }

    fn due_ns(&self) -> Option<u64> {
        if self.shared.is_due() {
            return Some(0);
        }
        let dues = self.runners().filter_map(Runner::due).chain(self.shared.timer_due());
        let due = i128::from(dues.min()?);
        let wait = due - self.shared.services.wall_ns();
        let wait = u64::try_from(wait.max(0)).unwrap_or(u64::MAX);
        Some(self.shared.services.now_ns().saturating_add(wait))
    }

    fn on_time(&mut self, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.begin(out)?;
        let now = i64::try_from(self.shared.services.wall_ns()).unwrap_or(i64::MAX);
        if self.shared.call_timers(now)? && self.shared.is_due() {
            self.enter(out)?;
        }
        for at in 0..self.stations.len() {
            let runner = self.stations.get(at).and_then(|station| station.runner.as_ref());
            if runner.and_then(Runner::due).is_some_and(|due| due <= now) {
                self.step(at, out, |runner, cx, pieces| match runner {
                    Some(runner) => runner.tick(cx, now, pieces),
                    None => Ok(()),
                })?;
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        let mut session = self.shared.session.try_borrow_mut().map_err(|_| busy())?;
        let own = self.shared.to_keep(&mut session)?;
        checkpoint::write(&session, self.runners(), own.as_ref()).map(Some)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        let shared = Rc::clone(&self.shared);
        let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
        let runners = self.stations.iter_mut().filter_map(|station| station.runner.as_mut());
        let own = checkpoint::read(&mut session, runners.collect(), state)?;
        shared.recover(&mut session, own)?;
        for name in self.runners().filter_map(|runner| variable::of(&runner.node)) {
            // A piece of the spec may have the same name; it is no data.
            if session.variable(name).is_some_and(|value| !matches!(value, K::Func(_))) {
                publish(&shared, &session, name);
            }
        }
        Ok(())
    }
}

/// What one writer gets of what a program makes.
pub(super) struct OutputOf(pub(super) usize);

impl Expr for OutputOf {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn map(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        match untagged(&batch.data, self.0) {
            Some(data) => out.push(batch.with_data(data)),
            None => batch.ok(),
        }
        Ok(())
    }
}
