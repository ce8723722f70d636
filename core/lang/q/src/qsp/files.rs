//! `.qsp.read.fromFile` and other readers of texts: what was read becomes values.

use super::batch::bytes;
use super::build::Node;
use super::stage::{Output, Stage};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use formats::k::{K, Type};

/// Bytes of a chunk unless the spec says otherwise.
const CHUNK_BYTES: u64 = 1 << 20;
/// Bytes that a chunk may have.
pub(crate) const CHUNK_BYTES_MAX: u64 = 512 << 20;

/// What a reader of files is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Whether the values are bytes, and not lists of lines.
    pub(crate) binary: bool,
    /// Bytes of a chunk; a file is one value without.
    pub(crate) chunk: Option<u64>,
    /// Bytes that are passed over.
    pub(crate) offset: u64,
    /// Whether files that appear later are read, too.
    pub(crate) watch: bool,
}

impl Reading {
    /// What the options of a reader say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(node: &Node) -> Result<Self> {
        let name = |option: &str| -> Result<Option<String>> {
            let Some(value) = node.option(option) else { return Ok(None) };
            let symbol = value.as_sym().ok_or_else(|| QError::new(format!("type: {option}")))?;
            Ok(Some(symbol.as_str().to_owned()))
        };
        let binary = match name("mode")?.as_deref() {
            None | Some("text") => false,
            Some("binary") => true,
            Some(other) => return Err(QError::new(format!("mode: {other}"))),
        };
        let chunked = match node.option("chunking") {
            None => true,
            Some(k) => match (k.as_long(), k.as_sym().map(|s| s.as_str())) {
                (Some(0), _) | (_, Some("disabled")) => false,
                // What is not large is one chunk anyway.
                (Some(1 | 2), _) | (_, Some("enabled" | "auto")) => true,
                _ => return Err(QError::new("chunking must be 0b, 1b or `auto")),
            },
        };
        let size = node.option("chunkSize").map_or(Ok(CHUNK_BYTES), size)?;
        let offset = node.number("offset", 0)?;
        let offset =
            u64::try_from(offset).map_err(|_| QError::new("offset must not be negative"))?;
        let chunk = chunked.then_some(size);
        Ok(Reading { binary, chunk, offset, watch: node.flag("watch")? })
    }
}

/// A number of bytes: a number, or a text such as `"1MB"`.
fn size(k: &K) -> Result<u64> {
    let wrong = || QError::new(format!("chunkSize must be 1 to {CHUNK_BYTES_MAX} bytes"));
    let bytes = match (k.as_long(), k.as_text(), k.as_sym()) {
        (Some(n), ..) => u64::try_from(n).ok(),
        (_, Some(text), _) => units(&String::from_utf8_lossy(text)),
        (.., Some(symbol)) => units(symbol.as_str()),
        _ => None,
    };
    bytes.filter(|n| (1..=CHUNK_BYTES_MAX).contains(n)).ok_or_else(wrong)
}

fn units(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "K" | "KB" => 1 << 10,
        "M" | "MB" => 1 << 20,
        "G" | "GB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Values of what was read from files.
pub(super) struct FromFile(Option<Reading>);

impl FromFile {
    pub(super) fn new(node: &Node) -> Self {
        // What is wrong was told when the spec was loaded.
        Self(Reading::of(node).ok())
    }
}

impl Stage for FromFile {
    fn batch(
        &mut self,
        _: &mut Session,
        _: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let reading = self.0.ok_or_else(type_error)?;
        let whole = !reading.binary && reading.chunk.is_some();
        if whole || data.ty() != Some(Type::List) {
            // Lines, or a block as bytes, already.
            out.push((metadata, data));
            return Ok(());
        }
        for text in data.items() {
            let text = text.as_text().ok_or_else(type_error)?;
            let value = if reading.binary { bytes(text) } else { lines(text) };
            out.push((metadata.clone(), value));
        }
        Ok(())
    }
}

/// The lines of a text, without their ends.
fn lines(text: &[u8]) -> K {
    if text.is_empty() {
        return K::list(Vec::new());
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let line = |l: &[u8]| K::str(l.strip_suffix(b"\r").unwrap_or(l));
    K::list(text.split(|b| *b == b'\n').map(line).collect())
}

/// Each message that was read is a text of its own.
pub(super) struct Texts;

impl Stage for Texts {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let binary = node.flag("binary")?;
        let value = |text: &K| match text.as_text() {
            Some(text) if binary => bytes(text),
            _ => text.clone(),
        };
        match data.as_list() {
            Some(texts) => out.extend(texts.iter().map(|text| (metadata.clone(), value(text)))),
            None => out.push((metadata, data)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::Options;

    fn node(options: &str) -> Result<Node> {
        let read = format!(".qsp.run .qsp.read.fromFile[\"f\"; .qsp.use {options}]");
        let pipeline = load(&format!("{read} .qsp.write.toConsole[]"))?;
        pipeline.nodes.into_iter().find(|n| n.op == "read.fromFile").ok_or_else(type_error)
    }

    fn chunk(options: &str) -> Result<Option<u64>> {
        Reading::of(&node(options)?).map(|reading| reading.chunk)
    }

    #[test]
    fn chunks() {
        assert_eq!(chunk("``chunking!(::;0b)"), Ok(None));
        assert_eq!(chunk("``chunking!(::;1b)"), Ok(Some(1 << 20)));
        assert_eq!(chunk("``chunking!(::;`auto)"), Ok(Some(1 << 20)));
        assert_eq!(chunk("``chunkSize!(::;4096)"), Ok(Some(4096)));
        assert_eq!(chunk("``chunkSize!(::;\"64KB\")"), Ok(Some(65536)));
        let most = format!("``chunkSize!(::;{CHUNK_BYTES_MAX})");
        assert_eq!(chunk(&most), Ok(Some(CHUNK_BYTES_MAX)));
        for wrong in ["0", "-1", "\"1XB\"", "513000000000", "\"99999999999999GB\""] {
            let error = chunk(&format!("``chunkSize!(::;{wrong})")).unwrap_err();
            assert!(error.text.starts_with("chunkSize must be"), "{wrong}: {error}");
        }
        let error = chunk("``chunking!(::;`sometimes)").unwrap_err();
        assert_eq!(error.text, "chunking must be 0b, 1b or `auto");
        let error = chunk("``offset!(::;-1)").unwrap_err();
        assert_eq!(error.text, "offset must not be negative");
    }

    fn values(options: &str, data: K) -> Vec<K> {
        let node = node(options).unwrap();
        let (mut cx, mut out) = (Session::new(Options::default()), Output::new());
        FromFile::new(&node).batch(&mut cx, &node, K::Null, data, &mut out).unwrap();
        out.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn files_become_lines_or_bytes() {
        let file = || K::list(vec![K::str("a\r\nb\n")]);
        let two = K::list(vec![K::str("a"), K::str("b")]);
        assert_eq!(values("``chunking!(::;0b)", file()), std::slice::from_ref(&two));
        assert_eq!(values("``mode!``text", two.clone()), [two]);
        assert_eq!(values("``mode!``binary", file()), [bytes(b"a\r\nb\n")]);
        let empty = K::list(vec![K::str("")]);
        assert_eq!(values("``chunking!(::;0b)", empty), [K::list(vec![])]);
    }

    #[test]
    fn messages_are_texts_of_their_own() {
        let given = |options: &str| {
            let read = format!(".qsp.run .qsp.read.fromHTTP[\"u\"; \"GET\"; .qsp.use {options}]");
            let node = load(&format!("{read} .qsp.write.toConsole[]")).unwrap().nodes.remove(0);
            let (mut cx, mut out) = (Session::new(Options::default()), Output::new());
            let data = K::list(vec![K::str("a"), K::str("b")]);
            Texts.batch(&mut cx, &node, K::Null, data, &mut out).unwrap();
            out.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(given("``name!``h"), [K::str("a"), K::str("b")]);
        assert_eq!(given("``binary!(::;1b)"), [bytes(b"a"), bytes(b"b")]);
    }
}
