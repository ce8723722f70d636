use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

fn file(dir: &TempDir, name: &str, text: &str) -> Json {
    let path = dir.join(name).to_str().unwrap().to_owned();
    std::fs::write(&path, text).unwrap();
    let kind = if name.ends_with(".csv") { "csv" } else { "file" };
    json!({"name": kind, "config": {"paths": [path]}})
}

async fn run(config: Json) -> Vec<String> {
    let fake = Fake::new();
    let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
    source.run(fake.clone()).await.unwrap();
    fake.texts()
}

#[test]
fn one_after_another() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let inputs = json!([file(&dir, "a", "1\n2\n"), file(&dir, "b", "3\n")]);
        assert_eq!(run(json!({"inputs": inputs})).await, ["1", "2", "3"]);
    });
}

#[test]
fn joins() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let a = file(&dir, "a.csv", "id,v\n1,x\n2,y\n");
        let b = file(
            &dir,
            "b",
            "{\"id\":\"1\",\"v\":\"B\"}\n{\"id\":\"3\",\"w\":2}\n{\"id\":\"1\",\"z\":0}\n",
        );
        for (kind, strategy, wanted) in [
            (
                "full-outer",
                "array",
                vec![
                    r#"{"id":"1","v":["x","B"],"z":0}"#,
                    r#"{"id":"2","v":"y"}"#,
                    r#"{"id":"3","w":2}"#,
                ],
            ),
            (
                "full-outer",
                "keep",
                vec![r#"{"id":"1","v":"x","z":0}"#, r#"{"id":"2","v":"y"}"#, r#"{"id":"3","w":2}"#],
            ),
            ("outer", "replace", vec![r#"{"id":"1","v":"B","z":0}"#, r#"{"id":"2","v":"y"}"#]),
        ] {
            let join = json!({"type": kind, "id_path": "id", "merge_strategy": strategy});
            let got = run(json!({"sharded_join": join, "inputs": [a, b]})).await;
            assert_eq!(got, wanted, "{kind} {strategy}");
        }
    });
}

#[test]
fn bad_configurations() {
    let error = |config| (SPEC.build)(&config, &TestEnv::new()).err().map(|e| e.text).unwrap();
    assert!(error(json!({"inputs": []})).contains("at least one"));
    let inputs = json!([{"name": "stdin"}]);
    for join in [
        json!({"type": "inner", "id_path": "id"}),
        json!({"type": "outer"}),
        json!({"type": "outer", "id_path": "id", "merge_strategy": "x"}),
    ] {
        error(json!({"inputs": inputs, "sharded_join": join}));
    }
}
