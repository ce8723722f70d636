//! A thousand streams come, change and go while three others carry a hundred thousand messages
//! each: nothing of these is lost, and the memory is back where it was.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::client;
use tests::program::{Folder, Program, http, until};
use tests::usage::{Connection, memory_kib};

/// Streams that come and go, and how many of them are there at once.
const STREAMS: usize = 1000;
const AT_ONCE: usize = 50;
/// Messages of each stream that goes on.
const MESSAGES: usize = 100_000;
/// Connections that post, and messages of one request.
const CLIENTS: usize = 2;
const PER_POST: usize = 50;

/// The message of this number; a mapping makes it upper case.
fn message(number: usize) -> String {
    format!("message {number:06} with some text that makes it as long as messages are")
}

fn to_file(folder: &Folder, name: &str, input: Value, processors: Value) -> String {
    let output = json!({"file": {"path": folder.path(name), "codec": "lines"}});
    json!({"input": input, "pipeline": {"processors": processors}, "output": output}).to_string()
}

/// The streams that go on, under the names of their sinks: one for each kind of input.
fn lasting(folder: &Folder, round: usize) -> [(String, String); 3] {
    let upper = json!([{"mapping": "root = content().uppercase()"}]);
    let posted = json!([{"unarchive": {"format": "lines"}}, upper[0]]);
    let numbered = message(0).replace("000000", "%06d");
    let generated = format!("root = \"{numbered}\".format(counter() - 1)");
    let input = folder.path("input");
    [
        ("file", json!({"file": {"paths": [input]}}), upper.clone()),
        ("http", json!({"http_server": {"path": "/post"}}), posted),
        (
            "generate",
            json!({"generate": {"mapping": generated, "interval": "", "count": MESSAGES}}),
            upper,
        ),
    ]
    .map(|(kind, input, processors)| {
        let name = format!("{kind}{round}");
        let config = to_file(folder, &name, input, processors);
        (name, config)
    })
}

/// A stream that comes and goes.
fn passing(folder: &Folder, number: usize) -> String {
    let input = match number % 4 {
        0 => json!({"http_server": {"path": "/post"}}),
        1 => json!({"generate": {"mapping": "root.a = \"b\"", "interval": "1h"}}),
        2 => json!({"file": {"paths": [folder.path("short")]}}),
        _ => json!({"socket_server": {"network": "tcp", "address": "127.0.0.1:0"}}),
    };
    let pipeline = json!({"processors": [{"mapping": "root = this\nroot.x = this.a.uppercase()"}]});
    json!({"input": input, "pipeline": pipeline, "output": {"drop": {}}}).to_string()
}

/// Makes, patches and deletes streams, some of which are there at once.
fn come_and_go(folder: &Folder, address: &str, count: usize) {
    let mut connection = Connection::new(address);
    let mut ask = |verb, number: usize, body: &str| {
        let answer = connection.send(verb, &format!("/streams/passing{number}"), body);
        assert_eq!(answer.status, 200, "{verb} {number}: {}", answer.text());
    };
    let patch = json!({"pipeline": {"processors": [{"mapping": "root = this"}]}}).to_string();
    for number in 0..count + AT_ONCE {
        if number < count {
            ask("POST", number, &passing(folder, number));
        }
        if (AT_ONCE / 2..count + AT_ONCE / 2).contains(&number) {
            ask("PATCH", number - AT_ONCE / 2, &patch);
        }
        if number >= AT_ONCE {
            ask("DELETE", number - AT_ONCE, "");
        }
    }
}

/// Posts the messages of one of the clients.
fn post(address: &str, stream: &str, client: usize) {
    let mut connection = client::Connection::open(address).expect("connects");
    let numbers: Vec<usize> = (0..MESSAGES).filter(|n| n / PER_POST % CLIENTS == client).collect();
    for some in numbers.chunks(PER_POST) {
        let lines: Vec<String> = some.iter().map(|number| message(*number)).collect();
        let posted = connection.post(&format!("/{stream}/post"), &lines.join("\n"));
        assert_eq!(posted.expect("an answer"), 200);
    }
}

/// Everything is in the sink of a stream, once.
fn is_whole(folder: &Folder, name: &str) {
    let length = (message(0).len() + 1) * MESSAGES;
    let whole = until(|| {
        let written = std::fs::metadata(folder.path(name)).map_or(0, |file| file.len());
        (written as usize >= length).then_some(())
    });
    let text = folder.read(name);
    assert!(whole.is_some(), "{name}: {} of {MESSAGES} messages", text.lines().count());
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), MESSAGES, "{name}");
    let wrong = lines.iter().enumerate().find(|(n, line)| **line != message(*n).to_uppercase());
    assert_eq!(wrong, None, "{name}: not what was sent, or not once");
}

/// Streams that go on carry their messages while others come and go; in the end all are gone.
fn round(folder: &Folder, address: &str, number: usize, streams: usize) {
    let lasting = lasting(folder, number);
    for (name, config) in &lasting {
        let made = http(address, "POST", &format!("/streams/{name}"), config);
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let posted = &lasting[1].0;
    thread::scope(|scope| {
        scope.spawn(|| come_and_go(folder, address, streams));
        (0..CLIENTS).for_each(|client| drop(scope.spawn(move || post(address, posted, client))));
    });
    for (name, _) in &lasting {
        is_whole(folder, name);
        let deleted = http(address, "DELETE", &format!("/streams/{name}"), "");
        assert_eq!(deleted.status, 200, "{}", deleted.text());
        folder.write(name, "");
    }
    assert_eq!(http(address, "GET", "/streams", "").json(), json!({}));
}

/// The least resident memory in KiB while idle threads give back what they do not need.
fn settled(program: &Program) -> u64 {
    let looks = (0..20).map(|_| {
        thread::sleep(Duration::from_millis(200));
        memory_kib(program.id(), "VmRSS")
    });
    looks.min().expect("twenty")
}

#[test]
#[allow(clippy::print_stdout)] // figures for whoever asks for them
fn nothing_is_lost_and_no_memory_kept_while_a_thousand_streams_come_and_go() {
    let folder = Folder::new("churn");
    let text = (0..MESSAGES).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", message(number));
        text
    });
    folder.write("input", text);
    folder.write("short", "{\"a\":\"b\"}\n");
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    let idle = memory_kib(program.id(), "VmRSS");
    // What a process has that did nothing yet is no measure for one that carried messages while
    // streams came and went; so as many do that first: what grows with streams that came and went
    // is more after the same once again.
    (0..2).for_each(|number| round(&folder, &address, number, STREAMS));
    let begun = settled(&program);
    round(&folder, &address, 2, STREAMS);
    let (end, limit) = (settled(&program), begun + begun / 10);
    println!("{idle} KiB at the start, {begun} KiB when warm, {end} KiB in the end");
    assert!(end <= limit, "{end} KiB, and {begun} KiB before they came and went");
    assert!(!program.log().contains("level=error"), "{}", program.log());
}
