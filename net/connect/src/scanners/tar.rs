//! Scanner `tar`: a message for each file of an archive.

use std::sync::Arc;

use formats::value::Value;
use plan::fields::Part;
use plan::{Body, Data, Origin, Record, Records, schema_of};

use super::{MESSAGE_BYTES_MAX, ScanError, Scanner, Stream, with_room};

/// Size of the blocks that archives are made of.
const BLOCK: usize = 512;
/// Longest name of a file.
const NAME_BYTES_MAX: usize = 64 << 10;

/// What a header announces.
struct Entry {
    name: String,
    size: usize,
    kind: u8,
}

/// Splits an archive.
pub struct Tar {
    block_bytes: usize,
    rest: Vec<u8>,
    /// Name of the next file when an entry of its own gave it.
    long_name: Option<String>,
    ended: bool,
}

impl Tar {
    pub(super) fn new(stream: Stream<'_>) -> Self {
        Tar { block_bytes: stream.block_bytes, rest: Vec::new(), long_name: None, ended: false }
    }

    /// Takes the entry at the start of some bytes; returns how many it used, 0 when there are more
    /// to come.
    fn step(&mut self, bytes: &[u8], recs: &mut Vec<Record>) -> Result<usize, ScanError> {
        let Some(header) = bytes.get(..BLOCK) else { return Ok(0) };
        if header.iter().all(|b| *b == 0) {
            self.ended = true; // two such blocks end an archive; one is enough to stop
            return Ok(BLOCK);
        }
        let entry = read_header(header)?;
        let padded = entry.size.div_ceil(BLOCK) * BLOCK;
        let Some(content) = bytes.get(BLOCK..BLOCK + entry.size) else { return Ok(0) };
        if bytes.len() < BLOCK + padded {
            return Ok(0);
        }
        match entry.kind {
            b'L' => self.long_name = Some(text(content)),
            b'x' => self.long_name = pax_path(content).or(self.long_name.take()),
            b'0' | 0 | b'7' => {
                let name = self.long_name.take().unwrap_or(entry.name);
                let body = Body::Own(Arc::new(content.to_vec()));
                let origin = Origin { ack: 0, tag: recs.len() as u32 };
                let mut record = Record { body, origin, ..Record::default() };
                record.meta_mut().set("tar_name", Value::text(name));
                recs.push(record);
            }
            // Directories, links and the like have no content.
            _ => self.long_name = None,
        }
        Ok(BLOCK + padded)
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

fn read_header(header: &[u8]) -> Result<Entry, ScanError> {
    let bad = || ScanError::new("archive/tar: invalid tar header");
    let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
    // The sum counts its own field as spaces.
    let own = 148..156;
    let byte = |(i, b): (usize, &u8)| u64::from(if own.contains(&i) { b' ' } else { *b });
    let sum: u64 = header.iter().enumerate().map(byte).sum();
    if octal(field(148, 156)) != Some(sum) {
        return Err(bad());
    }
    let size = number(field(124, 136)).ok_or_else(bad)?;
    let size = usize::try_from(size).ok().filter(|size| *size <= MESSAGE_BYTES_MAX);
    let size = size.ok_or_else(|| ScanError::too_large(MESSAGE_BYTES_MAX))?;
    let kind = header.get(156).copied().unwrap_or_default();
    if matches!(kind, b'L' | b'x') && size > NAME_BYTES_MAX {
        return Err(bad());
    }
    let (name, prefix) = (text(field(0, 100)), text(field(345, 500)));
    let posix = field(257, 262) == b"ustar" && !prefix.is_empty();
    let name = if posix { format!("{prefix}/{name}") } else { name };
    Ok(Entry { name, size, kind })
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(|c: char| c == ' ' || c == '\0');
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// A number in octal digits or, when its first bit is set, in base 256.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((first, rest)) if first & 0x80 != 0 => {
            let start = u64::from(first & 0x7f);
            rest.iter().try_fold(start, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)))
        }
        _ => octal(field),
    }
}

/// The path in an extended header: lines of `length key=value`.
fn pax_path(content: &[u8]) -> Option<String> {
    let mut rest = content;
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ')?;
        let length: usize = std::str::from_utf8(rest.get(..space)?).ok()?.parse().ok()?;
        let line = rest.get(space + 1..length.checked_sub(1)?)?;
        if let Some(path) = line.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(path).into_owned());
        }
        rest = rest.get(length..)?;
    }
    None
}

impl Scanner for Tar {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.rest), self.block_bytes)
    }

    fn scan(
        &mut self,
        mut filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        let mut recs = Vec::new();
        let mut start = 0;
        let mut result = Ok(());
        while !self.ended {
            match self.step(filled.get(start..).unwrap_or_default(), &mut recs) {
                Ok(0) => break,
                Ok(used) => start += used,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if !recs.is_empty() {
            out.push(Data::Records(Records { recs, ..Records::default() }));
        }
        if self.ended {
            filled.clear(); // padding
        } else {
            filled.drain(..start);
        }
        let cut_off = at_end && !filled.is_empty();
        self.rest = filled;
        if result.is_ok() && cut_off {
            return Err(ScanError::new("unexpected EOF"));
        }
        result
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "tar",
    summary: "Makes a message of each file of a tar archive.",
    schema: schema_of::<super::Empty>,
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{scan, scan_all_ways};
    use super::super::{Config, Scanner};
    use super::*;

    fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0u8; BLOCK];
        block[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = kind;
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        block[154] = 0;
        block.extend_from_slice(content);
        block.resize(block.len().div_ceil(BLOCK) * BLOCK, 0);
        block
    }

    #[test]
    fn files_are_messages() {
        let long = "d/".repeat(80) + "f";
        let mut bytes = entry("a.txt", b'0', b"first");
        bytes.extend(entry("dir/", b'5', b""));
        bytes.extend(entry("././@LongLink", b'L', long.as_bytes()));
        bytes.extend(entry("d/d", b'0', &[b'x'; 1000]));
        bytes.extend(entry("pax", b'x', b"12 path=p/q\n"));
        bytes.extend(entry("short", b'0', b""));
        bytes.extend([0; 2 * BLOCK]);
        let (texts, error) = scan_all_ways(&Config::Tar, &bytes);
        assert_eq!(texts, ["first".to_owned(), "x".repeat(1000), String::new()]);
        assert_eq!(error, None);
        let mut tar = Tar::new(Stream { name: "", block_bytes: 64 });
        let mut out = Vec::new();
        tar.scan(bytes, true, &mut out).unwrap();
        let Data::Records(records) = &out[0] else { panic!("records") };
        let name = |i: usize| {
            let meta = records.recs[i].meta.as_ref().unwrap();
            crate::lookup::text_of(meta.get("tar_name").unwrap())
        };
        assert_eq!((name(0), name(1), name(2)), ("a.txt".into(), long, "p/q".into()));
    }

    #[test]
    fn damage_ends_the_stream() {
        let whole = entry("a", b'0', b"first");
        let mut bad = whole.clone();
        bad.extend([7; BLOCK]);
        let (texts, error) = scan(&Config::Tar, "", &bad, 999);
        assert_eq!(texts, ["first"]);
        assert_eq!(error.unwrap().0, "archive/tar: invalid tar header");
        assert_eq!(scan(&Config::Tar, "", &whole[..700], 999).1.unwrap().0, "unexpected EOF");
    }

    #[test]
    fn heads_that_lie_are_refused() {
        let whole = entry("a", b'0', b"first");
        let said = |bytes: &[u8]| scan(&Config::Tar, "", bytes, 999).1.unwrap().0;
        let mut wrong = whole.clone();
        wrong[0] = b'b';
        assert_eq!(said(&wrong), "archive/tar: invalid tar header", "the sum is wrong");
        for kind in [b'L', b'x'] {
            let long = entry("long", kind, &vec![b'n'; NAME_BYTES_MAX + 1]);
            assert_eq!(said(&long), "archive/tar: invalid tar header");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
            let _ = scan(&Config::Tar, "", &bytes, 700);
            let _ = pax_path(&bytes);
            let _ = number(&bytes);
        }
    }
}
