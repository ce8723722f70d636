use std::time::Duration;

use plan::Records;
use plan::serde_json::json;

use super::super::testing::{Server, answer};
use super::*;
use crate::testing::{TestEnv, batch, both_modes};

/// Builds a processor; the texts of its address and of a header `X-Y` may be code.
fn build(config: &Json) -> Result<Box<dyn Operator>, BuildError> {
    (SPEC.build)(&coded(config), &TestEnv::new())
}

pub(super) fn coded(config: &Json) -> Json {
    let mut config = TestEnv::code(config.clone(), "url");
    if let Some(headers) = config.get("headers").cloned() {
        let names = headers.as_object().unwrap().keys();
        let coded = names.fold(headers.clone(), |all, name| TestEnv::code(all, name));
        config["headers"] = coded;
    }
    config
}

async fn run(config: &Json, batch: Batch) -> Vec<Record> {
    let mut out = Vec::new();
    let mut operator = build(config).unwrap();
    operator.on_batch(batch, &mut out).finish().await.unwrap();
    assert_eq!(out.len(), 1);
    out[0].as_records().unwrap().recs.clone()
}

fn text(record: &Record) -> String {
    let mut scratch = Vec::new();
    let bytes = plan::batch::body_bytes(&[], &record.body, &mut scratch);
    String::from_utf8_lossy(bytes).into_owned()
}

fn meta(record: &Record, key: &str) -> String {
    let value = record.meta.as_ref().and_then(|meta| meta.get(key));
    value.map(crate::lookup::text_of).unwrap_or_default()
}

fn fault(record: &Record) -> String {
    record.fault.as_ref().map(|fault| fault.text.clone()).unwrap_or_default()
}

/// A server with answers of all kinds.
fn server() -> Server {
    Server::start(|asked| match asked.path() {
        "/slow" => {
            answer("429 Too Many Requests", "Retry-After: 7\r\nX-A: 1\r\nX-A: 2\r\n", "a\nb")
        }
        "/gone" => answer("302 Found", "Location: /ok\r\n", "moved"),
        "/loop" => answer("302 Found", "Location: /loop\r\n", ""),
        "/two" => {
            let body = "--X\r\n\r\none\r\n--X\r\n\r\ntwo\r\n--X--\r\n";
            answer("200 OK", "Content-Type: multipart/mixed; boundary=X\r\n", body)
        }
        "/none" => answer("200 OK", "Content-Type: multipart/mixed; boundary=X\r\n", "--X--\r\n"),
        "/cut" => answer("200 OK", "Content-Type: multipart/mixed; boundary=X\r\n", "--X"),
        "/wait" => {
            std::thread::sleep(Duration::from_millis(20));
            answer("200 OK", "", &asked.body)
        }
        _ => answer("200 OK", "", &format!("got {}", asked.body)),
    })
}

#[test]
fn an_answer_takes_the_place_of_its_message() {
    let server = Arc::new(server());
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let config = json!({
                "url": format!("{}/ok?a=[content]", server.url),
                "headers": {"X-Y": "h-[content]", "Host": "my.host"},
                "metadata": {"include_prefixes": ["k_"]},
                "basic_auth": {"enabled": true, "username": "u", "password": "p"},
            });
            let mut batch = batch(&["m"]);
            let meta_of = batch.as_records_mut().unwrap().recs[0].meta_mut();
            meta_of.set("k_a", formats::value::Value::Int(5));
            meta_of.set("other", formats::value::Value::Int(6));
            let got = run(&config, batch).await;
            assert_eq!([text(&got[0]), meta(&got[0], "http_status_code")], ["got m", "200"]);
            assert_eq!((meta(&got[0], "k_a"), fault(&got[0])), ("5".to_owned(), String::new()));
            let asked = server.asked().remove(0);
            assert_eq!(asked.line, "POST /ok?a=m HTTP/1.1");
            let header = |name: &str| asked.header(name).unwrap_or_default().to_owned();
            assert_eq!([header("X-Y"), header("k_a"), header("Host")], ["h-m", "5", "my.host"]);
            assert_eq!(header("Content-Type"), "application/octet-stream");
            assert_eq!(header("Authorization"), "Basic dTpw");
            assert_eq!(asked.header("other"), None);
        }
    });
}

#[test]
fn a_message_whose_request_fails_stays_as_it_is() {
    let server = Arc::new(server());
    both_modes(move || {
        let url = server.url.clone();
        async move {
            let extract = json!({"include_patterns": ["^retry", "^x-"]});
            let config = json!({
                "url": format!("{url}/slow"), "retries": 0, "extract_headers": extract,
            });
            let got = run(&config, batch(&["m"])).await;
            let want = format!(
                "{url}/slow: HTTP request returned unexpected response code (429): \
                 429 Too Many Requests, Error: ab"
            );
            assert_eq!([text(&got[0]), fault(&got[0])], ["m".to_owned(), want]);
            assert_eq!(meta(&got[0], "http_status_code"), "429");
            let headers = [meta(&got[0], "retry-after"), meta(&got[0], "x-a")];
            assert_eq!(headers, ["7", "[\"1\",\"2\"]"]);
            for (at, retries, want) in [
                (
                    "http://127.0.0.1:1/x",
                    0,
                    "Post \"http://127.0.0.1:1/x\": dial tcp 127.0.0.1:1: \
                  connect: connection refused",
                ),
                ("foo://x/", 0, "Post \"foo://x/\": unsupported protocol scheme \"foo\""),
                ("nothing", 3, "Post \"nothing\": unsupported protocol scheme \"\""),
            ] {
                let got = run(&json!({"url": at, "retries": retries}), batch(&["m"])).await;
                assert_eq!(fault(&got[0]), format!("{at}: {want}"));
                assert_eq!(meta(&got[0], "http_status_code"), "");
            }
            let by = json!({"url": "http://a.b/", "proxy_url": "http://127.0.0.1:1", "retries": 0});
            let got = run(&by, batch(&["m"])).await;
            let want = "http://a.b/: Post \"http://a.b/\": proxyconnect tcp: dial tcp \
                        127.0.0.1:1: connect: connection refused";
            assert_eq!(fault(&got[0]), want);
            let got = run(&json!({"url": "[fail]"}), batch(&["m"])).await;
            assert_eq!(fault(&got[0]), "url interpolation error: toy failed");
            let bad = json!({"url": format!("{url}/ok"), "headers": {"X-Y": "[fail]"}});
            let got = run(&bad, batch(&["m"])).await;
            assert_eq!(fault(&got[0]), "header 'X-Y' interpolation error: toy failed");
            let bad = json!({"url": format!("{url}/ok"), "verb": "a b"});
            let got = run(&bad, batch(&["m"])).await;
            assert_eq!(fault(&got[0]), "net/http: invalid method \"a b\"");
        }
    });
}

#[test]
fn a_password_in_an_address_is_used_and_not_shown() {
    let server = Arc::new(server());
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let url = server.url.replace("//", "//u:p%20w@");
            let got =
                run(&json!({"url": format!("{url}/slow"), "retries": 0}), batch(&["m"])).await;
            assert!(fault(&got[0]).starts_with("http://u:xxxxx@"), "{}", fault(&got[0]));
            assert_eq!(server.asked()[0].header("authorization"), Some("Basic dTpwIHc="));
        }
    });
}

#[test]
fn redirects_are_followed_where_that_is_wanted() {
    let server = Arc::new(server());
    both_modes(move || {
        let url = server.url.clone();
        async move {
            let got = run(&json!({"url": format!("{url}/gone")}), batch(&["m"])).await;
            assert_eq!(text(&got[0]), "got ");
            let stays = json!({"url": format!("{url}/gone"), "follow_redirects": false});
            let got = run(&stays, batch(&["m"])).await;
            assert_eq!([text(&got[0]), meta(&got[0], "http_status_code")], ["moved", "302"]);
            let circle = json!({"url": format!("{url}/loop"), "retries": 0});
            let got = run(&circle, batch(&["m"])).await;
            assert!(fault(&got[0]).ends_with(": stopped after 10 redirects"), "{}", fault(&got[0]));
        }
    });
}

#[test]
fn an_answer_of_several_parts_is_several_messages() {
    let server = Arc::new(server());
    both_modes(move || {
        let url = server.url.clone();
        async move {
            let at = |path: &str| json!({"url": format!("{url}{path}"), "retries": 0});
            let texts = |got: &[Record]| got.iter().map(text).collect::<Vec<_>>();
            assert_eq!(texts(&run(&at("/two"), batch(&["a"])).await), ["one", "two"]);
            let both = run(&at("/two"), batch(&["a", "b"])).await;
            assert_eq!(texts(&both), ["one", "two", "one", "two"]);
            let mut side_by_side = at("/two");
            side_by_side["parallel"] = true.into();
            let got = run(&side_by_side, batch(&["a", "b"])).await;
            assert_eq!(texts(&got), ["a", "b"]);
            assert_eq!(fault(&got[1]), "unexpected response size: 2");
            let got = run(&at("/none"), batch(&["a"])).await;
            assert_eq!(fault(&got[0]), format!("HTTP response from '{url}/none' was empty"));
            let got = run(&at("/cut"), batch(&["a"])).await;
            assert_eq!(fault(&got[0]), "multipart: the multipart body is not well formed");
        }
    });
}

#[test]
fn a_batch_is_sent_as_one_request_or_side_by_side() {
    let server = Arc::new(server());
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let url = format!("{}/ok", server.url);
            let whole = json!({"url": url, "batch_as_multipart": true});
            assert_eq!(run(&whole, batch(&["a", "b"])).await.len(), 1);
            let asked = server.asked().remove(0);
            let kind = asked.header("content-type").unwrap().to_owned();
            let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
            let part = |text| {
                format!("--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n{text}\r\n")
            };
            assert_eq!(asked.body, format!("{}{}--{boundary}--\r\n", part("a"), part("b")));

            let url = format!("{}/wait", server.url);
            let texts: Vec<String> = (0..PARALLEL_MAX + 9).map(|n| n.to_string()).collect();
            let bodies = texts.iter().map(|text| text.clone().into_bytes());
            let many = Batch::records(Records::from_bodies(bodies));
            let got = run(&json!({"url": url, "parallel": true}), many).await;
            assert_eq!(got.iter().map(text).collect::<Vec<_>>(), texts);
            let most = server.asked().iter().map(|asked| asked.beside).max().unwrap();
            assert!((2..=PARALLEL_MAX).contains(&most), "{most} at once");
        }
    });
}

#[test]
fn what_is_wrong_with_the_options_is_said() {
    let error = |config: Json| build(&config).err().unwrap().text;
    let limit = json!({"url": "x", "rate_limit": {"name": "local", "label": "foo"}});
    assert_eq!(error(limit), "rate limit resource 'foo' was not found");
    let pattern = json!({"url": "x", "metadata": {"include_patterns": ["("]}});
    assert!(error(pattern).contains("include_patterns"));
    assert!(error(json!({"url": "x", "proxy_url": ":"})).contains("proxy_url"));
    let oauth2 = json!({"enabled": true, "token_url": "nothing"});
    assert!(error(json!({"url": "x", "oauth2": oauth2})).contains("token_url"));
}
