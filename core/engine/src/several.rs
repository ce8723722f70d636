//! Batches of a source that came together: they are entered, acknowledged and handed to the driver
//! as one, which is what makes small ones cheap, and pass the operators one by one.

use formats::k::K;
use plan::{Acks, Batch, Data};

/// Values in order, each of which is a batch.
#[derive(Debug)]
pub(crate) struct Several {
    pub(crate) values: Vec<K>,
    /// What all of them stand for.
    pub(crate) acks: Acks,
    pub(crate) born_ns: u64,
}

impl Several {
    /// The batches. Whoever drops some of them fails all.
    pub(crate) fn batches(self) -> impl Iterator<Item = Batch> {
        let Several { values, acks, born_ns } = self;
        // The last one takes what the others share.
        let shares = std::iter::repeat_n(acks, values.len());
        let batch = move |(value, acks)| Batch { acks, born_ns, ..Batch::new(Data::Value(value)) };
        values.into_iter().zip(shares).map(batch)
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
        Several { values, acks, born_ns: 5 }
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
    fn one_that_fails_is_told_and_so_are_those_that_are_dropped() {
        let seen = Arc::new(Seen::default());
        let mut batches = several(&seen).batches();
        batches.next().unwrap().fail(&Arc::new(Fault::new("no")));
        drop(batches);
        let told = ["fail 7 None no", "fail 7 None the batch was dropped", "done 7"];
        assert_eq!(*seen.0.lock().unwrap(), told);
    }
}
