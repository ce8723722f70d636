//! The service as stock clients of kdb+ see it: PyKX without a licence, and aiokdb.

use serde_json::json;
use tests::program::{Program, http, until};
use tests::python::{having, run};

/// A service with a pipeline that shows what its callback gets, without times.
struct Service {
    program: Program,
    address: String,
    ipc: String,
    id: String,
}

impl Service {
    fn start() -> Self {
        let program = Program::start(&[
            "serve",
            "--listen",
            "kdb=127.0.0.1:0",
            "--listen",
            "ipc=127.0.0.1:0",
        ]);
        let address = program.address("HTTP requests: kdb");
        let ipc = program.address("kdb+ IPC").rsplit(':').next().expect("a port").to_owned();
        let spec = ".qsp.run\n  .qsp.read.fromCallback[`upd]\n  \
            .qsp.write.toConsole[\"\"; .qsp.use enlist[`timestamp]!enlist `]\n";
        let body = json!({"name": "shown", "type": "spec", "config": {"content": spec}});
        let created = http(&address, "POST", "/pipeline/create", &body.to_string());
        assert_eq!(created.status, 200, "{}", created.text());
        let id = created.json()["id"].as_str().expect("an id").to_owned();
        Service { program, address, ipc, id }
    }

    fn lines(&self) -> Vec<String> {
        let target = format!("/v1/pipelines/pipelines/{}/console", self.id);
        let console = http(&self.address, "GET", &target, "").json();
        let lines = console["lines"].as_array().expect("lines");
        lines
            .iter()
            .filter_map(|line| line.as_str().map(|line| line.trim_end().to_owned()))
            .collect()
    }

    /// Waits until the last lines are these.
    fn shows(&self, expected: &[&str]) {
        let last = || {
            let lines = self.lines();
            lines.get(lines.len().checked_sub(expected.len())?..).map(<[String]>::to_vec)
        };
        let found = until(|| last().filter(|last| last == expected));
        assert!(found.is_some(), "{:#?}\n{}", self.lines(), self.program.log());
    }
}

const PYKX: &str = r#"
import datetime, sys, uuid
import numpy as np, pandas as pd, pykx as kx
port = int(sys.argv[1])
# With its look around the contexts, and without.
for no_ctx in (False, True):
    with kx.SyncQConnection('127.0.0.1', port, no_ctx=no_ctx) as q:
        assert repr(q('upd', 1)) == "pykx.Identity(pykx.q('::'))"
with kx.SyncQConnection('127.0.0.1', port) as q:
    for value in [
        True, kx.ByteAtom(7), kx.ShortAtom(1), kx.IntAtom(2), 3, np.float32(1.5), 2.5,
        kx.CharAtom('c'), 'abc', b'text', uuid.UUID(int=5), datetime.date(2026, 1, 2),
        datetime.datetime(2026, 1, 2, 3), datetime.timedelta(seconds=5),
        np.array([1, 2, 3]), np.array([1.5, float('nan')]), kx.SymbolVector(['x', 'y']),
        np.array([True, False]), {'a': 1, 'b': 2},
    ]:
        q('upd', value)
    table = pd.DataFrame({
        'time': pd.to_datetime(['2026-01-01T00:00:00.000000001', '2026-01-01T00:00:01.000000000']),
        'sym': ['a', 'b'], 'price': [1.5, 2.5], 'size': [10, 20]})
    q('upd', table)
    q('upd', table[['sym', 'price']].set_index('sym'))
    for unknown in ['nope', 'upd2[1]', '1+1']:
        try:
            q(unknown)
            raise SystemExit('it was let in')
        except kx.exceptions.QError as error:
            print(unknown, error)
"#;

#[test]
fn pykx_sends_every_type_and_is_told_what_it_may_not() {
    let Some(python) = having(&["pykx", "pandas"]) else { return };
    let service = Service::start();
    let printed = run(&python, PYKX, &[&service.ipc]);
    assert_eq!(printed, "nope nope\nupd2[1] upd2\n1+1 access\n");
    service.shows(&[
        "1b",
        "0x07",
        "1h",
        "2i",
        "3",
        "1.5e",
        "2.5",
        "\"c\"",
        "`abc",
        "\"text\"",
        "00000000-0000-0000-0000-000000000005",
        "2026.01.02",
        "2026.01.02D03:00:00.000000000",
        "0D00:00:05.000000000",
        "1 2 3",
        "1.5 0n",
        "`x`y",
        "10b",
        "a| 1",
        "b| 2",
        "time                          sym price size",
        "--------------------------------------------",
        "2026.01.01D00:00:00.000000001 a   1.5   10",
        "2026.01.01D00:00:01.000000000 b   2.5   20",
        "sym| price",
        "---| -----",
        "a  | 1.5",
        "b  | 2.5",
    ]);
}

const AIOKDB: &str = r#"
import struct, sys
from aiokdb import *
from aiokdb.compress import compress
from aiokdb.socket import khpu
peer = khpu('127.0.0.1', int(sys.argv[1]), 'user:')
def send(k, kind=MessageType.SYNC, packed=False):
    message = b9(k, msgtype=kind)
    if packed:
        body = compress(message[8:])
        message = struct.pack('<BBBBI', 1, kind, 1, 0, 8 + len(body)) + body
    peer.s.sendall(message)
    if kind == MessageType.SYNC:
        head = peer.readexactly(8)
        return d9(head + peer.readexactly(struct.unpack('<I', head[4:])[0] - 8))
names, sym, price = ktn(TypeEnum.KS), ktn(TypeEnum.KS), ktn(TypeEnum.KF)
names.appendS('sym', 'price')
sym.appendS('a', 'b')
price.kF().extend([1.5, 2.5])
table = xt(xd(names, kk(sym, price)))
for head in (ks('upd'), cv('upd')):
    assert send(kk(head, table)).t == 101
many = ktn(TypeEnum.KJ)
many.kJ().extend([7] * 5000)
assert send(kk(ks('upd'), many), packed=True).t == 101
for n in range(10000):
    send(kk(ks('upd'), kj(n)), MessageType.ASYNC)
assert send(kk(ks('upd'), kj(-1))).t == 101
"#;

#[test]
fn aiokdb_sends_tables_a_packed_message_and_a_flood_that_nothing_is_lost_of() {
    let Some(python) = having(&["aiokdb"]) else { return };
    let service = Service::start();
    run(&python, AIOKDB, &[&service.ipc]);
    let last: Vec<String> = (9900..10_000).map(|n| n.to_string()).chain(["-1".into()]).collect();
    service.shows(&last.iter().map(String::as_str).collect::<Vec<_>>());
    let details = http(&service.address, "GET", "/v1/pipelines", "").json();
    // Two tables of two rows, 5,000 numbers, and each of the others.
    assert_eq!(details[0]["events"], 2 * 2 + 5000 + 10_000 + 1, "{details}");
}
