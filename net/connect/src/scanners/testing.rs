//! Runs a scanner over bytes in pieces of any size.

use plan::Data;

use super::{Config, ScanError, Scanner, Stream};

/// The messages that a scanner finds in `bytes` when they arrive in pieces of `piece` bytes, and
/// the error that ended it.
pub(crate) fn scan(
    config: &Config,
    name: &str,
    bytes: &[u8],
    piece: usize,
) -> (Vec<String>, Option<ScanError>) {
    let stream = Stream { name, block_bytes: 64 };
    let mut scanner = config.open(stream).expect("a valid configuration");
    let mut out = Vec::new();
    let mut rest = bytes;
    let error = loop {
        let mut buffer = scanner.buffer();
        assert!(buffer.capacity() > buffer.len(), "a read must make progress");
        let take = piece.max(1).min(rest.len()).min(buffer.capacity() - buffer.len());
        buffer.extend_from_slice(&rest[..take]);
        rest = &rest[take..];
        let at_end = rest.is_empty();
        match scanner.scan(buffer, at_end, &mut out) {
            Err(error) => break Some(error),
            Ok(()) if at_end => break None,
            Ok(()) => {}
        }
    };
    (texts(&out), error)
}

/// The messages of some data, raw blocks split into lines.
pub(crate) fn texts(out: &[Data]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut scratch = Vec::new();
    for data in out {
        match data {
            Data::Raw(raw) => {
                assert!(raw.bytes.ends_with(b"\n"), "a raw block ends at a line border");
                let lines = raw.bytes.strip_suffix(b"\n").unwrap_or(&raw.bytes);
                for line in lines.split(|b| *b == b'\n') {
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    texts.push(String::from_utf8_lossy(line).into_owned());
                }
            }
            Data::Records(records) => {
                for index in 0..records.recs.len() {
                    let bytes = records.bytes(index, &mut scratch);
                    texts.push(String::from_utf8_lossy(bytes).into_owned());
                }
            }
            _ => panic!("scanners make raw blocks and records"),
        }
    }
    texts
}

/// Scans in pieces of many sizes and asserts that the result is always the same.
pub(crate) fn scan_all_ways(config: &Config, bytes: &[u8]) -> (Vec<String>, Option<ScanError>) {
    let whole = scan(config, "", bytes, usize::MAX);
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(scan(config, "", bytes, piece), whole, "in pieces of {piece}");
    }
    whole
}

/// Panics unless a scanner takes all but the last of some bytes, and then says that a message is
/// larger than so many.
pub(crate) fn refuses_beyond(scanner: &mut dyn Scanner, max: usize, bytes: &[u8]) {
    let mut out = Vec::new();
    let last = bytes.len() - 1;
    for (at, byte) in bytes.iter().enumerate() {
        let mut buffer = scanner.buffer();
        buffer.push(*byte);
        let result = scanner.scan(buffer, false, &mut out);
        let want = if at < last { Ok(()) } else { Err(ScanError::too_large(max)) };
        assert_eq!(result, want, "byte {at}");
    }
}
