//! JSON texts to values, and values to JSON texts.

use super::text_of;
use crate::error::Result;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs;
use formats::k::K;

/// Decodes a batch as one document, or each of its texts with `decodeEach`.
pub(in crate::qsp) struct DecodeJson;

impl Stage for DecodeJson {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let decode = verbs::value(".j.k");
        let each = node.flag("decodeEach")? || data.as_list().is_some_and(|l| l.len() > 1);
        let value = if each && data.as_text().is_none() {
            let items = data.items().map(|text| cx.call1(&decode, text));
            K::collapse(items.collect::<Result<Vec<_>>>()?)
        } else {
            cx.call1(&decode, K::str(text_of(&data)?))?
        };
        out.push((metadata, value));
        Ok(())
    }
}

/// Encodes a batch as one document; with `split` each record as one.
pub(in crate::qsp) struct EncodeJson;

impl Stage for EncodeJson {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let encode = verbs::value(".j.j");
        let text = if node.flag("split")? {
            let items = data.items().map(|item| cx.call1(&encode, item));
            K::list(items.collect::<Result<Vec<_>>>()?)
        } else {
            cx.call1(&encode, data)?
        };
        out.push((metadata, text));
        Ok(())
    }
}
