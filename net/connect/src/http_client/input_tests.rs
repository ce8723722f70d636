use std::sync::atomic::{AtomicUsize, Ordering};

use plan::serde_json::json;

use super::super::testing::{Asked, Server, answer};
use super::*;
use crate::testing::{Fake, TestEnv, both_modes};

fn source(config: &Json) -> Result<Box<dyn Source>, BuildError> {
    let config = ["url", "payload"].iter().fold(config.clone(), |all, at| TestEnv::code(all, at));
    (SPEC.build)(&config, &TestEnv::new())
}

/// Runs a source until so many messages came, or it ended.
async fn run(config: &Json, count: usize) -> (Rc<Fake>, Result<(), SourceError>) {
    let mut source = source(config).unwrap();
    let stop: Rc<RefCell<Option<Rc<Fake>>>> = Rc::default();
    let (seen, stopping) = (RefCell::new(0), Rc::clone(&stop));
    let fake = Fake::judging(move |batch| {
        *seen.borrow_mut() += batch.texts.len();
        if *seen.borrow() >= count
            && let Some(fake) = &*stopping.borrow()
        {
            fake.stop();
        }
        plan::Outcome::default()
    });
    *stop.borrow_mut() = Some(Rc::clone(&fake));
    let ended = source.run(fake.clone()).await;
    stop.borrow_mut().take();
    (fake, ended)
}

/// A server whose answers have a number.
fn counting(respond: impl Fn(&Asked, usize) -> String + Send + Sync + 'static) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |asked| respond(asked, count.fetch_add(1, Ordering::SeqCst)))
}

#[test]
fn a_request_may_refer_to_the_message_before() {
    both_modes(|| async {
        let server = counting(|_, nth| answer("200 OK", "X-Page: p\r\n", &format!("m{nth}")));
        let config = json!({
            "url": format!("{}/?after=[content]&page=[@x-page]", server.url),
            "payload": "<[content]>", "verb": "POST",
            "extract_headers": {"include_prefixes": ["x-"]},
        });
        let (fake, ended) = run(&config, 3).await;
        assert_eq!(ended, Err(SourceError::Stopped));
        assert_eq!(fake.texts(), ["m0", "m1", "m2"]);
        assert_eq!(fake.meta("http_status_code"), ["200"; 3]);
        let asked = server.asked();
        let paths: Vec<&str> = asked.iter().map(Asked::path).collect();
        let want = ["/?after=&page=none", "/?after=m0&page=p", "/?after=m1&page=p"];
        assert_eq!(paths[..3], want);
        assert_eq!([&asked[0].body, &asked[1].body], ["<>", "<m0>"]);
        assert_eq!(asked[0].header("content-type"), Some("application/octet-stream"));
    });
}

#[test]
fn what_is_not_a_message_is_passed_over() {
    both_modes(|| async {
        let respond = |_: &Asked, nth| match nth {
            0 => answer("204 No Content", "", ""),
            1 => answer("500 Internal Server Error", "", "oh"),
            2 => {
                std::thread::sleep(std::time::Duration::from_millis(300));
                answer("200 OK", "", "late")
            }
            _ => answer("200 OK", "", "at last"),
        };
        let server = counting(respond);
        let url = format!("{}/", server.url);
        let config = json!({"url": url, "retries": 0, "timeout": "100ms"});
        let (fake, _) = run(&config, 1).await;
        assert_eq!(fake.texts(), ["at last"]);
        let said = format!(
            "{url}: HTTP request returned unexpected response code (500): \
             500 Internal Server Error, Error: oh"
        );
        assert_eq!(fake.errors(), [said]);

        let server = counting(|_, _| answer("200 OK", "", ""));
        let config = json!({"url": server.url, "drop_empty_bodies": false});
        assert_eq!(run(&config, 2).await.0.texts(), ["", ""]);
    });
}

#[test]
fn an_answer_of_several_parts_is_one_batch() {
    both_modes(|| async {
        let body = "--X\r\n\r\none\r\n--X\r\n\r\ntwo\r\n--X--\r\n";
        let kind = "Content-Type: multipart/mixed; boundary=X\r\n";
        let server = counting(move |_, _| answer("200 OK", kind, body));
        let (fake, _) = run(&json!({"url": server.url}), 2).await;
        assert_eq!((fake.texts(), fake.sizes()), (vec!["one".into(), "two".into()], vec![2]));
    });
}

#[test]
fn an_answer_is_read_as_it_comes_and_asked_for_again() {
    both_modes(|| async {
        let server = counting(|_, nth| answer("200 OK", "", &format!("a{nth}\n\nb{nth}\r\n")));
        let url = format!("{}/?after=[content]", server.url);
        let stream = |reconnect: bool| json!({"enabled": true, "reconnect": reconnect});
        let (fake, ended) = run(&json!({"url": url, "stream": stream(true)}), 4).await;
        assert_eq!(ended, Err(SourceError::Stopped));
        assert_eq!(fake.texts(), ["a0", "b0", "a1", "b1"]);
        let asked = server.asked();
        assert_eq!(asked[1].path(), "/?after=b0");
        let config = json!({"url": url, "stream": stream(false), "drop_empty_bodies": false});
        let (fake, ended) = run(&config, 9).await;
        assert_eq!((ended, fake.texts().len()), (Ok(()), 3));
    });
}

#[test]
fn a_message_of_a_codec_has_a_length() {
    both_modes(|| async {
        for (codec, long) in [("lines", "1234567890\n"), ("delim:x", "1234567890x")] {
            let server =
                counting(move |_, _| answer("200 OK", "", &format!("a{}{long}b", &long[10..])));
            let stream = |max: Json| json!({"enabled": true, "reconnect": false, "codec": codec, "max_buffer": max});
            let read = async |max: Json, count: usize| {
                let config = json!({"url": server.url, "stream": stream(max)});
                let (fake, _) = run(&config, count).await;
                (fake.texts(), fake.errors())
            };
            let whole: Vec<String> = ["a", "1234567890", "b"].map(str::to_owned).into();
            assert_eq!(read(json!(11), 9).await, (whole.clone(), vec![]), "{codec}");
            // What is too long ends an answer, and the next one is asked for.
            let (texts, errors) = read(json!(5), 2).await;
            assert_eq!(texts, ["a", "a"], "{codec}");
            assert_eq!(errors[0], "bufio.Scanner: token too long", "{codec}");
            assert_eq!(read(json!(0), 9).await.0, whole, "0 stands for the usual number");
        }
        // That is more than a scanner takes, for which the number does not count.
        let line = "x".repeat(100_000);
        let body = format!("a\n{line}");
        let server = counting(move |_, _| answer("200 OK", "", &body));
        let read = async |stream: Json| {
            run(&json!({"url": server.url, "stream": stream}), 2).await.0.texts()
        };
        let codec = json!({"enabled": true, "codec": "lines"});
        assert_eq!(read(codec).await, ["a".to_owned(), line]);
        let scanner = json!({"enabled": true, "max_buffer": 1_000_000});
        assert_eq!(read(scanner).await, ["a", "a"]);
    });
}

#[test]
fn an_answer_that_is_refused_is_tried_again_later() {
    both_modes(|| async {
        let server = counting(|_, _| answer("403 Forbidden", "", "no"));
        let config = json!({"url": server.url, "retries": 0, "stream": {"enabled": true}});
        let (_, ended) = run(&config, 1).await;
        let Err(SourceError::Retry(text)) = ended else { panic!("{ended:?}") };
        assert!(text.ends_with("(403): 403 Forbidden, Error: no"), "{text}");
        let stream = json!({"enabled": true, "reconnect": false, "gives_up": true});
        let (_, ended) = run(&json!({"url": server.url, "retries": 0, "stream": stream}), 1).await;
        assert!(matches!(ended, Err(SourceError::Fatal(_))), "{ended:?}");
    });
}

#[test]
fn an_answer_that_never_ends_holds_up_no_stop() {
    both_modes(|| async {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let server = counting(move |_, _| format!("{head}2\r\na\n\r\n"));
        let config = json!({"url": server.url, "stream": {"enabled": true}, "timeout": "1ms"});
        let (fake, ended) = run(&config, 1).await;
        assert_eq!((fake.texts(), ended), (vec!["a".to_owned()], Err(SourceError::Stopped)));
    });
}

#[test]
fn what_is_wrong_with_the_options_is_said() {
    let stream = json!({"enabled": true, "codec": "odd"});
    let error = source(&json!({"url": "http://x", "stream": stream})).err().unwrap();
    assert_eq!(error.text, "codec was not recognised: odd");
}
