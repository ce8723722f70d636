//! Random interleavings: several clients make, replace, patch, remove, set and read streams, and
//! send messages through them, at the same time. What they are answered, what is there in the end
//! and what is in the sinks must fit one order of their requests, stream by stream.

mod model;

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use rt::rng::Rng;
use serde_json::{Map, Value, json};
use tests::program::{Answer, Folder, Program, seed};
use tests::usage::Connection;

use model::{Act, Event, Marks, Seen, State, explains};

/// How many there are.
const INTERLEAVINGS: u64 = 100;
const CLIENTS: u64 = 3;
/// Streams that only one client asks for.
const OWN: u64 = 2;
/// The stream that all clients ask for.
const SHARED: &str = "shared";
/// Requests of one client.
const REQUESTS: usize = 14;

/// A request for some streams, and what it asks of each.
struct Request {
    verb: &'static str,
    target: String,
    body: String,
    acts: Vec<(String, Act)>,
}

/// A request as it was answered, for one stream.
struct Made {
    id: String,
    event: Event,
    body: String,
}

/// One interleaving.
struct Round {
    /// What to say when it fails.
    name: String,
    /// Where the sinks are.
    folder: Folder,
    ids: Vec<String>,
    clock: AtomicU64,
    marks: AtomicU32,
    start: Barrier,
}

/// A processor that says of every message that it went through it.
fn says(mark: u32) -> Value {
    json!({"mapping": format!("root = \"{mark} \" + content().string()")})
}

/// What the processors of a pipeline say.
fn pipeline(mark: u32) -> Value {
    json!({"processors": [says(mark), {"resource": "mark"}]})
}

impl Round {
    fn new(seed: u64, number: u64) -> Self {
        let own = (0..CLIENTS * OWN).map(|id| format!("own{id}"));
        Round {
            name: format!("interleaving {number} of MAINSTEM_TEST_SEED={seed}"),
            folder: Folder::new("interleaving"),
            ids: own.chain([SHARED.to_owned()]).collect(),
            clock: AtomicU64::new(0),
            marks: AtomicU32::new(1),
            start: Barrier::new(CLIENTS as usize),
        }
    }

    /// A mark that nothing else has.
    fn mark(&self) -> u32 {
        self.marks.fetch_add(1, Ordering::SeqCst)
    }

    fn document(&self, id: &str, (of_input, of_pipeline): Marks) -> Value {
        json!({
            "input": {"http_server": {"path": "/post"}, "processors": [says(of_input)]},
            "pipeline": pipeline(of_pipeline),
            "output": {"file": {"path": self.folder.path(id), "codec": "lines"}},
        })
    }

    /// A request that a client may make for a stream.
    fn any(&self, random: &mut Rng, id: &str) -> Request {
        let (mark, stream) = (self.mark(), format!("/streams/{id}"));
        let whole = || self.document(id, (mark, mark));
        let (act, verb, target, body) = match random.below(40) {
            0..8 => (Act::Create(mark), "POST", stream, whole()),
            8..12 => (Act::Replace(mark), "PUT", stream, whole()),
            12..16 => {
                let patch = json!({"input": {"processors": [says(mark)]}});
                (Act::PatchInput(mark), "PATCH", stream, patch)
            }
            16..20 => {
                (Act::PatchPipeline(mark), "PATCH", stream, json!({"pipeline": pipeline(mark)}))
            }
            20..23 => (Act::Delete, "DELETE", stream, Value::Null),
            23..26 => (Act::Read, "GET", stream, Value::Null),
            26 => return self.of_all("GET", "/streams", Value::Null, |_| Act::List),
            27 => return self.set(random),
            28 => {
                let target = "/resources/processor/mark";
                return self.of_all("POST", target, says(mark), |_| Act::Resource(mark));
            }
            _ => (Act::Message, "POST", format!("/{id}/post"), json!(mark)),
        };
        Request { verb, target, body: body.to_string(), acts: vec![(id.to_owned(), act)] }
    }

    fn of_all(
        &self,
        verb: &'static str,
        target: &str,
        body: Value,
        act: impl Fn(&str) -> Act,
    ) -> Request {
        let acts = self.ids.iter().map(|id| (id.clone(), act(id))).collect();
        Request { verb, target: target.to_owned(), body: body.to_string(), acts }
    }

    /// Some streams are to be there, and no others.
    fn set(&self, random: &mut Rng) -> Request {
        let chosen = self.ids.iter().filter(|_| random.below(2) == 0);
        let chosen: HashMap<&str, u32> = chosen.map(|id| (id.as_str(), self.mark())).collect();
        let one = |(id, mark): (&&str, &u32)| ((*id).to_owned(), self.document(id, (*mark, *mark)));
        let body = Value::Object(chosen.iter().map(one).collect::<Map<_, _>>());
        self.of_all("POST", "/streams", body, |id| Act::Set(chosen.get(id).copied()))
    }

    /// Makes a request.
    fn make(&self, client: &mut Connection, request: Request) -> Vec<Made> {
        let Request { verb, target, body, acts } = request;
        let sent = self.clock.fetch_add(1, Ordering::SeqCst);
        let answer = client.send(verb, &target, &body);
        let answered = self.clock.fetch_add(1, Ordering::SeqCst);
        let made = acts.into_iter().map(|(id, act)| {
            let Some(seen) = self.seen(&id, act, &answer) else {
                let text = answer.text();
                panic!("{}: {verb} {target}: {} {text}", self.name, answer.status)
            };
            Made { id, event: Event { act, seen, sent, answered }, body: body.clone() }
        });
        made.collect()
    }

    /// What an answer says of a stream; nothing where it should not have been given.
    fn seen(&self, id: &str, act: Act, answer: &Answer) -> Option<Seen> {
        Some(match (act, answer.status, answer.text().as_str()) {
            (Act::List, 200, _) if answer.json().get(id).is_none() => Seen::Missing,
            (Act::List, 200, _) => Seen::There(None),
            (Act::Read, 200, _) => {
                let config = answer.json()["config"].take();
                let mark = |path: &str| {
                    let mapping = config.pointer(path)?.as_str()?;
                    mapping.split(['"', ' ']).nth(3)?.parse().ok()
                };
                let marks =
                    (mark("/input/processors/0/mapping")?, mark("/pipeline/processors/0/mapping")?);
                assert_eq!(config, self.document(id, marks), "{}: {id}", self.name);
                Seen::There(Some(marks))
            }
            // Through what it went, the sink tells.
            (Act::Message, 200, "") => Seen::Done,
            // There never was a stream there, or there is none now.
            (Act::Message, 404 | 503, _) => Seen::Missing,
            (_, 200, "") => Seen::Done,
            (Act::Create(_), 400, "Stream already exists\n") => Seen::Exists,
            (Act::Create(_) | Act::Set(_) | Act::Resource(_) | Act::Message, ..) => return None,
            (_, 404, "Stream not found\n") => Seen::Missing,
            _ => return None,
        })
    }

    /// The requests of one client, for its own streams and for that of all.
    fn client(&self, number: u64, random: &mut Rng, client: &mut Connection) -> Vec<Made> {
        self.start.wait();
        let own = format!("own{}", number * OWN + random.below(OWN));
        let requests = (0..REQUESTS).flat_map(|_| {
            let id = if random.below(2) == 0 { &own } else { SHARED };
            let request = self.any(random, id);
            self.make(client, request)
        });
        requests.collect()
    }

    /// What of a stream happened, with what its sink tells of messages.
    fn history(&self, id: &str, made: &[Made]) -> Vec<Event> {
        let text = self.folder.read(id);
        let mut written: HashMap<&str, Vec<(Marks, u32)>> = HashMap::new();
        for line in text.lines() {
            let numbers: Vec<u32> = line.split(' ').flat_map(str::parse).collect();
            let [resource, of_pipeline, of_input, _] = numbers[..] else {
                panic!("{}: {id}: nobody sent {line}", self.name)
            };
            let message = line.rsplit(' ').next().unwrap_or_default();
            written.entry(message).or_default().push(((of_input, of_pipeline), resource));
        }
        let mut events = Vec::new();
        for Made { event, body, .. } in made.iter().filter(|made| made.id == id) {
            let mut event = *event;
            if let Act::Message = event.act {
                let through = written.remove(body.as_str()).unwrap_or_default();
                event.seen = match (event.seen, through.as_slice()) {
                    (Seen::Done, [(marks, resource)]) => Seen::Through(*marks, *resource),
                    (Seen::Missing, []) => Seen::Missing,
                    (seen, _) => {
                        panic!("{}: {id}: {seen:?}, and in the sink: {through:?}", self.name)
                    }
                };
            }
            events.push(event);
        }
        assert!(written.is_empty(), "{}: {id}: nobody sent {written:?}", self.name);
        events
    }

    fn run(&self, randoms: &mut [Rng], clients: &mut [Connection]) {
        let of_all = |target: &str, body: Value| self.of_all("POST", target, body, |_| Act::List);
        for request in [of_all("/streams", json!({})), of_all("/resources/processor/mark", says(0))]
        {
            let answer = clients[0].send(request.verb, &request.target, &request.body);
            assert_eq!(answer.status, 200, "{}: {}", self.name, answer.text());
        }
        let mut made: Vec<Made> = thread::scope(|scope| {
            let one = |(number, (random, client))| {
                scope.spawn(move || self.client(number, random, client))
            };
            let running: Vec<_> =
                (0..).zip(randoms.iter_mut().zip(&mut *clients)).map(one).collect();
            let ended = running.into_iter().map(|client| client.join());
            ended.flat_map(|made| made.expect("a client goes on to its end")).collect()
        });
        // What is there in the end, and whether it works.
        for id in &self.ids {
            let read = Request {
                verb: "GET",
                target: format!("/streams/{id}"),
                body: String::new(),
                acts: vec![(id.clone(), Act::Read)],
            };
            made.extend(self.make(&mut clients[0], read));
            let message = Request {
                verb: "POST",
                target: format!("/{id}/post"),
                body: self.mark().to_string(),
                acts: vec![(id.clone(), Act::Message)],
            };
            made.extend(self.make(&mut clients[0], message));
        }
        let list = self.of_all("GET", "/streams", Value::Null, |_| Act::List);
        made.extend(self.make(&mut clients[0], list));
        for id in &self.ids {
            let history = self.history(id, &made);
            let start = State { stream: None, resource: 0 };
            let lines: String = history.iter().map(|event| format!("{event:?}\n")).collect();
            assert!(explains(&history, start), "{}: {id}:\n{lines}", self.name);
        }
    }
}

#[test]
fn a_hundred_interleavings_end_as_some_order_of_their_requests_does() {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    let seed = seed();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Connection::new(&address)).collect();
    for number in 0..INTERLEAVINGS {
        let random = |client: u64| Rng::new(seed ^ (number * CLIENTS + client).rotate_right(16));
        let mut randoms: Vec<_> = (0..CLIENTS).map(random).collect();
        Round::new(seed, number).run(&mut randoms, &mut clients);
    }
    assert!(!program.log().contains("level=error"), "{}", program.log());
}
