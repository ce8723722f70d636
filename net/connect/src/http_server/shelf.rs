//! Where messages wait for whoever asks for them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::signal::Signal;

/// Messages that users see as one batch.
pub(super) type Bodies = Vec<Vec<u8>>;

/// A batch on offer.
struct Offer {
    id: u64,
    bodies: Bodies,
}

/// Batches on offer. There is one for each write, so that the engine bounds them.
#[derive(Default)]
pub(super) struct Shelf {
    offers: RefCell<VecDeque<Offer>>,
    /// Ids of offers that were delivered and whose writers do not know yet.
    delivered: RefCell<Vec<u64>>,
    /// Ids of offers whose writers wait.
    wanted: RefCell<Vec<u64>>,
    next_id: Cell<u64>,
    closed: Cell<bool>,
    changed: Signal,
}

impl Shelf {
    /// The next batch, or `None` when there will be none.
    pub(super) async fn take(self: &Rc<Self>) -> Option<Taken> {
        let offer = self
            .changed
            .until(|| match self.offers.borrow_mut().pop_front() {
                Some(offer) => Some(Some(offer)),
                None => self.closed.get().then_some(None),
            })
            .await?;
        Some(Taken { shelf: Rc::clone(self), offer: Some(offer) })
    }

    /// Offers a batch.
    pub(super) fn offer(self: &Rc<Self>, bodies: Bodies) -> Place {
        let id = self.next_id.replace(self.next_id.get() + 1);
        self.wanted.borrow_mut().push(id);
        self.offers.borrow_mut().push_back(Offer { id, bodies });
        self.changed.wake();
        Place { shelf: Rc::clone(self), id }
    }

    /// Says that no more will come.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.changed.wake();
    }
}

/// The place of one offer; giving it up takes the offer back.
pub(super) struct Place {
    shelf: Rc<Shelf>,
    id: u64,
}

impl Place {
    /// Waits until the batch was delivered.
    pub(super) async fn delivered(&self) {
        let find = || {
            let mut delivered = self.shelf.delivered.borrow_mut();
            let at = delivered.iter().position(|id| *id == self.id)?;
            delivered.swap_remove(at);
            Some(())
        };
        self.shelf.changed.until(find).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shelf.offers.borrow_mut().retain(|offer| offer.id != self.id);
        self.shelf.delivered.borrow_mut().retain(|id| *id != self.id);
        self.shelf.wanted.borrow_mut().retain(|id| *id != self.id);
    }
}

/// A batch that somebody has asked for. Unless it is delivered it goes back to the front.
pub(super) struct Taken {
    shelf: Rc<Shelf>,
    offer: Option<Offer>,
}

impl Taken {
    /// Its messages.
    pub(super) fn bodies(&self) -> &[Vec<u8>] {
        self.offer.as_ref().map_or(&[], |offer| &offer.bodies)
    }

    /// Tells the writer that the client has it.
    pub(super) fn delivered(mut self) {
        let Some(offer) = self.offer.take() else { return };
        if self.shelf.wanted.borrow().contains(&offer.id) {
            self.shelf.delivered.borrow_mut().push(offer.id);
            self.shelf.changed.wake();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(offer) = self.offer.take() else { return };
        if self.shelf.wanted.borrow().contains(&offer.id) {
            self.shelf.offers.borrow_mut().push_front(offer);
            self.shelf.changed.wake();
        }
    }
}
