//! Scanner `to_the_end`: the whole stream is one message.

use plan::fields::Part;
use plan::{Data, Records, schema_of};

use super::{MESSAGE_BYTES_MAX, ScanError, Scanner, Stream, with_room};

/// Collects a stream.
pub struct ToTheEnd {
    block_bytes: usize,
    message_max: usize,
    bytes: Vec<u8>,
}

impl ToTheEnd {
    pub(super) fn new(stream: Stream<'_>) -> Self {
        let (block_bytes, message_max) = (stream.block_bytes, MESSAGE_BYTES_MAX);
        ToTheEnd { block_bytes, message_max, bytes: Vec::new() }
    }
}

impl Scanner for ToTheEnd {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.bytes), self.block_bytes)
    }

    fn scan(
        &mut self,
        filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        if filled.len() > self.message_max {
            return Err(ScanError::too_large(self.message_max));
        }
        if at_end {
            // An empty stream is an empty message all the same.
            out.push(Data::Records(Records::from_bodies([filled])));
        } else {
            self.bytes = filled;
        }
        Ok(())
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "to_the_end",
    summary: "Makes one message of a whole stream.",
    schema: schema_of::<super::Empty>,
};

#[cfg(test)]
mod tests {
    use super::super::testing::{refuses_beyond, scan_all_ways};
    use super::super::{Config, Stream};
    use super::ToTheEnd;

    #[test]
    fn everything_is_one_message() {
        let config = Config::ToTheEnd;
        assert_eq!(scan_all_ways(&config, b"a\nb\n\0").0, ["a\nb\n\0"]);
    }

    #[test]
    fn a_message_has_a_limit() {
        let mut scanner = ToTheEnd::new(Stream { name: "", block_bytes: 64 });
        scanner.message_max = 100;
        refuses_beyond(&mut scanner, 100, &[b'x'; 101]);
    }
}
