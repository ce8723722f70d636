//! Configurations that no source or sink may have, each refused with the reason.

use plan::Json;
use plan::serde_json::{self, json};

use crate::compose::CHILDREN_MAX;
use crate::testing::TestEnv;
use crate::{SINKS, SOURCES, fan_out, inproc, repeat, scanners};

/// What is said about a source or sink of a name.
fn said(name: &str, config: &Json) -> Vec<String> {
    let env = TestEnv::new();
    let sources = SOURCES.iter().filter(|spec| spec.name == name);
    let sources = sources.filter_map(|spec| (spec.build)(config, &env).err());
    let sinks = SINKS.iter().filter(|spec| spec.name == name);
    let sinks = sinks.filter_map(|spec| (spec.build)(config, &env).err());
    sources.chain(sinks).map(|error| error.text).collect()
}

#[track_caller]
fn refused(name: &str, config: &Json, text: &str) {
    let said = said(name, config);
    assert!(said.iter().any(|said| said.contains(text)), "{name}: {text}: {said:?}");
}

fn scanner_within(depth: usize) -> Json {
    let lines = json!({"name": "lines", "config": {}});
    (0..depth).fold(
        lines,
        |into, _| json!({"name": "decompress", "config": {"algorithm": "gzip", "into": into}}),
    )
}

#[test]
fn options_that_cannot_be() {
    let file = |scanner: Json| json!({"paths": ["x"], "scanner": scanner});
    let join =
        json!({"type": "full-outer", "iterations": 0, "id_path": "id", "merge_strategy": "array"});
    let lines = json!({"name": "lines", "config": {}});
    let socket = |network: &str| json!({"network": network, "address": "x", "scanner": lines});
    let nobody = json!({"name": "", "label": "nobody"});
    let with_cache = json!({"network": "tcp", "address": "x", "scanner": lines,
        "address_cache": nobody});
    let dropping = json!({"name": "drop"});
    let bad_proxy = json!({"url": "ws://x", "proxy_url": "http://[nope"});
    for (name, config, text) in [
        ("broker", json!({"inputs": []}), "broker input type with no inputs"),
        ("cache", json!({"target": nobody, "max_in_flight": 0}), "max_in_flight must be greater"),
        (
            "csv",
            json!({"paths": ["x"], "batch_count": 0}),
            "field 'batch_count': must be at least 1",
        ),
        ("fallback", json!([]), "fallback needs between 1 and"),
        ("file", file(scanner_within(scanners::NESTING_MAX + 1)), "scanners are nested deeper"),
        ("repeat", json!({"text": "x".repeat(repeat::TEXT_BYTES_MAX + 1)}), "text: at most"),
        ("sequence", json!({"inputs": []}), "requires at least one child input"),
        ("sequence", json!({"inputs": [{"name": "stdin"}], "sharded_join": join}), "iterations: 0"),
        ("socket", socket("tls"), "field 'network': tls is not supported here, only unix, tcp"),
        ("socket_server", with_cache, "cache resource 'nobody' was not found"),
        ("switch", json!({"cases": [{"output": dropping}]}), "with less than 2 cases"),
        ("websocket", bad_proxy, "field 'proxy_url': "),
    ] {
        refused(name, &config, text);
    }
    let deepest = said("file", &file(scanner_within(scanners::NESTING_MAX)));
    assert!(deepest.iter().all(|said| !said.contains("nested deeper")), "{deepest:?}");
}

#[test]
fn so_many_children_and_no_more() {
    let many = |child: Json| Json::Array(vec![child; CHILDREN_MAX + 1]);
    let (inputs, outputs) = (many(json!({"name": "stdin"})), many(json!({"name": "drop"})));
    let named: serde_json::Map<String, Json> =
        (0..=CHILDREN_MAX).map(|n| (n.to_string(), json!({"name": "drop"}))).collect();
    let cases = many(json!({"output": {"name": "drop"}}));
    for (name, config) in [
        ("broker", json!({"inputs": inputs})),
        ("broker", json!({"outputs": outputs})),
        ("dynamic", json!({"outputs": named})),
        ("fallback", outputs),
        ("sequence", json!({"inputs": inputs})),
        ("switch", json!({"cases": cases})),
    ] {
        refused(name, &config, &CHILDREN_MAX.to_string());
    }
}

#[test]
fn so_many_names_of_inproc_and_no_more() {
    let name = |at: usize| format!("so many names {at}");
    let (mut names, mut open) = (inproc::Names::new(), Vec::new());
    let mut receive = |name: &str| inproc::receive_among(&mut names, name);
    let error = (0..=inproc::NAMES_MAX).find_map(|at| match receive(&name(at)) {
        Ok(receiver) => {
            open.push(receiver);
            None
        }
        Err(error) => Some(error),
    });
    assert_eq!(error, Some(format!("there may be {} inproc names at most", inproc::NAMES_MAX)));
    assert!(receive(&name(0)).is_ok(), "a name may be taken over");
    drop(open);
    assert!(receive("one more").is_ok(), "names that nobody reads from are forgotten");
}

#[test]
fn so_many_names_of_fan_out_and_no_more() {
    let name = |at: usize| format!("so many names {at}");
    let (mut names, mut open) = (fan_out::Names::default(), Vec::new());
    let mut hand_on = |name: &str| names.hand_on(name, name);
    open.extend((0..fan_out::NAMES_MAX).map(|at| hand_on(&name(at)).expect("there is room")));
    let max = fan_out::NAMES_MAX;
    let error = hand_on("one more").err();
    assert_eq!(error, Some(format!("there may be {max} names of fan_out at most")));
    assert!(hand_on(&name(0)).is_ok(), "a name may be taken over");
    drop(open);
    assert!(hand_on("one more").is_ok(), "names of those that are gone are forgotten");
}
