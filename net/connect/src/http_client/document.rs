//! Documents of other servers that pipelines are made of, such as schemas.

use std::time::Duration;

use bytes::Bytes;
use plan::Services;
use reqwest::{Method, Request, Url};

use super::client::library;
use super::config::Common;
use super::transport::{Outgoing, spawn};

/// Bytes of a document.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// How long a server may take.
const DOCUMENT_MAX: Duration = Duration::from_secs(10);

/// Fetches a document; the answer comes at the receiver, within a time.
pub fn fetch(address: &str, services: &dyn Services) -> flume::Receiver<Result<Bytes, String>> {
    fetch_within(DOCUMENT_MAX, address, services)
}

fn fetch_within(
    timeout: Duration,
    address: &str,
    services: &dyn Services,
) -> flume::Receiver<Result<Bytes, String>> {
    let (answer, answered) = flume::bounded(1);
    let address = address.to_owned();
    let outgoing = match outgoing(timeout, &address, services) {
        Ok(outgoing) => outgoing,
        Err(text) => {
            let _ = answer.send(Err(text)); // there is room for one
            return answered;
        }
    };
    // When there is no thread, the sender is dropped, and that tells.
    let _ = spawn(async move {
        let document = match outgoing.whole().await {
            Err(failure) => Err(format!("Get \"{address}\": {}", failure.text)),
            Ok(got) if got.status != 200 => {
                let name = reqwest::StatusCode::from_u16(got.status).ok();
                let name = name.and_then(|status| status.canonical_reason()).unwrap_or_default();
                let status = format!("{} {name}", got.status);
                Err(format!("Could not read schema from HTTP, response status is {status}"))
            }
            Ok(got) if got.body.len() > DOCUMENT_BYTES_MAX => {
                let most = format!("the document has more than {DOCUMENT_BYTES_MAX} bytes");
                Err(format!("Get \"{address}\": {most}"))
            }
            Ok(got) => Ok(got.body),
        };
        let _ = answer.send(document); // nobody waits any more
    });
    answered
}

fn outgoing(timeout: Duration, address: &str, services: &dyn Services) -> Result<Outgoing, String> {
    let failed = |why: String| format!("Get \"{address}\": {why}");
    let client = library(&Common::default(), services).map_err(|error| failed(error.text))?;
    let url = Url::parse(address).map_err(|error| failed(error.to_string()))?;
    let request = Request::new(Method::GET, url);
    Ok(Outgoing { client, request, timeout })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Server, answer};
    use super::*;
    use crate::testing::TestServices;

    fn fetched(address: &str, timeout: Duration) -> Result<Bytes, String> {
        fetch_within(timeout, address, &TestServices::default()).recv().expect("an answer")
    }

    #[test]
    fn documents_come_whole_or_with_a_reason() {
        let most = "x".repeat(DOCUMENT_BYTES_MAX);
        let more = "x".repeat(DOCUMENT_BYTES_MAX + 1);
        let server = Server::start(move |asked| match asked.path() {
            "/most" => answer("200 OK", "", &most),
            "/more" => answer("200 OK", "", &more),
            _ => answer("410 Gone", "", "no"),
        });
        let ask = |path: &str| fetched(&format!("{}{path}", server.url), DOCUMENT_MAX);
        assert_eq!(ask("/most").map(|document| document.len()), Ok(DOCUMENT_BYTES_MAX));
        let more = ask("/more").unwrap_err();
        assert!(more.ends_with("/more\": the document has more than 16777216 bytes"), "{more}");
        let gone = "Could not read schema from HTTP, response status is 410 Gone";
        assert_eq!(ask("/gone"), Err(gone.to_owned()));
        let wrong = fetched("nonsense", DOCUMENT_MAX).unwrap_err();
        assert!(wrong.starts_with("Get \"nonsense\": "), "{wrong}");
    }

    #[test]
    fn a_server_that_never_answers_is_not_waited_for() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let late = fetched(&address, Duration::from_millis(20)).unwrap_err();
        assert!(late.starts_with(&format!("Get \"{address}\": ")), "{late}");
    }
}
