use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

fn lines(dir: &TempDir, text: &str) -> Json {
    let path = dir.join("in").to_str().unwrap().to_owned();
    std::fs::write(&path, text).unwrap();
    json!({"name": "file", "config": {"paths": [path]}})
}

async fn sizes(dir: &TempDir, text: &str, policy: Json) -> Vec<usize> {
    let config = json!({"child": lines(dir, text), "policy": policy});
    let fake = Fake::new();
    let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
    source.run(fake.clone()).await.unwrap();
    fake.sizes()
}

#[test]
fn policies() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let numbers = "1\n2\n3\n4\n5\n6\n7\n";
        assert_eq!(sizes(&dir, numbers, json!({"count": 3, "period": "300ms"})).await, [3, 3, 1]);
        let bytes = "aaa\nbbb\ncc\ndddddddd\ne\n";
        let policy = json!({"byte_size": 6, "period": "300ms"});
        assert_eq!(sizes(&dir, bytes, policy).await, [2, 2, 1]);
        let check = json!({"check": {"lang": "toy", "text": "content=END"}});
        assert_eq!(sizes(&dir, "1\n2\nEND\n3\nEND\nEND\n4\n", check).await, [3, 2, 1, 1]);
        assert_eq!(sizes(&dir, "1\n2\n3\n", json!({"period": "50ms"})).await, [3]);
    });
}

#[test]
fn a_period_ends_a_batch_of_a_source_that_goes_on() {
    both_modes(|| async {
        let mapping = json!({"lang": "toy", "text": "x"});
        let child = json!({"name": "generate", "config": {"mapping": mapping, "interval": "10ms"}});
        let config = json!({"child": child, "policy": {"count": 1000, "period": "60ms"}});
        let fake = Fake::new();
        let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
        let stopper = fake.clone();
        rt::spawn(async move {
            rt::sleep(std::time::Duration::from_millis(300)).await;
            stopper.stop();
        });
        assert_eq!(source.run(fake.clone()).await, Err(SourceError::Stopped));
        let sizes = fake.sizes();
        assert!(sizes.len() >= 2 && sizes.iter().all(|n| (2..=30).contains(n)), "{sizes:?}");
    });
}

#[test]
fn outcomes_find_their_messages() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("in");
        std::fs::write(&path, "a\nb\nc\n").unwrap();
        let file = json!({"paths": [path.to_str().unwrap()], "delete_on_finish": true});
        let child = json!({"name": "file", "config": file});
        for (bad, deleted) in [("b", false), ("x", true)] {
            let config = json!({"child": child, "policy": {"count": 2, "period": "20ms"}});
            let fake = Fake::judging(move |seen| {
                let failed = (0..).zip(&seen.texts).filter(|(_, t)| *t == bad);
                let failed = failed.map(|(i, _)| (Some(i), Arc::new(Fault::new("no"))));
                Outcome { failures: failed.collect(), ..Outcome::default() }
            });
            let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
            source.run(fake).await.unwrap();
            assert_eq!(!path.exists(), deleted);
        }
    });
}

#[test]
fn a_policy_without_a_trigger_is_refused() {
    let config = json!({"child": {"name": "stdin"}, "policy": {}});
    let error = (SPEC.build)(&config, &TestEnv::new()).err().unwrap();
    assert!(error.text.contains("at least one active trigger"));
}
