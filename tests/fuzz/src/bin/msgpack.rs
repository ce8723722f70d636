//! Any bytes as MessagePack: what is read is the same when it is written and read again.
#![no_main]

use formats::msgpack::{parse, write};
use fuzz::same;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = parse(data) {
        let mut again = Vec::new();
        write(&mut again, &document).expect("it has a form");
        same(&parse(&again).expect("it is read again"), &document);
    }
});
