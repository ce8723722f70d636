use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{TestEnv, batch, both_modes};

fn toy(text: &str) -> Json {
    json!({"lang": "toy", "text": text})
}

fn file(dir: &TempDir, name: &str) -> Json {
    let path = dir.join(name).to_str().unwrap().to_owned();
    json!({"name": "file", "config": {"path": toy(&path)}})
}

fn reject(text: &str) -> Json {
    json!({"name": "reject", "config": toy(text)})
}

fn sink(name: &str, config: Json) -> Box<dyn Sink> {
    let spec = crate::SINKS.iter().find(|s| s.name == name).unwrap();
    (spec.build)(&config, &TestEnv::new()).unwrap()
}

fn read(dir: &TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap_or_default()
}

fn failures(result: Result<(), SinkError>) -> Vec<(usize, String)> {
    match result {
        Ok(()) => Vec::new(),
        Err(SinkError::Some(failed)) => {
            failed.into_iter().map(|(i, fault)| (i, fault.text.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_of_a_batch_go_their_own_ways() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let cases = json!([
            {"check": toy("content=a"), "output": file(&dir, "a"), "continue": true},
            {"check": toy("content=b"), "output": file(&dir, "b")},
            {"check": toy("fail"), "output": file(&dir, "never")},
            {"check": toy("content=a"), "output": file(&dir, "a2")},
        ]);
        let switch = sink("switch", json!({"cases": cases}));
        switch.write(&batch(&["a", "b", "c", "a"])).await.unwrap();
        assert_eq!(read(&dir, "a"), "a\na\n");
        assert_eq!(read(&dir, "a2"), "a\na\n");
        assert_eq!(read(&dir, "b"), "b\n");
        assert_eq!(read(&dir, "never"), "");
        let strict = sink("switch", json!({"cases": cases, "strict_mode": true}));
        let failed = failures(strict.write(&batch(&["a", "c"])).await);
        let text = "no switch output conditions were met by message".to_owned();
        assert_eq!(failed, [(1, text)]);
    });
}

#[test]
fn refusals_keep_their_places() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let cases = json!([
            {"check": toy("content=b"), "output": reject("no [content]")},
            {"output": file(&dir, "rest")},
        ]);
        let switch = json!({"name": "switch", "config": {"cases": cases}});
        let failed =
            failures(sink("switch", switch["config"].clone()).write(&batch(&["a", "b"])).await);
        assert_eq!(failed, [(1, "no b".to_owned())]);
        // And a fallback gives on only those.
        let path = format!("{}/[@fallback_error]", dir.path().display());
        let dlq = json!({"name": "file", "config": {"path": toy(&path)}});
        let fallback = sink("fallback", json!([switch, dlq]));
        fallback.write(&batch(&["b", "a", "b"])).await.unwrap();
        assert_eq!(read(&dir, "no b"), "b\nb\n");
        let fallback = sink("fallback", json!([switch, reject("last")]));
        let failed = failures(fallback.write(&batch(&["a", "b"])).await);
        assert_eq!(failed, [(1, "last".to_owned())]);
    });
}

#[test]
fn errors_of_processing_are_refused() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let errored = sink("reject_errored", file(&dir, "ok"));
        let mut some = batch(&["a", "b", "c"]);
        some.as_records_mut().unwrap().recs[1].fault = Some(Arc::new(Fault::new("odd")));
        let failed = failures(errored.write(&some).await);
        assert_eq!(failed, [(1, "rejecting due to failed processing: odd".to_owned())]);
        assert_eq!(read(&dir, "ok"), "a\nc\n");
    });
}

#[test]
fn retries_end() {
    both_modes(|| async {
        let backoff = json!({"initial_interval": "1ms", "max_interval": "2ms"});
        let config = json!({"max_retries": 2, "backoff": backoff, "output": reject("no")});
        let failed = failures(sink("retry", config).write(&batch(&["a"])).await);
        assert_eq!(failed, [(0, "no".to_owned())]);
        let for_ever = json!({"backoff": backoff, "output": reject("no")});
        let (retry, some) = (sink("retry", for_ever), batch(&["a"]));
        let limit = std::time::Duration::from_millis(50);
        assert!(rt::timeout(limit, retry.write(&some)).await.is_err());
    });
}

#[test]
fn drops() {
    both_modes(|| async {
        let refusing = json!({"error": true, "output": reject("no")});
        assert_eq!(failures(sink("drop_on", refusing).write(&batch(&["a"])).await), []);
        let some = json!({"error_patterns": ["^no a"], "output": reject("no [content]")});
        let failed = failures(sink("drop_on", some).write(&batch(&["a", "b"])).await);
        assert_eq!(failed, [(1, "no b".to_owned())]);
        let config = json!({"network": "tcp", "address": "127.0.0.1:1"});
        let away = json!({"name": "socket", "config": config});
        let slow = sink("drop_on", json!({"back_pressure": "20ms", "output": away}));
        slow.open().await.unwrap();
        slow.write(&batch(&["a"])).await.unwrap();
        let both = json!({"error": true, "error_patterns": ["x"], "output": reject("no")});
        let spec = crate::SINKS.iter().find(|s| s.name == "drop_on").unwrap();
        assert!((spec.build)(&both, &TestEnv::new()).is_err());
    });
}

#[test]
fn a_processed_output_writes() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let config = json!({"processors": [], "output": file(&dir, "a")});
        sink("processed", config).write(&batch(&["a"])).await.unwrap();
        assert_eq!(read(&dir, "a"), "a\n");
        let config = json!({"output": reject("no [content]")});
        let failed = failures(sink("processed", config).write(&batch(&["a", "b"])).await);
        assert_eq!(failed, [(0, "no a".to_owned()), (1, "no b".to_owned())]);
    });
}

#[test]
fn too_few_cases_are_refused() {
    let cases = json!([{"output": {"name": "drop"}}]);
    let error = (SPEC.build)(&json!({"cases": cases}), &TestEnv::new()).err().unwrap();
    assert!(error.text.contains("less than 2 cases"));
}

#[test]
fn parts_never_resolve_the_whole() {
    use std::sync::Mutex;
    #[derive(Default)]
    struct Port(Mutex<Vec<String>>);
    impl plan::AckPort for Port {
        fn fail(&self, _: u64, tag: Option<u32>, fault: Arc<Fault>) {
            self.0.lock().unwrap().push(format!("fail {tag:?} {}", fault.text));
        }
        fn reply(&self, _: u64, records: Vec<(plan::Record, Vec<u8>)>) {
            let texts = records.iter().map(|(_, b)| String::from_utf8_lossy(b).into_owned());
            self.0.lock().unwrap().push(format!("reply {:?}", texts.collect::<Vec<_>>()));
        }
        fn done(&self, _: u64) {
            self.0.lock().unwrap().push("done".to_owned());
        }
    }
    both_modes(|| async {
        let port = Arc::new(Port::default());
        let mut some = batch(&["a", "b"]);
        some.acks = plan::Acks::one(plan::Ack::new(port.clone(), 1));
        let cases = json!([
            {"check": toy("content=a"), "output": {"name": "sync_response"}},
            {"output": {"name": "drop_on", "config": {
                "back_pressure": "10ms",
                "output": {"name": "retry", "config": {"output": reject("no")}},
            }}},
        ]);
        sink("switch", json!({"cases": cases})).write(&some).await.unwrap();
        assert_eq!(*port.0.lock().unwrap(), ["reply [\"a\"]"]);
        some.ok();
        assert_eq!(*port.0.lock().unwrap(), ["reply [\"a\"]", "done"]);
    });
}
