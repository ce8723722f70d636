//! The buffer on disk: what it took is delivered, whoever kills the program and whenever; it keeps
//! to its limit; what is damaged is told and can be cut out.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rt::rng::Rng;
use tests::client::Connection;
use tests::program::{Folder, Program, binary, http, io_args, seed, until};

/// How often the program is killed.
const KILLS: usize = 8;
/// Clients that send at the same time.
const CLIENTS: usize = 3;
/// Longest time in milliseconds between the start of the clients and the kill.
const LIFE_MAX: u64 = 400;

/// Runs a command of the program to its end.
fn ran(args: &[&str]) -> Output {
    Command::new(binary()).args(args).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sends numbers until nobody answers; those that were answered with success are noted.
fn send(address: &str, next: &AtomicU64, sent: &Mutex<Vec<u64>>, stop: &AtomicBool) {
    let Ok(mut connection) = Connection::open(address) else { return };
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        match connection.post("/post", &number.to_string()) {
            Ok(200) => sent.lock().expect("no panic").push(number),
            Ok(status) => panic!("{number} was answered with {status}"),
            Err(_) => return,
        }
    }
}

fn numbers(text: &str) -> BTreeMap<u64, usize> {
    let mut seen = BTreeMap::new();
    for line in text.lines() {
        *seen.entry(line.parse().expect("a whole number")).or_insert(0) += 1;
    }
    seen
}

#[test]
fn what_was_answered_is_delivered_across_kills() {
    let folder = Folder::new("disk-kills");
    let config = format!(
        "http: {{address: '127.0.0.1:0'}}\ninput: {{http_server: {{path: /post}}}}\n\
         buffer: {{disk: {{path: {}, limit: 10000000}}}}\n\
         pipeline: {{threads: 1, processors: [{{sleep: {{duration: 2ms}}}}]}}\n\
         output: {{file: {{path: {}}}}}\n",
        folder.path("log").display(),
        folder.path("out.txt").display()
    );
    let config = folder.write("config.yaml", config);
    let (next, sent) = (Arc::new(AtomicU64::new(1)), Arc::new(Mutex::new(Vec::new())));
    let seed = seed();
    let mut random = Rng::new(seed);
    for kill in 0..=KILLS {
        let program = Program::start(&["run", &config]);
        let address = program.address("HTTP requests");
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (next, sent, stop) = (Arc::clone(&next), Arc::clone(&sent), Arc::clone(&stop));
                let address = address.clone();
                std::thread::spawn(move || send(&address, &next, &sent, &stop))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(50 + random.below(LIFE_MAX)));
        if kill < KILLS {
            program.signal("KILL");
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().expect("no panic"));
        if kill == KILLS {
            let sent: BTreeSet<u64> = sent.lock().expect("no panic").iter().copied().collect();
            assert!(sent.len() > 100, "seed {seed}: only {} were answered", sent.len());
            let all = until(|| {
                let seen = numbers(&folder.read("out.txt"));
                sent.iter().all(|number| seen.contains_key(number)).then_some(seen)
            });
            let seen = all.unwrap_or_else(|| panic!("seed {seed}: something is lost"));
            // Only what was on its way at a kill comes twice.
            let twice = seen.values().filter(|count| **count > 1).count();
            assert!(twice <= KILLS * 64, "seed {seed}: {twice} came twice");
            program.signal("TERM");
            let mut program = program;
            assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
        }
    }
    let checked = ran(&["buffer", "check", &folder.path("log").display().to_string()]);
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    assert!(text(&checked.stdout).contains(" 0 not delivered"), "{}", text(&checked.stdout));
}

/// A stream that counts into a disk buffer, with an output that is slow.
fn stream(folder: &Folder, count: u64, file: &str, slow: bool) -> String {
    let sleep = if slow { "[{sleep: {duration: 5ms}}]" } else { "[]" };
    format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: '', count: {count}}}}}\n\
         buffer: {{disk: {{path: {}, limit: 100000}}}}\n\
         pipeline: {{threads: 1, processors: {sleep}}}\noutput: {{file: {{path: {}}}}}\n",
        folder.path("log").display(),
        folder.path(file).display()
    )
}

#[test]
fn a_full_buffer_stops_its_input_and_another_stream_goes_on_with_it() {
    let folder = Folder::new("disk-full");
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    // Messages that are looked at one by one, so that each is a batch.
    let body = stream(&folder, 1_000_000_000, "out.txt", true);
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    let stat = |name: &str| {
        let key = format!("{name}{{label=\"\",path=\"root.buffer\",stream=\"s\"}}");
        http(&address, "GET", "/streams/s/stats", "").json()[key].as_f64().unwrap_or(-1.0)
    };
    let full = until(|| (stat("buffer_bytes") > 90_000.0).then_some(()));
    assert!(full.is_some(), "{} bytes", stat("buffer_bytes"));
    std::thread::sleep(Duration::from_millis(100));
    assert!(stat("buffer_bytes") <= 100_000.0, "{} bytes", stat("buffer_bytes"));
    let entries = std::fs::read_dir(folder.path("log")).expect("there");
    let on_disk: u64 = entries.map(|e| e.expect("an entry").metadata().expect("known").len()).sum();
    assert!(on_disk <= 100_000 + 8 * 4096, "{on_disk} bytes");
    // What is deleted does not take its log along.
    assert_eq!(http(&address, "DELETE", "/streams/s?timeout=3s", "").status, 200);
    let first = numbers(&folder.read("out.txt"));
    let body = stream(&folder, 1, "rest.txt", false);
    assert_eq!(http(&address, "POST", "/streams/s", &body).status, 200);
    let ended = until(|| {
        let shown = http(&address, "GET", "/streams/s", "").json();
        (shown["active"] == false).then_some(())
    });
    assert!(ended.is_some(), "it ends when everything is delivered: {}", program.log());
    let rest = folder.read("rest.txt");
    let mut rest: Vec<u64> = rest.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(rest.pop(), Some(1), "the newest is the last");
    let last = *first.keys().next_back().expect("some were delivered");
    assert!(rest.len() > 1000 && rest.is_sorted() && rest[0] <= last + 1, "in order");
    let all: BTreeSet<u64> = first.into_keys().chain(rest).collect();
    assert_eq!(all.len() as u64, *all.last().expect("some"), "nothing is missing");
}

/// Fills a buffer with messages that nobody takes, and ends.
fn fill(folder: &Folder, count: usize) -> String {
    let config = format!(
        "http: {{enabled: false}}\n\
         input: {{generate: {{mapping: 'root = counter()', interval: '', batch_size: 2, \
         count: {count}}}}}\nbuffer: {{disk: {{path: {}}}}}\noutput: {{OUTPUT}}\n",
        folder.path("log").display()
    );
    let config_of =
        |name: &str, output: &str| folder.write(name, config.replace("{OUTPUT}", output));
    let refusing = config_of("refuse.yaml", "{reject: 'not now'}");
    let mut program = Program::start(&["run", &refusing]);
    let path = folder.path("log/00000000000000000001.segment");
    let full = until(|| {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let last = format!("{count}");
        bytes.windows(last.len()).any(|part| part == last.as_bytes()).then_some(())
    });
    assert!(full.is_some(), "{}", program.log());
    // Another one cannot have it meanwhile.
    let mut other = Program::start(&["run", &refusing]);
    assert!(other.wait().is_some_and(|status| !status.success()));
    let busy = "is in use by another pipeline or process";
    assert!(other.log().contains(busy), "{}", other.log());
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
    let file = format!("{{file: {{path: {}}}}}", folder.path("out.txt").display());
    config_of("take.yaml", &file)
}

fn run(config: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(["run", config]).args(io_args()).output().expect("runs")
}

#[test]
fn damage_is_told_and_cut_out_by_a_repair() {
    let folder = Folder::new("disk-damage");
    let config = fill(&folder, 400);
    let log = folder.path("log");
    let log_text = log.display().to_string();
    let path = log.join("00000000000000000001.segment");
    let mut bytes = std::fs::read(&path).expect("there");
    bytes[2_000] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let refused = run(&config);
    let told = text(&refused.stderr);
    let place = format!("{} is damaged at byte ", path.display());
    assert!(!refused.status.success() && told.contains(&place), "{told}");
    assert!(told.contains(&format!("mainstem buffer check {log_text}")), "{told}");
    let checked = ran(&["buffer", "check", &log_text]);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be read") && said.contains("199 not delivered"), "{said}");
    let repaired = ran(&["buffer", "repair", &log_text]);
    let said = text(&repaired.stdout);
    assert!(repaired.status.success() && said.contains("repaired, 1 batches are lost"), "{said}");
    assert!(ran(&["buffer", "check", &log_text]).status.success());
    let taken = run(&config);
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    let lines: Vec<u64> =
        folder.read("out.txt").lines().map(|line| line.parse().expect("a number")).collect();
    // What was left, and what its own input brought.
    assert_eq!(lines.len(), 398 + 400);
    assert!(lines[..398].is_sorted(), "in order");
    let nobody = ran(&["buffer", "check", &folder.path("nothing").display().to_string()]);
    assert!(!nobody.status.success() && text(&nobody.stderr).contains("cannot open"));
}

#[test]
fn a_full_disk_makes_the_input_wait_and_nothing_is_lost() {
    let folder = Folder::new("disk-no-space");
    let config = format!(
        "http: {{enabled: false}}\n\
         input: {{generate: {{mapping: 'root = \"%06d\".format(counter()).repeat(50)', \
         interval: '', batch_size: 10, count: 3000}}}}\n\
         buffer: {{disk: {{path: {}}}}}\npipeline: {{processors: [{{sleep: {{duration: 1ms}}}}]}}\n\
         output: {{file: {{path: {}}}}}\n",
        folder.path("log").display(),
        folder.path("out.txt").display()
    );
    let config = folder.write("config.yaml", config);
    // No file of the process may have more than so many blocks of 1024 bytes, which the output
    // reaches later than the log, and the log can get around only by a limit that is lifted.
    let mut shell = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -S -f 200; exec \"$@\"";
    shell.args(["-c", script, "bash"]).arg(binary()).args(["run", &config]).args(io_args());
    let mut program = Program::with(&mut shell);
    let told = until(|| program.log().contains("cannot write").then_some(()));
    assert!(told.is_some(), "{}", program.log());
    let id = program.id().to_string();
    let lifted = Command::new("prlimit").args(["--fsize=unlimited:", "--pid", &id]).status();
    assert!(lifted.is_ok_and(|status| status.success()), "prlimit works");
    assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
    let lines = folder.read("out.txt");
    let seen: BTreeSet<&str> = lines.lines().map(|line| &line[..6]).collect();
    assert_eq!(seen.len(), 3000, "nothing is lost");
}
