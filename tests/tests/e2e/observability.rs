//! The log and the metrics of the process as a configuration wants them.

use std::fs;

use serde_json::Value;
use tests::program::{Folder, Program, http, until};

use crate::golden::printed;

/// A config that logs a warning for each of two messages and ends.
fn config(more: &str) -> String {
    format!(
        "http: {{enabled: false}}\ninput:\n  generate: {{count: 2, interval: \"\", mapping: 'root = \
         \"a\"'}}\npipeline:\n  processors:\n    - log: {{level: WARN, message: 'say \"${{! \
         content() }}\"', fields: {{who: me, b: x y}}}}\noutput:\n  drop: {{}}\n{more}"
    )
}

/// Runs a config to its end and returns its log.
fn log_of(folder: &Folder, more: &str, args: &[&str]) -> String {
    let file = folder.write("config.yaml", config(more));
    let mut program = Program::start(&[&["run", &file], args].concat());
    let status = program.wait().expect("it ends");
    assert!(status.success(), "{}", program.log());
    program.log()
}

fn lines_with<'l>(log: &'l str, part: &str) -> Vec<&'l str> {
    log.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn lines_have_the_fields_that_are_wanted() {
    let folder = Folder::new("logger");
    let log = log_of(&folder, "", &[]);
    let lines = lines_with(&log, "level=warning msg=\"say \\\"a\\\"\" @service=benthos b=\"x y\"");
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines.iter().all(|l| l.starts_with("time=\"20") && l.contains(" who=me")), "{log}");
    let plain = "logger: {add_timestamp: false, level_name: lvl, message_name: m, static_fields: \
                 {z: '1'}}\n";
    let log = log_of(&folder, plain, &[]);
    let lines = lines_with(&log, "lvl=warning m=\"say \\\"a\\\"\" b=\"x y\"");
    assert!(lines.len() == 2 && lines.iter().all(|l| l.ends_with(" z=1")), "{log}");
    assert!(!log.contains("time="), "{log}");
}

#[test]
fn the_log_of_a_spec_says_whose_it_is() {
    let folder = Folder::new("own-log");
    let spec = ".qsp.run .qsp.read.fromExpr[\"1 2\"] .qsp.write.toConsole[]";
    let mut program = Program::start(&["run", &folder.write("spec.q", spec)]);
    assert!(program.wait().expect("it ends").success(), "{}", program.log());
    let log = program.log();
    assert!(log.contains(" @service=mainstem ") && !log.contains("benthos"), "{log}");
}

#[test]
fn json_lines_have_their_keys_sorted() {
    let folder = Folder::new("json-log");
    let log = log_of(&folder, "logger: {format: json, timestamp_name: ts}\n", &[]);
    for line in log.lines() {
        let read: Value = serde_json::from_str(line).expect("JSON");
        let keys: Vec<&String> = read.as_object().expect("an object").keys().collect();
        assert!(keys.is_sorted() && read["ts"].is_string() && read["@service"] == "benthos");
    }
    let line = lines_with(&log, "say")[0];
    let read: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&read["level"], &read["msg"]), (&"warning".into(), &"say \"a\"".into()));
    assert_eq!((&read["who"], &read["b"]), (&"me".into(), &"x y".into()));
}

#[test]
fn levels_keep_lines_out_and_the_command_line_goes_first() {
    let folder = Folder::new("levels");
    let said = |level: &str, args: &[&str]| {
        let log = log_of(&folder, &format!("logger: {{level: {level}}}\n"), args);
        (log.contains("level=info"), log.contains("level=warning"))
    };
    assert_eq!(said("INFO", &[]), (true, true));
    assert_eq!(said("Warn", &[]), (false, true));
    assert_eq!(said("error", &[]), (false, false));
    assert_eq!(said("none", &[]), (false, false));
    assert_eq!(said("'off'", &[]), (false, false));
    assert_eq!(said("all", &[]), (true, true));
    assert_eq!(said("none", &["--log.level", "warn"]), (false, true));
    assert_eq!(said("debug", &["--set", "logger.level=error"]), (false, false));
}

#[test]
fn the_log_goes_to_a_file() {
    let folder = Folder::new("log-file");
    let path = folder.path("out.log").display().to_string();
    let more = format!("logger: {{file: {{path: '{path}', rotate: true}}}}\n");
    for runs in 1..=2 {
        assert_eq!(log_of(&folder, &more, &[]), "", "nothing on standard error");
        assert_eq!(lines_with(&folder.read("out.log"), "who=me").len(), 2 * runs);
    }
    let more = "logger: {file: {path: /no/such/folder/a.log}}\n";
    let file = folder.write("config.yaml", config(more));
    let mut program = Program::start(&["run", &file]);
    assert_eq!(program.wait().and_then(|status| status.code()), Some(1));
    assert!(program.log().contains("failed to create logger: open /no/such"), "{}", program.log());
}

#[test]
fn metrics_go_to_the_log_at_the_end() {
    let folder = Folder::new("metrics-log");
    let more = "metrics:\n  logger: {}\n  mapping: |\n    root = if this.has_prefix(\"output\") { \
                deleted() } else { this.replace_all(\"input_\", \"in_\") }\n    meta label = \
                deleted()\n";
    let log = log_of(&folder, more, &[]);
    let counters = lines_with(&log, "msg=\"Counter metric\"");
    let counts = |name: &str, path: &str, n: u64| {
        let end = format!("name={name} path={path} value={n}");
        counters.iter().any(|line| line.ends_with(&end))
    };
    assert!(counts("in_received", "root.input", 2), "{log}");
    assert!(counts("processor_sent", "root.pipeline.processors.0", 2), "{log}");
    assert!(!log.contains("name=output_") && !log.contains("stream="), "{log}");
    let timings = lines_with(&log, "msg=\"Timing metric\"");
    assert!(timings.iter().all(|line| line.contains(" p50=") && line.contains(" p99=")), "{log}");
    assert!(timings.iter().any(|line| line.contains("name=processor_latency_ns")), "{log}");
}

#[test]
fn the_last_metrics_count_what_was_delivered_while_the_service_closed() {
    const MESSAGES: u64 = 20;
    let folder = Folder::new("metrics-last");
    let settings = "http: {address: '127.0.0.1:0'}\nmetrics: {logger: {push_interval: ''}}\n";
    let settings = folder.write("settings.yaml", settings);
    let stream = format!(
        "input: {{generate: {{count: {MESSAGES}, interval: '', batch_size: {MESSAGES}, mapping: \
         root = 1}}}}\npipeline: {{threads: 1, processors: [{{sleep: {{duration: 1s}}}}]}}\n\
         output: {{drop: {{}}}}\n"
    );
    let stream = folder.write("s.yaml", stream);
    let mut program = Program::start(&["streams", "-o", &settings, &stream]);
    let address = program.address("Listening for HTTP");
    let stats = || http(&address, "GET", "/streams/s/stats", "").json();
    let received =
        "processor_received{label=\"\",path=\"root.pipeline.processors.0\",stream=\"s\"}";
    let input = "input_received{label=\"\",path=\"root.input\",stream=\"s\"}";
    let read = until(|| Some(stats()).filter(|s| s[input] == MESSAGES || s[received] == MESSAGES));
    assert!(read.is_some(), "{}", stats());
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()));
    let log = program.log();
    let sent = format!("name=output_sent path=root.output stream=s value={MESSAGES}");
    let lines = lines_with(&log, &sent);
    assert_eq!(lines.len(), 1, "{log}");
    let at = |part: &str| log.find(part).unwrap_or(0);
    assert!(at("the service is closing") < at(&sent) && at(&sent) < at("closed gracefully"));
}

#[test]
fn metrics_go_to_the_log_again_and_again() {
    let folder = Folder::new("metrics-tick");
    let settings = "http: {address: '127.0.0.1:0'}\nmetrics: {logger: {push_interval: 50ms, \
                    flush_metrics: true}}\n";
    let settings = folder.write("settings.yaml", settings);
    let stream = "input: {generate: {count: 3, interval: '', mapping: root = 1}}\noutput: \
                  {drop: {}}\n";
    let stream = folder.write("s.yaml", stream);
    let mut program = Program::start(&["streams", "-o", &settings, &stream]);
    let line = |n: u64| format!("name=input_received path=root.input stream=s value={n}");
    let sees = |n: u64| until(|| program.log().contains(&line(n)).then_some(())).is_some();
    assert!(sees(3), "{}", program.log());
    assert!(sees(0), "what was told is not told again: {}", program.log());
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()));
}

#[test]
fn metrics_of_one_pipeline_are_asked_for_and_end_in_a_file() {
    let folder = Folder::new("metrics-file");
    let path = folder.path("metrics.txt").display().to_string();
    let file = folder.write(
        "config.yaml",
        format!(
            "http: {{address: '127.0.0.1:0', root_path: /deep}}\ninput:\n  generate: {{interval: \
             10ms, mapping: root = 1}}\noutput:\n  drop: {{}}\nmetrics:\n  prometheus: \
             {{add_process_metrics: true, file_output_path: '{path}'}}\n  mapping: root = \
             throw(\"no\")\n"
        ),
    );
    let mut program = Program::start(&["run", &file]);
    let address = program.address("Listening for HTTP");
    let series = "output_sent{label=\"\",path=\"root.output\"} ";
    for target in ["/metrics", "/stats", "/deep/metrics"] {
        let found = until(|| {
            let answer = http(&address, "GET", target, "");
            assert_eq!(answer.status, 200, "a mapping that fails breaks nothing");
            answer.text().contains(series).then_some(answer)
        });
        let head = found.expect("the series").head.to_ascii_lowercase();
        assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    }
    assert!(program.log().contains("Failed to apply path mapping on 'output_sent'"));
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()));
    let text = fs::read_to_string(&path).expect("the file");
    assert!(text.contains(series) && text.contains("process_resident_memory_bytes"), "{text}");
}

#[test]
fn what_cannot_be_observed_so_is_refused_at_the_start() {
    let folder = Folder::new("refused");
    for (more, part) in [
        ("metrics: {prometheus: {histogram_buckets: [2, 1]}}\n", "histogram_buckets"),
        ("logger: {format: xml}\n", "not a valid option"),
        ("metrics: {json_api: {}, mapping: root = !!}\n", "expected query"),
        ("tracer: {jaeger: {}}\n", "jaeger"),
    ] {
        let file = folder.write("config.yaml", config(more));
        let mut program = Program::start(&["run", &file]);
        assert_eq!(program.wait().and_then(|status| status.code()), Some(1), "{more}");
        assert!(program.log().contains(part), "{more}: {}", program.log());
    }
    let file = folder.write("config.yaml", config("tracer: {none: {}}\nmetrics: {none: {}}\n"));
    assert_eq!(printed(&["run", &file]), "");
}

#[test]
fn the_service_says_what_of_its_http_does_not_fit() {
    let folder = Folder::new("http");
    for (http, part) in [
        ("cert_file: a.pem", "both cert_file and key_file"),
        ("cert_file: /no/a.pem, key_file: /no/b.pem", "/no/a.pem"),
        ("basic_auth: {enabled: true, username: a}", "password_hash"),
        ("basic_auth: {enabled: true, username: a, password_hash: YQ==, algorithm: x}", "'x'"),
    ] {
        let more = format!("address: '127.0.0.1:0', {http}");
        let text = config("").replace("enabled: false", &more);
        let file = folder.write("config.yaml", text);
        let mut program = Program::start(&["run", &file]);
        assert_eq!(program.wait().and_then(|status| status.code()), Some(1), "{http}");
        assert!(program.log().contains(part), "{http}: {}", program.log());
        let file = folder.write("service.yaml", format!("http: {{{more}}}\n"));
        let mut program = Program::start(&["streams", "-o", &file]);
        assert_eq!(program.wait().and_then(|status| status.code()), Some(1), "{http}");
        assert!(program.log().contains(part), "{http}: {}", program.log());
    }
}

#[test]
fn what_is_refused_before_an_output_is_counted_there() {
    let folder = Folder::new("rejected");
    let text = "http: {enabled: false}\nerror_handling: {strict: true}\ninput:\n  generate: {count: \
                2, interval: '', mapping: root = 1}\npipeline:\n  processors:\n    - mapping: root \
                = throw(\"no\")\noutput:\n  drop: {}\nmetrics: {logger: {push_interval: 20ms}}\n";
    let file = folder.write("config.yaml", text);
    let mut program = Program::start(&["run", &file]);
    // Refused messages are sent again for as long as the pipeline runs.
    let counted = until(|| {
        let log = program.log();
        let values = lines_with(&log, "name=output_rejected path=root.output value=");
        values.iter().any(|line| !line.ends_with("value=0")).then_some(())
    });
    assert!(counted.is_some(), "{}", program.log());
    program.signal("TERM");
    assert!(program.wait().is_some(), "{}", program.log());
    let log = program.log();
    assert!(lines_with(&log, "name=output_sent").iter().all(|l| l.ends_with("value=0")), "{log}");
}

#[test]
fn messages_make_metrics_of_the_users_own() {
    let folder = Folder::new("own-metrics");
    let more = "metrics: {logger: {}}\npipeline:\n  processors:\n    \
                - metric: {type: counter, name: seen, labels: {kind: 'k${! json(\"k\") }'}}\n    \
                - metric: {type: counter_by, name: sum, value: '${! json(\"v\") }'}\n    \
                - metric: {type: gauge, name: last, value: '${! json(\"v\") }'}\n    \
                - metric: {type: timing, name: took, value: '${! json(\"v\") * 1000 }'}\n";
    let config = format!(
        "http: {{enabled: false}}\ninput:\n  generate: {{count: 4, interval: \"\", mapping: 'root = \
         {{\"k\": counter() % 2, \"v\": 10 - counter() * 3}}'}}\noutput: {{drop: {{}}}}\n{more}"
    );
    let file = folder.write("config.yaml", config);
    let mut program = Program::start(&["run", &file]);
    assert!(program.wait().expect("it ends").success());
    let log = program.log();
    // The values are 7, 4, 1 and -2, which is none.
    for end in [
        "kind=k1 label=\"\" name=seen path=root.pipeline.processors.0 value=2",
        "kind=k0 label=\"\" name=seen path=root.pipeline.processors.0 value=2",
        "label=\"\" name=sum path=root.pipeline.processors.1 value=12",
        "label=\"\" name=last path=root.pipeline.processors.2 value=1",
    ] {
        assert!(log.lines().any(|line| line.ends_with(end)), "{end}\n{log}");
    }
    let took = lines_with(&log, "name=took p50=4");
    assert!(took.len() == 1 && took[0].ends_with("path=root.pipeline.processors.3"), "{log}");
    assert!(log.contains("Handler error: value -2 is negative"), "{log}");
    assert!(!log.contains("name=processor_"), "what only counts is not counted: {log}");
}
