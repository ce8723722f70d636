//! Workers of a pipeline: they come and go with the load, and nobody sees it in what is written.

use std::collections::BTreeMap;

use formats::k::ipc::Body;
use formats::k::{K, Sym};
use serde_json::{Value, json};
use tests::program::{http, until};

use super::kdb_ipc::{Client, service};

/// Symbols that are the partitions of calls.
const SYMBOLS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

fn create(rest: &str, name: &str, spec: &str, settings: Value) -> String {
    let body = json!({"name": name, "config": {"content": spec}, "settings": settings});
    let created = http(rest, "POST", "/pipeline/create", &body.to_string());
    assert_eq!(created.status, 200, "{}", created.text());
    created.json()["id"].as_str().expect("an id").to_owned()
}

/// The names of the workers of a pipeline.
fn workers(rest: &str, id: &str) -> Vec<String> {
    let shown = http(rest, "GET", &format!("/pipeline/{id}/workers"), "").json();
    let name = |worker: &Value| worker["name"].as_str().expect("a name").to_owned();
    shown.as_array().expect("a list").iter().map(name).collect()
}

/// A call with a row for each symbol, of this number.
fn call(number: i64) -> K {
    let symbols = K::syms(SYMBOLS.map(Sym::new).to_vec());
    let numbers = K::longs(vec![number; SYMBOLS.len()]);
    let table = K::table(vec!["sym".into(), "n".into()], vec![symbols, numbers]);
    K::list(vec![K::sym("upd"), table.expect("a table")])
}

/// The numbers of each symbol in a variable, in their order.
fn written(client: &mut Client, name: &str) -> BTreeMap<String, Vec<i64>> {
    let mut all: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    if let Body::Value(K::Table(table)) = client.ask(&K::sym(name)) {
        let symbols = table.column("sym".into()).and_then(K::as_syms).expect("symbols");
        let numbers = table.column("n".into()).and_then(K::as_longs).expect("numbers");
        for (symbol, number) in symbols.iter().zip(numbers) {
            all.entry(symbol.as_str().to_owned()).or_default().push(*number);
        }
    }
    all
}

#[test]
fn workers_come_and_go_with_the_load_and_nothing_is_lost_or_out_of_order() {
    let (_program, rest, ipc) = service(&[]);
    let collects = ".qsp.run .qsp.read.fromStream[`rows] .qsp.write.toVariable[`out]";
    create(&rest, "collects", collects, json!({}));
    // It takes its time for each batch.
    let spec = ".qsp.run .qsp.read.fromCallback[`upd; .qsp.use enlist[`key]!enlist `sym]\n  \
        .qsp.map[{do[100000;x]; x}] .qsp.write.toStream[`rows]";
    let id = create(&rest, "shares", spec, json!({"minWorkers": "1", "maxWorkers": "4"}));
    let first = workers(&rest, &id);
    assert_eq!(first.len(), 1);
    let mut client = Client::new(&ipc);
    let mut sent = 0;
    let mut feed = |client: &mut Client| {
        for _ in 0..20 {
            assert_eq!(client.ask(&call(sent)), Body::Value(K::Null));
            sent += 1;
        }
        sent
    };
    for round in 0..2 {
        let grown = until(|| {
            feed(&mut client);
            Some(workers(&rest, &id)).filter(|workers| workers.len() == 4)
        });
        let grown = grown.unwrap_or_else(|| panic!("they come in round {round}"));
        let metrics = http(&rest, "GET", &format!("/pipeline/{id}/metrics"), "").json();
        assert_eq!(metrics.as_array().map(Vec::len), Some(5), "each, and all together");
        assert_eq!(grown[0], first[0], "the first one stays");
        let one = || Some(workers(&rest, &id)).filter(|workers| workers.len() == 1);
        let left = until(one).unwrap_or_else(|| panic!("they go in round {round}"));
        assert_eq!(left, first);
        let Body::Value(K::Table(table)) = client.text(".spctl.api.getWorkers[]") else {
            panic!("a table");
        };
        assert_eq!(table.rows(), 2, "one of each pipeline");
    }
    let sent = feed(&mut client);
    let whole = || {
        let written = written(&mut client, "out");
        let count = written.values().map(Vec::len).sum::<usize>();
        (count as i64 == sent * SYMBOLS.len() as i64).then_some(written)
    };
    let written = until(whole).expect("everything is written, and once");
    for symbol in SYMBOLS {
        assert!(written[symbol].iter().copied().eq(0..sent), "{symbol}: {:?}", written[symbol]);
    }
    let details = http(&rest, "GET", &format!("/pipeline/{id}"), "").json();
    assert_eq!(details["state"], "RUNNING");
}

#[test]
fn workers_have_their_own_partitions_and_environments() {
    let (_program, rest, ipc) = service(&[]);
    let spec = "n:0\no:.qsp.use ``name`partitions!(::;`r;`a`b)\n\
        .qsp.run .qsp.read.fromCallback[`upd;o]\n  \
        .qsp.map[{n::n+1; ([]part:.qsp.getPartitions`r;n:enlist n)}] .qsp.write.toVariable[`out]";
    let id = create(&rest, "parts", spec, json!({"minWorkers": 2, "maxWorkers": 5}));
    let shown = http(&rest, "GET", &format!("/pipeline/{id}/workers"), "").json();
    let partitions: Vec<&Value> =
        shown.as_array().expect("a list").iter().map(|worker| &worker["partitions"]).collect();
    assert_eq!(partitions, [&json!([0]), &json!([1])], "no more than there are partitions");
    let mut client = Client::new(&ipc);
    for _ in 0..4 {
        assert_eq!(client.text("upd 1"), Body::Value(K::Null));
    }
    let columns = |parts: &[&str], numbers: &[i64]| {
        let parts = K::syms(parts.iter().map(|part| Sym::new(part)).collect());
        let columns = vec![parts, K::longs(numbers.to_vec())];
        Body::Value(K::table(vec!["part".into(), "n".into()], columns).expect("a table"))
    };
    // One call after the other, and each counts its own.
    let want = columns(&["a", "a", "b", "b"], &[1, 2, 1, 2]);
    let got = until(|| Some(client.ask(&K::sym("out"))).filter(|got| *got == want));
    assert!(got.is_some(), "{:?}", client.ask(&K::sym("out")));
    let workers = http(&rest, "GET", &format!("/pipeline/{id}/workers"), "").json();
    assert_eq!((&workers[0]["events"], &workers[1]["events"]), (&json!(2), &json!(2)));
    // Without partitions, and where the state is kept, there is one.
    let plain = ".qsp.run .qsp.read.fromCallback[`other] .qsp.write.toConsole[]";
    let plain = create(&rest, "plain", plain, json!({"minWorkers": 2, "maxWorkers": 5}));
    assert_eq!(workers_of(&rest, &plain), 1);
    let kept = json!({
        "name": "kept", "config": {"content": spec.replace("`upd", "`kept")},
        "settings": {"minWorkers": 2, "maxWorkers": 5}, "persistence": {"worker": {}},
    });
    let kept = http(&rest, "POST", "/pipeline/create", &kept.to_string()).json();
    assert_eq!(workers_of(&rest, kept["id"].as_str().expect("an id")), 1);
}

fn workers_of(rest: &str, id: &str) -> usize {
    workers(rest, id).len()
}
