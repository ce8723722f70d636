//! A socket server whose port the shards share: many connections, on one, two and four shards.

use std::io::{BufWriter, Write};
use std::net::{TcpListener, TcpStream};

use tests::program::{Folder, Program, http, until};

const CONNECTIONS: usize = 24;
const LINES: usize = 2000;

/// A port that was free a moment ago: shards cannot share port 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn start(shards: usize, port: u16, output: &str) -> (Program, String) {
    let shards = shards.to_string();
    let program =
        Program::start(&["serve", "--listen", "benthos=127.0.0.1:0", "--shards", &shards]);
    let address = program.address("requests: benthos");
    let stream = format!(
        "input:\n  socket_server:\n    network: tcp\n    address: 127.0.0.1:{port}\n\
         \x20   tcp:\n      reuse_port: true\n\
         pipeline:\n  processors:\n    - mapping: root = content().uppercase()\n\
         output:\n{output}"
    );
    let created = http(&address, "POST", "/streams/lines", &stream);
    assert_eq!(created.status, 200, "{}", created.text());
    let ready = until(|| (http(&address, "GET", "/ready", "").status == 200).then_some(()));
    assert!(ready.is_some(), "all shards listen");
    (program, address)
}

/// Every connection sends its lines, a few at a time, all connections at once.
fn send(port: u16) {
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
                let mut stream = BufWriter::with_capacity(1000, stream);
                for line in 0..LINES {
                    writeln!(stream, "c{connection}:{line}").expect("it takes lines");
                }
            });
        }
    });
}

fn stat(address: &str, name: &str, path: &str) -> u64 {
    let stats = http(address, "GET", "/streams/lines/stats", "").json();
    let labels = format!("{{label=\"\",path=\"{path}\",stream=\"lines\"}}");
    stats[format!("{name}{labels}")].as_u64().unwrap_or_default()
}

#[test]
fn all_lines_of_all_connections_arrive_once_and_in_their_order() {
    for shards in [1, 2, 4] {
        let (folder, port) = (Folder::new("sockets"), free_port());
        let path = folder.path("out.txt").display().to_string();
        let (_program, address) =
            start(shards, port, &format!("  file:\n    path: {path}\n    codec: lines\n"));
        assert_eq!(stat(&address, "input_connection_up", "root.input"), shards as u64);
        send(port);
        let all = CONNECTIONS * LINES;
        let arrived = until(|| (folder.read("out.txt").lines().count() >= all).then_some(()));
        assert!(arrived.is_some(), "{} lines", folder.read("out.txt").lines().count());
        assert_eq!(http(&address, "DELETE", "/streams/lines", "").status, 200);
        let mut next = [0; CONNECTIONS];
        for line in folder.read("out.txt").lines() {
            let (connection, number) = line[1..].split_once(':').expect("a line of ours");
            let next = &mut next[connection.parse::<usize>().expect("a number")];
            assert_eq!(number, next.to_string(), "{shards} shards: C{connection}");
            *next += 1;
        }
        assert_eq!(next, [LINES; CONNECTIONS]);
    }
}

#[test]
fn what_is_dropped_never_leaves_its_shard_and_is_counted_all_the_same() {
    let port = free_port();
    let (_program, address) = start(4, port, "  drop: {}\n");
    send(port);
    let all = (CONNECTIONS * LINES) as u64;
    let sent = until(|| (stat(&address, "output_sent", "root.output") >= all).then_some(()));
    assert!(sent.is_some(), "{}", stat(&address, "output_sent", "root.output"));
    assert_eq!(stat(&address, "input_received", "root.input"), all);
    assert_eq!(stat(&address, "output_sent", "root.output"), all);
    assert_eq!(stat(&address, "output_connection_up", "root.output"), 4, "each shard has a sink");
    assert_eq!(http(&address, "DELETE", "/streams/lines", "").status, 200);
}

#[test]
fn the_address_of_a_server_is_written_to_a_cache() {
    let folder = Folder::new("address-cache");
    let words = folder.path("words");
    std::fs::create_dir_all(&words).expect("a folder");
    let config = format!(
        "input:\n  label: door\n  socket_server: {{network: tcp, address: '127.0.0.1:0', \
         address_cache: words}}\noutput: {{drop: {{}}}}\ncache_resources:\n  - label: words\n    \
         file: {{directory: {}}}\nhttp: {{enabled: false}}\n",
        words.display()
    );
    let config = folder.write("config.yaml", config);
    let _program = Program::start(&["run", &config]);
    let address = until(|| {
        let address = std::fs::read_to_string(words.join("door_address")).ok()?;
        address.parse::<std::net::SocketAddr>().ok()
    });
    let address = address.expect("an address");
    assert!(std::net::TcpStream::connect(address).is_ok());
}
