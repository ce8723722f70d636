//! What streams share: caches and rate limits, whichever shards the streams run on.

use tests::program::{Folder, Program, http, until};

fn start(shards: &str) -> (Program, String) {
    let listen = "benthos=127.0.0.1:0";
    let program = Program::start(&["serve", "--listen", listen, "--shards", shards]);
    let address = program.address("requests: benthos");
    (program, address)
}

fn post(address: &str, target: &str, body: &str) {
    let answer = http(address, "POST", target, body);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{target}");
}

#[test]
fn a_cache_is_one_for_all_streams_on_all_shards() {
    const STREAMS: usize = 6;
    const KEYS: usize = 2_000;
    let folder = Folder::new("shared");
    let (_program, address) = start("3");
    post(&address, "/resources/cache/seen", "memory: {}");
    for id in 0..STREAMS {
        let path = folder.path(&format!("out{id}.txt"));
        let body = format!(
            "input: {{generate: {{mapping: 'root = counter()', interval: '', count: {KEYS}}}}}\n\
             pipeline: {{processors: [{{dedupe: {{cache: seen, key: '${{! content() }}'}}}}]}}\n\
             output: {{file: {{path: {}}}}}\n",
            path.display()
        );
        post(&address, &format!("/streams/s{id}"), &body);
    }
    let ended = until(|| {
        let streams = http(&address, "GET", "/streams", "").json();
        let ended = (0..STREAMS).all(|id| streams[format!("s{id}")]["active"] == false);
        ended.then_some(())
    });
    assert!(ended.is_some(), "all streams end");
    let mut seen: Vec<usize> = (0..STREAMS)
        .flat_map(|id| {
            let text = folder.read(&format!("out{id}.txt"));
            text.lines().map(|line| line.parse().unwrap_or(0)).collect::<Vec<_>>()
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=KEYS).collect::<Vec<_>>(), "each key passes once");
}

#[test]
fn a_message_goes_through_all_that_use_a_cache_before_the_next_one() {
    let folder = Folder::new("caches");
    let (_program, address) = start("2");
    let caches = [
        ("small", "lru: {cap: 1}"),
        ("near", "ttlru: {cap: 10}"),
        ("far", "memory: {}"),
        ("both", "multilevel: [near, far]"),
    ];
    for (label, cache) in caches {
        post(&address, &format!("/resources/cache/{label}"), cache);
    }
    let step = |resource: &str, operator: &str, key: &str| {
        let value = "value: '${! content() }'";
        format!("{{cache: {{resource: {resource}, operator: {operator}, key: '{key}', {value}}}}}")
    };
    let key = "${! content() }";
    let steps = [
        step("small", "set", key),
        step("small", "get", key),
        step("both", "set", "last"),
        step("near", "get", "last"),
        step("far", "get", "last"),
    ];
    let body = format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: '', count: 500}}}}\n\
         pipeline: {{processors: [{}]}}\n\
         output: {{file: {{path: {}}}}}\n",
        steps.join(", "),
        folder.path("out.txt").display()
    );
    post(&address, "/streams/s", &body);
    let ended = until(|| {
        let stream = http(&address, "GET", "/streams/s", "").json();
        (stream["active"] == false).then_some(())
    });
    assert!(ended.is_some(), "the stream ends");
    let numbers: String = (1..=500).map(|n| format!("{n}\n")).collect();
    assert_eq!(folder.read("out.txt"), numbers, "each message finds what it has written");
}

#[test]
fn a_replaced_cache_is_another_one() {
    let folder = Folder::new("replaced");
    let (_program, address) = start("2");
    post(&address, "/resources/cache/words", "memory: {init_values: {a: first}}");
    let stream = |output: &str| {
        format!(
            "input: {{generate: {{mapping: 'root = 1', interval: '', count: 1}}}}\n\
             pipeline: {{processors: [{{cache: {{resource: words, operator: get, key: a}}}}]}}\n\
             output: {{file: {{path: {}}}}}\n",
            folder.path(output).display()
        )
    };
    post(&address, "/streams/one", &stream("one.txt"));
    assert!(until(|| (folder.read("one.txt") == "first\n").then_some(())).is_some());
    post(&address, "/resources/cache/words", "memory: {init_values: {a: second}}");
    post(&address, "/streams/two", &stream("two.txt"));
    assert!(until(|| (folder.read("two.txt") == "second\n").then_some(())).is_some());
}

#[test]
fn requests_beyond_a_rate_limit_are_refused_by_all_streams() {
    let (_program, address) = start("2");
    post(&address, "/resources/rate_limit/few", "local: {count: 3, interval: 1h}");
    for id in ["a", "b"] {
        let input = "input: {http_server: {path: /in, rate_limit: few}}";
        post(&address, &format!("/streams/{id}"), &format!("{input}\noutput: {{drop: {{}}}}\n"));
    }
    let statuses = ["a", "b", "a", "b", "a"].map(|id| {
        let answer = http(&address, "POST", &format!("/{id}/in"), "x");
        (answer.status, answer.text())
    });
    let ok = (200, String::new());
    let refused = (429, "Too Many Requests\n".to_owned());
    assert_eq!(statuses, [ok.clone(), ok.clone(), ok, refused.clone(), refused]);
}

#[test]
fn requests_of_an_output_wait_for_its_rate_limit() {
    let folder = Folder::new("limited");
    let settings = "http: {address: '127.0.0.1:0'}\nmetrics: {json_api: {}}\n";
    let settings = folder.write("settings.yaml", settings);
    let program = Program::start(&["streams", "--shards", "2", "-o", &settings]);
    let address = program.address("HTTP requests");
    post(&address, "/resources/rate_limit/few", "local: {count: 3, interval: 1h}");
    let path = folder.path("out.txt");
    let output = format!("output: {{file: {{path: {}}}}}", path.display());
    post(&address, "/streams/taker", &format!("input: {{http_server: {{path: /in}}}}\n{output}\n"));
    let sender = format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: '', count: 5}}}}\n\
         output: {{http_client: {{url: 'http://{address}/taker/in', rate_limit: few}}}}\n"
    );
    post(&address, "/streams/sender", &sender);
    let waits = until(|| {
        let stats = http(&address, "GET", "/stats", "").json();
        let stats = stats.as_object().expect("numbers by name").iter();
        let mut limits = stats.filter(|(name, _)| name.starts_with("rate_limit_triggered"));
        let triggered = limits.any(|(_, count)| count.as_u64() > Some(0));
        (triggered && folder.read("out.txt").lines().count() == 3).then_some(())
    });
    assert!(waits.is_some(), "three arrive, and the next has to wait: {}", folder.read("out.txt"));
    assert_eq!(folder.read("out.txt").lines().count(), 3);
}

#[test]
fn a_resource_that_is_not_there_is_named() {
    let (_program, address) = start("1");
    for (component, text) in [
        ("{cache: {resource: x, operator: get, key: a}}", "cache resource 'x' was not found"),
        ("{dedupe: {cache: x, key: a}}", "cache resource 'x' was not found"),
        ("{rate_limit: {resource: x}}", "rate limit resource 'x' was not found"),
    ] {
        let body = format!("pipeline: {{processors: [{component}]}}\noutput: {{drop: {{}}}}\n");
        let answer = http(&address, "POST", "/streams/s", &body);
        let place = "failed to init processor <no label> path root.pipeline.processors.0";
        assert_eq!((answer.status, answer.text()), (502, format!("Error: {place}: {text}\n")));
        assert_eq!(http(&address, "GET", "/streams/s", "").status, 404);
    }
}

#[test]
fn what_caches_and_rate_limits_do_is_counted_for_the_process() {
    let folder = Folder::new("shared-stats");
    let settings = "http: {address: '127.0.0.1:0'}\nmetrics: {json_api: {}}\n";
    let settings = folder.write("settings.yaml", settings);
    let program = Program::start(&["streams", "--shards", "2", "-o", &settings]);
    let address = program.address("HTTP requests");
    post(&address, "/resources/cache/seen", "memory: {}");
    post(&address, "/resources/rate_limit/slow", "local: {count: 4, interval: 10ms}");
    let body = "input: {generate: {mapping: 'root = counter() % 3', interval: '', count: 9}}\n\
                pipeline:\n  processors:\n    - rate_limit: {resource: slow}\n    \
                - dedupe: {cache: seen, key: '${! content() }'}\n    \
                - cache: {resource: seen, operator: get, key: nothing}\noutput: {drop: {}}\n";
    post(&address, "/streams/s", body);
    let ended = until(|| {
        let streams = http(&address, "GET", "/streams", "").json();
        (streams["s"]["active"] == false).then_some(())
    });
    assert!(ended.is_some());
    let stats = http(&address, "GET", "/stats", "").json();
    let cache = |name: &str, operation: &str| {
        let labels = format!("label=\"seen\",operation=\"{operation}\"");
        let path = "path=\"root.cache_resources\",stream=\"\"";
        stats[format!("{name}{{{labels},{path}}}")].clone()
    };
    assert_eq!([cache("cache_success", "add"), cache("cache_duplicate", "add")], [3, 6]);
    assert_eq!([cache("cache_not_found", "get"), cache("cache_error", "get")], [3, 0]);
    let limit = |name: &str| {
        let path = "path=\"root.rate_limit_resources\",stream=\"\"";
        stats[format!("{name}{{label=\"slow\",{path}}}")].as_u64().unwrap_or_default()
    };
    assert!(limit("rate_limit_triggered") > 0, "{stats}");
    assert_eq!(limit("rate_limit_checked"), 9 + limit("rate_limit_triggered"));
}
