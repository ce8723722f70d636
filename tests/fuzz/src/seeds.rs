//! Inputs that the fuzzer begins with: the examples of the registry, and recorded cases where they
//! are at hand.

use std::fs;
use std::path::PathBuf;

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
    recorded("bloblang", |field| cases.push((field("mapping"), field("input"))));
    cases
}

/// Programs of q: expressions behind what they need, and specs.
fn programs() -> Vec<Vec<u8>> {
    let mut programs = Vec::new();
    recorded("kdb", |field| {
        let lines = [field("setup"), field("q"), field("spec")];
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        programs.push(lines.join(&b'\n'));
    });
    programs
}

/// Hands on the texts of every recorded case of a subject, where they are at hand.
fn recorded(subject: &str, mut take: impl FnMut(&dyn Fn(&str) -> Vec<u8>)) {
    let folder = std::env::var_os("MAINSTEM_CONFORMANCE").map(PathBuf::from);
    let Some(folder) = folder.map(|folder| folder.join(subject)) else { return };
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
            take(&field);
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
    /// A program of q.
    Program,
}

/// Writes the inputs into the folder that `FUZZ_SEEDS` names, where it names one.
///
/// # Panics
/// When the folder cannot be written.
pub fn write(input: Input) {
    let Some(folder) = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).expect("the folder of the seeds");
    let seeds: Vec<Vec<u8>> = match input {
        Input::Program => programs(),
        Input::Mapping => cases().into_iter().map(|(mapping, _)| mapping).collect(),
        Input::Both => cases().into_iter().map(|(m, d)| [m, d].join(&BORDER)).collect(),
        Input::Document => cases().into_iter().map(|(_, document)| document).collect(),
    };
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("case-{number}")), seed).expect("a seed");
    }
}
