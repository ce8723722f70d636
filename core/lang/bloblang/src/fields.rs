//! Documents of messages as text, for queries that look at a few fields of them.

use formats::json::{Paths, Reader};
use plan::{Body, Records};

use crate::exec::Doc;
use crate::node::{Base, Node, Seg};

/// Reads documents for queries; there is no reader where no query looks at fields.
pub(crate) struct Fields(Option<Reader>);

impl Fields {
    /// A reader of some expressions, all of which `every` visits, by their paths.
    pub(crate) fn of<'n>(paths: &Paths, every: impl FnOnce(&mut dyn FnMut(&'n Node))) -> Self {
        let mut reads = false;
        every(&mut |node| {
            reads |= match node {
                Node::Path(path) => matches!(path.base, Base::This),
                Node::Function(call) => call.spec.reads_document,
                _ => false,
            };
        });
        Fields(reads.then(|| Reader::new(paths.clone())))
    }

    /// The document of a message, if queries look at it and it is there as text.
    pub(crate) fn read<'d>(&'d mut self, records: &'d Records, index: usize) -> Doc<'d> {
        match &mut self.0 {
            Some(reader) => read(reader, records, index),
            None => Doc::Unread,
        }
    }
}

/// Reads the document of a message where it stands.
pub(crate) fn read<'d>(reader: &'d mut Reader, records: &'d Records, index: usize) -> Doc<'d> {
    let content = match records.recs.get(index).map(|record| &record.body) {
        Some(Body::Range { start, len }) => {
            let start = *start as usize;
            records.block.get(start..start + *len as usize)
        }
        Some(Body::Own(bytes)) => Some(bytes.as_slice()),
        None | Some(Body::Doc(_)) => return Doc::Unread,
    };
    match reader.read(content.unwrap_or_default()) {
        Ok(doc) => Doc::Raw(doc),
        Err(error) => Doc::Bad(error.to_string()),
    }
}

/// Numbers the paths that expressions have in the document, so that they are found without a
/// search. Every reader for these expressions begins with these paths, whatever else it reads.
pub(crate) fn numbered<'n>(every: impl FnOnce(&mut dyn FnMut(&'n Node))) -> Paths {
    let mut paths = Paths::new();
    every(&mut |node| {
        let Node::Path(path) = node else { return };
        if matches!(path.base, Base::This) && path.segs.iter().all(Seg::is_plain) {
            let keys: Vec<&[u8]> = path.segs.iter().map(|seg| seg.key.as_bytes()).collect();
            path.number.set(Some(paths.intern(&keys)));
        }
    });
    paths
}
