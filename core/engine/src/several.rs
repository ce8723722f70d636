//! Batches of a source that came together: they are entered, acknowledged and handed to the driver
//! as one, which is what makes small ones cheap, and pass the operators one by one, or as if they
//! did.

use std::vec::IntoIter;

use formats::k::K;
use plan::{Acks, Batch, Data};

/// Values in order, each of which is a batch.
#[derive(Debug)]
pub(crate) struct Several {
    values: IntoIter<K>,
    /// What all of them stand for.
    acks: Acks,
    born_ns: u64,
}

impl Several {
    pub(crate) fn new(values: Vec<K>, acks: Acks, born_ns: u64) -> Self {
        Several { values: values.into_iter(), acks, born_ns }
    }

    /// The values that are left.
    pub(crate) fn rest(&self) -> &[K] {
        self.values.as_slice()
    }

    /// The first of them are delivered.
    pub(crate) fn pass(&mut self, count: usize) {
        self.values.by_ref().take(count).for_each(drop);
        if self.rest().is_empty() {
            std::mem::take(&mut self.acks).ok();
        }
    }

    /// The batch of the first of them. Whoever drops some fails all.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        let data = Data::Value(self.values.next()?);
        // The last one takes what the others share.
        let acks = match self.rest().is_empty() {
            true => std::mem::take(&mut self.acks),
            false => self.acks.clone(),
        };
        Some(Batch { acks, born_ns: self.born_ns, ..Batch::new(data) })
    }

    /// Their batches.
    pub(crate) fn batches(mut self) -> impl Iterator<Item = Batch> {
        std::iter::from_fn(move || self.next())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use plan::{Ack, AckPort, Fault, Record};

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl AckPort for Seen {
        fn fail(&self, id: u64, tag: Option<u32>, fault: Arc<Fault>) {
            self.0.lock().unwrap().push(format!("fail {id} {tag:?} {}", fault.text));
        }
        fn reply(&self, _: u64, _: Vec<(Record, Vec<u8>)>) {}
        fn done(&self, id: u64) {
            self.0.lock().unwrap().push(format!("done {id}"));
        }
    }

    fn several(seen: &Arc<Seen>) -> Several {
        let values = (0..3).map(K::long).collect();
        let acks = Acks::one(Ack::new(Arc::clone(seen) as Arc<dyn AckPort>, 7));
        Several::new(values, acks, 5)
    }

    #[test]
    fn they_are_delivered_when_each_of_them_is() {
        let seen = Arc::new(Seen::default());
        let mut batches = several(&seen).batches();
        for number in 0..3 {
            assert!(seen.0.lock().unwrap().is_empty());
            let batch = batches.next().unwrap();
            assert!(matches!(&batch.data, Data::Value(k) if *k == K::long(number)));
            assert_eq!(batch.born_ns, 5);
            batch.ok();
        }
        assert!(batches.next().is_none());
        assert_eq!(*seen.0.lock().unwrap(), ["done 7"]);
    }

    #[test]
    fn what_is_passed_over_is_delivered() {
        let seen = Arc::new(Seen::default());
        let mut all = several(&seen);
        all.pass(1);
        assert_eq!(all.rest(), [K::long(1), K::long(2)]);
        let batch = all.next().unwrap();
        all.pass(1);
        assert!(seen.0.lock().unwrap().is_empty());
        batch.ok();
        assert!(all.next().is_none());
        assert_eq!(*seen.0.lock().unwrap(), ["done 7"]);
    }

    #[test]
    fn one_that_fails_is_told_and_so_are_those_that_are_dropped() {
        let seen = Arc::new(Seen::default());
        let mut batches = several(&seen).batches();
        batches.next().unwrap().fail(&Arc::new(Fault::new("no")));
        drop(batches);
        let told = ["fail 7 None no", "fail 7 None the batch was dropped", "done 7"];
        assert_eq!(*seen.0.lock().unwrap(), told);
    }
}
