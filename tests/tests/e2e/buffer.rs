//! The buffer in memory: what it took is delivered, whatever is refused and whenever it stops.

use std::time::Duration;

use tests::program::{Folder, Program, http, until};

fn start() -> (Program, String) {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    (program, address)
}

/// A stream that is slow behind its buffer: a millisecond for each message.
fn slow(folder: &Folder, count: usize) -> String {
    format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: '', count: {count}}}}}\n\
         buffer: {{memory: {{}}}}\n\
         pipeline: {{threads: 1, processors: [{{for_each: [{{sleep: {{duration: 1ms}}}}]}}]}}\n\
         output: {{file: {{path: {}}}}}\n",
        folder.path("out.txt").display()
    )
}

#[test]
fn a_graceful_stop_delivers_what_the_buffer_took() {
    let folder = Folder::new("buffer");
    let (_program, address) = start();
    let body = slow(&folder, 1_000_000_000).replace("memory: {}", "memory: {limit: 1000000}");
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    let stats = || http(&address, "GET", "/streams/s/stats", "").json();
    let key = |name: &str, path: &str| format!("{name}{{label=\"\",path=\"{path}\",stream=\"s\"}}");
    let filled = until(|| {
        let taken = stats()[key("buffer_received", "root.buffer")].as_u64()?;
        (taken > 500).then_some(())
    });
    assert!(filled.is_some(), "the buffer takes more than the output does");
    let body = slow(&folder, 300).replace("out.txt", "out2.txt");
    assert_eq!(http(&address, "POST", "/streams/t", &body).status, 200);
    let taken = until(|| {
        let stats = http(&address, "GET", "/streams/t/stats", "").json();
        let name = key("buffer_received", "root.buffer").replace("\"s\"", "\"t\"");
        (stats[name] == 300).then_some(())
    });
    assert!(taken.is_some());
    assert_eq!(http(&address, "DELETE", "/streams/t?timeout=20s", "").status, 200);
    let lines: Vec<String> = folder.read("out2.txt").lines().map(str::to_owned).collect();
    let expected: Vec<String> = (1..=300).map(|n: u32| n.to_string()).collect();
    assert_eq!(lines, expected, "everything that was taken is delivered, in order");
    assert_eq!(http(&address, "DELETE", "/streams/s?timeout=1s", "").status, 200);
}

#[test]
fn what_is_refused_goes_back_into_the_buffer() {
    let folder = Folder::new("refused");
    let (_program, address) = start();
    let body = format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: '', count: 20}}}}\n\
         buffer: {{memory: {{}}}}\n\
         output:\n  switch:\n    retry_until_success: false\n    cases:\n\
         \x20     - {{check: 'count(\"tries\") % 3 == 0', output: {{file: {{path: {}}}}}}}\n\
         \x20     - {{output: {{reject: 'not now'}}}}\n",
        folder.path("out.txt").display()
    );
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    let ended = until(|| {
        let stream = http(&address, "GET", "/streams/s", "").json();
        (stream["active"] == false).then_some(())
    });
    assert!(ended.is_some(), "it ends when everything is delivered");
    let mut numbers: Vec<u32> =
        folder.read("out.txt").lines().map(|line| line.parse().unwrap_or(0)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_full_buffer_stops_its_input() {
    let folder = Folder::new("full");
    let (_program, address) = start();
    let body = slow(&folder, 1_000_000).replace("memory: {}", "memory: {limit: 10000}");
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    std::thread::sleep(Duration::from_millis(300));
    let stats = http(&address, "GET", "/streams/s/stats", "").json();
    let count = |name: &str| {
        let key = format!("{name}{{label=\"\",path=\"root.buffer\",stream=\"s\"}}");
        stats[key].as_u64().unwrap_or(u64::MAX)
    };
    let kept = count("buffer_received") - count("buffer_sent");
    assert!(kept <= 80, "{kept} messages are kept, each of which counts for 128 bytes or more");
    assert_eq!(http(&address, "DELETE", "/streams/s?timeout=5s", "").status, 200);
}

/// A stream whose buffer gathers numbers in pairs, or in what an hour brings, and writes lists.
fn paired(folder: &Folder, output: &str) -> String {
    format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: '', count: 21}}}}\n\
         buffer: {{memory: {{batch_policy: {{enabled: true, count: 2, check: 'this == 5', period: \
         1h, processors: [{{archive: {{format: json_array}}}}]}}}}}}\n\
         output:\n{}\n",
        output.replace("PATH", &folder.path("out.txt").display().to_string())
    )
}

#[test]
fn a_buffer_gathers_by_its_policy_and_hands_on_the_rest_at_the_end() {
    let folder = Folder::new("policy");
    let (_program, address) = start();
    let body = paired(&folder, "  file: {path: PATH}");
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    let stats = || http(&address, "GET", "/streams/s/stats", "").json();
    let stats = until(|| {
        let stream = http(&address, "GET", "/streams/s", "").json();
        (stream["active"] == false).then(stats)
    });
    let stats = stats.expect("it ends");
    let lists: Vec<Vec<u32>> =
        folder.read("out.txt").lines().map(|l| serde_json::from_str(l).expect("a list")).collect();
    assert_eq!(lists[..4], [vec![1, 2], vec![3, 4], vec![5], vec![6, 7]]);
    assert_eq!(lists.concat(), (1..=21).collect::<Vec<_>>());
    let created = |mechanism: &str| {
        let part = format!("mechanism=\"{mechanism}\",path=\"root.buffer.batching\"");
        stats[format!("batch_created{{label=\"\",{part},stream=\"s\"}}")].clone()
    };
    assert_eq!([created("count"), created("check"), created("period")], [10, 1, 0]);
    let count = |name: &str, path: &str| {
        stats[format!("{name}{{label=\"\",path=\"{path}\",stream=\"s\"}}")].clone()
    };
    assert_eq!(count("buffer_batch_received", "root.buffer"), 21);
    assert_eq!(count("buffer_batch_sent", "root.buffer"), 11);
    assert_eq!(count("processor_sent", "root.buffer.batching.processors.0"), 11);
    assert_eq!(count("input_received", "root.input"), 21);
    assert!(count("input_received", "root.buffer").is_null(), "a buffer is no input");
}

#[test]
fn what_is_refused_of_a_gathered_batch_is_gathered_again() {
    let folder = Folder::new("policy-refused");
    let (_program, address) = start();
    let output = "  switch:\n    retry_until_success: false\n    cases:\n      \
                  - {check: 'count(\"gathered\") % 3 == 0', output: {file: {path: PATH}}}\n      \
                  - {output: {reject: 'not now'}}";
    let body = paired(&folder, output);
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    let ended = until(|| {
        let stream = http(&address, "GET", "/streams/s", "").json();
        (stream["active"] == false).then_some(())
    });
    assert!(ended.is_some(), "it ends when everything is delivered");
    let lists = folder.read("out.txt");
    let mut numbers: Vec<u32> = lists
        .lines()
        .flat_map(|line| serde_json::from_str::<Vec<u32>>(line).expect("a list"))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=21).collect::<Vec<_>>(), "each once");
}

#[test]
fn a_policy_that_completes_nothing_is_refused() {
    let (_program, address) = start();
    let body = "buffer: {memory: {batch_policy: {enabled: true}}}\noutput: {drop: {}}\n";
    let answer = http(&address, "POST", "/streams/s", body);
    let text = "batch policy must have at least one active trigger";
    assert!(answer.status == 502 && answer.text().contains(text), "{}", answer.text());
}
