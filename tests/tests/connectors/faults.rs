//! A ledger under faults: clients post messages, which go through a disk buffer, a broker, a
//! switch, retries and a fallback, while outputs fail at random and the process is killed again
//! and again. What was answered 200 arrives; what arrives twice was on its way when the process
//! was killed, or was posted twice.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};

use tests::client::Connection;
use tests::program::{Folder, Program, binary, io_args, seed, until};

use crate::peers::free_address;
use crate::peers::http::HttpPeer;

const CLIENTS: usize = 4;
const LINES_PER_POST: usize = 100;
const POSTS: usize = 500;
/// Messages in all: 200,000.
const MESSAGES: usize = CLIENTS * LINES_PER_POST * POSTS;
const KILLS: usize = 20;
/// Of a thousand requests, how many the outputs refuse.
const FAILING: u64 = 20;
/// Waits for progress, of which each is as long as patience allows.
const WAITS: usize = 20;

/// The stream: even numbers are posted to one server until it takes them, odd ones to another and
/// into a file when that refuses; all of them go into a second file as well.
fn config(folder: &Folder, address: &str, peers: &[HttpPeer; 2]) -> String {
    let [even, odd] = peers.each_ref().map(HttpPeer::url);
    let path = |name: &str| folder.path(name).display().to_string();
    let (buffer, all, second) = (path("buffer"), path("all"), path("second"));
    format!(
        "http:\n  address: {address}\n\
         input:\n  http_server: {{ path: /post, timeout: 60s }}\n  \
           processors: [ {{ unarchive: {{ format: lines }} }} ]\n\
         buffer:\n  disk: {{ path: {buffer} }}\n\
         output:\n  broker:\n    pattern: fan_out\n    outputs:\n      \
           - file: {{ path: {all}, codec: lines }}\n      \
           - switch:\n          cases:\n            \
               - check: content().string().number() % 2 == 0\n              \
                 output:\n                retry:\n                  \
                   backoff: {{ initial_interval: 1ms, max_interval: 20ms }}\n                  \
                   output: {{ http_client: {{ url: {even}, retries: 0 }} }}\n            \
               - output:\n                fallback:\n                  \
                   - http_client: {{ url: {odd}, retries: 0 }}\n                  \
                   - file: {{ path: {second}, codec: lines }}\n"
    )
}

/// What the clients know.
#[derive(Default)]
struct Ledger {
    /// Posts that were answered 200.
    answered: AtomicUsize,
    /// Posts that were sent more than once, by their first message.
    again: Mutex<HashSet<usize>>,
    ended: AtomicBool,
}

/// Posts its share of the messages; what is not answered 200 is posted again.
fn client(number: usize, address: String, ledger: Arc<Ledger>) -> JoinHandle<()> {
    spawn(move || {
        let open = || until(|| Connection::open(&address).ok());
        let Some(mut connection) = open() else { return };
        for post in 0..POSTS {
            let first = (number * POSTS + post) * LINES_PER_POST;
            let lines: Vec<_> = (first..first + LINES_PER_POST).map(|n| n.to_string()).collect();
            while !matches!(connection.post("/post", &lines.join("\n")), Ok(200)) {
                if ledger.ended.load(Ordering::SeqCst) {
                    return;
                }
                ledger.again.lock().unwrap_or_else(PoisonError::into_inner).insert(first);
                let Some(next) = open() else { return };
                connection = next;
            }
            ledger.answered.fetch_add(1, Ordering::SeqCst);
        }
    })
}

/// Whole lines of a file, and the bytes they take.
fn numbers(path: &PathBuf) -> Vec<usize> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// What arrived somewhere: numbers, and how many had arrived when the process was killed.
struct Arrived {
    numbers: Vec<usize>,
    kills: Vec<usize>,
}

impl Arrived {
    /// Counts what arrived twice. Within one life of the process that is only what was posted
    /// twice: it knows what it delivered.
    fn repeats(&self, again: &HashSet<usize>, what: &str) -> usize {
        let (mut ever, mut repeats) = (HashSet::new(), 0);
        let mut life = HashSet::new();
        let mut kills = self.kills.iter().peekable();
        for (index, number) in self.numbers.iter().enumerate() {
            while kills.next_if(|kill| **kill <= index).is_some() {
                life.clear();
            }
            let post = number / LINES_PER_POST * LINES_PER_POST;
            let once = life.insert(number) || again.contains(&post);
            assert!(once, "{what}: {number} arrived twice in one life of the process");
            repeats += usize::from(!ever.insert(number));
        }
        repeats
    }
}

/// The process, and who stands around it.
struct Run {
    folder: Folder,
    peers: [HttpPeer; 2],
    ledger: Arc<Ledger>,
    /// How much had arrived at each kill: at the servers, in the files.
    kills: [Vec<usize>; 4],
}

impl Run {
    fn start(&self, file: &str) -> Program {
        Program::with(std::process::Command::new(binary()).args(["run", file]).args(io_args()))
    }

    fn files(&self) -> [PathBuf; 2] {
        ["all", "second"].map(|name| self.folder.path(name))
    }

    /// Kills the process and notes what has arrived.
    fn kill(&mut self, mut program: Program) {
        program.signal("KILL");
        let _ = program.wait();
        let [even, odd] = self.peers.each_ref().map(HttpPeer::count);
        let [all, second] = self.files().map(|path| self.ends_whole(&path));
        for (kills, count) in self.kills.iter_mut().zip([even, odd, all, second]) {
            kills.push(count);
        }
    }

    /// Ends the line at which the process was killed, so that the next one is a line of its own;
    /// returns how many lines there are. What was torn comes again.
    fn ends_whole(&self, path: &PathBuf) -> usize {
        let text = fs::read_to_string(path).unwrap_or_default();
        let end = text.rfind('\n').map_or(0, |end| end + 1);
        if end < text.len() {
            fs::write(path, &text[..end]).expect("it can be written");
        }
        text[..end].lines().count()
    }

    /// How much is there of what has to be: distinct numbers, in the file of all and elsewhere.
    fn there(&self) -> (usize, usize) {
        let [all, second] = self.files().map(|path| numbers(&path));
        let taken = self.taken().concat();
        let there: HashSet<usize> = taken.into_iter().chain(second).collect();
        (all.into_iter().collect::<HashSet<_>>().len(), there.len())
    }

    fn taken(&self) -> [Vec<usize>; 2] {
        let number = |text: String| text.parse().expect("a number");
        self.peers.each_ref().map(|peer| peer.taken().into_iter().map(number).collect())
    }

    /// Everything is there, and what is there twice is explained; returns how much that is.
    fn settled(&self) -> usize {
        let again = self.ledger.again.lock().unwrap_or_else(PoisonError::into_inner);
        let ([all, second], [even, odd]) = (self.files().map(|path| numbers(&path)), self.taken());
        assert!(even.iter().all(|n| n % 2 == 0) && odd.iter().all(|n| n % 2 == 1));
        assert!(!second.is_empty(), "the fallback was needed");
        let names = ["even", "odd", "all", "second"];
        let arrived = [even, odd, all, second].into_iter().zip(&self.kills).zip(names);
        let repeats = arrived.map(|((numbers, kills), name)| {
            Arrived { numbers, kills: kills.clone() }.repeats(&again, name)
        });
        repeats.sum()
    }
}

#[test]
#[allow(clippy::print_stdout)] // figures for whoever asks for them
fn what_was_answered_arrives_though_outputs_fail_and_the_process_is_killed() {
    let (folder, address, seed) = (Folder::new("faults"), free_address(), seed());
    let peers = [HttpPeer::start(), HttpPeer::start()];
    peers.iter().for_each(|peer| peer.fail_at_random(FAILING, seed));
    let file = folder.write("config.yaml", config(&folder, &address, &peers));
    let ledger = Arc::<Ledger>::default();
    let mut run = Run { folder, peers, ledger, kills: Default::default() };
    let mut program = run.start(&file);
    let start = |number| client(number, address.clone(), Arc::clone(&run.ledger));
    let clients: Vec<_> = (0..CLIENTS).map(start).collect();
    for kill in 1..=KILLS {
        let before = CLIENTS * POSTS * kill / (KILLS + 1);
        let progress = || (run.ledger.answered.load(Ordering::SeqCst) >= before).then_some(());
        let progressed = (0..WAITS).any(|_| until(progress).is_some());
        assert!(progressed, "seed {seed}, kill {kill}: no progress\n{}", program.log());
        run.kill(program);
        program = run.start(&file);
    }
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
    assert_eq!(run.ledger.answered.load(Ordering::SeqCst), CLIENTS * POSTS);
    let all = (MESSAGES, MESSAGES);
    let there = (0..WAITS).any(|_| until(|| (run.there() == all).then_some(())).is_some());
    assert!(there, "seed {seed}: {:?} of {all:?} arrived\n{}", run.there(), program.log());
    let repeats = run.settled();
    println!("{MESSAGES} messages, {KILLS} kills, {repeats} repeats, none lost");
    program.signal("TERM");
    let status = program.wait().expect("it ends");
    assert!(status.success(), "{status}:\n{}", program.log());
}
