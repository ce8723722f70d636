//! The configuration of a worker, in the keys of all generations (spec/nes-system.md §3).

use plan::Diagnostic;

use super::config::{
    BUFFER_BYTES_DEFAULT, beat_ms, list, log_level, number, physical, port, read, text_of, wrong,
};
use super::fleet::Hello;
use super::topology::{NO_LOCATION, ROOT};

/// A worker's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Address of the coordinator.
    pub coordinator_host: String,
    /// Port of the coordinator, at which the NATS server is.
    pub coordinator_port: u16,
    /// Address of the NATS server, where it is another.
    pub nats_url: String,
    /// How often it shows that it is alive; milliseconds.
    pub beat_ms: u64,
    /// What is logged: `info` and so on.
    pub log_level: String,
    /// What it tells the coordinator.
    pub hello: Hello,
}

/// Kinds of nodes.
const KINDS: [&str; 3] = [NO_LOCATION, "FIXED_LOCATION", "MOBILE_NODE"];

/// Reads a configuration file; `overrides` are the `--key=value` of the command line, which win.
///
/// # Errors
/// What is no YAML, or a value that does not fit its key.
pub fn parse_worker(text: &str, overrides: &[(String, String)]) -> Result<Worker, Diagnostic> {
    let root = read(text, overrides)?;
    let either = |keys: &[&str], default: &str| -> String {
        let found = keys.iter().find_map(|key| root.get(*key));
        found.map_or_else(|| default.to_owned(), text_of)
    };
    let buffer = number(&root, &root, "bufferSizeInBytes", BUFFER_BYTES_DEFAULT)?.max(1);
    let kind = either(&["nodeSpatialType"], NO_LOCATION);
    if !KINDS.contains(&kind.as_str()) {
        return wrong(format!("nodeSpatialType: '{kind}' is none of {}", KINDS.join(", ")));
    }
    // 0 stands for an id that the coordinator chooses.
    let wish = number(&root, &root, "workerId", 0)?;
    if wish == ROOT {
        return wrong(format!("workerId: {ROOT} is the coordinator's own worker"));
    }
    let sources = list(&root, "physicalSources").map(|source| physical(source, wish, buffer));
    let hello = Hello {
        id: (wish > 0).then_some(wish),
        address: either(&["localWorkerHost", "localWorkerIp"], "127.0.0.1"),
        slots: number(&root, &root, "numberOfSlots", 65_535)?,
        parent: number(&root, &root, "parentId", ROOT)?,
        location: location(&either(&["fieldNodeLocationCoordinates"], ""))?,
        kind,
        sources: sources.collect::<Result<_, _>>()?,
        beat: 0,
    };
    Ok(Worker {
        coordinator_host: either(&["coordinatorHost", "coordinatorIp"], "127.0.0.1"),
        coordinator_port: port(&root, "coordinatorPort", 4000)?,
        nats_url: either(&["natsUrl"], ""),
        beat_ms: beat_ms(&root)?,
        log_level: log_level(&either(&["logLevel"], "LOG_INFO"))?,
        hello,
    })
}

/// Latitude and longitude in one text.
fn location(text: &str) -> Result<Option<(f64, f64)>, Diagnostic> {
    if text.is_empty() {
        return Ok(None);
    }
    let pair = text.split_once(',').and_then(|(latitude, longitude)| {
        let place: (f64, f64) = (latitude.trim().parse().ok()?, longitude.trim().parse().ok()?);
        (place.0.abs() <= 90.0 && place.1.abs() <= 180.0).then_some(place)
    });
    match pair {
        Some(place) => Ok(Some(place)),
        None => wrong(format!("fieldNodeLocationCoordinates: '{text}' is no latitude, longitude")),
    }
}

impl Worker {
    /// Where the server is over which the coordinator is reached.
    #[must_use]
    pub fn url(&self) -> String {
        match self.nats_url.as_str() {
            "" => format!("nats://{}:{}", self.coordinator_host, self.coordinator_port),
            url => url.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
coordinatorIp: 10.0.0.1
localWorkerHost: 10.0.0.3
workerId: 3
parentId: 2
numberOfSlots: 8
nodeSpatialType: FIXED_LOCATION
fieldNodeLocationCoordinates: "52.53, -13.4"
physicalSources:
  - logicalSourceName: solarPanels
    physicalSourceName: solar1
    type: CSVSource
    configuration: {filePath: /data/s.csv}
"#;

    #[test]
    fn both_generations_of_keys_are_read_and_the_command_line_wins() {
        let worker = parse_worker(FILE, &[("coordinatorPort".into(), "4001".into())]).unwrap();
        assert_eq!(worker.url(), "nats://10.0.0.1:4001");
        let hello = &worker.hello;
        assert_eq!((hello.id, hello.parent, hello.slots), (Some(3), 2, 8));
        assert_eq!(hello.location, Some((52.53, -13.4)));
        assert_eq!((hello.sources[0].kind.as_str(), hello.sources[0].node), ("CSV_SOURCE", 3));
        let defaults = parse_worker("", &[]).unwrap();
        assert_eq!(defaults.url(), "nats://127.0.0.1:4000");
        assert_eq!((defaults.hello.id, defaults.hello.parent), (None, 1));
        assert_eq!(defaults.log_level, "info");
        let other = [("natsUrl".to_owned(), "nats://nats:4222".to_owned())];
        assert_eq!(parse_worker(FILE, &other).unwrap().url(), "nats://nats:4222");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, key) in [
            ("workerId: 1", "workerId"),
            ("workerId: x", "workerId"),
            ("nodeSpatialType: MOON", "nodeSpatialType"),
            ("fieldNodeLocationCoordinates: \"91, 0\"", "fieldNodeLocationCoordinates"),
            ("fieldNodeLocationCoordinates: here", "fieldNodeLocationCoordinates"),
            ("healthCheckWaitTime: often", "healthCheckWaitTime"),
            ("logLevel: LOUD", "logLevel"),
            ("physicalSources: [{logicalSourceName: a, type: X}]", "physicalSourceName"),
        ] {
            let error = parse_worker(text, &[]).unwrap_err();
            assert!(error.message.contains(key), "{text}: {}", error.message);
        }
    }
}
