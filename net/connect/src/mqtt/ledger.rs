//! Which messages of a subscription are on their way through the pipeline, and which the broker
//! may forget. Messages are known by the numbers that the broker gives them; a number means the
//! same message for as long as the broker keeps the session and says that it sends it again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rumqttc::{Publish, QoS};

/// What the broker is told: it may forget a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// Its number.
    pub(super) id: u16,
    /// How surely it arrives; never 0.
    pub(super) qos: QoS,
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    receipt: Receipt,
    serial: u64,
}

/// What is to be done with a message that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It goes on its way; without a ticket nobody is told when it is delivered.
    New(Option<Ticket>),
    /// It is on its way already.
    Held,
    /// It was delivered already, and the broker does not know.
    Known(Receipt),
}

struct Entry {
    serial: u64,
    /// Stands for the content.
    sum: u64,
    delivered: bool,
}

/// The messages that the broker has not yet forgotten; at most one for each number.
#[derive(Default)]
pub(super) struct Ledger {
    entries: HashMap<u16, Entry>,
    serial: u64,
}

impl Ledger {
    /// A connection was made; `known` says whether the broker still has the session.
    pub(super) fn connected(&mut self, known: bool) {
        if !known {
            self.entries.clear();
        }
    }

    /// A message arrived.
    pub(super) fn arrived(&mut self, message: &Publish) -> Arrival {
        if message.qos == QoS::AtMostOnce {
            return Arrival::New(None);
        }
        let mut hasher = DefaultHasher::new();
        (&message.topic, &message.payload).hash(&mut hasher);
        let sum = hasher.finish();
        let receipt = Receipt { id: message.pkid, qos: message.qos };
        // A broker that lost its newest state gives numbers a second time: then the message is
        // another, and is not said to be sent again.
        let same = self.entries.get(&message.pkid).filter(|e| message.dup && e.sum == sum);
        match same {
            Some(Entry { delivered: true, .. }) => Arrival::Known(receipt),
            Some(_) => Arrival::Held,
            None => {
                self.serial += 1;
                let serial = self.serial;
                self.entries.insert(receipt.id, Entry { serial, sum, delivered: false });
                Arrival::New(Some(Ticket { receipt, serial }))
            }
        }
    }

    /// A message was delivered; what the broker is told, if it still waits for that.
    pub(super) fn delivered(&mut self, ticket: Ticket) -> Option<Receipt> {
        let Ticket { receipt, serial } = ticket;
        let entry = self.entries.get_mut(&receipt.id).filter(|entry| entry.serial == serial)?;
        match receipt.qos {
            // Until the broker says that it will not send it again.
            QoS::ExactlyOnce => entry.delivered = true,
            _ => {
                self.entries.remove(&receipt.id);
            }
        }
        Some(receipt)
    }

    /// A message was not delivered and will not be: the broker has to send it again.
    pub(super) fn failed(&mut self, ticket: Ticket) {
        if self.entries.get(&ticket.receipt.id).is_some_and(|e| e.serial == ticket.serial) {
            self.entries.remove(&ticket.receipt.id);
        }
    }

    /// The broker will not send this number again.
    pub(super) fn released(&mut self, id: u16) {
        if self.entries.get(&id).is_some_and(|entry| entry.delivered) {
            self.entries.remove(&id);
        }
    }

    /// How many messages the broker has not yet forgotten.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
