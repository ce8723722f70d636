//! What messages are known by elsewhere: batches with numbers, each of which is delivered when the
//! last of its messages is.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use plan::Outcome;

/// A batch that is known by a number.
struct Entry {
    number: u64,
    /// Messages that are not delivered.
    left: Cell<usize>,
}

/// Entries with the number of their messages, in the order of these. Empty where nothing is known.
#[derive(Default)]
pub(crate) struct Claims(VecDeque<(Rc<Entry>, usize)>);

impl Entry {
    fn deliver(&self, count: usize, delivered: &RefCell<Vec<u64>>) {
        self.left.set(self.left.get().saturating_sub(count));
        if self.left.get() == 0 {
            delivered.borrow_mut().push(self.number);
        }
    }
}

impl Claims {
    /// Of a batch with a number. One whose messages nobody has counted is as one message.
    pub(crate) fn one(number: u64, messages: usize) -> Self {
        let left = Cell::new(messages.max(1));
        Claims([(Rc::new(Entry { number, left }), messages.max(1))].into())
    }

    /// The messages were counted.
    pub(super) fn are_of(&mut self, messages: usize) {
        if let [(entry, count)] = self.0.make_contiguous()
            && *count == 1
            && messages > 1
        {
            entry.left.set(entry.left.get() + messages - 1);
            *count = messages;
        }
    }

    /// Moves the claim of the first message behind others.
    pub(super) fn move_first(&mut self, to: &mut Claims) {
        let Some((entry, count)) = self.0.front_mut() else { return };
        match to.0.back_mut().filter(|(last, _)| Rc::ptr_eq(last, entry)) {
            Some((_, count)) => *count += 1,
            None => to.0.push_back((Rc::clone(entry), 1)),
        }
        *count -= 1;
        if *count == 0 {
            self.0.pop_front();
        }
    }

    /// Everything is delivered; numbers of which nothing is left are added to a list.
    pub(super) fn delivered(&mut self, delivered: &RefCell<Vec<u64>>) {
        self.0.drain(..).for_each(|(entry, count)| entry.deliver(count, delivered));
    }

    /// Only what was refused stays, as it does of the messages.
    pub(super) fn keep_refused(&mut self, outcome: &Outcome, delivered: &RefCell<Vec<u64>>) {
        if self.0.is_empty() || outcome.failures.iter().any(|(tag, _)| tag.is_none()) {
            return;
        }
        let mut tags: Vec<u32> = outcome.failures.iter().filter_map(|(tag, _)| *tag).collect();
        tags.sort_unstable();
        tags.dedup();
        let mut start = 0;
        for (entry, count) in &mut self.0 {
            let end = start + *count;
            let below = |end: usize| tags.partition_point(|tag| (*tag as usize) < end);
            let refused = below(end) - below(start);
            entry.deliver(*count - refused, delivered);
            *count = refused;
            start = end;
        }
        self.0.retain(|(_, count)| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plan::Fault;

    use super::*;

    fn refusing(tags: &[u32]) -> Outcome {
        let fault = Arc::new(Fault::new("no"));
        let failures = tags.iter().map(|tag| (Some(*tag), Arc::clone(&fault))).collect();
        Outcome { failures, replies: Vec::new() }
    }

    #[test]
    fn a_batch_is_delivered_with_the_last_of_its_messages() {
        let delivered = RefCell::default();
        let (mut first, mut second) = (Claims::one(1, 3), Claims::one(2, 1));
        let mut gathered = Claims::default();
        first.move_first(&mut gathered);
        first.move_first(&mut gathered);
        gathered.delivered(&delivered);
        assert!(delivered.borrow().is_empty(), "one message of it is left");
        first.move_first(&mut gathered);
        second.are_of(2);
        second.move_first(&mut gathered);
        second.move_first(&mut gathered);
        gathered.keep_refused(&refusing(&[2, 2]), &delivered);
        assert_eq!(*delivered.borrow(), [1]);
        gathered.keep_refused(&refusing(&[0]), &delivered);
        assert_eq!(*delivered.borrow(), [1], "the only one is refused again");
        gathered.delivered(&delivered);
        assert_eq!(*delivered.borrow(), [1, 2]);
    }

    #[test]
    fn nothing_is_delivered_of_what_is_refused_as_a_whole() {
        let delivered = RefCell::default();
        let mut claims = Claims::one(7, 0);
        let whole =
            Outcome { failures: vec![(None, Arc::new(Fault::new("no")))], replies: Vec::new() };
        claims.keep_refused(&whole, &delivered);
        assert!(delivered.borrow().is_empty());
        claims.delivered(&delivered);
        assert_eq!(*delivered.borrow(), [7]);
    }
}
