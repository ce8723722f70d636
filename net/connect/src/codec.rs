//! Codecs: how messages become the bytes of a file, a pipe or a connection.

use bytes::Bytes;
use plan::{Batch, Body, BuildError, Data, Records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How messages are written (spec/benthos-components.md §D).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Each message is the whole content of its file.
    AllBytes,
    /// Messages follow one another without anything between.
    Append,
    /// A line break after each message that does not end with one.
    #[default]
    Lines,
    /// This text after each message.
    Delimiter(Vec<u8>),
}

/// The name of a codec: `lines`, `all-bytes`, `append` or `delim:x`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct CodecName(pub String);

impl Default for CodecName {
    fn default() -> Self {
        CodecName("lines".to_owned())
    }
}

impl CodecName {
    /// The codec of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn codec(&self) -> Result<Codec, BuildError> {
        match self.0.as_str() {
            "all-bytes" => Ok(Codec::AllBytes),
            "append" => Ok(Codec::Append),
            "lines" => Ok(Codec::Lines),
            name => match name.strip_prefix("delim:") {
                Some("") => {
                    Err(BuildError::new("custom delimiter codec requires a non-empty delimiter"))
                }
                Some(text) => Ok(Codec::Delimiter(text.as_bytes().to_vec())),
                None => Err(BuildError::new(format!("codec was not recognised: {name}"))),
            },
        }
    }
}

/// Bytes to write: a part of the batch's own block where nothing has to change, otherwise a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Encoded {
    /// Shares the memory of the batch.
    Shared(Bytes),
    /// Was put together.
    Gathered(Vec<u8>),
}

impl Encoded {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Encoded::Shared(bytes) => bytes,
            Encoded::Gathered(bytes) => bytes,
        }
    }

    /// The bytes, as memory of their own.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Encoded::Shared(bytes) => bytes.to_vec(),
            Encoded::Gathered(bytes) => bytes,
        }
    }
}

impl Codec {
    /// The bytes of a whole batch. `scratch` gives its memory to what must be put together.
    ///
    /// # Errors
    /// A text, when the batch has no bytes: columns and values need an encoder before.
    pub fn encode(&self, batch: &Batch, scratch: Vec<u8>) -> Result<Encoded, String> {
        match &batch.data {
            Data::Raw(raw) => {
                if *self != Codec::Lines || raw.bytes.ends_with(b"\n") || raw.bytes.is_empty() {
                    return Ok(Encoded::Shared(raw.bytes.clone()));
                }
                let mut out = emptied(scratch);
                self.push(&raw.bytes, &mut out);
                Ok(Encoded::Gathered(out))
            }
            Data::Records(records) => {
                if let Some(bytes) = self.contiguous(records) {
                    return Ok(Encoded::Shared(bytes));
                }
                let mut out = emptied(scratch);
                let mut print = Vec::new();
                for index in 0..records.recs.len() {
                    self.push(records.bytes(index, &mut print), &mut out);
                }
                Ok(Encoded::Gathered(out))
            }
            Data::Columns(_) => Err("typed columns need an encoder before they are written".into()),
            Data::Value(_) => Err("a value needs an encoder before it is written".into()),
        }
    }

    /// Appends one message.
    pub fn push(&self, message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(message);
        match self {
            Codec::AllBytes | Codec::Append => {}
            Codec::Lines => {
                if !message.ends_with(b"\n") {
                    out.push(b'\n');
                }
            }
            Codec::Delimiter(text) => out.extend_from_slice(text),
        }
    }

    /// The part of the block that already is what must be written: its messages follow one
    /// another with exactly one line break after each.
    fn contiguous(&self, records: &Records) -> Option<Bytes> {
        if *self != Codec::Lines {
            return None;
        }
        let block = &records.block;
        let mut next: Option<(usize, usize)> = None;
        for record in &records.recs {
            let Body::Range { start, len } = record.body else { return None };
            let (start, end) = (start as usize, start as usize + len as usize);
            let ends_with_break = len > 0 && block.get(end - 1) == Some(&b'\n');
            if ends_with_break || block.get(end) != Some(&b'\n') {
                return None;
            }
            next = match next {
                None => Some((start, end + 1)),
                Some((first, expected)) if expected == start => Some((first, end + 1)),
                Some(_) => return None,
            };
        }
        next.map(|(start, end)| block.slice(start..end))
    }
}

fn emptied(mut scratch: Vec<u8>) -> Vec<u8> {
    scratch.clear();
    scratch
}

#[cfg(test)]
mod tests {
    use plan::{RawBlock, Record};
    use proptest::prelude::*;

    use super::*;

    fn ranges(block: &'static [u8], ranges: &[(u32, u32)]) -> Batch {
        let recs = ranges
            .iter()
            .map(|&(start, len)| Record { body: Body::Range { start, len }, ..Record::default() });
        let recs = recs.collect();
        Batch::records(Records { block: Bytes::from_static(block), recs, loose: false })
    }

    fn encoded(codec: &Codec, batch: &Batch) -> Encoded {
        codec.encode(batch, Vec::new()).unwrap()
    }

    #[test]
    fn lines_of_one_block_are_written_as_they_stand() {
        let batch = ranges(b"one\ntwo\n\nfour\n", &[(4, 3), (8, 0), (9, 4)]);
        let bytes = Bytes::from_static(b"two\n\nfour\n");
        assert_eq!(encoded(&Codec::Lines, &batch), Encoded::Shared(bytes));
        for gap in [&[(0, 3), (8, 0)][..], &[(4, 3), (0, 3)], &[(0, 2)]] {
            let batch = ranges(b"one\ntwo\n\nfour\n", gap);
            assert!(matches!(encoded(&Codec::Lines, &batch), Encoded::Gathered(_)));
        }
        // A carriage return is no part of the message.
        let batch = ranges(b"one\r\ntwo\n", &[(0, 3), (5, 3)]);
        assert_eq!(encoded(&Codec::Lines, &batch).as_slice(), b"one\ntwo\n");
        // The last line of a file may have no break.
        let batch = ranges(b"one\ntwo", &[(0, 3), (4, 3)]);
        assert_eq!(encoded(&Codec::Lines, &batch).as_slice(), b"one\ntwo\n");
    }

    #[test]
    fn codecs() {
        let messages = [b"a".to_vec(), b"b\n".to_vec(), Vec::new()];
        let batch = Batch::records(Records::from_bodies(messages));
        let text = |name: &str| {
            let codec = CodecName(name.to_owned()).codec().unwrap();
            String::from_utf8(encoded(&codec, &batch).as_slice().to_vec()).unwrap()
        };
        assert_eq!(text("lines"), "a\nb\n\n");
        assert_eq!(text("append"), "ab\n");
        assert_eq!(text("delim:;"), "a;b\n;;");
        let wrong = CodecName("foo".into()).codec().unwrap_err();
        assert_eq!(wrong.text, "codec was not recognised: foo");
        assert!(CodecName("delim:".into()).codec().is_err());
    }

    #[test]
    fn raw_blocks_are_written_verbatim() {
        let raw = |bytes: &'static [u8]| {
            let bytes = Bytes::from_static(bytes);
            Batch::new(Data::Raw(RawBlock { bytes, meta: None, offset: 0, only: None }))
        };
        assert_eq!(encoded(&Codec::Lines, &raw(b"a\nb\n")).as_slice(), b"a\nb\n");
        assert_eq!(encoded(&Codec::Lines, &raw(b"a\nb")).as_slice(), b"a\nb\n");
    }

    proptest! {
        #[test]
        fn sharing_changes_nothing(lines in prop::collection::vec("[ab]{0,3}", 0..9)) {
            let text = lines.iter().map(|l| format!("{l}\n")).collect::<String>();
            let mut at = 0;
            let recs = lines.iter().map(|l| {
                let body = Body::Range { start: at, len: l.len() as u32 };
                at += l.len() as u32 + 1;
                Record { body, ..Record::default() }
            });
            let recs = recs.collect();
            let block = Bytes::from(text.clone());
            let batch = Batch::records(Records { block, recs, loose: false });
            let out = encoded(&Codec::Lines, &batch);
            prop_assert_eq!(out.as_slice(), text.as_bytes());
        }
    }
}
