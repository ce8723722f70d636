//! The tables against the folders, and every example.

use std::collections::BTreeSet;
use std::path::Path;

use plan::Records;

use crate::local::Local;
use crate::mapping::{Mapping, Outcome};
use crate::spec::{Example, Params};
use crate::{functions, methods};

fn files(folder: &str) -> BTreeSet<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let names = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
    names.filter_map(|n| n.to_str()?.strip_suffix(".rs").map(str::to_owned)).collect()
}

#[test]
fn tables_are_sorted_and_hold_every_file() {
    let functions: Vec<&str> = functions::ALL.iter().map(|s| s.name).collect();
    let methods: Vec<&str> = methods::ALL.iter().map(|s| s.name).collect();
    for (folder, names) in [("functions", functions), ("methods", methods)] {
        assert!(names.is_sorted_by(|a, b| a < b), "{folder}::ALL is not sorted by name");
        let mut expected = files(folder);
        expected.remove("mod");
        let table: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
        assert_eq!(table, expected, "{folder}::ALL and the files of the folder");
    }
}

#[test]
fn every_item_is_documented() {
    let check = |name: &str,
                 category: &str,
                 summary: &str,
                 params: &Params,
                 examples: &[Example]| {
        assert!(!category.is_empty() && !summary.is_empty(), "{name}: no category or summary");
        assert!(!examples.is_empty(), "{name}: no example");
        if let Params::Fixed(params) = params {
            assert!(params.iter().all(|p| !p.doc.is_empty()), "{name}: a parameter without a doc");
        }
    };
    for s in functions::ALL {
        check(s.name, s.category, s.summary, &s.params, s.examples);
    }
    for s in methods::ALL {
        check(s.name, s.category, s.summary, &s.params, s.examples);
    }
}

#[test]
fn every_example_runs() {
    let functions = functions::ALL.iter().map(|s| (s.name, s.examples));
    let methods = methods::ALL.iter().map(|s| (s.name, s.examples));
    let mut wrong = Vec::new();
    for (name, examples) in functions.chain(methods) {
        for example in examples {
            let mapping = Mapping::parse(example.mapping, &Local::setup())
                .unwrap_or_else(|e| panic!("{name}: {e}\n{}", example.mapping));
            for (input, expected) in example.cases {
                let got = run(&mapping, input);
                if got != *expected {
                    wrong.push(format!("{name}: {input}: expected {expected}, got {got}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run(mapping: &Mapping, input: &str) -> String {
    let records = Records::from_bodies([input.as_bytes().to_vec()]);
    let mapped = mapping.map(&records, 0);
    if let Some(error) = mapped.error {
        return format!("error: {error}");
    }
    match mapped.outcome {
        Outcome::Unchanged => input.to_owned(),
        Outcome::Deleted => "deleted".to_owned(),
        Outcome::Is(value) => {
            let mut out = Vec::new();
            crate::exec::write_payload(&mut out, &value);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}
