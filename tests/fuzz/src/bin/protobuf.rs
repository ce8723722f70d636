//! Any bytes as a protobuf message and as its JSON.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ops::decoders::Protobuf;

const DEFINITION: &str = include_str!("../../../../core/ops/src/protobuf/pet.proto");

static PET: LazyLock<Protobuf> =
    LazyLock::new(|| Protobuf::new(DEFINITION, "pets.Pet").expect("a definition"));

fuzz_target!(|data: &[u8]| {
    let _ = PET.read(data);
});
