//! Messages of any data that has some.

use formats::lines::LineSplitter;
use plan::{Body, Data, Origin, Record, Records};

/// The messages of some data: a raw block is split into its lines. What has no messages comes back
/// as it was.
///
/// # Errors
/// Columns and values are no messages.
pub fn records_of(data: Data) -> Result<Records, Data> {
    let raw = match data {
        Data::Records(records) => return Ok(records),
        Data::Raw(raw) => raw,
        other => return Err(other),
    };
    let mut ranges = Vec::new();
    // The scanner that made the block has seen to the length of its lines.
    let splitter = LineSplitter::new().bytes_max(usize::MAX);
    let _ = splitter.split(&raw.bytes, true, &mut ranges);
    let recs = ranges.into_iter().zip(0..).map(|((start, len), tag)| Record {
        body: Body::Range { start, len },
        meta: raw.meta.clone(),
        fault: None,
        origin: Origin { ack: 0, tag },
    });
    let wanted = |r: &Record| match &raw.only {
        None => true,
        Some(only) => only.binary_search(&r.origin.tag).is_ok(),
    };
    let recs = recs.filter(wanted).collect();
    Ok(Records { block: raw.bytes.clone(), recs, loose: true })
}
