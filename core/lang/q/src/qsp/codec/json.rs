//! JSON texts to values, and values to JSON texts.

use super::text_of;
use crate::error::Result;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs;
use formats::k::K;

/// Decodes a batch as one document, or each of its texts: with `decodeEach` always, without it
/// where they are no document together.
pub(in crate::qsp) struct DecodeJson;

/// The value of each text.
fn each(cx: &mut Session, decode: &K, data: &K) -> Result {
    let items = data.items().map(|text| cx.call1(decode, text));
    Ok(K::collapse(items.collect::<Result<Vec<_>>>()?))
}

/// The value of a batch. Lines of a file may be one document or one each.
fn decoded(cx: &mut Session, node: &Node, decode: &K, data: &K) -> Result {
    let is_text = data.as_text().is_some();
    if node.flag("decodeEach")? && !is_text {
        return each(cx, decode, data);
    }
    let whole = text_of(data)?;
    match cx.call1(decode, K::str(whole)) {
        Err(error) if !error.fatal && data.as_list().is_some_and(|texts| texts.len() > 1) => {
            each(cx, decode, data)
        }
        value => value,
    }
}

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
        out.push((metadata, decoded(cx, node, &decode, &data)?));
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

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn texts_that_are_one_document_are_decoded_together_and_others_each() {
        let mut line = Line::new(".qsp.decode.json[]");
        let one = ["(,`a)!,1f"];
        assert_eq!(line.give(r#"enlist "{\"a\":1}""#), one);
        assert_eq!(line.give(r#"("{";"\"a\":1}")"#), one, "a file that is pretty-printed");
        assert_eq!(line.give(r#"("[1,";"2]")"#), ["1 2f"]);
        assert_eq!(line.give(r#"("{\"a\":1}";"{\"a\":2}")"#), ["+(,`a)!,1 2f"]);
        assert!(line.fails(r#"("{\"a\":1}";"{\"a\":")"#));
        assert!(line.fails(r#"enlist "{\"a\":""#));
    }

    #[test]
    fn each_text_is_decoded_where_that_is_wanted() {
        let mut line = Line::new(".qsp.decode.json[.qsp.use ``decodeEach!(::;1b)]");
        assert_eq!(line.give(r#"enlist "{\"a\":1}""#), ["+(,`a)!,,1f"]);
        assert!(line.fails(r#"("{";"\"a\":1}")"#));
    }
}
