//! `/streams` and `/streams/{id}` (spec/benthos-streams-api.md §3).

use std::time::Duration;

use config::secrets::hidden;
use config::stream::{Options as BodyOptions, parse_body, patch};
use engine::{Patience, PipelineState, PutMode, State};
use formats::json;
use plan::fields;

use super::table::{Failure, is_active};
use super::{Benthos, OWNER, answers};
use crate::exchange::{Reply, Request};

/// Reads a variable of the process's environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// How the body of a request is read. Only the exact word lets complaints pass.
pub(super) fn body_options(request: &Request) -> BodyOptions<'static> {
    let chilled = request.param("chilled").as_deref() == Some("true");
    BodyOptions { chilled, env: Some(&variable) }
}

/// How long the old stream may take to stop; a duration that cannot be read is as good as none.
fn timeout(request: &Request) -> Option<Duration> {
    let given = fields::Duration::parse(&request.param("timeout")?).ok()?;
    Some(Duration::from_nanos(given.wait_ns()))
}

/// The same as the engine takes it: without a duration for as long as the client waits.
pub(super) fn patience(request: &Request) -> Patience {
    match (timeout(request), &request.client) {
        (None, Some(client)) => Patience::Held(client.clone()),
        (timeout, _) => timeout.into(),
    }
}

fn answer(result: Result<(), Failure>) -> Reply {
    match result {
        Ok(()) => answers::done(),
        Err(failure) => failure.reply(),
    }
}

/// Appends what is said of a stream without its document, but for the closing brace. It is written
/// by hand: a list has one for each stream.
fn write_summary(out: &mut Vec<u8>, state: &State, uptime_ns: u64) {
    let uptime = fields::Duration::from_ns(i64::try_from(uptime_ns).unwrap_or(i64::MAX));
    let active: &[u8] = if is_active(state) { b"true" } else { b"false" };
    out.extend_from_slice(b"{\"active\":");
    out.extend_from_slice(active);
    out.extend_from_slice(b",\"uptime\":");
    uptime.write_seconds(out);
    out.extend_from_slice(b",\"uptime_str\":\"");
    uptime.write(out);
    out.push(b'"');
}

/// JSON of streams by their ids.
fn list(states: &mut dyn Iterator<Item = PipelineState<'_>>) -> Vec<u8> {
    let mut body = vec![b'{'];
    for stream in states {
        if body.len() > 1 {
            body.push(b',');
        }
        json::write_string(&mut body, stream.id.as_bytes(), false);
        body.push(b':');
        write_summary(&mut body, stream.state, stream.uptime_ns);
        body.push(b'}');
    }
    body.push(b'}');
    body
}

impl Benthos {
    /// All streams by their ids.
    pub(super) fn list(&self) -> Reply {
        Reply::json_text(200, self.streams.engine.states(OWNER, list))
    }

    /// One stream with its document.
    pub(super) async fn show(&self, id: &str) -> Reply {
        match self.streams.get(id).await {
            Ok(view) => {
                let config = hidden(self.streams.catalog(), &view.spec.document);
                let mut body = Vec::new();
                write_summary(&mut body, &view.state, view.uptime_ns);
                body.extend_from_slice(b",\"config\":");
                body.extend_from_slice(config.to_string().as_bytes());
                body.push(b'}');
                Reply::json_text(200, body)
            }
            Err(failure) => failure.reply(),
        }
    }

    /// Makes a stream. What is wrong with the body is said before that the id is taken, and both
    /// before a component is constructed.
    pub(super) async fn create(&self, id: &str, request: &Request) -> Reply {
        self.put(id, request, PutMode::Create).await
    }

    /// Replaces a stream. What is wrong with the body is said before that there is no such stream.
    pub(super) async fn replace(&self, id: &str, request: &Request) -> Reply {
        self.put(id, request, PutMode::Replace).await
    }

    async fn put(&self, id: &str, request: &Request, mode: PutMode) -> Reply {
        let catalog = self.streams.catalog();
        let stream = match parse_body(catalog, &request.body, &body_options(request)) {
            Ok(stream) => stream,
            Err(error) => return answers::refused(error),
        };
        let before = match mode {
            PutMode::Create => None,
            _ => match self.streams.get(id).await {
                Ok(view) => Some(view),
                Err(failure) => return failure.reply(),
            },
        };
        let document = before.as_ref().map(|view| &view.spec.document);
        let stream = match stream.with_secrets_of(catalog, document) {
            Ok(stream) => stream,
            Err(error) => return answers::refused(error),
        };
        let put = self.streams.put(id, &stream, mode, patience(request)).await;
        // Only the engine looks for the stream first; others refuse what it never gets to see.
        answer(match put {
            Err(failure @ Failure::Init(_)) => match (self.streams.get(id).await, mode) {
                (Ok(_), PutMode::Create) => Err(Failure::Exists),
                _ => Err(failure),
            },
            put => put,
        })
    }

    /// Merges the body into a stream's document and replaces the stream by the result. When the
    /// stream was changed meanwhile it begins anew, which it does at most once for each change of
    /// others.
    pub(super) async fn patch(&self, id: &str, request: &Request) -> Reply {
        loop {
            let view = match self.streams.get(id).await {
                Ok(view) => view,
                Err(failure) => return failure.reply(),
            };
            let patched = patch(self.streams.catalog(), &view.spec.document, &request.body);
            let stream = match patched {
                Ok(stream) => stream,
                Err(error) => return answers::refused(error),
            };
            let mode = PutMode::ReplaceOf(view.instance);
            match self.streams.put(id, &stream, mode, patience(request)).await {
                Err(Failure::Changed) => {}
                result => return answer(result),
            }
        }
    }

    /// Stops and removes a stream.
    pub(super) async fn delete(&self, id: &str, request: &Request) -> Reply {
        let removed = self.streams.remove(id, patience(request)).await;
        rt::memory::give_back_soon(|task| drop(ntex::rt::spawn(task)));
        answer(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Request {
        Request { query: query.to_owned(), ..Request::default() }
    }

    #[test]
    fn only_the_exact_word_lets_complaints_pass() {
        for (query, chilled) in
            [("", false), ("chilled=true", true), ("chilled=1", false), ("chilled=TRUE", false)]
        {
            assert_eq!(body_options(&asked(query)).chilled, chilled, "{query}");
        }
    }

    #[test]
    fn timeouts_are_durations_or_nothing() {
        assert_eq!(timeout(&asked("timeout=1.5s")), Some(Duration::from_millis(1500)));
        assert_eq!(timeout(&asked("timeout=-1s")), Some(Duration::ZERO));
        assert_eq!(timeout(&asked("timeout=garbage")), None);
        assert_eq!(timeout(&asked("")), None);
    }
}
