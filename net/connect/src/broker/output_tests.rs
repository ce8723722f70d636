use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{TestEnv, batch, both_modes};

fn file(dir: &TempDir, name: &str) -> Json {
    let path = dir.join(name).to_str().unwrap().to_owned();
    json!({"name": "file", "config": {"path": {"lang": "toy", "text": path}}})
}

fn reject(text: &str) -> Json {
    json!({"name": "reject", "config": {"lang": "toy", "text": text}})
}

fn broker(config: Json) -> Box<dyn Sink> {
    (SPEC.build)(&config, &TestEnv::new()).unwrap()
}

fn read(dir: &TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap_or_default()
}

#[test]
fn everybody_gets_everything() {
    both_modes(|| async {
        for pattern in
            ["fan_out", "fan_out_fail_fast", "fan_out_sequential", "fan_out_sequential_fail_fast"]
        {
            let dir = TempDir::new().unwrap();
            let outputs = json!([file(&dir, "a"), file(&dir, "b")]);
            let sink = broker(json!({"pattern": pattern, "outputs": outputs}));
            sink.open().await.unwrap();
            sink.write(&batch(&["1", "2"])).await.unwrap();
            assert_eq!((read(&dir, "a"), read(&dir, "b")), ("1\n2\n".into(), "1\n2\n".into()));
        }
    });
}

#[test]
fn a_refusal_is_told_at_once_or_tried_again() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let outputs = json!([file(&dir, "a"), reject("no")]);
        let fast = broker(json!({"pattern": "fan_out_fail_fast", "outputs": outputs}));
        match fast.write(&batch(&["1"])).await {
            Err(SinkError::Some(failed)) => assert_eq!(failed[0].1.text, "no"),
            other => panic!("{other:?}"),
        }
        let slow = broker(json!({"pattern": "fan_out", "outputs": outputs}));
        let some = batch(&["1"]);
        let limit = std::time::Duration::from_millis(50);
        assert!(rt::timeout(limit, slow.write(&some)).await.is_err());
    });
}

#[test]
fn turns_are_taken_message_by_message() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let outputs = json!([file(&dir, "a"), file(&dir, "b")]);
        let sink = broker(json!({"pattern": "round_robin", "outputs": outputs}));
        sink.write(&batch(&["1", "2", "3"])).await.unwrap();
        sink.write(&batch(&["4"])).await.unwrap();
        assert_eq!((read(&dir, "a"), read(&dir, "b")), ("1\n3\n".into(), "2\n4\n".into()));
        let outputs = json!([file(&dir, "c"), reject("no [content]")]);
        let sink = broker(json!({"pattern": "round_robin", "outputs": outputs}));
        match sink.write(&batch(&["1", "2", "3", "4"])).await {
            Err(SinkError::Some(failed)) => {
                let seen: Vec<_> = failed.iter().map(|(i, f)| (*i, f.text.as_str())).collect();
                assert_eq!(seen, [(1, "no 2"), (3, "no 4")]);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn whoever_is_free_is_given_more() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let outputs = json!([file(&dir, "a")]);
        let sink = broker(json!({"pattern": "greedy", "copies": 3, "outputs": outputs}));
        assert_eq!(sink.max_in_flight(), 3);
        let batches: Vec<_> = (0..5).map(|i| batch(&[&i.to_string()])).collect();
        for written in join_all(batches.iter().map(|b| sink.write(b))).await {
            written.unwrap();
        }
        assert_eq!(read(&dir, "a").lines().count(), 5);
    });
}

#[test]
fn messages_are_gathered() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let outputs = json!([file(&dir, "a"), reject("[content]")]);
        let batching = json!({"count": 3, "period": "50ms"});
        let sink = broker(
            json!({"pattern": "fan_out_fail_fast", "outputs": outputs, "batching": batching}),
        );
        let (one, two, three) = (batch(&["1", "2"]), batch(&["3", "4"]), batch(&["5"]));
        let start = rt::now();
        let results = join_all([&one, &two, &three].map(|batch| sink.write(batch))).await;
        // A batch is not taken apart. The fifth message waits for the end of its time.
        assert!(rt::now().since(start).as_millis() >= 45);
        assert_eq!(read(&dir, "a"), "1\n2\n3\n4\n5\n");
        for (result, wanted) in results.into_iter().zip([&["1", "2"][..], &["3", "4"], &["5"]]) {
            match result {
                Err(SinkError::Some(failed)) => {
                    let texts: Vec<_> = failed.iter().map(|(_, f)| f.text.as_str()).collect();
                    assert_eq!(texts, wanted);
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn bad_configurations() {
    let error = |config| (SPEC.build)(&config, &TestEnv::new()).err().map(|e| e.text).unwrap();
    assert!(error(json!({"outputs": []})).contains("no outputs"));
    let outputs = json!([{"name": "drop"}]);
    assert!(error(json!({"outputs": outputs, "copies": 5000})).contains("1024"));
    assert!(error(json!({"outputs": outputs, "pattern": "x"})).contains("variant"));
    let batching = json!({"period": "soon"});
    assert!(error(json!({"outputs": outputs, "batching": batching})).contains("duration"));
}
