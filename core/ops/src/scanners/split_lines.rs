//! `split_lines`: cuts blocks of whole lines into messages, on whichever shard the block is.
//!
//! A source that reads lines emits blocks cut at line borders, and has seen to it that no line is
//! too long; what is left is the search for line breaks, which needs no order. Where something
//! looks at batches as users see them, each message becomes a batch of its own here.

use formats::lines::LineSplitter;
use plan::env::read_config;
use plan::{
    Batch, Body, Class, Data, Example, Operator, OperatorSpec, Origin, RawBlock, Record, Records,
    Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `split_lines`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Also cuts messages that a source put together only to be quick into batches of one.
    single: bool,
}

struct SplitLines {
    single: bool,
    splitter: LineSplitter,
    ranges: Vec<(u32, u32)>,
}

impl SplitLines {
    fn records(&mut self, raw: RawBlock) -> Records {
        let RawBlock { bytes, meta, only, .. } = raw;
        self.ranges.clear();
        // The source has looked at the lengths of lines already, so none is too long here.
        let _ = self.splitter.split(&bytes, true, &mut self.ranges);
        let record = |tag: u32, (start, len): (u32, u32)| Record {
            body: Body::Range { start, len },
            meta: meta.clone(),
            fault: None,
            origin: Origin { ack: 0, tag },
        };
        let all = (0u32..).zip(self.ranges.drain(..));
        let recs = match only {
            None => all.map(|(tag, range)| record(tag, range)).collect(),
            Some(tags) => all
                .filter(|(tag, _)| tags.binary_search(tag).is_ok())
                .map(|(tag, range)| record(tag, range))
                .collect(),
        };
        Records { block: bytes, recs, loose: true }
    }
}

impl Operator for SplitLines {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let Batch { data, acks, seq, born_ns } = batch;
        let data = match data {
            Data::Raw(raw) => Data::Records(self.records(raw)),
            // What is cut already passes.
            other => other,
        };
        let batch = Batch { data, acks, seq, born_ns };
        match &batch.data {
            _ if batch.is_empty() => batch.ok(),
            Data::Records(records) if self.single && records.loose && records.recs.len() > 1 => {
                out.extend(records.recs.iter().map(|rec| batch.part(vec![rec.clone()])));
                batch.ok();
            }
            _ => out.push(batch),
        }
        Step::Done(Ok(()))
    }
}

/// The operator `split_lines`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "split_lines",
    since: "0.1.0",
    category: "scanner",
    summary: "Cuts blocks of whole lines into messages.",
    schema: schema_of::<Config>,
    examples: &[Example { title: "messages pass", config: "{}", input: &["a"], output: &["a"] }],
    build: |config, _| {
        let Config { single } = read_config(config)?;
        let splitter = LineSplitter::new().bytes_max(usize::MAX);
        Ok(Box::new(SplitLines { single, splitter, ranges: Vec::new() }))
    },
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::testing::{Setup, texts};

    fn split(raw: RawBlock) -> Vec<Batch> {
        let mut operator = Setup::default().build(&SPEC, "{}");
        let mut out = Vec::new();
        assert!(matches!(
            operator.on_batch(Batch::new(Data::Raw(raw)), &mut out),
            Step::Done(Ok(()))
        ));
        out
    }

    fn raw(text: &'static str, only: Option<Vec<u32>>) -> RawBlock {
        RawBlock { bytes: Bytes::from(text), meta: None, offset: 0, only: only.map(Arc::new) }
    }

    #[test]
    fn lines_become_messages() {
        assert_eq!(texts(&split(raw("a\r\n\nccc\nd", None))), ["a", "", "ccc", "d"]);
        assert!(split(raw("", None)).is_empty());
    }

    #[test]
    fn only_what_a_source_put_together_is_cut_into_single_messages() {
        let mut operator = Setup::default().build(&SPEC, r#"{"single":true}"#);
        let mut sizes = |batch: Batch| {
            let mut out = Vec::new();
            assert!(matches!(operator.on_batch(batch, &mut out), Step::Done(Ok(()))));
            out.iter().map(Batch::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(Batch::new(Data::Raw(raw("a\nb\nc\n", None)))), [1, 1, 1]);
        let together = Records::from_bodies([b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(sizes(Batch::records(together.clone())), [2]);
        assert_eq!(sizes(Batch::records(Records { loose: true, ..together })), [1, 1]);
    }

    #[test]
    fn a_replay_takes_only_what_failed() {
        let out = split(raw("a\nb\nc\nd\n", Some(vec![1, 3])));
        assert_eq!(texts(&out), ["b", "d"]);
        let tags: Vec<u32> =
            out[0].as_records().unwrap().recs.iter().map(|r| r.origin.tag).collect();
        assert_eq!(tags, [1, 3]);
    }
}
