//! What a buffer gathers by its policy.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration as Time;

use plan::{Batch, Body, Data, Origin, Records};

use super::{Claims, MESSAGE_BYTES, Waiting};
use crate::compose::records::records_of;
use crate::policy::Policy;

/// Messages of batches that waited, until there are enough.
pub(super) struct Gather {
    pub(super) policy: Policy,
    open: RefCell<Option<Waiting>>,
}

/// What there is after messages were gathered.
#[derive(Default)]
pub(super) struct Gathered {
    /// What is complete.
    pub(super) complete: Option<Waiting>,
    /// What was not looked at, because something is complete.
    pub(super) rest: Option<Waiting>,
}

impl Gather {
    pub(super) fn new(policy: Policy) -> Self {
        Gather { policy, open: RefCell::default() }
    }

    /// How long what is open may go on to be gathered, if there is an end to it.
    pub(super) fn left(&self) -> Option<Time> {
        let open = self.open.borrow();
        let due = open.as_ref()?.since + self.policy.period()?;
        Some(due.since(rt::now()))
    }

    /// Whether something was gathered that is not complete.
    pub(super) fn is_open(&self) -> bool {
        self.open.borrow().is_some()
    }

    /// What was gathered, although it may not be complete.
    pub(super) fn take(&self) -> Option<Waiting> {
        self.policy.reset();
        self.open.take()
    }

    /// What was gathered, because its time is over.
    pub(super) fn over(&self) -> Option<Waiting> {
        self.policy.over();
        self.open.take()
    }

    /// Gathers the messages of a batch until something is complete.
    pub(super) fn add(&self, waiting: Waiting) -> Gathered {
        let Waiting { data, bytes: mut left, since, mut claims } = waiting;
        let records = match records_of(data) {
            Ok(records) => records,
            // What has no messages is not gathered.
            Err(data) => {
                let complete = Some(Waiting { data, bytes: left, since, claims });
                return Gathered { complete, rest: None };
            }
        };
        let batch = Batch::records(records);
        let Some(records) = batch.as_records() else { return Gathered::default() };
        claims.are_of(records.recs.len());
        let mut open = self.open.borrow_mut();
        let mut scratch = Vec::new();
        for (index, record) in records.recs.iter().enumerate() {
            let gathered = open.get_or_insert_with(|| Waiting {
                data: Data::Records(Records::default()),
                bytes: 0,
                since: rt::now(),
                claims: Claims::default(),
            });
            let Data::Records(Records { recs, .. }) = &mut gathered.data else { continue };
            let mut record = record.clone();
            let content = records.bytes(index, &mut scratch);
            let last = index + 1 == records.recs.len();
            let bytes = if last { left } else { (content.len() + MESSAGE_BYTES).min(left) };
            if let Body::Range { .. } = record.body {
                // Messages of several blocks come together: each takes its bytes along.
                record.body = Body::Own(Arc::new(content.to_vec()));
            }
            record.origin = Origin { ack: 0, tag: recs.len() as u32 };
            recs.push(record);
            claims.move_first(&mut gathered.claims);
            gathered.bytes += bytes;
            left -= bytes;
            if self.policy.add(&batch, index) {
                let rest = records.recs.get(index + 1..).unwrap_or_default().to_vec();
                let rest = (!rest.is_empty()).then(|| {
                    let data = Data::Records(records.like().with(rest));
                    Waiting { data, bytes: left, since, claims }
                });
                return Gathered { complete: open.take(), rest };
            }
        }
        Gathered::default()
    }
}

#[cfg(test)]
mod tests {
    use plan::Record;
    use serde_json::json;

    use super::*;
    use crate::testing::TestEnv;

    fn gather(policy: serde_json::Value) -> Gather {
        let config = serde_json::from_value(policy).unwrap();
        Gather::new(Policy::build(&config, &TestEnv::new()).unwrap())
    }

    fn waiting(texts: &[&str], loose: bool) -> Waiting {
        let recs = texts.iter().zip(0..).map(|(text, tag)| Record {
            origin: Origin { ack: 0, tag },
            ..Record::own(text.as_bytes().to_vec())
        });
        let records = Records { recs: recs.collect(), loose, ..Records::default() };
        let bytes = super::super::weight(&Batch::records(records.clone()));
        let (data, since) = (Data::Records(records), rt::now());
        Waiting { data, bytes, since, claims: Claims::default() }
    }

    fn size(waiting: &Waiting) -> (usize, usize) {
        let Data::Records(records) = &waiting.data else { panic!("messages") };
        let tags: Vec<u32> = records.recs.iter().map(|rec| rec.origin.tag).collect();
        assert!(!records.loose && tags.is_sorted());
        (records.recs.len(), waiting.bytes)
    }

    #[test]
    fn messages_on_their_own_are_cut_where_a_batch_is_complete_and_batches_are_not() {
        let gather = gather(json!({"count": 2}));
        let all = waiting(&["a", "bb", "ccc"], true);
        let bytes = all.bytes;
        let first = gather.add(all);
        let rest = first.rest.unwrap();
        let complete = size(first.complete.as_ref().unwrap());
        assert_eq!(complete, (2, 3 + 2 * MESSAGE_BYTES));
        assert_eq!(complete.1 + rest.bytes, bytes, "no byte is counted twice or not at all");
        let second = gather.add(rest);
        assert!(second.complete.is_none() && second.rest.is_none());
        let third = gather.add(waiting(&["d", "e", "f"], false));
        assert_eq!(size(third.complete.as_ref().unwrap()).0, 4, "a batch stays together");
        assert!(third.rest.is_none() && gather.take().is_none());
    }

    #[test]
    fn what_is_open_is_handed_on_when_nothing_more_comes_or_its_time_is_over() {
        let gather = gather(json!({"count": 10, "period": "1h"}));
        assert!(gather.left().is_none(), "nothing is open");
        assert!(gather.add(waiting(&["a"], false)).complete.is_none());
        assert!(gather.left().is_some());
        assert_eq!(size(&gather.over().unwrap()).0, 1);
        assert!(gather.add(waiting(&["b", "c"], true)).complete.is_none());
        assert_eq!(size(&gather.take().unwrap()).0, 2);
        assert!(gather.take().is_none());
    }
}
