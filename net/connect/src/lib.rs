//! Connectors: where messages come from and go to.
//!
//! It is: one folder or file for each technology, each with its configuration, registration and
//! tests; all input and output goes through `rt`, so that nothing here ever stops a shard.
//! It is not: protocols (those are in `wire`), processing, or the control plane.

pub mod arrow_files;
pub mod batched;
pub mod broker;
mod buffered;
pub mod cache;
pub mod codec;
pub mod compose;
pub mod console;
pub mod cron;
pub mod csv;
pub mod disk_buffer;
pub mod drop;
pub mod drop_on;
pub mod dynamic;
pub mod evaluate;
pub mod fallback;
pub mod fan_out;
pub mod file;
pub mod generate;
pub mod http_client;
pub mod http_server;
pub mod inproc;
pub mod ipc;
pub mod java_udf;
pub mod javascript;
mod link;
pub mod lookup;
pub mod memory_buffer;
pub mod mqtt;
pub mod nats;
pub mod nested;
pub mod policy;
pub mod processed;
pub mod read_until;
pub mod reader;
pub mod redis;
#[cfg(test)]
mod refused;
pub mod reject;
pub mod reject_errored;
pub mod repeat;
pub mod retry;
pub mod scanners;
pub mod sequence;
pub mod signal;
pub mod socket;
pub mod stdio;
pub mod subprocess;
pub mod switch;
pub mod sync_response;
pub mod system_window;
#[cfg(test)]
mod testing;
pub mod text;
pub mod topic;
pub mod triggered;
pub mod wait;
pub mod websocket;

use plan::{CacheSpec, OperatorSpec, Part, SinkSpec, SourceSpec};

/// All buffers.
pub const BUFFERS: &[&Part] = &[&disk_buffer::PART, &memory_buffer::PART, &system_window::PART];

/// Caches that read and write.
pub const CACHES: &[&CacheSpec] = &[&file::cache::SPEC, &redis::cache::SPEC];

/// Processors that need more of the machine than its time.
pub const PROCESSORS: &[&OperatorSpec] = &[
    &subprocess::command::SPEC,
    &fan_out::operator::SPEC,
    &http_client::processor::SPEC,
    &java_udf::SPEC,
    &javascript::processor::SPEC,
    &subprocess::processor::SPEC,
];

/// All sources, by name.
pub const SOURCES: &[&SourceSpec] = &[
    &batched::SPEC,
    &broker::input::SPEC,
    &ipc::callback::SPEC,
    &csv::input::SPEC,
    &disk_buffer::SPEC,
    &dynamic::input::SPEC,
    &evaluate::SPEC,
    &nats::input::SPEC,
    &fan_out::input::SPEC,
    &file::input::SPEC,
    &generate::SPEC,
    &http_client::input::SPEC,
    &http_server::input::SPEC,
    &inproc::input::SPEC,
    &memory_buffer::SPEC,
    &mqtt::input::SPEC,
    &processed::input::SPEC,
    &read_until::SPEC,
    &repeat::SPEC,
    &sequence::SPEC,
    &socket::input::SPEC,
    &socket::server::SPEC,
    &stdio::input::SPEC,
    &subprocess::input::SPEC,
    &system_window::SPEC,
    &topic::input::SPEC,
    &triggered::SPEC,
    &websocket::input::SPEC,
];

/// All sinks, by name.
pub const SINKS: &[&SinkSpec] = &[
    &arrow_files::SPEC,
    &broker::output::SPEC,
    &cache::SPEC,
    &console::SPEC,
    &drop::SPEC,
    &drop_on::SPEC,
    &dynamic::output::SPEC,
    &nats::output::SPEC,
    &fallback::SPEC,
    &file::output::SPEC,
    &http_client::output::SPEC,
    &http_server::output::SPEC,
    &inproc::output::SPEC,
    &ipc::output::SPEC,
    &mqtt::output::SPEC,
    &processed::output::SPEC,
    &reject::SPEC,
    &reject_errored::SPEC,
    &retry::SPEC,
    &socket::output::SPEC,
    &stdio::output::SPEC,
    &subprocess::output::SPEC,
    &switch::SPEC,
    &sync_response::SPEC,
    &topic::output::SPEC,
    &websocket::output::SPEC,
];

/// The default of options that are on unless somebody says otherwise.
pub(crate) fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn tables_are_sorted_and_have_examples() {
        let sources: Vec<_> = super::SOURCES.iter().map(|s| (s.name, s.examples)).collect();
        let sinks: Vec<_> = super::SINKS.iter().map(|s| (s.name, s.examples)).collect();
        let processors = super::PROCESSORS.iter().map(|s| (s.name, s.examples)).collect();
        for table in [sources, sinks, processors] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0), "{table:?}");
            for (name, examples) in table {
                assert!(!examples.is_empty(), "{name} has no example");
                for example in examples {
                    let read: Result<plan::Json, _> = serde_json::from_str(example.config);
                    assert!(read.is_ok(), "{name}: {}", example.title);
                }
            }
        }
    }

    #[test]
    fn processors_do_what_their_examples_show() {
        crate::testing::both_modes(|| async {
            for spec in super::PROCESSORS {
                // Without messages it shows a config that needs a service.
                for example in spec.examples.iter().filter(|e| !e.input.is_empty()) {
                    let got = crate::testing::processed(spec, example).await;
                    assert_eq!(got, example.output, "{}: {}", spec.name, example.title);
                }
            }
        });
    }
}
