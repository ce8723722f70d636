//! Nothing that was acknowledged is lost: clients post lines while the process is told to end, or
//! is killed, and every line of a request answered 200 is in the output.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tests::client::{Connection, hangs};
use tests::program::{Folder, Program, http, until};

/// Lines that are posted in all unless the process ends before.
const LINES: usize = 100_000;
/// Connections that post.
const CLIENTS: usize = 4;
/// Lines of one request.
const LINES_PER_POST: usize = 20;
/// Requests of one connection.
const POSTS: usize = LINES / CLIENTS / LINES_PER_POST;
/// Acknowledged requests of all connections after which the process is told to end.
const POSTS_BEFORE_THE_END: usize = CLIENTS * POSTS / 3;

/// What stands between input and output.
const PLAIN: &str = "";
const MAPPING: &str = "pipeline:\n  processors:\n    - mapping: root = content().uppercase()\n";
/// Every line of a body is a message of its own, and all of them together are answered.
const LINE_BY_LINE: &str = "pipeline:\n  processors:\n    - unarchive:\n        format: lines\n    \
                            - mapping: root = content().uppercase()\n";

fn config(folder: &Folder, pipeline: &str) -> String {
    let output = folder.path("out.txt");
    format!(
        "input:\n  http_server:\n    path: /post\n{pipeline}output:\n  file:\n    path: {}\n    \
         codec: lines\n",
        output.display()
    )
}

/// The lines of one request; they are upper case already, so that a mapping leaves them as the
/// output is searched for them.
fn lines(client: usize, post: usize) -> impl Iterator<Item = String> {
    (0..LINES_PER_POST).map(move |line| format!("CLIENT {client} POST {post:05} LINE {line:02}"))
}

/// Posts until all is posted or refused; returns the requests that were answered 200.
fn post_all(address: &str, target: &str, client: usize, acked: &AtomicUsize) -> Vec<usize> {
    let mut answered = Vec::new();
    let mut connection = Connection::open(address).expect("connects");
    for post in 0..POSTS {
        let body = lines(client, post).collect::<Vec<_>>().join("\n");
        match connection.post(target, &body) {
            Ok(200) => {
                answered.push(post);
                acked.fetch_add(1, Ordering::Relaxed);
            }
            Ok(503) => break, // it is closing
            Ok(status) => panic!("client {client} post {post}: {status}"),
            Err(error) => {
                assert!(!hangs(&error), "client {client} post {post} is never answered: {error}");
                break;
            }
        }
    }
    answered
}

/// Posts from all connections, sends the signal in the middle, and returns by client what was
/// answered 200.
fn post_and_end(program: &Program, address: &str, target: &str, signal: &str) -> Vec<Vec<usize>> {
    let acked = AtomicUsize::new(0);
    let answered = thread::scope(|scope| {
        let post = |client| {
            let acked = &acked;
            scope.spawn(move || post_all(address, target, client, acked))
        };
        let clients: Vec<_> = (0..CLIENTS).map(post).collect();
        let middle = until(|| (acked.load(Ordering::Relaxed) > POSTS_BEFORE_THE_END).then_some(()));
        program.signal(signal);
        let answered: Vec<_> = clients.into_iter().filter_map(|c| c.join().ok()).collect();
        assert!(middle.is_some(), "only {acked:?} are answered:\n{}", program.log());
        answered
    });
    assert_eq!(answered.len(), CLIENTS, "a client failed:\n{}", program.log());
    let posts: usize = answered.iter().map(Vec::len).sum();
    assert!(posts < CLIENTS * POSTS, "the signal came after everything was posted");
    answered
}

/// Every acknowledged line is in the output, none twice, and nothing else is, except for a torn
/// end where the process was killed in the middle of a write.
fn compare(folder: &Folder, answered: &[Vec<usize>], torn: bool) {
    let text = folder.read("out.txt");
    let whole = match text.rfind('\n') {
        Some(end) if torn => &text[..=end],
        _ => &text,
    };
    assert!(whole.ends_with('\n'), "the last line is whole");
    let mut written = HashSet::new();
    for line in whole.lines() {
        assert!(written.insert(line), "twice in the output: {line}");
    }
    for (client, posts) in answered.iter().enumerate() {
        for line in posts.iter().flat_map(|post| lines(client, *post)) {
            assert!(written.remove(line.as_str()), "answered 200 and lost: {line}");
        }
    }
    // What is left was written and its client not told: at most one request of each.
    assert!(written.len() <= CLIENTS * LINES_PER_POST, "{} lines nobody sent", written.len());
    let known = |line: &&str| line.starts_with("CLIENT ");
    assert!(written.iter().all(known), "{:?}", written.iter().find(|line| !known(line)));
}

/// A program with the stream created over REST; its address and the path to post to.
fn serve(folder: &Folder, pipeline: &str) -> (Program, String, &'static str) {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    let created = http(&address, "POST", "/streams/in", &config(folder, pipeline));
    assert_eq!(created.status, 200, "{}", created.text());
    (program, address, "/in/post")
}

/// The same, run from a file.
fn run(folder: &Folder, pipeline: &str) -> (Program, String, &'static str) {
    let text = format!("http:\n  address: 127.0.0.1:0\n{}", config(folder, pipeline));
    let file = folder.write("config.yaml", text);
    let program = Program::start(&["run", &file]);
    let address = program.address("requests: benthos");
    let up = until(|| (http(&address, "GET", "/ready", "").status == 200).then_some(()));
    assert!(up.is_some(), "{}", program.log());
    (program, address, "/post")
}

fn ends_gracefully(
    folder: &Folder,
    (mut program, address, target): (Program, String, &'static str),
) {
    let answered = post_and_end(&program, &address, target, "TERM");
    let status = program.wait().expect("it ends");
    let log = program.log();
    assert!(status.success(), "{status}:\n{log}");
    assert!(log.contains("Received SIGTERM, the service is closing"), "{log}");
    assert!(log.contains("The service has closed gracefully"), "{log}");
    assert!(!log.contains("forced"), "{log}");
    compare(folder, &answered, false);
}

fn is_killed(folder: &Folder, (mut program, address, target): (Program, String, &'static str)) {
    let answered = post_and_end(&program, &address, target, "KILL");
    let status = program.wait().expect("it ends");
    assert!(!status.success());
    compare(folder, &answered, true);
}

#[test]
fn nothing_acknowledged_is_lost_on_sigterm() {
    let folder = Folder::new("term");
    ends_gracefully(&folder, serve(&folder, PLAIN));
}

#[test]
fn nothing_acknowledged_is_lost_on_sigterm_behind_a_mapping() {
    let folder = Folder::new("term-mapping");
    ends_gracefully(&folder, run(&folder, MAPPING));
}

#[test]
fn nothing_acknowledged_is_lost_on_sigterm_when_lines_are_messages() {
    let folder = Folder::new("term-lines");
    ends_gracefully(&folder, serve(&folder, LINE_BY_LINE));
}

#[test]
fn nothing_acknowledged_is_lost_on_kill() {
    let folder = Folder::new("kill");
    is_killed(&folder, run(&folder, PLAIN));
}

#[test]
fn nothing_acknowledged_is_lost_on_kill_behind_a_mapping() {
    let folder = Folder::new("kill-mapping");
    is_killed(&folder, serve(&folder, MAPPING));
}

#[test]
fn nothing_acknowledged_is_lost_on_kill_when_lines_are_messages() {
    let folder = Folder::new("kill-lines");
    is_killed(&folder, run(&folder, LINE_BY_LINE));
}
