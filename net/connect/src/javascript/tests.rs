use std::path::PathBuf;

use formats::value::Value;
use plan::{Batch, Env, Json, Operator, Record};
use serde_json::json;

use super::convert::DEPTH_MAX;
use super::modules::{MODULE_BYTES_MAX, MODULES_MAX};
use super::processor::SPEC;
use crate::testing::{TestEnv, batch, both_modes};

fn build(config: &Json) -> Result<Box<dyn Operator>, String> {
    let env = TestEnv::new();
    (SPEC.build)(config, &env as &dyn Env).map_err(|e| e.text)
}

async fn feed(operator: &mut dyn Operator, input: &[&str]) -> Vec<Batch> {
    let mut out = Vec::new();
    operator.on_batch(batch(input), &mut out).finish().await.expect("it goes on");
    out
}

fn shown(batches: &[Batch]) -> Vec<String> {
    let records = batches[0].as_records().expect("messages");
    let text = |(index, rec): (usize, &Record)| match &rec.fault {
        Some(fault) => format!("! {}", fault.text),
        None => String::from_utf8_lossy(records.bytes(index, &mut Vec::new())).into_owned(),
    };
    records.recs.iter().enumerate().map(text).collect()
}

async fn run(code: &str, input: &[&str]) -> Vec<String> {
    let mut operator = build(&json!({"code": code})).expect(code);
    shown(&feed(&mut *operator, input).await)
}

#[test]
fn programs_change_contents_and_metadata() {
    both_modes(|| async {
        let code = "let m = benthos;
            m.v0_msg_set_meta('a', 'hello');
            m.v0_msg_set_meta('b', m.v0_msg_get_meta('a') + ' two');
            m.v0_msg_set_meta('c', ['first', 2, {x: null}]);
            m.v0_msg_set_meta('d', 123.4);
            m.v0_msg_set_string([m.v0_msg_exists_meta('a'), m.v0_msg_exists_meta('z'),
                m.v0_msg_get_meta('c')].join());";
        let mut operator = build(&json!({"code": code})).expect("it is built");
        let out = feed(&mut *operator, &["x"]).await;
        assert_eq!(shown(&out), [r#"true,false,["first",2,{"x":null}]"#]);
        let records = out[0].as_records().expect("messages");
        let meta = records.recs[0].meta.clone().expect("metadata");
        assert!(matches!(meta.get("d"), Some(Value::Float(x)) if *x == 123.4));
        assert!(matches!(meta.get("c"), Some(Value::Array(items)) if items.len() == 3));
        let code = "benthos.v0_msg_set_structured({u: undefined, f() {}, n: -0.5, i: 5, \
            d: new Date(0), t: 'é', a: [1, , 2], big: 10n})";
        let want = r#"{"a":[1,null,2],"big":10,"d":"1970-01-01T00:00:00.000Z","f":null,"i":5,"n":-0.5,"t":"é","u":null}"#;
        assert_eq!(run(code, &["x"]).await, [want]);
        let code = "benthos.v0_msg_set_string(JSON.stringify(benthos.v0_msg_as_structured()))";
        let text = r#"{"a":[1,2.5,"x",null,true],"b":{}}"#;
        assert_eq!(run(code, &[text]).await, [text]);
    });
}

#[test]
fn what_is_thrown_is_said_and_only_for_its_message() {
    both_modes(|| async {
        let code = "if (benthos.v0_msg_as_string() == 'bad') {\n  missing();\n}
            benthos.v0_msg_set_string('ok')";
        let want = ["ok", "! ReferenceError: missing is not defined at main.js:2:3", "ok"];
        let got = run(code, &["a", "bad", "b"]).await;
        assert_eq!((got[0].as_str(), got[2].as_str()), (want[0], want[2]));
        assert!(
            got[1].starts_with("! ReferenceError: missing is not defined at main.js:2"),
            "{got:?}"
        );
        for (code, said) in [
            ("throw 'a text'", "a text"),
            ("throw new Error('no')", "Error: no at main.js:1"),
            (
                "benthos.v0_msg_as_structured()",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            ("benthos.v0_msg_get_meta('x')", "key not found"),
            (
                "benthos.v0_msg_set_string('a', 'b')",
                "have 2 arguments, but only 1 pointers to parse into",
            ),
            ("benthos.v0_msg_set_string(undefined)", "argument at position 0 is undefined"),
            ("benthos.v0_fetch('http://x', 5)", "value is not of type map"),
            ("benthos.v0_fetch('::')", "parse \"::\": "),
            (
                "let a = []; a[0] = a; benthos.v0_msg_set_structured(a)",
                "the value is nested too deeply",
            ),
            ("require('nope')", "Invalid module"),
        ] {
            let got = run(code, &["not json"]).await;
            assert!(got[0].starts_with(&format!("! {said}")), "{code}: {got:?}");
        }
        let caught =
            "try { benthos.v0_msg_as_structured() } catch (e) { benthos.v0_msg_set_string(e) }";
        let said = "invalid character 'o' in literal null (expecting 'u')";
        assert_eq!(run(caught, &["not json"]).await, [said]);
    });
}

#[test]
fn programs_without_end_are_ended_and_others_go_on() {
    both_modes(|| async {
        let code = "let what = benthos.v0_msg_as_string();
            if (what == 'loop') while (true) {}
            if (what == 'job') { let again = () => Promise.resolve().then(again); again(); }
            if (what == 'regexp') /(a+)+$/.test('a'.repeat(40) + 'b');
            if (what == 'stack') { let deep = () => deep() + 1; deep(); }
            benthos.v0_msg_set_string('done')";
        let mut operator = build(&json!({"code": code, "timeout": "100ms"})).expect("it is built");
        let late = "! the program took longer than 100ms";
        let out =
            feed(&mut *operator, &["loop", "x", "job", "y", "stack", "z", "regexp", "w"]).await;
        let got = shown(&out);
        assert_eq!([&got[0], &got[1], &got[2], &got[3]], [late, "done", late, "done"]);
        assert!(
            got[4].contains("call stack size exceeded") || got[4].contains("stack overflow"),
            "{got:?}"
        );
        assert_eq!([&got[5], &got[7]], ["done", "done"]);
    });
}

#[test]
fn programs_have_so_much_memory_and_no_more() {
    both_modes(|| async {
        let code = "let what = benthos.v0_msg_as_string();
            let text = () => 'x'.repeat(1000) + Math.random();
            if (what == 'list') { let all = []; while (true) all.push(text()); }
            if (what == 'text') { let t = 'x'; while (true) t += t; }
            let set = benthos.v0_msg_set_meta;
            if (what == 'meta') for (let i = 0; ; i++) set('k' + i, 'v'.repeat(99));
            if (what == 'hole') { let a = []; a.length = 4e9; benthos.v0_msg_set_structured(a); }
            benthos.v0_msg_set_string('done')";
        let config = json!({"code": code, "memory_limit": 4 << 20, "timeout": "20s"});
        let mut operator = build(&config).expect("it is built");
        let out = feed(&mut *operator, &["list", "a", "text", "b", "meta", "c", "hole", "d"]).await;
        let got = shown(&out);
        for at in [1, 3, 5, 7] {
            assert_eq!(got[at], "done");
        }
        for at in [0, 2] {
            assert!(
                got[at].contains("out of memory") || got[at].contains("string too long"),
                "{got:?}"
            );
        }
        for at in [4, 6] {
            assert!(got[at].contains("the message takes more than its limit of memory"), "{got:?}");
        }
        let config = json!({"code": "1", "memory_limit": 5});
        assert_eq!(
            build(&config).err().expect("too little"),
            "memory_limit must be 1048576 or more"
        );
    });
}

/// A folder of modules, with another beside it that is none of theirs.
struct Modules(PathBuf);

impl Modules {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("mainstem-js-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            std::fs::write(path, text).expect("it is written");
        }
        Modules(root)
    }
}

impl Drop for Modules {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn modules_come_from_their_folders_and_from_nowhere_else() {
    let modules = Modules::new(
        "modules",
        &[
            ("in/blobber.js", "module.exports = () => 'blobber';"),
            ("in/data.json", r#"{"n":5}"#),
            ("in/pkg/package.json", r#"{"main":"lib/main"}"#),
            (
                "in/pkg/lib/main.js",
                "exports.up = require('../../blobber')() + require('./part').x;",
            ),
            ("in/pkg/lib/part.js", "exports.x = 1; require('./main');"),
            ("in/dir/index.js", "exports.here = __dirname.split('/').pop();"),
            ("in/evil.js", "module.exports = require('../out');"),
            ("in/bad.js", "throw new Error('at load');"),
            ("out.js", "module.exports = 'secret';"),
        ],
    );
    let inside = modules.0.join("in");
    std::os::unix::fs::symlink(modules.0.join("out.js"), inside.join("link.js")).expect("a link");
    let folder = inside.to_string_lossy().into_owned();
    both_modes(move || {
        let folder = folder.clone();
        async move {
            let code = "let what = benthos.v0_msg_as_string();
                let made = what.startsWith('(') ? eval(what) : require(what);
                benthos.v0_msg_set_string(JSON.stringify(made))";
            let config = json!({"code": code, "global_folders": ["/nope", folder]});
            let mut operator = build(&config).expect("it is built");
            let outside = format!("{folder}/../out.js");
            let input = [
                "(require('blobber')())",
                "data",
                "pkg",
                "dir",
                "(require('console') === console)",
                "../out",
                "./../out.js",
                "/etc/passwd",
                &outside,
                "link",
                "evil",
                "bad",
                "data.json",
            ];
            let got = shown(&feed(&mut *operator, &input).await);
            let want =
                [r#""blobber""#, r#"{"n":5}"#, r#"{"up":"blobber1"}"#, r#"{"here":"dir"}"#, "true"];
            assert_eq!(got[..5], want);
            for at in 5..11 {
                assert_eq!(got[at], "! Invalid module", "{}", input[at]);
            }
            assert!(got[11].starts_with("! Error: at load"), "{got:?}");
            assert_eq!(got[12], r#"{"n":5}"#);
        }
    });
}

#[test]
fn modules_are_so_many_and_so_large_and_no_more() {
    let modules = Modules::new("bounds", &[("one.js", "")]);
    for number in 0..=MODULES_MAX {
        std::fs::write(modules.0.join(format!("m{number}.js")), "").expect("it is written");
    }
    for (name, length) in [("fits", MODULE_BYTES_MAX), ("large", MODULE_BYTES_MAX + 1)] {
        let file = std::fs::File::create(modules.0.join(format!("{name}.js"))).expect("a file");
        file.set_len(length).expect("it has a length");
    }
    let folder = modules.0.to_string_lossy().into_owned();
    both_modes(move || {
        let folder = folder.clone();
        async move {
            let code = "let max = Number(benthos.v0_msg_as_string());
                if (max) { for (let i = 0; i < max; i++) require('m' + i); }
                else require(benthos.v0_msg_as_string())";
            let config = json!({"code": code, "global_folders": [folder], "timeout": "60s"});
            let mut operator = build(&config).expect("it is built");
            let (fits, more) = (MODULES_MAX.to_string(), (MODULES_MAX + 1).to_string());
            let got = shown(&feed(&mut *operator, &[&fits, &more, "large", "fits"]).await);
            assert_eq!(got[0], fits);
            assert_eq!(got[1], format!("! there are more than {MODULES_MAX} modules"));
            assert_eq!(got[2], got[1], "it is not even looked at");
            let mut another = build(&config).expect("it is built");
            let got = shown(&feed(&mut *another, &["large", "fits"]).await);
            assert_eq!(got[0], format!("! a module has {MODULE_BYTES_MAX} bytes at the most"));
            // One that is not too large is read, and is no program.
            assert!(!got[1].contains("at the most"), "{}", got[1]);
        }
    });
}

#[test]
fn values_are_nested_so_deep_and_no_deeper() {
    both_modes(|| async {
        let code = "let value = 1;
            for (let n = Number(benthos.v0_msg_as_string()); n > 0; n--) value = [value];
            benthos.v0_msg_set_structured(value)";
        let (fits, more) = (DEPTH_MAX.to_string(), (DEPTH_MAX + 1).to_string());
        let got = run(code, &[&fits, &more]).await;
        assert_eq!(got[0], "[".repeat(DEPTH_MAX) + "1" + &"]".repeat(DEPTH_MAX));
        assert_eq!(got[1], "! the value is nested too deeply");
        let read = "benthos.v0_msg_as_structured()";
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        assert_eq!(run(read, &[&got[0], &deep]).await[1], got[1]);
    });
}

#[test]
fn requests_are_made_within_the_time() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address");
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut held = Vec::new();
        for stream in server.incoming().take(2 * rt::testing::modes().len()) {
            let mut stream = stream.expect("a client");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            if request.starts_with("GET /slow") {
                held.push(stream);
                continue;
            }
            let body =
                if request.contains("X-A: b") && request.ends_with("hi") { "yes" } else { "no" };
            let head = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n", body.len());
            stream
                .write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
                .expect("sent");
        }
    });
    both_modes(move || async move {
        let code = format!(
            "let a = benthos.v0_fetch('http://{address}/' + benthos.v0_msg_as_string(), \
            {{'X-A': 'b'}}, 'POST', 'hi'); benthos.v0_msg_set_string(a.status + ' ' + a.body)"
        );
        assert_eq!(run(&code, &["x"]).await, ["201 yes"]);
        let code = format!("benthos.v0_fetch('http://{address}/slow')");
        let mut operator = build(&json!({"code": code, "timeout": "100ms"})).expect("it is built");
        let got = shown(&feed(&mut *operator, &["x"]).await);
        assert!(got[0].starts_with("! "), "{got:?}");
    });
}

#[test]
fn what_cannot_be_run_is_refused() {
    for (config, said) in [
        (json!({}), "either a `code` or `file` must be specified"),
        (json!({"code": "1", "file": "x"}), "cannot specify both the code and file fields"),
        (json!({"file": "/nope.js"}), "opening target file: "),
        (json!({"code": "let = ="}), "compiling javascript code: SyntaxError: "),
        (json!({"code": "1", "timeout": "0s"}), "timeout must be more than 0s"),
    ] {
        let error = build(&config).err().expect("it is refused");
        assert!(error.starts_with(said), "{config}: {error}");
    }
}

#[test]
fn the_console_is_the_log() {
    both_modes(|| async {
        let mut message = super::message::Message::default();
        for _ in 0..super::message::LINES_MAX + 5 {
            message.say(plan::Log::Info, "é".repeat(super::message::LINE_BYTES_MAX));
        }
        assert_eq!((message.lines.len(), message.unsaid), (super::message::LINES_MAX, 5));
        assert_eq!(message.lines[0].1.len(), super::message::LINE_BYTES_MAX);
        let code = "console.log('%s is %d%%', 'a', 5, 'rest'); console.warn(); console.error({})";
        assert_eq!(run(code, &["x"]).await, ["x"]);
    });
}
