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
