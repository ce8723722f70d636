use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

#[test]
fn the_message_that_passes_is_the_last() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("in").to_str().unwrap().to_owned();
        std::fs::write(&path, "1\n2\nstop\n3\n").unwrap();
        let input = json!({"name": "file", "config": {"paths": [path]}});
        let check = json!({"lang": "toy", "text": "content=stop"});
        let config = json!({"input": input, "check": check});
        let fake = Fake::new();
        let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
        source.run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), ["1", "2", "stop"]);
    });
}

#[test]
fn an_idle_source_ends() {
    both_modes(|| async {
        let mapping = json!({"lang": "toy", "text": "once"});
        let input = json!({"name": "generate", "config": {"mapping": mapping, "interval": "1h"}});
        let config = json!({"input": input, "idle_timeout": "50ms"});
        let fake = Fake::new();
        let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
        source.run(fake.clone()).await.unwrap();
        assert_eq!(fake.texts(), ["once"]);
    });
}

#[test]
fn a_source_that_ends_too_early_is_started_again() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("in").to_str().unwrap().to_owned();
        std::fs::write(&path, "x\n").unwrap();
        let input = json!({"name": "file", "config": {"paths": [path]}});
        let check = json!({"lang": "toy", "text": "content=stop"});
        let config = json!({"input": input, "check": check, "restart_input": true});
        let fake = Fake::new();
        let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
        let run = source.run(fake.clone());
        assert!(rt::timeout(Time::from_millis(350), run).await.is_err());
        assert!(fake.texts().len() >= 2, "{:?}", fake.texts());
    });
}

#[test]
fn a_condition_is_needed() {
    let config = json!({"input": {"name": "stdin"}});
    let error = (SPEC.build)(&config, &TestEnv::new()).err().unwrap();
    assert_eq!(error.text, "it is required to set either check or idle_timeout");
}
