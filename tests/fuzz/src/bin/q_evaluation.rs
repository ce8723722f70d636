//! A program of q within a small budget: it ends, and the same program prints the same.
#![no_main]

use formats::budget::Metered;
use fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use q::{Options, run_expressions_with};
use std::alloc::System;

/// Counts what a program takes, as that of mainstem does.
#[global_allocator]
static ALLOCATOR: Metered<System> = Metered(System);

/// Steps that a program may take.
const STEPS_MAX: u64 = 100_000;
/// Bytes that it may take.
const MEMORY_MAX: u64 = 64 << 20;

fuzz_target!(init: seeds::write(seeds::Input::Program), |data: &[u8]| {
    let program = [String::from_utf8_lossy(data).into_owned()];
    let run = || {
        let limits = Options { steps_max: STEPS_MAX, memory_max: MEMORY_MAX, ..Options::default() };
        let (shown, ended) = run_expressions_with(&program, limits);
        (shown, ended.err().map(|error| error.text.clone()))
    };
    let (first, second) = (run(), run());
    // Symbols take memory the first time only.
    if !first.1.iter().chain(&second.1).any(|error| error == "wsfull") {
        assert_eq!(first, second);
    }
});
