//! Ports that the instances of a plan share.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flume::{Receiver, Sender};
use plan::env::Request;
use plan::{BuildError, Split};

/// Pieces that one instance is given before those it was given earlier are done with.
pub(super) const PIECES_MAX: usize = 64;

/// Which of the instances of a plan one is. Their number is one for all of them: it changes only
/// while nothing is on the way.
#[derive(Clone, Default)]
pub(crate) enum Place {
    /// There are no others.
    #[default]
    Alone,
    /// The first, which has the ports.
    First(Arc<AtomicUsize>),
    /// Another one: its number, and where it tells how it is handed its share of each port.
    Other { number: usize, count: Arc<AtomicUsize>, ways: Sender<Sender<Request>> },
}

/// A port of the first instance.
pub(super) struct Front {
    pub(super) calls: Receiver<Request>,
    pub(super) split: Rc<dyn Split>,
    /// How the first instance itself is handed its share.
    pub(super) own: Sender<Request>,
}

/// The shared ports of one instance.
#[derive(Default)]
pub(crate) struct CrewPorts {
    place: Place,
    fronts: RefCell<Vec<Front>>,
}

impl CrewPorts {
    pub(crate) fn new(place: Place) -> Self {
        CrewPorts { place, fronts: RefCell::default() }
    }

    /// Number of the instance, and of how many.
    pub(crate) fn worker(&self) -> (usize, usize) {
        match &self.place {
            Place::Alone => (0, 1),
            Place::First(count) => (0, count.load(Ordering::Relaxed)),
            Place::Other { number, count, .. } => (*number, count.load(Ordering::Relaxed)),
        }
    }

    /// Where the instance takes what comes to a port, which only the first one opens.
    ///
    /// # Errors
    /// Those of opening it.
    pub(crate) fn open(
        &self,
        split: Rc<dyn Split>,
        open: impl FnOnce() -> Result<Receiver<Request>, BuildError>,
    ) -> Result<Receiver<Request>, BuildError> {
        if let Place::Alone = &self.place {
            return open();
        }
        let (own, pieces) = flume::bounded(PIECES_MAX);
        match &self.place {
            Place::Other { ways, .. } => drop(ways.send(own)),
            _ => self.fronts.borrow_mut().push(Front { calls: open()?, split, own }),
        }
        Ok(pieces)
    }

    /// The ports, for the router.
    pub(super) fn take(&self) -> Vec<Front> {
        self.fronts.take()
    }

    /// The number of instances, where there may be several and this is the first.
    pub(super) fn count(&self) -> Option<Arc<AtomicUsize>> {
        match &self.place {
            Place::First(count) => Some(Arc::clone(count)),
            _ => None,
        }
    }
}
