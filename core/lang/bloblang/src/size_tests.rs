//! Limits on the sizes of what is parsed, read and prepared, each of them reached.

use std::rc::Rc;

use plan::Records;

use crate::compression::ZSTD_WINDOW_BYTES_MAX;
use crate::exec::Setup;
use crate::go_format::{RESULT_BYTES_MAX, WIDTH_MAX};
use crate::local::Local;
use crate::mapping::Mapping;
use crate::parse::IMPORT_DEPTH_MAX;

/// The error of a mapping on a document, or what it gives.
fn outcome(mapping: &str, input: &str) -> String {
    let mapping = Mapping::parse(mapping, &Local::setup()).unwrap();
    let records = Records::from_bodies([input.as_bytes().to_vec()]);
    let mapped = mapping.map(&records, 0);
    mapped.error.map_or_else(|| format!("{:?}", mapped.outcome), |error| error.to_string())
}

#[test]
fn texts_that_can_be_read_in_many_ways_end() {
    // What stands behind `match` is read as an object first, down to the last level.
    let text = format!("root = {}x{} => 1 }}", "match { ".repeat(60), " => 1 }".repeat(59));
    let error = Mapping::parse(&text, &Local::setup()).err().unwrap();
    assert_eq!(error.message, "the mapping can be read in too many ways");
}

#[test]
fn files_that_import_each_other_end() {
    let dir = std::env::temp_dir().join(format!("mainstem-imports-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("own.blobl"), "import \"own.blobl\"\nmap m { root = 1 }\n").unwrap();
    let setup = Setup { dir: Rc::from(dir.to_string_lossy()), ..Local::setup() };
    let error = Mapping::parse("import \"own.blobl\"\nroot = 1", &setup).err().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let why = format!("import each other more than {IMPORT_DEPTH_MAX} deep");
    assert!(error.message.contains(&why), "{error}");
}

#[test]
fn formats_have_a_width_and_a_length() {
    let wide = |width: usize| outcome(&format!("root = \"%{width}d\".format(5).length()"), "{}");
    assert!(wide(WIDTH_MAX).contains(&format!("Int({WIDTH_MAX})")), "{}", wide(WIDTH_MAX));
    assert!(!wide(WIDTH_MAX + 1).contains(&WIDTH_MAX.to_string()), "{}", wide(WIDTH_MAX + 1));
    let long = format!("%{WIDTH_MAX}d").repeat(RESULT_BYTES_MAX / WIDTH_MAX + 1);
    let fives = vec!["5"; RESULT_BYTES_MAX / WIDTH_MAX + 1].join(",");
    let text = outcome(&format!("root = \"{long}\".format({fives})"), "{}");
    assert!(text.contains(&format!("exceeds {RESULT_BYTES_MAX} bytes")), "{text}");
}

#[test]
fn schemas_have_a_number_of_rules() {
    let schema = format!("{{\\\"allOf\\\":[{}]}}", vec!["{}"; 100_001].join(","));
    let text = outcome("root = this.json_schema(this.s)", &format!("{{\"s\":\"{schema}\"}}"));
    assert!(text.contains("more than 100000 rules"), "{text}");
}

#[test]
fn aliases_multiply_to_a_number_of_nodes() {
    let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\\n");
    for i in 1..9 {
        let ten = vec![format!("*a{}", i - 1); 10].join(",");
        text += &format!("a{i}: &a{i} [{ten}]\\n");
    }
    let text = outcome("root = this.y.parse_yaml()", &format!("{{\"y\":\"{text}\"}}"));
    assert!(text.contains("more than 1000000 nodes"), "{text}");
}

#[test]
fn compressed_data_asks_for_a_window() {
    // A frame with an empty block; the fifth byte but one is the window's exponent.
    let frame = |exponent: u8| {
        let hex = format!("28b52ffd00{:02x}010000", exponent << 3);
        outcome(&format!("root = \"{hex}\".decode(\"hex\").decompress(\"zstd\").length()"), "{}")
    };
    let largest = (ZSTD_WINDOW_BYTES_MAX.ilog2() - 10) as u8;
    assert!(frame(largest).contains("Int(0)"), "{}", frame(largest));
    assert!(frame(largest + 1).contains("unexpected EOF"), "{}", frame(largest + 1));
}

#[test]
fn dates_have_a_width() {
    let text = outcome("root = 0.ts_strftime(\"%1000000Y\", \"UTC\").length()", "{}");
    assert!(text.contains("Int(1024)"), "{text}");
}

#[test]
fn alphabets_have_a_length() {
    let letters = |count: usize| {
        outcome(&format!("root = nanoid(5, \"{}\").length()", "a".repeat(count)), "{}")
    };
    assert!(letters(255).contains("Int(5)"), "{}", letters(255));
    assert!(letters(256).contains("no more than 255 chars"), "{}", letters(256));
}
