//! What can be done with messages: one file a processor, named as in configurations.
//!
//! A processor that fails on a message flags it and hands it on; only the processors made for it
//! look at the flag (spec/benthos-components.md §A.2).

pub mod archive;
pub mod avro;
pub mod benchmark;
pub mod bloblang;
pub mod bounds_check;
pub mod branch;
pub mod cache;
pub mod cached;
pub mod catch;
pub mod compress;
pub mod crash;
pub mod decompress;
pub mod dedupe;
pub mod for_each;
pub mod grok;
pub mod group_by;
pub mod group_by_value;
pub mod insert_part;
pub mod jmespath;
pub mod jq;
pub mod json_schema;
pub mod log;
pub mod mapping;
pub mod metric;
pub mod msgpack;
pub mod mutation;
pub mod noop;
pub mod parallel;
pub mod parse_log;
#[allow(clippy::module_inception, reason = "a file is named after its processor")]
pub mod processors;
pub mod protobuf;
pub mod rate_limit;
pub mod retry;
pub mod select_parts;
pub mod sleep;
pub mod split;
pub mod switch;
pub mod sync_response;
pub mod r#try;
pub mod try_catch;
pub mod unarchive;
pub mod r#while;
pub mod workflow;
pub mod xml;

use plan::OperatorSpec;

/// The processors, by name.
pub const ALL: &[&OperatorSpec] = &[
    &archive::SPEC,
    &avro::SPEC,
    &benchmark::SPEC,
    &bloblang::SPEC,
    &bounds_check::SPEC,
    &branch::SPEC,
    &cache::SPEC,
    &cached::SPEC,
    &catch::SPEC,
    &compress::SPEC,
    &crash::SPEC,
    &decompress::SPEC,
    &dedupe::SPEC,
    &for_each::SPEC,
    &grok::SPEC,
    &group_by::SPEC,
    &group_by_value::SPEC,
    &insert_part::SPEC,
    &jmespath::SPEC,
    &jq::SPEC,
    &json_schema::SPEC,
    &log::SPEC,
    &mapping::SPEC,
    &metric::SPEC,
    &msgpack::SPEC,
    &mutation::SPEC,
    &noop::SPEC,
    &parallel::SPEC,
    &parse_log::SPEC,
    &processors::SPEC,
    &protobuf::SPEC,
    &rate_limit::SPEC,
    &retry::SPEC,
    &select_parts::SPEC,
    &sleep::SPEC,
    &split::SPEC,
    &switch::SPEC,
    &sync_response::SPEC,
    &r#try::SPEC,
    &try_catch::SPEC,
    &unarchive::SPEC,
    &r#while::SPEC,
    &workflow::SPEC,
    &xml::SPEC,
];

#[cfg(test)]
mod tests;

#[cfg(test)]
mod table {
    use super::*;

    /// Files here that are not a processor.
    const OTHERS: [&str; 2] = ["mod.rs", "tests.rs"];

    #[test]
    fn the_table_has_every_file_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/processors");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !OTHERS.contains(&name.as_str()))
            .map(|name| name.trim_end_matches(".rs").to_owned())
            .collect();
        files.sort();
        let names: Vec<&str> = ALL.iter().map(|spec| spec.name).collect();
        assert_eq!(names, files);
    }

    #[test]
    fn examples_do_what_they_show() {
        let wrong: Vec<String> =
            ALL.iter().flat_map(|spec| crate::testing::examples(spec)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
