//! gzip to what was packed.

use super::text_of;
use crate::error::{QError, Result};
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use flate2::{Decompress, FlushDecompress, Status};
use formats::k::{K, Type};

/// Bytes that one member may become.
const MEMBER_MAX: usize = if cfg!(test) { 4 << 20 } else { 256 << 20 };
/// Bytes that the head of a member may have: its name and comment are of any length.
const HEAD_MAX: usize = 1 << 20;
/// Bytes that are unpacked in one step.
const STEP: usize = 64 << 10;
/// Bytes behind the data of a member: its checksum and length.
const TAIL: usize = 8;

/// Unpacks members of gzip, each as one message, wherever batches cut them. Texts come out as
/// texts, and bytes that are no text as bytes.
#[derive(Default)]
pub(in crate::qsp) struct DecodeGzip {
    /// Bytes that are not unpacked yet: of a head or a tail.
    rest: Vec<u8>,
    member: Option<Member>,
}

/// A member on the way.
struct Member {
    /// Its bytes so far; what unpacks them cannot be kept, and begins with them again.
    packed: Vec<u8>,
    inflate: Decompress,
    out: Vec<u8>,
    ended: bool,
}

fn broken(text: &str) -> QError {
    QError::new(format!("gzip: {text}"))
}

/// The length of a member's head; `None` while there is more of it to come.
fn head(bytes: &[u8]) -> Result<Option<usize>> {
    let magic = [0x1f, 0x8b, 8];
    let known = bytes.len().min(magic.len());
    if bytes.get(..known) != magic.get(..known) {
        return Err(broken("not in this format"));
    }
    let Some(flags) = bytes.get(3).copied() else { return Ok(None) };
    let mut at = 10;
    if flags & 4 != 0 {
        let (Some(low), Some(high)) = (bytes.get(10), bytes.get(11)) else { return Ok(None) };
        at += 2 + usize::from(*low) + (usize::from(*high) << 8);
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let Some(rest) = bytes.get(at..) else { return Ok(None) };
            let Some(end) = rest.iter().position(|b| *b == 0) else { return Ok(None) };
            at += end + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    Ok((bytes.len() >= at).then_some(at))
}

impl Member {
    fn new() -> Self {
        let (packed, out) = (Vec::new(), Vec::new());
        Member { packed, inflate: Decompress::new(false), out, ended: false }
    }

    /// Unpacks bytes and returns how many of them belong to this member.
    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let begin = self.inflate.total_in();
        loop {
            let used = (self.inflate.total_in() - begin) as usize;
            self.out.reserve(STEP);
            let before = (self.inflate.total_in(), self.out.len());
            let input = bytes.get(used..).unwrap_or_default();
            let status = self
                .inflate
                .decompress_vec(input, &mut self.out, FlushDecompress::None)
                .map_err(|e| broken(&e.to_string()))?;
            if self.out.len() > MEMBER_MAX {
                return Err(QError::limit("limit"));
            }
            let used = (self.inflate.total_in() - begin) as usize;
            if status == Status::StreamEnd {
                self.ended = true;
                return Ok(used);
            }
            if before == (self.inflate.total_in(), self.out.len()) {
                return Ok(used);
            }
        }
    }

    /// Compares with what the tail says.
    fn check(&self, tail: &[u8]) -> Result<()> {
        let mut crc = flate2::Crc::new();
        crc.update(&self.out);
        let word = |at: usize| {
            let bytes = tail.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
            bytes.map(u32::from_le_bytes)
        };
        if word(0) == Some(crc.sum()) && word(4) == Some(crc.amount()) {
            Ok(())
        } else {
            Err(broken("the checksum is wrong"))
        }
    }
}

impl DecodeGzip {
    fn decode(&mut self, bytes: &[u8], out: &mut Vec<Vec<u8>>) -> Result<()> {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let mut left = all.as_slice();
        loop {
            let Some(member) = &mut self.member else {
                if left.is_empty() {
                    return Ok(());
                }
                match head(left)? {
                    Some(end) => {
                        left = left.get(end..).unwrap_or_default();
                        self.member = Some(Member::new());
                    }
                    None if left.len() > HEAD_MAX => return Err(broken("its head has no end")),
                    None => {
                        self.rest = left.to_vec();
                        return Ok(());
                    }
                }
                continue;
            };
            if !member.ended {
                let used = member.take(left)?;
                member.packed.extend_from_slice(left.get(..used).unwrap_or_default());
                left = left.get(used..).unwrap_or_default();
                if !member.ended {
                    return Ok(());
                }
            }
            let Some(tail) = left.get(..TAIL) else {
                self.rest = left.to_vec();
                return Ok(());
            };
            member.check(tail)?;
            left = left.get(TAIL..).unwrap_or_default();
            out.extend(self.member.take().map(|m| m.out));
        }
    }
}

impl Stage for DecodeGzip {
    fn batch(
        &mut self,
        _: &mut Session,
        _: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let pieces = match data.as_list() {
            Some(list) => list.iter().map(text_of).collect::<Result<Vec<_>>>()?,
            None => vec![text_of(&data)?],
        };
        let mut members = Vec::new();
        let mut done = Ok(());
        for piece in &pieces {
            done = self.decode(piece, &mut members);
            if done.is_err() {
                // What follows can only be told apart from a new beginning.
                *self = Self::default();
                break;
            }
        }
        // What was whole before the damage is handed on.
        for member in members {
            let text = std::str::from_utf8(&member).is_ok();
            let ty = if text { Type::Char } else { Type::Byte };
            out.push((metadata.clone(), K::vec(ty, member)));
        }
        done
    }

    fn finish(&mut self, _: &mut Session, _: &Node, _: &mut Output) -> Result<()> {
        let open = self.member.is_some() || !self.rest.is_empty();
        *self = Self::default();
        if open { Err(broken("it ends too early")) } else { Ok(()) }
    }

    fn held(&self) -> (Vec<K>, usize) {
        let member = self.member.as_ref().map_or(0, |m| m.packed.capacity() + m.out.capacity());
        (Vec::new(), self.rest.capacity() + member)
    }

    fn state(&self) -> Option<K> {
        let packed = self.member.as_ref().map(|m| K::vec(Type::Byte, m.packed.clone()));
        Some(K::list(vec![K::vec(Type::Byte, self.rest.clone()), kept::held(packed.as_ref())]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        self.rest = parts.bytes()?;
        if let Some(packed) = parts.held()? {
            let mut member = Member::new();
            member.packed = Parts::of(&K::list(vec![packed])).bytes()?;
            let packed = std::mem::take(&mut member.packed);
            member.take(&packed)?;
            member.packed = packed;
            self.member = Some(member);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use formats::k::{K, Type};
    use proptest::prelude::*;
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bytes(bytes: &[u8]) -> K {
        K::vec(Type::Byte, bytes.to_vec())
    }

    #[test]
    fn texts_are_unpacked_and_read_on() {
        let mut line = Line::new(".qsp.decode.gzip[] .qsp.decode.csv[([]a:`long$();b:`$())]");
        let out = line.value(bytes(&packed(b"a,b\n1,x\n2,y"))).unwrap();
        assert_eq!(crate::display::text(&out[0]), "+`a`b!(1 2;`x`y)");
        let mut line = Line::new(".qsp.decode.gzip[]");
        let list = K::list(vec![bytes(&packed(b"one")), K::str(packed(b"\xff"))]);
        assert_eq!(line.value(list).unwrap(), [K::str("one"), bytes(b"\xff")]);
    }

    #[test]
    fn damage_is_an_error_and_the_next_member_is_read() {
        let mut line = Line::new(".qsp.decode.gzip[]");
        let mut wrong = packed(b"some text");
        let end = wrong.len() - 6;
        wrong[end] ^= 1;
        assert!(line.value(bytes(&wrong)).is_err());
        assert!(line.value(bytes(b"no gzip")).is_err());
        assert_eq!(line.value(bytes(&packed(b"fine"))).unwrap(), [K::str("fine")]);
        let all = packed(b"cut");
        assert!(line.value(bytes(&all[..all.len() - 1])).unwrap().is_empty());
        let (cx, mut out) = (&mut line.cx, Vec::new());
        let mut stage = super::DecodeGzip::default();
        let node = crate::qsp::load(
            ".qsp.run .qsp.read.fromCallback[`p] .qsp.decode.gzip[] .qsp.write.toConsole[]",
        );
        let node = &node.unwrap().nodes[1];
        use super::Stage;
        stage.batch(cx, node, K::Null, bytes(&all[..5]), &mut out).unwrap();
        assert!(stage.finish(cx, node, &mut out).is_err());
        assert!(stage.finish(cx, node, &mut out).is_ok());
    }

    #[test]
    fn the_head_of_a_member_has_a_limit() {
        // A member with a name, which does not end.
        let mut head = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
        head.resize(super::HEAD_MAX, b'n');
        let mut line = Line::new(".qsp.decode.gzip[]");
        assert_eq!(line.value(bytes(&head)), Ok(vec![]), "its end may come yet");
        let error = line.value(bytes(b"n")).unwrap_err();
        assert_eq!(error.text, "gzip: its head has no end");
        assert_eq!(line.value(bytes(&packed(b"fine"))), Ok(vec![K::str("fine")]));
        // One that ends in time is read.
        let plain = packed(b"named");
        head[3] |= plain[3];
        head.push(0);
        head.extend(&plain[10..]);
        assert_eq!(line.value(bytes(&head)), Ok(vec![K::str("named")]));
    }

    #[test]
    fn what_a_member_becomes_has_a_limit() {
        let mut line = Line::new(".qsp.decode.gzip[]");
        let zeros = vec![0; 1 << 20];
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..(super::MEMBER_MAX >> 20) + 1 {
            encoder.write_all(&zeros).unwrap();
        }
        let made = line.value(bytes(&encoder.finish().unwrap()));
        assert!(made.err().is_some_and(|error| error.fatal));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn members_do_not_see_how_the_stream_is_cut(
            texts in prop::collection::vec("[a-z\n]{0,40}", 1..5),
            cuts in prop::collection::vec(1usize..30, 1..20),
        ) {
            let stream = texts.iter().map(|t| packed(t.as_bytes())).collect::<Vec<_>>().concat();
            let mut line = Line::new(".qsp.decode.gzip[]");
            let (mut got, mut rest) = (Vec::new(), stream.as_slice());
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                got.extend(line.value(bytes(piece)).unwrap());
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            let want: Vec<K> = texts.iter().map(K::str).collect();
            prop_assert_eq!(got, want);
        }
    }
}
