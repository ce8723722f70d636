//! Everything this binary knows by name.

use plan::Registry;

/// The registry of all components and languages.
pub(crate) fn registry() -> Registry {
    Registry {
        sources: connect::SOURCES.to_vec(),
        operators: ops::all().chain(connect::PROCESSORS.iter().copied()).collect(),
        sinks: connect::SINKS.to_vec(),
        languages: vec![&bloblang::LANGUAGE, &bloblang::SCHEMAS, &q::LANGUAGE],
        caches: [ops::shared::CACHES, connect::CACHES].concat(),
        rate_limits: ops::shared::RATE_LIMITS.to_vec(),
        parts: [connect::scanners::ALL, connect::BUFFERS].concat(),
        readers: vec![&config::READER],
    }
}
