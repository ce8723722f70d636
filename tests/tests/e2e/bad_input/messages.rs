//! Messages that are not what a stream expects: invalid UTF-8, truncated JSON, rows that do not
//! fit.

use serde_json::json;
use tests::program::{Folder, http, until};

use super::{Served, copy, folder, serve, stream};

const BYTES: &[u8] = b"ok\n\xff\xfe\x00bad\n\"a\xffb\"\nlast\n";
const CUT: &[u8] = b"{\"a\":1}\n{\"a\":\n{\"a\":3}\n";

/// A coordinator's file, with a source that is a CSV file of two numbers; `more` is what else its
/// configuration says.
pub(super) fn coordinator(folder: &Folder, input: &str, more: &str) -> String {
    let text = format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: ticks\n    fields:\n\
         \x20     - name: ts\n        type: UINT64\n      - name: v\n        type: UINT64\n\
         worker:\n  physicalSources:\n    - logicalSourceName: ticks\n\
         \x20     physicalSourceName: ticks1\n      type: CSV_SOURCE\n      configuration:\n\
         \x20       filePath: {}\n        skipHeader: false\n{more}",
        folder.path(input).display()
    );
    format!("--configPath={}", folder.write("coordinator.yaml", text))
}

pub(super) mod nes {
    //! A coordinator with one source, and what becomes of a query over it.

    use serde_json::Value;
    use tests::program::{Folder, Program, http, until};

    use super::super::query_body;

    /// A coordinator whose source is a file.
    pub(in super::super) struct Coordinator {
        pub(in super::super) program: Program,
        address: String,
    }

    impl Coordinator {
        pub(in super::super) fn start(folder: &Folder, input: &str) -> Self {
            Coordinator::configured(folder, input, "")
        }

        /// The same with more lines of the source's configuration.
        pub(in super::super) fn configured(folder: &Folder, input: &str, more: &str) -> Self {
            let config = super::coordinator(folder, input, more);
            let program = Program::start(&["nes", "coordinator", &config]);
            let address = program.address("requests: nes");
            Coordinator { program, address }
        }

        /// Submits a query that copies the source to a file.
        pub(in super::super) fn copy_to(&self, path: &str) -> u64 {
            let query = format!(
                "Query::from(\"ticks\").filter(Attribute(\"v\") > 0).sink(\
                 FileSinkDescriptor::create(\"{path}\", \"CSV_FORMAT\", \"OVERWRITE\"));"
            );
            let target = "/v1/nes/query/execute-query";
            let submitted = http(&self.address, "POST", target, &query_body(&query));
            assert_eq!(submitted.status, 202, "{}", submitted.text());
            submitted.json()["queryId"].as_u64().expect("an id")
        }

        /// Submits a query that must be refused, and returns why.
        pub(in super::super) fn refuses(&self, query: &str) -> String {
            let target = "/v1/nes/query/execute-query";
            let refused = http(&self.address, "POST", target, &query_body(query));
            assert_eq!(refused.status, 400, "{query}: {}", refused.text());
            refused.json()["message"].as_str().expect("a text").to_owned()
        }

        /// What the engine runs.
        pub(in super::super) fn pipelines(&self) -> Value {
            http(&self.address, "GET", "/v1/pipelines", "").json()
        }

        /// What the catalog says of a query.
        pub(in super::super) fn entry(&self, id: u64) -> Value {
            let target = "/v1/nes/queryCatalog/allRegisteredQueries";
            let all = http(&self.address, "GET", target, "").json();
            let all = all.as_array().expect("a list").clone();
            all.into_iter().find(|q| q["queryId"] == id).expect("it is registered")
        }

        /// Waits until a query has a status.
        pub(in super::super) fn becomes(&self, id: u64, status: &str) -> Value {
            let found = until(|| Some(self.entry(id)).filter(|q| q["status"] == status));
            found.unwrap_or_else(|| panic!("never {status}: {}", self.entry(id)))
        }
    }
}

fn written(folder: &Folder, name: &str, bytes: &[u8]) {
    let path = folder.path(name);
    let read = || std::fs::read(&path).unwrap_or_default();
    assert!(until(|| (read() == bytes).then_some(())).is_some(), "{name}: {:?}", read());
}

fn error_of(served: &Served, id: &str, text: &str) {
    served.logs(&["level=error", &format!("stream={id}"), "path=root.pipeline.processors.0", text]);
}

#[test]
fn invalid_utf8_passes_a_stream_that_does_not_look_at_it() {
    let folder = folder(&[("in", BYTES)]);
    let served = serve();
    served.create("raw", &copy(&folder.path("in"), &folder.path("out")));
    written(&folder, "out", BYTES);
    served.ended("raw");
    served.others_go_on();
}

#[test]
fn invalid_utf8_where_json_is_needed_flags_the_message_with_its_error() {
    let folder = folder(&[("in", b"{\"a\":1}\n\xff\xfe\n")]);
    let served = serve();
    let (input, out) = (folder.path("in"), folder.path("out"));
    served.create("flag", &stream(&[&input], "{mapping: root = this.a}", &out));
    // As Benthos: the message goes on as it was, with the error for who asks.
    written(&folder, "out", b"1\n\xff\xfe\n");
    served.ended("flag");
    assert_eq!(served.series("flag", "processor_error"), 1);
    let text = "unable to reference message as structured (with 'this.a'): parse as json: invalid \
                character 'ÿ' looking for beginning of value";
    error_of(&served, "flag", text);
    let told = folder.path("told");
    let processors = "{mapping: root = this.a}, {catch: [{mapping: root = error()}]}";
    served.create("told", &stream(&[&input], processors, &told));
    let told = format!("1\nfailed assignment (line 1): {text}\n");
    written(&folder, "told", told.as_bytes());
    served.others_go_on();
}

#[test]
fn invalid_utf8_in_a_q_spec_stays_the_bytes_that_were_read() {
    let folder = folder(&[("in", b"a\xffb\n")]);
    let served = serve();
    let id = served.spec(&format!(
        ".qsp.run .qsp.read.fromFile[\"{}\"] .qsp.map[{{\"i\"$first x}}] .qsp.write.toConsole[]",
        folder.path("in").display()
    ));
    served.ended(&id);
    assert_eq!(served.pipeline(&id)["errors"], 0);
    let console = http(&served.kdb, "GET", &format!("/v1/pipelines/pipelines/{id}/console"), "");
    assert!(console.text().contains("97 255 98i"), "{}", console.text());
    served.others_go_on();
}

#[test]
fn invalid_utf8_or_a_short_row_fails_a_query_and_no_other() {
    for (bytes, why) in [
        (&b"1,2\n\xff\xfe,3\n"[..], "field ts: cannot read"),
        (b"1,2\n3\n", "does not contain the right number of delimited fields"),
    ] {
        let folder = folder(&[("ticks.csv", bytes)]);
        let coordinator = nes::Coordinator::start(&folder, "ticks.csv");
        let out = |name: &str| folder.path(name).display().to_string();
        let id = coordinator.copy_to(&out("bad.csv"));
        let failed = coordinator.becomes(id, "FAILED");
        let info = failed["queryInfo"].as_str().expect("a text");
        let path = folder.path("ticks.csv").display().to_string();
        assert!(info.contains(why) && info.contains(&path), "{info}");
        // The next query over what is mended by then runs.
        folder.write("ticks.csv", "1,2\n");
        let id = coordinator.copy_to(&out("good.csv"));
        coordinator.becomes(id, "STOPPED");
        assert!(folder.read("good.csv").ends_with("1,2\n"), "{}", folder.read("good.csv"));
    }
}

#[test]
fn truncated_json_is_flagged_and_delivered() {
    let folder = folder(&[("in", CUT)]);
    let served = serve();
    let (input, out) = (folder.path("in"), folder.path("out"));
    served.create("cut", &stream(&[&input], "{mapping: root = this.a}", &out));
    written(&folder, "out", b"1\n{\"a\":\n3\n");
    served.ended("cut");
    assert_eq!(served.series("cut", "processor_error"), 1);
    assert_eq!(served.series("cut", "output_sent"), 3);
    error_of(&served, "cut", "parse as json: unexpected EOF");
    served.others_go_on();
}

#[test]
fn truncated_json_is_rejected_where_the_config_says_so() {
    let folder = folder(&[("in", CUT)]);
    let served = serve();
    let config = json!({
        "input": {"file": {"paths": [folder.path("in")], "auto_replay_nacks": false}},
        "pipeline": {"processors": [{"mapping": "root = this.a"}]},
        "output": {"reject_errored": {"file": {"path": folder.path("out")}}},
    });
    served.create("cut", &config.to_string());
    served.ended("cut");
    written(&folder, "out", b"1\n3\n");
    assert_eq!(served.series("cut", "output_sent"), 2);
    error_of(&served, "cut", "parse as json: unexpected EOF");
    served.others_go_on();
}

#[test]
fn truncated_json_in_a_q_spec_is_logged_with_its_operator() {
    let folder = folder(&[("in", b"{\"a\":\n")]);
    let served = serve();
    let id = served.spec(&format!(
        ".qsp.run .qsp.read.fromFile[\"{}\"] .qsp.decode.json[] .qsp.write.toConsole[]",
        folder.path("in").display()
    ));
    let stream = format!("stream={id}");
    served.logs(&["level=error", "EOF while parsing", &stream, "operator=json-"]);
    // It is not tried again: the file has been read, and the pipeline ends.
    served.ended(&id);
    assert_eq!(served.pipeline(&id)["errors"], 1);
    served.others_go_on();
}

#[test]
fn a_flood_of_failing_messages_does_not_flood_the_log() {
    let folder = folder(&[("in", "no\n".repeat(50_000).as_bytes())]);
    let served = serve();
    let (input, out) = (folder.path("in"), folder.path("out"));
    served.create("flood", &stream(&[&input], "{mapping: root = this.a}", &out));
    served.ended("flood");
    assert_eq!(served.series("flood", "processor_error"), 50_000);
    error_of(&served, "flood", "parse as json");
    let lines = served.program.log().lines().filter(|l| l.contains("stream=flood")).count();
    assert!(lines < 5_000, "{lines} lines in the log");
    served.others_go_on();
}
