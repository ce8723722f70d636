//! A program of q within a small budget: it ends, and the same program prints the same.
#![no_main]

use fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use q::{Options, run_expressions_with};

/// Steps that a program may take.
const STEPS_MAX: u64 = 100_000;

fuzz_target!(init: seeds::write(seeds::Input::Program), |data: &[u8]| {
    let program = [String::from_utf8_lossy(data).into_owned()];
    let run = || {
        let options = Options { steps_max: STEPS_MAX, ..Options::default() };
        let (shown, ended) = run_expressions_with(&program, options);
        (shown, ended.err().map(|error| error.text.clone()))
    };
    assert_eq!(run(), run());
});
