//! Inputs that the fuzzer begins with: the examples of the registry, and recorded cases where they
//! are at hand.

use std::fs;
use std::path::{Path, PathBuf};

use bloblang::{functions, methods};
use formats::json;
use formats::value::Value;

/// Parts an input of the evaluation: the mapping, then the documents.
pub const BORDER: u8 = 0;

/// Mappings with a document each.
fn cases() -> Vec<(Vec<u8>, Vec<u8>)> {
    let functions = functions::ALL.iter().flat_map(|spec| spec.examples);
    let examples = functions.chain(methods::ALL.iter().flat_map(|spec| spec.examples));
    let mut cases: Vec<(Vec<u8>, Vec<u8>)> = examples
        .flat_map(|example| {
            example.cases.iter().map(|(input, _)| (example.mapping.into(), (*input).into()))
        })
        .collect();
    let folder = std::env::var_os("MAINSTEM_CONFORMANCE").map(PathBuf::from);
    if let Some(folder) = folder {
        recorded(&folder.join("bloblang"), &mut cases);
    }
    cases
}

/// Adds the cases of every file of a folder.
fn recorded(folder: &Path, cases: &mut Vec<(Vec<u8>, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let text = fs::read(entry.path()).unwrap_or_default();
        for line in text.split(|b| *b == b'\n') {
            let Ok(Value::Object(case)) = json::parse(line) else { continue };
            let field = |name: &str| match case.get(name.as_bytes()) {
                Some(Value::String(text)) => text.as_bytes().to_vec(),
                _ => Vec::new(),
            };
            cases.push((field("mapping"), field("input")));
        }
    }
}

/// What a target takes as its input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A mapping.
    Mapping,
    /// A mapping and a document.
    Both,
    /// A document.
    Document,
}

/// Writes the inputs into the folder that `FUZZ_SEEDS` names, where it names one.
///
/// # Panics
/// When the folder cannot be written.
pub fn write(input: Input) {
    let Some(folder) = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).expect("the folder of the seeds");
    for (number, (mapping, document)) in cases().into_iter().enumerate() {
        let seed = match input {
            Input::Mapping => mapping,
            Input::Both => [mapping, document].join(&BORDER),
            Input::Document => document,
        };
        fs::write(folder.join(format!("case-{number}")), seed).expect("a seed");
    }
}
