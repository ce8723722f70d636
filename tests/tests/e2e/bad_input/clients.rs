//! "Concurrent requests on one id are serialised" and "a client that goes away does not leave a
//! half-made stream".

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::program::{Answer, Folder, Program, http, until};

use super::{folder, logs, serve};

/// Clients that ask at the same time, and how often they do.
const CLIENTS: usize = 12;
const TIMES: usize = 20;
/// Time for a request to arrive, and for news of a client that is gone.
const MOMENT: Duration = Duration::from_millis(200);
/// As Linux has it.
const O_NONBLOCK: i32 = 0o4000;

/// Sends the requests at the same time.
fn at_once(address: &str, requests: &[(&str, String, String)]) -> Vec<Answer> {
    let start = Barrier::new(requests.len());
    thread::scope(|scope| {
        let send = |(verb, target, body): &(&str, String, String)| {
            start.wait();
            http(address, verb, target, body)
        };
        let sent: Vec<_> =
            requests.iter().map(|request| scope.spawn(move || send(request))).collect();
        sent.into_iter().map(|sent| sent.join().expect("an answer")).collect()
    })
}

/// Whether one was answered with success and all others so.
fn one_wins(answers: &[Answer], status: u16, text: &str) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in lost {
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
    }
    assert_eq!(won.len(), 1, "{} were answered with success", won.len());
}

fn waiting(mark: usize) -> Value {
    json!({
        "input": {"generate": {"mapping": format!("root = {mark}"), "interval": "1h"}},
        "output": {"drop": {}},
    })
}

#[test]
fn concurrent_requests_on_one_id_are_serialised() {
    let served = serve();
    for number in 0..TIMES {
        let stream = format!("/streams/s{number}");
        let creates: Vec<_> = (0..CLIENTS)
            .map(|client| ("POST", stream.clone(), waiting(client).to_string()))
            .collect();
        let created = at_once(&served.benthos, &creates);
        one_wins(&created, 400, "Stream already exists\n");
        let winner = created.iter().position(|answer| answer.status == 200);
        let read = http(&served.benthos, "GET", &stream, "").json();
        assert_eq!(read["config"], waiting(winner.expect("one")), "it is the stream of who won");

        let patches = [
            ("/input/label", json!("a")),
            ("/input/generate/count", json!(7)),
            ("/input/generate/batch_size", json!(2)),
            ("/input/generate/mapping", json!("root = 5")),
            ("/pipeline/threads", json!(3)),
            ("/output/label", json!("b")),
        ];
        let patch = |(path, value): &(&str, Value)| {
            let nest = |value: Value, key: &str| json!({key: value});
            let body = path.rsplit('/').filter(|key| !key.is_empty()).fold(value.clone(), nest);
            ("PATCH", stream.clone(), body.to_string())
        };
        let patched = at_once(&served.benthos, &patches.iter().map(patch).collect::<Vec<_>>());
        patched.iter().for_each(|answer| assert_eq!(answer.status, 200, "{}", answer.text()));
        let read = http(&served.benthos, "GET", &stream, "").json();
        for (path, value) in &patches {
            let got = read["config"].pointer(path);
            assert_eq!(got, Some(value), "a patch is lost: {}", read["config"]);
        }

        let deletes = vec![("DELETE", stream.clone(), String::new()); CLIENTS];
        one_wins(&at_once(&served.benthos, &deletes), 404, "Stream not found\n");
    }
    served.others_go_on();
}

/// Sends a request, or the beginning of one, and goes away after a moment.
fn goes_away(address: &str, verb: &str, target: &str, body: &str, length: usize) {
    let mut stream = TcpStream::connect(address).expect("connects");
    let head =
        format!("{verb} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).expect("sends");
    thread::sleep(MOMENT);
    let _ = stream.shutdown(Shutdown::Both);
    drop(stream);
    thread::sleep(MOMENT);
}

#[test]
fn a_client_that_goes_away_in_the_middle_of_a_body_makes_no_stream() {
    let served = serve();
    let before = served.names();
    // What has arrived of it would be a stream.
    let half = "input:\n  generate:\n    mapping: root = 1\noutput:\n  drop: {}\n";
    for (verb, target) in
        [("POST", "/streams/half"), ("POST", "/streams"), ("PUT", "/streams/other")]
    {
        goes_away(&served.benthos, verb, target, half, half.len() + 1);
    }
    let mut chunked = TcpStream::connect(&served.benthos).expect("connects");
    let head = "POST /streams/half HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    write!(chunked, "{head}{:x}\r\n{half}\r\n", half.len()).expect("sends");
    thread::sleep(MOMENT);
    drop(chunked);
    thread::sleep(MOMENT);
    assert_eq!(http(&served.benthos, "GET", "/streams/half", "").status, 404);
    assert_eq!(served.names(), before, "nothing is created and nothing removed");
    served.create("half", half);
    served.others_go_on();
}

fn fifo(folder: &Folder, name: &str) -> String {
    let path = folder.path(name).display().to_string();
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "a FIFO can be made");
    path
}

/// A process whose one shard is busy until somebody writes to a FIFO.
fn busy(folder: &Folder) -> (Program, String, String) {
    let program = Program::start(&["serve", "--shards", "1", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    let gate = fifo(folder, "gate");
    let taker = json!({
        "input": {"http_server": {"path": "/post"}},
        "output": {"file": {"path": folder.path("old"), "codec": "lines"}},
    });
    let taken = http(&address, "POST", "/streams/old", &taker.to_string());
    assert_eq!(taken.status, 200, "{}", taken.text());
    let reads = json!({
        "input": {"generate": {"mapping": format!("root = file(\"{gate}\", true)"), "count": 1}},
        "output": {"file": {"path": folder.path("read"), "codec": "lines"}},
    });
    let made = http(&address, "POST", "/streams/busy", &reads.to_string());
    assert_eq!(made.status, 200, "{}", made.text());
    (program, address, gate)
}

/// Lets the shard go on, which was busy until now.
fn open(gate: &str) {
    // Fails where nobody reads instead of waiting for it.
    let opened = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(gate);
    let written = opened.expect("the shard reads").write_all(b"go on");
    written.expect("is written");
}

/// Waits until a stream is there as a whole: shown, ready, and taking messages.
fn is_whole(folder: &Folder, address: &str, id: &str, marks: &str) {
    let shown =
        until(|| (http(address, "GET", &format!("/streams/{id}"), "").status == 200).then_some(()));
    assert!(shown.is_some(), "{id} is not there");
    let ready =
        until(|| (http(address, "GET", &format!("/{id}/ready"), "").status == 200).then_some(()));
    assert!(ready.is_some(), "{:?}", http(address, "GET", &format!("/{id}/ready"), ""));
    let posted = http(address, "POST", &format!("/{id}/post"), "message");
    assert_eq!(posted.status, 200, "{}", posted.text());
    assert_eq!(folder.read(id), format!("{marks} message\n"));
}

/// A stream that says where a message came through.
fn taker(folder: &Folder, id: &str) -> Value {
    json!({
        "input": {"http_server": {"path": "/post"}},
        "pipeline": {"processors": [{"resource": "mark"}]},
        "output": {"file": {"path": folder.path(id), "codec": "lines"}},
    })
}

fn says(mark: &str) -> String {
    json!({"mapping": format!("root = \"{mark} \" + content().string()")}).to_string()
}

#[test]
fn a_client_that_goes_away_after_the_body_leaves_a_whole_stream() {
    let folder = folder(&[]);
    let (_program, address, gate) = busy(&folder);
    let made = http(&address, "POST", "/resources/processor/mark", &says("first"));
    assert_eq!(made.status, 200, "{}", made.text());
    let body = taker(&folder, "made").to_string();
    // The shard cannot build it before the client is gone.
    goes_away(&address, "POST", "/streams/made", &body, body.len());
    open(&gate);
    is_whole(&folder, &address, "made", "first");
}

#[test]
fn a_client_that_goes_away_leaves_a_whole_set() {
    let folder = folder(&[]);
    let (_program, address, gate) = busy(&folder);
    let made = http(&address, "POST", "/resources/processor/mark", &says("first"));
    assert_eq!(made.status, 200, "{}", made.text());
    // More than are made at once.
    let ids: Vec<String> = (0..100).map(|id| format!("made{id}")).collect();
    let set = ids.iter().map(|id| (id.clone(), taker(&folder, id)));
    let body = Value::Object(set.collect()).to_string();
    goes_away(&address, "POST", "/streams", &body, body.len());
    open(&gate);
    for id in &ids {
        is_whole(&folder, &address, id, "first");
    }
    let gone = until(|| (http(&address, "GET", "/streams/old", "").status == 404).then_some(()));
    assert!(gone.is_some(), "what is not named is removed");
}

#[test]
fn a_client_that_goes_away_from_a_slow_stop_has_it_forced() {
    let folder = folder(&[]);
    let served = serve();
    let stuck = json!({
        "input": {"generate": {"mapping": "root = \"message\".repeat(100000)", "interval": ""}},
        "output": {"file": {"path": fifo(&folder, "nobody-reads"), "codec": "lines"}},
    });
    let stuck = stuck.to_string();
    let address = &served.benthos;
    let create = || {
        served.create("stuck", &stuck);
        let reads = until(|| (served.series("stuck", "input_received") > 0).then_some(()));
        assert!(reads.is_some(), "it never reads");
    };
    create();
    goes_away(address, "DELETE", "/streams/stuck", "", 0);
    let gone = until(|| (http(address, "GET", "/streams/stuck", "").status == 404).then_some(()));
    assert!(gone.is_some(), "it is still there: {}", served.pipeline("stuck"));
    // Neither is anything left that keeps the id.
    create();
    // One that replaces it is there when the old one had to be forced.
    let next = json!({
        "input": {"http_server": {"path": "/post"}},
        "output": {"file": {"path": folder.path("stuck"), "codec": "lines"}},
    });
    let body = next.to_string();
    goes_away(address, "PUT", "/streams/stuck", &body, body.len());
    let replaced = until(|| {
        let read = http(address, "GET", "/streams/stuck", "").json();
        (read["config"] == next && read["active"] == true).then_some(())
    });
    assert!(replaced.is_some(), "{}", served.pipeline("stuck"));
    assert_eq!(http(address, "POST", "/stuck/post", "message").status, 200);
    assert_eq!(folder.read("stuck"), "message\n");
    logs(&served.program, &["stream=stuck", "is forced"]);
    served.others_go_on();
}
