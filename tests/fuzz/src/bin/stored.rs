//! What is kept on disk: any bytes as a batch, as a segment of a log and as its cursor. A batch
//! that is read and kept again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plan::stored::{decode, encode};

fuzz_target!(|data: &[u8]| {
    rt::storage::spool::read_any(data);
    let Ok(batch) = decode(&data.to_vec().into()) else { return };
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    encode(&batch, &mut once).expect("what was read is no deeper than what is kept");
    let again = decode(&once.clone().into()).expect("what was kept is read");
    encode(&again, &mut twice).expect("it is the same");
    assert_eq!(once, twice);
});
