//! Any text as a mapping and as an interpolated text: an answer, never a panic. A mapping that is
//! printed and parsed again prints the same.
#![no_main]

use bloblang::{Interpolated, Mapping};
use fuzz::{seeds, still};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seeds::write(seeds::Input::Mapping), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match Mapping::parse(&text, &still::setup()) {
        Ok(mapping) => {
            let printed = mapping.to_string();
            match Mapping::parse(&printed, &still::setup()) {
                Ok(again) => assert_eq!(again.to_string(), printed),
                // Brackets that the text did without may be too many.
                Err(error) => assert!(error.message.contains("nested deeper"), "{printed}: {error}"),
            }
        }
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
            let _ = (error.caret(&text), error.lint(), error.diagnostic());
        }
    }
    let _ = Interpolated::parse(&text, &still::setup());
});
