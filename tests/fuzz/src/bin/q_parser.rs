//! Any text as a program of q: a tree or the place where it is none, never a panic.
#![no_main]

use fuzz::seeds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seeds::write(seeds::Input::Program), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = q::check_syntax(&text) {
        assert!(!error.text.is_empty());
    }
});
