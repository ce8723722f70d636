//! What processors do together: flags, order, acks.

use std::sync::{Arc, Mutex};

use plan::{Ack, AckPort, Acks, Batch, Fault, OperatorSpec, Record, Records, serde_json};
use proptest::prelude::*;

use super::ALL;
use crate::testing::{Setup, faults, feed, feed_batch, sizes, texts};

fn spec(name: &str) -> &'static OperatorSpec {
    ALL.iter().find(|spec| spec.name == name).unwrap()
}

fn run(name: &str, config: &str, input: &[&str]) -> Vec<Batch> {
    Setup::default().run(spec(name), config, input)
}

const THROW: &str = r#"{"mapping":"root = throw(\"boom\")"}"#;

#[test]
fn a_failure_flags_its_message_and_says_who_failed() {
    let out = run("mapping", r#""root = this.a.number()""#, &["{\"a\":\"x\"}", "{\"a\":\"1\"}"]);
    assert_eq!(texts(&out), ["{\"a\":\"x\"}", "1"]);
    let fault = out[0].as_records().unwrap().recs[0].fault.clone().unwrap();
    assert_eq!(
        (fault.name.as_str(), fault.path.as_str()),
        ("mapping", "root.pipeline.processors.0")
    );
    let out = run("try", &format!("[{THROW}]"), &["a"]);
    let fault = out[0].as_records().unwrap().recs[0].fault.clone().unwrap();
    assert_eq!(fault.path, "root.pipeline.processors.0.try.0");
}

#[test]
fn catch_clears_the_flag_even_when_it_fails_itself() {
    let inner = format!("[{{\"try\":[{THROW}]}},{{\"catch\":[{THROW}]}}]");
    for config in [inner.as_str(), &format!("[{THROW},{{\"catch\":[]}}]")] {
        let out = run("processors", config, &["a", "b"]);
        assert_eq!(
            (texts(&out), faults(&out)),
            (vec!["a".into(), "b".into()], vec![String::new(); 2])
        );
    }
}

#[test]
fn later_processors_still_see_a_flagged_message() {
    let out = run("processors", &format!("[{THROW},{{\"mapping\":\"root = error()\"}}]"), &["a"]);
    assert!(texts(&out)[0].contains("boom"), "{out:?}");
}

#[test]
fn switch_keeps_the_order_and_knows_its_ways() {
    let input = ["0", "1", "2", "3"];
    let tag = |t: &str| format!(r#"[{{"mapping":"root = content().string() + \"{t}\""}}]"#);
    let fall = format!(
        r#"[{{"check":"this == 1","fallthrough":true,"processors":{}}},
            {{"check":"this == 2","processors":{}}},{{"processors":{}}}]"#,
        tag("a"),
        tag("b"),
        tag("c")
    );
    assert_eq!(texts(&run("switch", &fall, &input)), ["0c", "1ab", "2b", "3c"]);
    let goes_on = format!(
        r#"[{{"check":"this < 2","continue":true,"processors":[{{"noop":{{}}}}]}},
            {{"check":"this > 0","processors":{}}}]"#,
        tag("x")
    );
    assert_eq!(texts(&run("switch", &goes_on, &input)), ["0", "1x", "2x", "3x"]);
    let bad = run(
        "switch",
        r#"[{"check":"this.number() > 1","processors":[{"mapping":"root = 1"}]},
        {"processors":[{"mapping":"root = 2"}]}]"#,
        &["\"5\"", "\"z\""],
    );
    assert_eq!(texts(&bad), ["1", "\"z\""]);
    assert!(!faults(&bad)[1].is_empty());
    assert!(Setup::default().try_build(spec("switch"), r#"[{"check":"true"}]"#).is_err());
}

#[test]
fn branch_errors_keep_the_message() {
    let input = ["{\"id\":1}", "{\"id\":2}", "{\"id\":3}"];
    let count = "message count from branch processors does not match request, started with";
    for (config, error) in [
        (
            r#"{"request_map":"root = this.id","processors":[{"archive":{"format":"lines"}}]}"#,
            format!("{count} 1 messages, finished with 3"),
        ),
        (
            r#"{"processors":[{"mapping":"root = if this.id == 2 { deleted() } else { this }"}]}"#,
            format!("{count} 2 messages, finished with 3"),
        ),
        (
            r#"{"processors":[{"mapping":"root = throw(\"inner\")"}],
                "result_map":"root.r = this"}"#,
            "processors failed: failed assignment (line 1): inner".to_owned(),
        ),
        (
            r#"{"request_map":"root = throw(\"early\")","processors":[{"noop":{}}]}"#,
            "request mapping failed: failed assignment (line 1): early".to_owned(),
        ),
    ] {
        let out = run("branch", config, &input);
        assert_eq!(texts(&out), input, "{config}");
        assert_eq!(faults(&out), vec![error; 3], "{config}");
    }
    let skip = r#"{"request_map":"root = if this.id == 2 { deleted() } else { {\"v\": this.id} }",
        "processors":[{"mapping":"root.v = this.v + 1"}],"result_map":"root.b = this.v"}"#;
    assert_eq!(
        texts(&run("branch", skip, &input)),
        ["{\"b\":2,\"id\":1}", "{\"id\":2}", "{\"b\":4,\"id\":3}"]
    );
}

#[test]
fn configs_that_cannot_be_are_refused() {
    let both = r#"[{"fallthrough":true,"continue":true,"processors":[{"noop":{}}]}]"#;
    for (name, config, said) in [
        ("branch", "{}", "requires at least one child processor"),
        ("metric", r#"{"type":"counter","name":""}"#, "metric name must not be empty"),
        ("retry", r#"{"processors":[]}"#, "at least one child processor must be specified"),
        ("switch", both, "case [0] has both fallthrough and continue set to true"),
    ] {
        let error = Setup::default().try_build(spec(name), config).err().unwrap().to_string();
        assert!(error.contains(said), "{name}: {error}");
    }
}

#[test]
fn texts_that_cannot_be_made_are_told() {
    let throw = "${! throw(\"boom\") }";
    let setup = Setup::default();
    let config = serde_json::json!({"value": throw}).to_string();
    let out = setup.run(spec("group_by_value"), &config, &["a"]);
    let want = "group value interpolation error: ";
    assert!(faults(&out)[0].starts_with(want), "{:?}", faults(&out));
    assert_eq!(texts(&out), ["a"], "the message goes on");
    let config = serde_json::json!({"cache": "words", "key": throw}).to_string();
    assert_eq!(texts(&setup.run(spec("dedupe"), &config, &["a"])), Vec::<String>::new());
    assert!(setup.shard.logged.borrow()[0].contains("Key interpolation error: "));
    let config = serde_json::json!({"type": "timing", "name": "t", "value": "${! content() }"});
    let setup = Setup::default();
    let out = setup.run(spec("metric"), &config.to_string(), &["1.5", "2"]);
    assert_eq!(
        (texts(&out), faults(&out)),
        (vec!["1.5".into(), "2".into()], vec![String::new(); 2])
    );
    let logged = setup.shard.logged.borrow();
    assert!(logged[0].contains("Handler error: value 1.5 is not a whole number"), "{logged:?}");
}

#[test]
fn loops_end() {
    let add = r#"[{"mapping":"root.n = this.n + 1"}]"#;
    let once = format!(r#"{{"at_least_once":true,"check":"false","processors":{add}}}"#);
    let four = format!(r#"{{"check":"this.n < 4","processors":{add}}}"#);
    let capped = format!(r#"{{"max_loops":2,"check":"true","processors":{add}}}"#);
    for (config, want) in [(once, 1), (four, 4), (capped, 2)] {
        assert_eq!(texts(&run("while", &config, &["{\"n\":0}"])), [format!("{{\"n\":{want}}}")]);
    }
}

#[test]
fn retry_gives_up_with_the_flag_set() {
    let setup = Setup::default();
    let config = format!(
        r#"{{"max_retries":2,"processors":[{THROW}],
        "backoff":{{"initial_interval":"1ms","max_interval":"2ms"}}}}"#
    );
    let out = setup.run(spec("retry"), &config, &["a"]);
    assert!(faults(&out)[0].contains("boom"));
    assert_eq!(setup.shard.now_ns.get(), 1_000_000, "the second failure is the last");
    let meta = out[0].as_records().unwrap().recs[0].meta.clone().unwrap();
    let shown = |key: &str| format!("{:?}", meta.get(key).unwrap());
    assert_eq!(
        (shown("retry_count"), shown("backoff_duration")),
        ("Int(2)".into(), "Int(1000000)".into())
    );
    let config = format!(
        r#"{{"processors":[{THROW}],"backoff":{{"initial_interval":"1s",
        "max_interval":"1s","max_elapsed_time":"3s"}}}}"#
    );
    let out = setup.run(spec("retry"), &config, &["a"]);
    assert!(faults(&out)[0].contains("boom"));
}

#[test]
fn retries_go_side_by_side_when_that_is_wanted() {
    let waits = r#"{"sleep":{"duration":"1s"}},{"mapping":"root = content().uppercase()"}"#;
    for parallel in [false, true] {
        let config = format!(r#"{{"parallel":{parallel},"processors":[{waits}]}}"#);
        let out = run("retry", &config, &["a", "b", "c"]);
        assert_eq!((texts(&out), sizes(&out)), (vec!["A".into(), "B".into(), "C".into()], vec![3]));
    }
    let flagged = format!(r#"[{THROW},{{"retry":{{"processors":[{{"noop":{{}}}}]}}}}]"#);
    let out = run("processors", &flagged, &["a"]);
    assert_eq!(faults(&out), [""], "a flag of before is of no account");
}

#[test]
fn sleep_waits_and_flags_what_is_no_duration() {
    let setup = Setup::default();
    let out = setup.run(spec("sleep"), r#"{"duration":"${! content() }"}"#, &["20ms"]);
    assert_eq!((setup.shard.now_ns.get(), faults(&out)), (20_000_000, vec![String::new()]));
    assert!(!faults(&setup.run(spec("sleep"), r#"{"duration":"x"}"#, &["a"]))[0].is_empty());
}

#[test]
fn log_lines_have_their_fields() {
    let setup = Setup::default();
    setup.run(
        spec("log"),
        r#"{"level":"warn","message":"got ${! content() }",
        "fields_mapping":"root.a = 1"}"#,
        &["x"],
    );
    let want = "Warn got x [(\"custom_source\", \"true\"), (\"a\", \"1\")]";
    assert_eq!(*setup.shard.logged.borrow(), [want]);
    assert!(setup.try_build(spec("log"), r#"{"level":"LOUD"}"#).is_err());
}

#[test]
fn groups_are_batches() {
    let out = run("group_by_value", r#"{"value":"${! content() }"}"#, &["a", "b", "a"]);
    assert_eq!((sizes(&out), texts(&out)), (vec![2, 1], vec!["a".into(), "a".into(), "b".into()]));
    let all = run("bounds_check", r#"{"max_parts":2}"#, &["a", "b", "c"]);
    assert!(all.is_empty());
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl AckPort for Told {
    fn fail(&self, id: u64, tag: Option<u32>, fault: Arc<Fault>) {
        self.0.lock().unwrap().push(format!("fail {id} {tag:?} {}", fault.text));
    }
    fn reply(&self, id: u64, records: Vec<(Record, Vec<u8>)>) {
        let texts: Vec<_> = records.iter().map(|(_, b)| String::from_utf8_lossy(b)).collect();
        self.0.lock().unwrap().push(format!("reply {id} {texts:?}"));
    }
    fn done(&self, id: u64) {
        self.0.lock().unwrap().push(format!("done {id}"));
    }
}

/// What the source of one batch is told when everything that comes out of a processor is
/// delivered, or nothing is.
fn told(name: &str, config: &str, delivered: bool) -> Vec<String> {
    let port = Arc::new(Told::default());
    let mut operator = Setup::default().build(spec(name), config);
    let records = Records::from_bodies([b"a".to_vec(), b"b".to_vec()]);
    let acks = Acks::one(Ack::new(port.clone(), 1));
    let out = feed_batch(&mut *operator, Batch { acks, ..Batch::records(records) });
    for batch in out {
        match delivered {
            true => batch.ok(),
            false => batch.fail(&Arc::new(Fault::new("no"))),
        }
    }
    port.0.lock().unwrap().clone()
}

#[test]
fn every_source_hears_of_its_messages_once() {
    let deleted = r#""root = deleted()""#;
    for (name, config) in [
        ("noop", "{}"),
        ("split", "{}"),
        ("select_parts", r#"{"parts":[0]}"#),
        ("select_parts", r#"{"parts":[7]}"#),
        ("bounds_check", r#"{"min_parts":5}"#),
        ("mapping", deleted),
        ("try", r#"[{"mapping":"root = deleted()"}]"#),
        ("for_each", r#"[{"mapping":"root = content()"}]"#),
        ("parallel", r#"{"processors":[{"mapping":"root = content()"}]}"#),
        (
            "switch",
            r#"[{"check":"content() == \"a\"","processors":[{"mapping":"root = deleted()"}]}]"#,
        ),
        ("group_by", r#"[{"check":"content() == \"a\""}]"#),
        ("group_by_value", r#"{"value":"${! content() }"}"#),
        ("archive", r#"{"format":"lines"}"#),
        ("while", r#"{"max_loops":2,"check":"true","processors":[{"noop":{}}]}"#),
        ("branch", r#"{"processors":[{"mapping":"root = deleted()"}]}"#),
        ("insert_part", r#"{"content":"x"}"#),
    ] {
        assert_eq!(told(name, config, true), ["done 1"], "{name} {config}");
    }
}

#[test]
fn what_is_refused_is_told_by_message() {
    let each = ["fail 1 Some(0) no", "fail 1 Some(1) no", "done 1"];
    assert_eq!(told("split", "{}", false), each);
    assert_eq!(told("for_each", "[{\"noop\":{}}]", false), each);
    assert_eq!(told("archive", r#"{"format":"lines"}"#, false), ["fail 1 None no", "done 1"]);
    assert_eq!(told("select_parts", r#"{"parts":[1]}"#, false), ["fail 1 Some(1) no", "done 1"]);
}

#[test]
fn answers_go_to_the_sender() {
    let config = r#"[{"mapping":"root = content().uppercase()"},{"sync_response":{}}]"#;
    let got = told("processors", config, true);
    assert_eq!(got, ["reply 1 [\"A\", \"B\"]", "done 1"]);
}

proptest! {
    #[test]
    fn rebatching_changes_nothing(
        texts_in in prop::collection::vec("[a-c]{0,3}", 0..12),
        cut in 0usize..12,
    ) {
        let config = r#"[{"check":"content() == \"a\"",
            "processors":[{"mapping":"root = \"x\""}]}]"#;
        let input: Vec<&str> = texts_in.iter().map(String::as_str).collect();
        let setup = Setup::default();
        let mut operator = setup.build(spec("switch"), config);
        let whole = texts(&feed(&mut *operator, &input));
        let (head, tail) = input.split_at(cut.min(input.len()));
        let mut parts = texts(&feed(&mut *operator, head));
        parts.extend(texts(&feed(&mut *operator, tail)));
        prop_assert_eq!(whole, parts);
    }
}
