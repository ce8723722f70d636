//! Batches of the engine as values of q, and back.

use formats::k::{Function, K, Type};
use plan::{Batch, Data, Record, Records};
use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// Data with its metadata on the way between two operators.
#[derive(Clone, Debug)]
struct Envelope {
    metadata: K,
    data: K,
}

impl Function for Envelope {
    fn code(&self) -> i8 {
        112
    }
    fn source(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"batch")
    }
    fn items(&self) -> Vec<K> {
        vec![self.metadata.clone(), self.data.clone()]
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Metadata and data of a batch; `None` for shapes that no reader of q makes.
pub(crate) fn open(data: Data) -> Option<(K, K)> {
    match data {
        Data::Value(K::Func(f)) => match f.as_any().downcast_ref::<Envelope>() {
            Some(envelope) => Some((envelope.metadata.clone(), envelope.data.clone())),
            None => Some((none(), K::Func(f))),
        },
        Data::Value(value) => Some((none(), value)),
        Data::Records(records) => {
            let mut scratch = Vec::new();
            let texts = (0..records.recs.len()).map(|i| K::str(records.bytes(i, &mut scratch)));
            Some((none(), K::list(texts.collect())))
        }
        Data::Raw(raw) => {
            let text: &[u8] = raw.bytes.strip_suffix(b"\n").unwrap_or(&raw.bytes);
            let lines = text.split(|b| *b == b'\n');
            let lines = lines.map(|l| K::str(l.strip_suffix(b"\r").unwrap_or(l)));
            Some((none(), K::list(lines.collect())))
        }
        Data::Columns(_) => None,
    }
}

/// Data for one of the writers of a spec.
#[derive(Clone, Debug)]
struct Tagged {
    writer: usize,
    data: Data,
}

impl Function for Tagged {
    fn code(&self) -> i8 {
        112
    }
    fn source(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"output")
    }
    fn items(&self) -> Vec<K> {
        let (_, data) = open(self.data.clone()).unzip();
        data.into_iter().collect()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Data for a writer.
pub(crate) fn tagged(writer: usize, data: Data) -> Data {
    Data::Value(K::Func(Arc::new(Tagged { writer, data })))
}

/// What data there is for a writer.
pub(crate) fn untagged(data: &Data, writer: usize) -> Option<Data> {
    let Data::Value(K::Func(f)) = data else { return None };
    let tagged: &Tagged = f.as_any().downcast_ref()?;
    (tagged.writer == writer).then(|| tagged.data.clone())
}

/// The bytes of a block as one value.
pub(crate) fn bytes(block: &[u8]) -> K {
    K::vec(Type::Byte, block.to_vec())
}

thread_local! {
    static NONE: K = K::dict(K::syms(Vec::new()), K::list(Vec::new()));
}

/// Metadata of data that has none.
fn none() -> K {
    NONE.with(K::clone)
}

/// A batch for the next operator; metadata travels along where there is some.
pub(crate) fn close(metadata: K, data: K) -> Data {
    let plain = metadata.is_empty() || matches!(metadata, K::Null);
    if plain {
        return Data::Value(data);
    }
    Data::Value(K::Func(Arc::new(Envelope { metadata, data })))
}

/// Lines as messages, each one as it is.
pub(crate) fn lines(text: &[u8]) -> Data {
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|b| *b == b'\n');
    let recs = lines.map(|l| Record::own(l.to_vec())).collect();
    Data::Records(Records { recs, ..Records::default() })
}

/// Hands on what became of a batch: the last piece keeps its duties, the others share in them.
pub(crate) fn deliver(batch: Batch, pieces: Vec<Data>, out: &mut Vec<Batch>) {
    let Batch { acks, seq, born_ns, .. } = batch;
    if pieces.is_empty() {
        return acks.ok();
    }
    let shares = std::iter::repeat_n(acks, pieces.len());
    let pieces = pieces.into_iter().zip(shares);
    out.extend(pieces.map(|(data, acks)| Batch { data, acks, seq, born_ns }));
}
