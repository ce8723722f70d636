//! Any bytes as XML, with texts as they are and as what they could be.
#![no_main]

use formats::xml::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (plain, cast) = (parse(data, false), parse(data, true));
    assert_eq!(plain.err(), cast.err());
});
