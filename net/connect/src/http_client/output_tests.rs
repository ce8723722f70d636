use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plan::Records;
use plan::serde_json::json;

use super::super::testing::{Server, answer};
use super::*;
use crate::testing::{TestEnv, batch, both_modes};

fn sink(config: &Json) -> Result<Box<dyn Sink>, BuildError> {
    let mut config = TestEnv::code(config.clone(), "url");
    for part in config.get_mut("multipart").and_then(Json::as_array_mut).into_iter().flatten() {
        for field in ["content_type", "content_disposition", "body"] {
            *part = TestEnv::code(part.take(), field);
        }
    }
    (SPEC.build)(&config, &TestEnv::new())
}

fn loose(texts: &[&str]) -> Batch {
    let bodies = texts.iter().map(|text| text.as_bytes().to_vec());
    Batch::records(Records { loose: true, ..Records::from_bodies(bodies) })
}

fn failed(result: Result<(), SinkError>) -> Vec<usize> {
    match result {
        Ok(()) => Vec::new(),
        Err(SinkError::Some(failed)) => failed.into_iter().map(|(at, _)| at).collect(),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_repeated_and_the_pause_grows_where_it_should() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let server = Server::start(move |asked| {
        let nth = counted.fetch_add(1, Ordering::SeqCst);
        let status = match (asked.path(), nth % 3) {
            ("/never", _) | (_, 0) => "500 Internal Server Error",
            ("/drop", _) => "404 Not Found",
            (_, 1) => "429 Too Many Requests",
            _ => "201 Created",
        };
        answer(status, "", "")
    });
    let url = server.url.clone();
    both_modes(move || {
        let (url, count) = (url.clone(), Arc::clone(&count));
        async move {
            let with = |path: &str, retries: i64| {
                let config = json!({
                    "url": format!("{url}{path}"), "retries": retries, "retry_period": "1ms",
                    "drop_on": [404],
                });
                sink(&config).unwrap()
            };
            for (path, retries, times) in
                [("/", 2, 3), ("/never", 2, 3), ("/drop", 5, 2), ("/never", 0, 1)]
            {
                count.store(0, Ordering::SeqCst);
                let sent = with(path, retries).write(&batch(&["m"])).await;
                assert_eq!(sent.is_ok(), path == "/", "{path}");
                assert_eq!(count.load(Ordering::SeqCst), times, "{path} {retries}");
            }
        }
    });
}

#[test]
fn messages_of_a_batch_go_one_by_one_and_none_after_one_that_failed() {
    let server = Arc::new(Server::start(|asked| match asked.body.as_str() {
        "bad" => answer("400 Bad Request", "", "no"),
        _ => answer("200 OK", "", ""),
    }));
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let sink = sink(&json!({"url": server.url, "retries": 0})).unwrap();
            assert_eq!(failed(sink.write(&batch(&["a", "bad", "c"])).await), [1, 2]);
            let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
            assert_eq!(bodies, ["a", "bad"]);
            // Messages on their own have nothing to do with each other.
            assert_eq!(failed(sink.write(&loose(&["a", "bad", "c"])).await), [1]);
            assert_eq!(server.asked().len(), 3);
        }
    });
}

#[test]
fn no_more_requests_are_under_way_than_allowed() {
    let server = Arc::new(Server::start(|_| {
        std::thread::sleep(Duration::from_millis(10));
        answer("200 OK", "", "")
    }));
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let texts: Vec<String> = (0..20).map(|n| n.to_string()).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for (most, wide) in [(1, 1), (4, 4)] {
                let sink = sink(&json!({"url": server.url, "max_in_flight": most})).unwrap();
                assert_eq!(sink.max_in_flight(), most);
                let batches = (loose(&texts), loose(&texts));
                let both = futures_util::join!(sink.write(&batches.0), sink.write(&batches.1));
                both.0.and(both.1).unwrap();
                let asked = server.asked();
                assert_eq!(asked.len(), 40);
                let beside = asked.iter().map(|asked| asked.beside).max().unwrap();
                assert!(beside <= wide, "{beside} at once");
            }
            let wide = sink(&json!({"url": server.url, "max_in_flight": 1_000_000})).unwrap();
            assert_eq!(wide.max_in_flight(), IN_FLIGHT_MAX);
        }
    });
}

#[test]
fn batches_are_gathered_and_sent_as_one_request() {
    let server = Arc::new(Server::start(|_| answer("200 OK", "", "")));
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let config = json!({
                "url": server.url, "batch_as_multipart": true, "batching": {"count": 3},
            });
            let sink = sink(&config).unwrap();
            let (two, one) = (batch(&["a", "b"]), batch(&["c"]));
            let both = futures_util::join!(sink.write(&two), sink.write(&one));
            both.0.and(both.1).unwrap();
            let asked = server.asked();
            assert_eq!(asked.len(), 1);
            assert_eq!(asked[0].body.matches("Content-Type").count(), 3);
        }
    });
}

#[test]
fn a_body_is_made_of_texts_where_they_are_given() {
    let server = Arc::new(Server::start(|_| answer("200 OK", "", "")));
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let part = json!({
                "content_type": "text/x", "content_disposition": "form-data; name=\"a\"",
                "body": "[content]!",
            });
            let sink = sink(&json!({"url": server.url, "multipart": [part]})).unwrap();
            sink.write(&batch(&["m"])).await.unwrap();
            let asked = server.asked().remove(0);
            let body = asked.body.split_once("\r\n").unwrap().1;
            let head = "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/x\r\n\r\n";
            assert!(body.starts_with(&format!("{head}m!\r\n--")), "{body}");
        }
    });
}

#[test]
fn a_token_is_fetched_once_and_the_credentials_where_the_server_looks_for_them() {
    let server = Arc::new(Server::start(|asked| match asked.path() {
        "/token" if asked.header("authorization").is_some() => answer("401 Unauthorized", "", ""),
        "/token" => answer(
            "200 OK",
            "",
            r#"{"access_token":"tok","token_type":"bearer","expires_in":3600}"#,
        ),
        "/denied" => answer("400 Bad Request", "", r#"{"error":"invalid_client"}"#),
        _ => answer("200 OK", "", ""),
    }));
    both_modes(move || {
        let server = Arc::clone(&server);
        async move {
            let with = |path: &str| {
                json!({"url": format!("{}/ok", server.url), "retries": 0, "oauth2": {
                    "enabled": true, "client_key": "k", "client_secret": "s s",
                    "token_url": format!("{}{path}", server.url), "scopes": ["a", "b"],
                    "endpoint_params": {"more": ["1", "2"]},
                }})
            };
            let good = sink(&with("/token")).unwrap();
            good.write(&loose(&["a", "b", "c"])).await.unwrap();
            let asked = server.asked();
            let at = |path: &str| {
                let found = asked.iter().filter(|asked| asked.path() == path);
                found.cloned().collect::<Vec<_>>()
            };
            let (tokens, rest) = (at("/token"), at("/ok"));
            assert_eq!(tokens.len(), 2);
            assert_eq!(
                tokens[1].body,
                "grant_type=client_credentials&scope=a+b&more=1&more=2&client_id=k&client_secret=s+s"
            );
            assert_eq!(rest.len(), 3);
            assert!(rest.iter().all(|one| one.header("authorization") == Some("Bearer tok")));
            let bad = sink(&with("/denied")).unwrap().write(&batch(&["m"])).await;
            let Err(SinkError::Some(failed)) = bad else { panic!("{bad:?}") };
            assert_eq!(failed[0].1.text, "oauth2: \"invalid_client\"");
        }
    });
}

#[test]
fn what_is_wrong_with_the_options_is_said() {
    let error = |config: Json| sink(&config).err().unwrap().text;
    let none = json!({"url": "http://x", "max_in_flight": 0});
    assert_eq!(error(none), "max_in_flight must be greater than or equal to 1");
    let batching = json!({"period": "soon"});
    assert!(error(json!({"url": "http://x", "batching": batching})).contains("duration"));
}
