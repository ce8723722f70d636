//! Pipelines with `persistence`: whenever the process is killed, they come back where they were.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use tests::program::{Folder, PATIENCE, Program, http, until};

use crate::kdb::{client, create, message};

/// A service whose pipelines are there again after it was killed.
struct Service {
    args: Vec<String>,
    program: Program,
    address: String,
    ipc: String,
}

impl Service {
    fn start(folder: &Folder) -> Service {
        let state = folder.path("state").display().to_string();
        let args = ["serve", "--listen", "kdb=127.0.0.1:0", "--listen", "ipc=127.0.0.1:0"];
        let args = args.map(str::to_owned).into_iter().chain(["--state-dir".to_owned(), state]);
        let args: Vec<String> = args.collect();
        let (program, address, ipc) = run(&args);
        Service { args, program, address, ipc }
    }

    /// Ends it by a signal and starts it again.
    fn again(&mut self, signal: &str) {
        self.program.signal(signal);
        assert!(self.program.wait().is_some(), "it ends\n{}", self.program.log());
        (self.program, self.address, self.ipc) = run(&self.args);
    }

    /// The last line that a pipeline wrote to its console.
    fn last_line(&self, id: &str) -> Option<String> {
        let path = format!("/v1/pipelines/pipelines/{id}/console");
        let lines = http(&self.address, "GET", &path, "").json();
        Some(lines["lines"].as_array()?.last()?.as_str()?.split_once("| ")?.1.to_owned())
    }

    /// Calls `ask` until the pipeline answers this on its console.
    fn answers(&self, id: &str, argument: &[i64], wanted: &str) {
        let asked = until(|| {
            let mut stream = client(&self.ipc);
            call(&mut stream, "ask", argument).ok()?;
            self.last_line(id).filter(|line| line == wanted)
        });
        assert!(asked.is_some(), "{:?}\n{}", self.last_line(id), self.program.log());
    }
}

fn run(args: &[String]) -> (Program, String, String) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let program = Program::start(&args);
    let address = program.address("HTTP requests: kdb");
    let ipc = program.address("kdb+ IPC");
    (program, address, ipc)
}

fn body(spec: &str) -> String {
    body_with(spec, 40)
}

/// The same with a frequency of checkpoints in milliseconds.
fn body_with(spec: &str, frequency: u32) -> String {
    let worker = json!({ "checkpointFreq": frequency });
    json!({
        "name": "kept", "type": "spec", "config": {"content": spec},
        "persistence": {"controller": {}, "worker": worker},
    })
    .to_string()
}

/// A sync call with a vector of longs; an error where no answer comes.
fn call(stream: &mut TcpStream, name: &str, items: &[i64]) -> Result<(), String> {
    let mut call = vec![0, 0, 2, 0, 0, 0, 0xf5];
    call.extend_from_slice(name.as_bytes());
    call.extend_from_slice(&[0, 7, 0]);
    call.extend_from_slice(&(items.len() as u32).to_le_bytes());
    items.iter().for_each(|n| call.extend_from_slice(&n.to_le_bytes()));
    stream.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
    stream.write_all(&message(1, &call)).map_err(|e| e.to_string())?;
    let mut head = [0; 8];
    stream.read_exact(&mut head).map_err(|e| e.to_string())?;
    let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let mut answer = vec![0; len - 8];
    stream.read_exact(&mut answer).map_err(|e| e.to_string())?;
    match answer.first() {
        Some(128) => Err(String::from_utf8_lossy(&answer[1..]).into_owned()),
        _ => Ok(()),
    }
}

/// Sends numbers one by one until the process is gone, and returns those that were answered; the
/// first of them is told at once.
fn send(ipc: &str, next: &mut i64, first: mpsc::Sender<()>) -> Vec<i64> {
    let mut answered = Vec::new();
    let Ok(mut stream) = TcpStream::connect(ipc) else { return answered };
    if stream.write_all(b"test\x03\x00").and_then(|()| stream.read_exact(&mut [0])).is_err() {
        return answered;
    }
    loop {
        *next += 1;
        match call(&mut stream, "publish", &[*next]) {
            Ok(()) => {
                answered.push(*next);
                let _ = first.send(());
            }
            // The pipeline is not back yet.
            Err(error) if error.starts_with("publish") => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(_) => return answered,
        }
    }
}

/// Moments from 0 to 150 milliseconds.
fn moments() -> impl Iterator<Item = Duration> {
    let next = |n: &u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695));
    std::iter::successors(Some(7_u64), next).map(|n| Duration::from_millis((n >> 33) % 150))
}

const KEPT: &str = "
n:0
.qsp.track[`n]
s:.qsp.read.fromCallback[`publish; .qsp.use ``replay!(::;1b)] .qsp.map[{n+:1; x}]
a:s .qsp.write.toVariable[`out]
b:s .qsp.window.count[7] .qsp.write.toVariable[`w]
c:.qsp.read.fromCallback[`ask]
  .qsp.map[{(all x in out; out~asc distinct out; n=count out; w~count[w]#out;
      7>count[out]-count w)}]
  .qsp.write.toConsole[]
.qsp.run (a;b;c)
";

#[test]
fn calls_that_were_answered_are_there_once_whenever_the_process_is_killed() {
    let folder = Folder::new("kdb-kills");
    let mut service = Service::start(&folder);
    let id = create(&service.address, &body(KEPT));
    let (mut next, mut answered) = (0, Vec::new());
    for (kill, moment) in (0..50).zip(moments()) {
        let ipc = service.ipc.clone();
        let (tell, first) = mpsc::channel();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| send(&ipc, &mut next, tell));
            // Every other time calls are under way for sure, however slow the machine is.
            if kill % 2 == 0 {
                let _ = first.recv_timeout(PATIENCE);
            }
            std::thread::sleep(moment);
            service.again(if kill % 10 == 9 { "TERM" } else { "KILL" });
            answered.extend(sending.join().expect("it sends"));
        });
    }
    assert!(answered.len() >= 25, "{}", answered.len());
    service.answers(&id, &answered, "11111b");
    let details = http(&service.address, "GET", "/details", "").json();
    assert_eq!(details[0]["state"], "RUNNING", "{details}");
    let down = http(&service.address, "POST", &format!("/pipeline/teardown/{id}"), "");
    assert_eq!(down.status, 200, "{}", down.text());
    let journals = folder.path("state").join("journals");
    let left = std::fs::read_dir(journals).map_or(0, |entries| entries.count());
    assert_eq!(left, 0, "nothing is kept of it");
}

#[test]
fn lines_of_a_file_are_counted_once_whenever_the_process_is_killed() {
    const LINES: i64 = 6_000_000;
    let folder = Folder::new("kdb-file-kills");
    let lines: String = (1..=LINES).map(|n| format!("{n}\n")).collect();
    let file = folder.write("lines", lines);
    let spec = format!(
        "n:0\n.qsp.track[`n]\n\
         a:.qsp.read.fromFile[\"{file}\"] .qsp.map[{{n+:count x; sum \"J\"$x}}]\
         .qsp.accumulate[{{[md;x;y] y+x}}; 0] \
         .qsp.write.toVariable[`total; .qsp.use ``mode!``overwrite]\n\
         b:.qsp.read.fromCallback[`ask] .qsp.map[{{(n;total)}}] .qsp.write.toConsole[]\n\
         .qsp.run (a;b)"
    );
    let mut service = Service::start(&folder);
    let id = create(&service.address, &body(&spec));
    for (kill, moment) in (0..50).zip(moments()) {
        std::thread::sleep(moment);
        service.again(if kill % 4 == 3 { "TERM" } else { "KILL" });
    }
    service.answers(&id, &[0], &format!("{LINES} {}", LINES * (LINES + 1) / 2));
}

#[test]
fn a_checkpoint_that_was_asked_for_survives_a_kill() {
    let folder = Folder::new("kdb-checkpoint");
    let spec = "n:0\n.qsp.track[`n]\n\
        a:.qsp.read.fromCallback[`add] .qsp.map[{n+:sum x; n}] .qsp.write.toVariable[`v]\n\
        b:.qsp.read.fromCallback[`ask] .qsp.map[{n}] .qsp.write.toConsole[]\n\
        .qsp.run (a;b)";
    let mut service = Service::start(&folder);
    // By itself nothing is kept for an hour.
    let id = create(&service.address, &body_with(spec, 3_600_000));
    let add = |ipc: &str, items: &[i64]| call(&mut client(ipc), "add", items).expect("is taken");
    add(&service.ipc, &[1, 2, 3]);
    service.answers(&id, &[0], "6");
    let path = format!("/pipeline/{id}/checkpoint");
    let kept = http(&service.address, "POST", &path, "");
    assert_eq!((kept.status, kept.json()), (200, json!({ "id": id })), "{}", service.program.log());
    add(&service.ipc, &[10]);
    service.answers(&id, &[0], "16");
    service.again("KILL");
    service.answers(&id, &[0], "6");
}

/// A service with a reader of a file of so many lines that is called, and what counts them.
struct Rounds {
    service: Service,
    id: String,
    lines: i64,
}

impl Rounds {
    /// How many lines the pipeline has counted.
    fn counted(&self) -> Option<i64> {
        let mut stream = client(&self.service.ipc);
        call(&mut stream, "ask", &[0]).ok()?;
        self.service.last_line(&self.id)?.parse().ok()
    }

    /// Waits until a round is over; how many were counted then.
    fn over(&self) -> i64 {
        let over = until(|| self.counted().filter(|count| count % self.lines == 0));
        over.unwrap_or_else(|| panic!("{:?}\n{}", self.counted(), self.service.program.log()))
    }

    fn trigger(&self) {
        let path = format!("/pipeline/{}/trigger", self.id);
        let answer = http(&self.service.address, "POST", &path, "");
        let want = json!({"id": self.id, "triggered": ["lines"]});
        assert_eq!((answer.status, answer.json()), (200, want));
    }
}

#[test]
fn lines_are_counted_once_in_each_round_whenever_the_process_is_killed() {
    const LINES: i64 = 400_000;
    let folder = Folder::new("kdb-round-kills");
    let lines: String = (1..=LINES).map(|n| format!("{n}\n")).collect();
    let file = folder.write("lines", lines);
    let spec = format!(
        "n:0\n.qsp.track[`n]\n\
         a:.qsp.read.fromFile[\"{file}\"; .qsp.use `name`trigger`chunkSize!(`lines;`api;4096)] \
         .qsp.map[{{n+:count x; n}}] .qsp.write.toVariable[`v; .qsp.use ``mode!``overwrite]\n\
         b:.qsp.read.fromCallback[`ask] .qsp.map[{{n}}] .qsp.write.toConsole[]\n\
         .qsp.run (a;b)"
    );
    let service = Service::start(&folder);
    let id = create(&service.address, &body(&spec));
    let mut rounds = Rounds { service, id, lines: LINES };
    assert_eq!(rounds.counted().or_else(|| until(|| rounds.counted())), Some(0), "not before");
    let (mut before, mut over) = (0, 0);
    for moment in moments().take(8) {
        rounds.trigger();
        std::thread::sleep(moment);
        rounds.service.again("KILL");
        // A round that has begun comes to its end, and is neither counted twice nor cut off. One
        // that the state knows nothing of has not begun.
        let now = rounds.over();
        assert!(now == before || now == before + LINES, "{before} {now}");
        over += i64::from(now > before);
        before = now;
    }
    rounds.trigger();
    let last = until(|| rounds.counted().filter(|count| *count == before + LINES));
    assert!(last.is_some(), "{:?} after {over} rounds", rounds.counted());
}

#[test]
fn a_pipeline_whose_state_cannot_be_kept_is_errored_and_says_what_of_it() {
    let folder = Folder::new("kdb-not-kept");
    let mut service = Service::start(&folder);
    let spec = "n:0\n.qsp.track[`n]\n.qsp.run .qsp.read.fromCallback[`ask] \
                .qsp.map[{if[0>first x; n::(1;til)]; x}] .qsp.write.toConsole[]";
    let id = create(&service.address, &body(spec));
    service.answers(&id, &[7], ",7");
    let status = |service: &Service| {
        http(&service.address, "GET", &format!("/pipeline/status/{id}"), "").json()
    };
    call(&mut client(&service.ipc), "ask", &[-1]).expect("is answered");
    let errored = until(|| (status(&service)["state"] == "Errored").then_some(()));
    assert!(errored.is_some(), "{} {}", status(&service), service.program.log());
    let why = "the state cannot be kept: the variable n: a function that cannot leave this process";
    assert_eq!(status(&service)["error"], why);
    service.again("TERM");
    assert_eq!(status(&service)["error"], why, "also after a restart");
}
