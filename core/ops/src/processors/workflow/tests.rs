use super::*;
use crate::testing::{Setup, faults, texts};

const PLAIN: &str = r#"{"processors":[{"noop":{}}],"result_map":"root.new = true"}"#;

fn run(config: &str, input: &[&str]) -> (Vec<String>, Vec<String>) {
    let out = Setup::default().run(&SPEC, config, input);
    (texts(&out), faults(&out))
}

fn refused(config: &str) -> String {
    Setup::default().try_build(&SPEC, config).err().map(|e| e.to_string()).unwrap_or_default()
}

/// A branch that reads one path and assigns another.
fn from_to(from: &str, to: &str) -> String {
    format!(
        r#"{{"request_map":"root = this.{from}","processors":[{{"noop":{{}}}}],
            "result_map":"root.{to} = this"}}"#
    )
}

#[test]
fn what_an_earlier_run_did_is_left_out() {
    let config = format!(r#"{{"meta_path":"w","branches":{{"a":{PLAIN},"b":{PLAIN}}}}}"#);
    for (earlier, now) in [
        (r#"{"succeeded":["a"]}"#, r#""skipped":["a"],"succeeded":["b"]"#),
        (r#"{"skipped":["a","b","c",1]}"#, r#""skipped":["a","b"]"#),
        (r#"{"apply":["b"],"failed":{"a":"x"}}"#, r#""skipped":["a"],"succeeded":["b"]"#),
        (r#"{"apply":["b"],"succeeded":["b"]}"#, r#""skipped":["a","b"]"#),
        (r#"{"apply":[]}"#, r#""succeeded":["a","b"]"#),
        (r#""text""#, r#""succeeded":["a","b"]"#),
    ] {
        let (texts, faults) = run(&config, &[&format!(r#"{{"w":{earlier}}}"#)]);
        let now = now.split_at(now.find(r#""s"#).unwrap()).1;
        let got = texts[0].clone();
        assert!(got.contains(&format!(r#""previous":{earlier},{now}"#)), "{earlier}: {got}");
        assert_eq!(faults, [""]);
    }
}

#[test]
fn without_a_record_failures_flag_their_message() {
    let config = r#"{"meta_path":"","branches":{
        "z":{"processors":[{"mapping":"root = throw(\"x\")"}]},
        "a":{"request_map":"root = this.id.uppercase()","processors":[{"noop":{}}]},
        "m":{"processors":[{"noop":{}}],"result_map":"root.m = 1"}}}"#;
    let (texts, faults) = run(config, &[r#"{"id":1}"#, r#"{"id":"i"}"#]);
    assert_eq!(texts, [r#"{"id":1,"m":1}"#, r#"{"id":"i","m":1}"#]);
    assert_eq!(faults, ["workflow branches failed: [a z]", "workflow branches failed: [z]"]);
}

#[test]
fn a_branch_that_loses_messages_fails_for_all_of_them() {
    let config = r#"{"meta_path":"w","branches":{"a":{
        "processors":[{"mapping":"root = if this.id == 1 { deleted() }"}]}}}"#;
    let (texts, _) = run(config, &[r#"{"id":1}"#, r#"{"id":2}"#]);
    let why = "message count from branch processors does not match request, started with 1 \
               messages, finished with 2";
    assert_eq!(texts[0], format!(r#"{{"id":1,"w":{{"failed":{{"a":"{why}"}}}}}}"#));
    assert_eq!(texts[1], format!(r#"{{"id":2,"w":{{"failed":{{"a":"{why}"}}}}}}"#));
}

#[test]
fn a_message_that_is_no_document_is_flagged() {
    let config = r#"{"branches":{"a":{"processors":[{"noop":{}}]}}}"#;
    let (texts, faults) = run(config, &["no json", "{}"]);
    assert_eq!(texts, ["no json", r#"{"meta":{"workflow":{"succeeded":["a"]}}}"#]);
    assert_eq!(faults, ["invalid character 'o' in literal null (expecting 'u')", ""]);
}

#[test]
fn dependencies_decide_the_order() {
    let branches = [
        ("first", from_to("id", "a.x")),
        ("second", from_to("a.x.y", "b")),
        ("third", from_to("b", "c")),
        ("other", from_to("a", "d")),
    ];
    let branches: Vec<String> =
        branches.iter().map(|(name, branch)| format!("\"{name}\":{branch}")).collect();
    let config: plan::Json =
        plan::serde_json::from_str(&format!("{{{}}}", branches.join(","))).unwrap();
    let (texts, _) =
        run(&format!(r#"{{"meta_path":"w","branches":{config}}}"#), &[r#"{"id":{"y":7}}"#]);
    let want = r#"{"a":{"x":{"y":7}},"b":7,"c":7,"d":null,"id":{"y":7},"#;
    assert!(texts[0].starts_with(want), "{texts:?}");
}

#[test]
fn what_cannot_be_ordered_is_refused() {
    let (ab, ba) = (from_to("b", "a"), from_to("a", "b"));
    for (config, why) in [
        (
            format!(
                r#"{{"branches":{{"x":{ab},"y":{ba},"z":{PLAIN},"zz":{}}}}}"#,
                from_to("a", "c")
            ),
            "failed to automatically resolve DAG, circular dependencies detected for branches: \
             [x y z zz]",
        ),
        (
            format!(r#"{{"order":[["x"],[]],"branches":{{"x":{PLAIN}}}}}"#),
            "explicit order tier '1' was empty",
        ),
        (
            format!(r#"{{"order":[["x"],["x"]],"branches":{{"x":{PLAIN}}}}}"#),
            "branch specified in order listed multiple times: x",
        ),
        (
            format!(r#"{{"order":[["x"]],"branches":{{"x":{PLAIN},"z":{PLAIN},"y":{PLAIN}}}}}"#),
            "the following branches were missing from order: [y z]",
        ),
        (
            format!(r#"{{"order":[["gone"]],"branches":{{"x":{PLAIN}}}}}"#),
            "processor resource 'gone' was not found",
        ),
        (r#"{"branch_resources":["gone"]}"#.into(), "processor resource 'gone' was not found"),
        (
            format!(r#"{{"branch_resources":["x"],"branches":{{"x":{PLAIN}}}}}"#),
            "branch resource name 'x' collides with an explicit branch",
        ),
        (
            format!(r#"{{"branches":{{"a b":{PLAIN}}}}}"#),
            "workflow branch name 'a b' contains invalid characters",
        ),
        (
            r#"{"branches":{"a":{"processors":[]}}}"#.into(),
            "the branch processor requires at least one child processor",
        ),
    ] {
        assert!(refused(&config).contains(why), "{config}: {}", refused(&config));
    }
    // Two that only seem to need each other: nobody assigns what contains what is read.
    let config =
        format!(r#"{{"branches":{{"x":{},"y":{}}}}}"#, from_to("a", "b.c"), from_to("b", "a.d"));
    assert_eq!(refused(&config), "");
}
